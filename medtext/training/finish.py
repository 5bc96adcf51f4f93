"""What happens when the weights stand: temperatures, export, scores of each precision, the card, the model folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medtext.inference.folder import Head, write_model_folder
from medtext.review.evaluate import Evaluation
from medtext.training.calibrate import calibration_error, fit_temperature, log_probabilities
from medtext.training.card import write_card
from medtext.training.corpora import Document
from medtext.training.examples import ANY, Example, TagSets, build_examples
from medtext.training.export import export_onnx, onnx_logits, quantize
from medtext.training.model import TOKENIZER, Tagger
from medtext.training.recipe import Recipe
from medtext.training.tagging import Logits, Words, compare, judge, spans_of, strict_f1

if TYPE_CHECKING:
    import numpy

_ALONE = 1  # a budget of one token: each row goes by itself, as eight-bit scales depend on what is computed together


@dataclass(frozen=True, slots=True)
class Scored:
    """How good a model is on the documents held out of one corpus, and how honest its scores are (ECE over words)."""

    corpus: str
    head: str
    evaluation: Evaluation
    ece: float | None


@dataclass(frozen=True, slots=True)
class Finished:
    """The model folder, and precision → corpus → scores; `measured_on` is test, or dev where nothing else is held."""

    folder: Path
    temperatures: Mapping[str, float]
    scores: Mapping[str, Mapping[str, Scored]]
    measured_on: str
    bytes: Mapping[str, int] = field(default_factory=dict)


def finish(
    tagger: Tagger,
    recipe: Recipe,
    documents: Sequence[Document],
    folder: Path,
    *,
    facts: Mapping[str, Any],
    threads: int | None = None,
) -> Finished:
    """Export the best model into `folder/model`, with its card; `facts` are what the card says of the run."""
    files = {"fp32": folder / "model.fp32.onnx"}
    export_onnx(tagger, files["fp32"])
    if recipe.precision == "int8":
        files["int8"] = folder / "model.int8.onnx"
        quantize(files["fp32"], files["int8"])
    dev = [one for one in documents if one.use == "dev"]
    test = [one for one in documents if one.use == "test"]
    held = test or dev
    backs = {name: onnx_logits(file, threads=threads) for name, file in files.items()}
    temperatures = _temperatures(tagger, recipe, dev, backs[recipe.precision])
    scores = {name: _scores(tagger, recipe, held, back, temperatures) for name, back in backs.items()}
    sizes = {name: file.stat().st_size for name, file in files.items()}
    done = Finished(folder / "model", temperatures, scores, "test" if test else "dev", sizes)
    _write(tagger, recipe, done, files[recipe.precision], write_card(recipe, done, facts))
    return done


def _examples(tagger: Tagger, recipe: Recipe, documents: Sequence[Document]) -> tuple[list[Example], dict[str, TagSets]]:
    sets = {name: TagSets(recipe.tags(name)) for name in recipe.heads}
    return list(build_examples(documents, recipe, tagger.tokenizer, sets, tagger.specials)), sets


def _temperatures(tagger: Tagger, recipe: Recipe, dev: Sequence[Document], back: Logits) -> dict[str, float]:
    examples, sets = _examples(tagger, recipe, dev)
    said = list(judge(examples, back, padding=tagger.padding, budget=_ALONE))
    return {head: fit_temperature(*_known(examples, said, head, sets[head])) for head in recipe.heads}


def _known(
    examples: Sequence[Example], said: Sequence[Words], head: str, sets: TagSets
) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Logits and possible tags of the words of which this head's gold says something."""
    import numpy

    table = numpy.array(sets.table())
    logits, possible = [numpy.zeros((0, len(sets.tags)), dtype=numpy.float32)], [table[:0]]
    for example, one in zip(examples, said, strict=True):
        rows = numpy.array([example.targets[head][at] for at in one.tokens], dtype=int)
        logits.append(one.logits[head][rows != ANY])
        possible.append(table[rows[rows != ANY]])
    return numpy.concatenate(logits), numpy.concatenate(possible)


def _scores(
    tagger: Tagger, recipe: Recipe, documents: Sequence[Document], back: Logits, temperatures: Mapping[str, float]
) -> dict[str, Scored]:
    by_corpus: dict[str, list[Document]] = {}
    for one in documents:
        by_corpus.setdefault(one.corpus, []).append(one)
    return {name: _score(tagger, recipe, name, held, back, temperatures) for name, held in by_corpus.items()}


def _score(
    tagger: Tagger,
    recipe: Recipe,
    corpus: str,
    documents: Sequence[Document],
    back: Logits,
    temperatures: Mapping[str, float],
) -> Scored:
    head = recipe.corpora[corpus].head
    examples, sets = _examples(tagger, recipe, documents)
    said = list(judge(examples, back, padding=tagger.padding, budget=_ALONE))
    spans = spans_of(len(documents), examples, said, head, recipe.tags(head))
    ece = _error(*_known(examples, said, head, sets[head]), temperatures[head])
    return Scored(corpus, head, compare(documents, spans, recipe), ece)


def _error(logits: numpy.ndarray, possible: numpy.ndarray, temperature: float) -> float | None:
    """The calibration error over the words that the model puts into a span; words outside would hide it."""
    import numpy

    if not len(logits):
        return None
    scores = numpy.exp(log_probabilities(logits, temperature))
    best = scores.argmax(-1)
    inside = best != 0
    right = possible[numpy.arange(len(best)), best]
    return calibration_error(scores.max(-1)[inside], right[inside])


def overall(scores: Mapping[str, Scored]) -> float | None:
    """The mean strict F1 over corpora."""
    held = [strict_f1(one.evaluation) for one in scores.values()]
    return sum(held) / len(held) if held else None


def _write(tagger: Tagger, recipe: Recipe, done: Finished, onnx: Path, card: str) -> None:
    config = tagger.config
    write_model_folder(
        done.folder,
        name=recipe.name,
        version=recipe.version,
        licence=recipe.licence,
        encoder={
            "type": config.model_type,
            "hidden": config.hidden_size,
            "layers": config.num_hidden_layers,
            "max_tokens": tagger.longest,
        },
        heads={name: Head(tags, done.temperatures[name]) for name, tags in tagger.heads.items()},
        unit=recipe.unit,
        files={TOKENIZER: tagger.tokenizer.to_str(), "model.onnx": onnx, "MODEL_CARD.md": card},
        precision=recipe.precision,
        overwrite=True,
    )
