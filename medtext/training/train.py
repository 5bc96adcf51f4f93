"""`train`: from a recipe and its data to a model folder with a card."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import medtext
from medtext.errors import ConfigError, MissingExtraError, WouldOverwriteError
from medtext.inference.model import hash_weights
from medtext.runs.manifest import input_hash
from medtext.training.corpora import Document, Loaded, load_documents
from medtext.training.examples import Example, TagSets, build_examples
from medtext.training.recipe import Distil, Recipe, load_recipe

_PACKAGES = ("torch", "transformers", "tokenizers", "onnxruntime", "numpy")
_DEV_TOKENS = 4096


@dataclass(frozen=True, slots=True)
class TrainingReport:
    """What a training made: the model folder, the dev score after each epoch, and strict F1 by precision and corpus."""

    folder: Path
    epochs: int
    steps: int
    dev: tuple[float, ...]
    measured_on: str
    strict_f1: Mapping[str, Mapping[str, float | None]]
    bytes: Mapping[str, int]


def train(
    recipe: str | Path | Mapping[str, Any],
    output: str | Path,
    *,
    data: str | Path = ".",
    resume: bool = False,
    overwrite: bool = False,
    device: str | None = None,
    threads: int | None = None,
    base: str | None = None,
    teacher: str | None = None,
    tell: Callable[[Mapping[str, Any]], object] | None = None,
) -> TrainingReport:
    """Train a model by a recipe (a YAML file, a shipped name or a mapping) and write `output/model`.

        medtext.train("clinical-mini", "runs/mini", data="corpora", resume=True)

    Files in the recipe lie under `data`. `resume` goes on from the last checkpoint in `output`, or begins where there
    is none. `base` and `teacher` stand for those of the recipe. `device` is a GPU where there is one. `tell` gets each line of progress: figures only, never text. Raises
    ConfigError for a recipe that cannot be, FormatError with note and span id for offsets that cannot be,
    WouldOverwriteError where `output` holds another training, MissingExtraError without torch.
    """
    made = _with(load_recipe(recipe), base, teacher)
    folder, data = Path(output), Path(data)
    _check_folder(folder, resume=resume, overwrite=overwrite)
    with _torch(made.training.seed, threads) as torch:
        chosen = device or ("cuda" if torch.cuda.is_available() else "cpu")
        loaded = load_documents(made, data)
        return _trained(made, loaded, folder, data, chosen, threads, tell or (lambda _: None))


def _trained(
    recipe: Recipe,
    loaded: Loaded,
    folder: Path,
    data: Path,
    device: str,
    threads: int | None,
    tell: Callable[[Mapping[str, Any]], object],
) -> TrainingReport:
    from medtext.training.finish import finish
    from medtext.training.loop import BEST, CHECKPOINT, Loop
    from medtext.training.model import new_tagger, open_tagger

    facts = _facts(recipe, loaded, data)
    heads = {name: recipe.tags(name) for name in recipe.heads}
    tagger = new_tagger(recipe.base, heads, dropout=recipe.training.dropout, root=data)
    _check_unit(recipe, tagger)
    tagger.module.to(device)
    folder.mkdir(parents=True, exist_ok=True)
    lessons = _lessons(tagger, recipe, loaded, folder, data, facts, device)
    dev = [one for one in loaded.documents if one.use == "dev"]
    loop = Loop(
        tagger, lessons, recipe, folder,
        fingerprint=facts["fingerprint"], device=device, score=_scorer(tagger, recipe, dev, device), tell=tell,
    )  # fmt: skip
    if (folder / CHECKPOINT).is_file():
        loop.resume()
    state = loop.run()
    facts["history"] = state.scores
    done = finish(open_tagger(folder / BEST), recipe, loaded.documents, folder, facts=facts, threads=threads)
    figures = {
        name: {corpus: one.evaluation.scores["strict"].f1.value for corpus, one in scores.items()}
        for name, scores in done.scores.items()
    }
    return TrainingReport(
        done.folder, state.epoch, state.step, tuple(state.scores), done.measured_on, figures, done.bytes
    )


def _lessons(
    tagger: Any, recipe: Recipe, loaded: Loaded, folder: Path, data: Path, facts: Mapping[str, Any], device: str
) -> Any:
    from medtext.training.loop import Lessons

    uses = ("train", "unlabelled") if recipe.distil else ("train",)
    documents = [one for one in loaded.documents if one.use in uses]
    sets = {name: TagSets(recipe.tags(name)) for name in recipe.heads}
    examples = list(build_examples(documents, recipe, tagger.tokenizer, sets, tagger.specials))
    if not examples:
        raise ConfigError("The recipe's corpora hold no document to train on.")
    repeats = [recipe.corpora[documents[one.document].corpus].repeat for one in examples]
    return Lessons(examples, repeats, _taught(recipe, documents, examples, folder, data, facts, device), sets)


def _taught(
    recipe: Recipe,
    documents: Sequence[Document],
    examples: Sequence[Example],
    folder: Path,
    data: Path,
    facts: Mapping[str, Any],
    device: str,
) -> list[Mapping[str, Any]]:
    if recipe.distil is None:
        return [{}] * len(examples)
    from medtext.training.distil import TAUGHT, taught_examples, teach

    teacher = data / recipe.distil.teacher
    said = teach(teacher, documents, recipe, folder / TAUGHT, fingerprint=facts["fingerprint"], device=device)
    return list(taught_examples(examples, said, list(recipe.heads)))


def _scorer(tagger: Any, recipe: Recipe, dev: Sequence[Document], device: str) -> Callable[[], float]:
    """The mean over heads of the strict micro F1 on the dev documents; without any, the last epoch is the best."""
    from medtext.training.export import torch_logits
    from medtext.training.tagging import compare, judge, spans_of, strict_f1

    sets = {name: TagSets(recipe.tags(name)) for name in recipe.heads}
    examples = list(build_examples(dev, recipe, tagger.tokenizer, sets, tagger.specials))
    ranks = iter(range(1, recipe.training.epochs + 1))

    def score() -> float:
        if not dev:
            return float(next(ranks))
        said = list(judge(examples, torch_logits(tagger, device), padding=tagger.padding, budget=_DEV_TOKENS))
        figures = []
        for head in recipe.heads:
            mine = [at for at, one in enumerate(dev) if recipe.corpora[one.corpus].head == head]
            if mine:
                spans = spans_of(len(dev), examples, said, head, recipe.tags(head))
                done = compare([dev[at] for at in mine], [spans[at] for at in mine], recipe, resamples=1)
                figures.append(strict_f1(done))
        return sum(figures) / len(figures)

    return score


def _facts(recipe: Recipe, loaded: Loaded, data: Path) -> dict[str, Any]:
    """What the card says of the run, and the fingerprint by which a checkpoint knows its own."""
    from medtext.training.model import find_base

    hashes = {name: input_hash(data / one.file)["sha256"] for name, one in recipe.corpora.items()}
    base = find_base(recipe.base, data)
    facts: dict[str, Any] = {
        "command": f"medtext train {recipe.name} --data DATA -o FOLDER" + (" --teacher TEACHER" if recipe.distil else ""),
        "base_sha256": hash_weights(base),
        "versions": {"medtext": medtext.__version__, "Python": platform.python_version()} | dict(_versions()),
        "corpora": {name: {"sha256": hashes[name], "counts": loaded.counts[name]} for name in recipe.corpora},
    }
    if recipe.distil:
        facts["teacher_sha256"] = hash_weights(data / recipe.distil.teacher)
    decides = {**_decides(recipe), "data": hashes, **{key: facts[key] for key in facts if key.endswith("sha256")}}
    facts["fingerprint"] = hashlib.sha256(json.dumps(decides, sort_keys=True, default=list).encode()).hexdigest()
    return facts


def _decides(recipe: Recipe) -> dict[str, Any]:
    """The recipe without what changes no weight."""
    silent = replace(recipe, about="", training=replace(recipe.training, checkpoint_minutes=0, patience=1))
    return asdict(silent)


def _versions() -> Iterator[tuple[str, str]]:
    for name in _PACKAGES:
        try:
            yield name, version(name)
        except PackageNotFoundError:
            continue


def _with(recipe: Recipe, base: str | None, teacher: str | None) -> Recipe:
    if teacher:
        told = replace(recipe.distil, teacher=teacher) if recipe.distil else Distil(teacher)
        recipe = replace(recipe, distil=told)
    return replace(recipe, base=base) if base else recipe


def _check_folder(folder: Path, *, resume: bool, overwrite: bool) -> None:
    from medtext.training.loop import CHECKPOINT, PROGRESS

    held = [one for one in (CHECKPOINT, PROGRESS, "model") if (folder / one).exists()]
    if held and overwrite:
        for name in (CHECKPOINT, PROGRESS):
            (folder / name).unlink(missing_ok=True)
    elif held and not resume:
        raise WouldOverwriteError(f"{folder} holds a training. Pass resume=True to go on, overwrite=True to begin anew.")


def _check_unit(recipe: Recipe, tagger: Any) -> None:
    whole = recipe.unit.tokens + sum(map(len, tagger.specials))
    if whole > tagger.longest:
        raise ConfigError(f"unit: {recipe.unit.tokens} tokens are more than the encoder takes ({tagger.longest}).")


@contextmanager
def _torch(seed: int, threads: int | None) -> Iterator[Any]:
    """Torch with its random numbers and threads set for this run and put back after it."""
    try:
        import torch
    except ImportError:
        raise MissingExtraError("Training", "torch and transformers", "torch") from None
    before = torch.get_num_threads()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        torch.set_num_threads(threads or before)
        try:
            yield torch
        finally:
            torch.set_num_threads(before)
