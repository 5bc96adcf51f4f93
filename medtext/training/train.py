"""`train`: from a recipe and its data to a model folder with a card."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medtext.errors import ConfigError, MissingExtraError, WouldOverwriteError
from medtext.training.corpora import Document, Loaded, load_documents
from medtext.training.examples import Example, TagSets, build_examples
from medtext.training.facts import gather_facts
from medtext.training.recipe import Distil, Recipe, load_recipe

if TYPE_CHECKING:
    from medtext.training.finish import Finished
    from medtext.training.loop import Lessons
    from medtext.training.model import Tagger

Teller = Callable[[Mapping[str, Any]], object]


@dataclass(frozen=True, slots=True)
class TrainingReport:
    """What a training made: the model folder, the dev score after each epoch, and figures by precision and corpus.

    `dev` is empty where no documents are held back for it; then the last epoch's model is taken.
    `strict_f1` is of spans, `accuracy` of the classes of whole texts.
    """

    folder: Path
    epochs: int
    steps: int
    dev: tuple[float, ...]
    measured_on: str
    strict_f1: Mapping[str, Mapping[str, float | None]]
    accuracy: Mapping[str, Mapping[str, float | None]]
    bytes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Job:
    """What is to be done, and where."""

    recipe: Recipe
    folder: Path
    data: Path
    device: str
    threads: int | None
    facts: dict[str, Any]


def train(
    recipe: str | Path | Mapping[str, Any],
    output: str | Path,
    *,
    data: str | Path = ".",
    base: str | None = None,
    teacher: str | None = None,
    resume: bool = False,
    overwrite: bool = False,
    device: str | None = None,
    threads: int | None = None,
    tell: Teller | None = None,
) -> TrainingReport:
    """Train a model by a recipe (a YAML file, a shipped name or a mapping) and write `output/model`.

        medtext.train("clinical-mini", "runs/mini", data="corpora", teacher="runs/base/best", resume=True)

    Files that the recipe names lie under `data`, base and teacher there or where the command runs. `base` and
    `teacher` stand for those of the recipe; an empty teacher is none. `resume` goes on from the last checkpoint in
    `output`, or begins where there is none. `device` is a GPU where there is one. `tell` gets each line of progress:
    figures only, never text. Raises ConfigError for a recipe that cannot be, FormatError with note and span id for
    offsets that cannot be, WouldOverwriteError where `output` holds another training, MissingExtraError without torch.
    """
    made = _chosen(load_recipe(recipe), base, teacher)
    folder, data = Path(output), Path(data)
    _check_folder(folder, resume=resume, overwrite=overwrite)
    with _torch(made.training.seed, threads) as torch:
        loaded = load_documents(made, data)
        chosen = device or ("cuda" if torch.cuda.is_available() else "cpu")
        job = _Job(made, folder, data, chosen, threads, gather_facts(made, loaded, data))
        return _trained(job, loaded, tell or (lambda _: None))


def _trained(job: _Job, loaded: Loaded, tell: Teller) -> TrainingReport:
    from medtext.training.finish import finish
    from medtext.training.loop import BEST, CHECKPOINT, Loop
    from medtext.training.model import new_tagger, open_tagger

    recipe, folder = job.recipe, job.folder
    heads = {name: recipe.tags(name) for name in recipe.heads}
    tagger = new_tagger(recipe.base, heads, dropout=recipe.training.dropout, root=job.data)
    _check_unit(recipe, tagger)
    tagger.module.to(job.device)
    folder.mkdir(parents=True, exist_ok=True)
    loop = Loop(
        tagger,
        _lessons(job, tagger, loaded),
        recipe,
        folder,
        fingerprint=job.facts["fingerprint"],
        device=job.device,
        score=_scorer(job, tagger, [one for one in loaded.documents if one.use == "dev"]),
        tell=tell,
    )
    if (folder / CHECKPOINT).is_file():
        loop.resume()
    state = loop.run()
    facts = {**job.facts, "history": state.scores}
    best = open_tagger(folder / BEST, attention="eager")
    done = finish(best, recipe, loaded.documents, folder, facts=facts, threads=job.threads)
    return TrainingReport(
        done.folder, state.epoch, state.step, tuple(state.scores), done.measured_on, *_figures(done), done.bytes
    )


def _figures(done: Finished) -> Iterator[dict[str, dict[str, float | None]]]:
    """Precision → corpus → strict F1, and the same with the accuracy of classes."""
    from medtext.training.measure import Scored
    from medtext.training.texts import Classified

    for kind in (Scored, Classified):
        yield {
            precision: {name: one.figure.value for name, one in held.items()}
            for precision, held in done.of(kind).items()
        }


def _lessons(job: _Job, tagger: Tagger, loaded: Loaded) -> Lessons:
    from medtext.training.loop import Lessons

    recipe = job.recipe
    uses = ("train", "unlabelled") if recipe.distil else ("train",)
    documents = [one for one in loaded.documents if one.use in uses]
    sets = {name: TagSets(recipe.tags(name)) for name in recipe.heads}
    examples = list(build_examples(documents, recipe, tagger.tokenizer, sets, tagger.specials))
    if not examples:
        raise ConfigError("The recipe's corpora hold no document to train on.")
    repeats = [recipe.corpora[documents[one.document].corpus].repeat for one in examples]
    return Lessons(examples, repeats, _taught(job, documents, examples), sets)


def _taught(job: _Job, documents: Sequence[Document], examples: Sequence[Example]) -> list[Mapping[str, Any]]:
    """What a teacher says of each example; nothing where there is none."""
    if job.recipe.distil is None:
        return [{}] * len(examples)
    from medtext.training.distil import TAUGHT, taught_examples, teach
    from medtext.training.model import find_folder

    teacher = find_folder(job.recipe.distil.teacher, job.data)
    chosen = {"fingerprint": job.facts["fingerprint"], "device": job.device}
    said = teach(teacher, documents, job.recipe, job.folder / TAUGHT, **chosen)
    return list(taught_examples(examples, said, list(job.recipe.heads)))


def _scorer(job: _Job, tagger: Tagger, dev: Sequence[Document]) -> Callable[[], float | None]:
    """The mean over heads of the strict micro F1, or accuracy, on the dev documents; None without any."""
    from medtext.training.export import torch_rows
    from medtext.training.measure import Readings
    from medtext.training.tagging import compare, say, spans_of, strict_f1
    from medtext.training.texts import judge_texts, text_logits

    recipe = job.recipe
    sets = {name: TagSets(recipe.tags(name)) for name in recipe.heads}
    examples = list(build_examples(dev, recipe, tagger.tokenizer, sets, tagger.specials))

    def score() -> float | None:
        said = say(examples, torch_rows(tagger, job.device), recipe.heads)
        read, figures = Readings(dev, examples, said, sets), []
        for head in recipe.heads:
            mine = [at for at, one in enumerate(dev) if recipe.corpora[one.corpus].finds(head)]
            if mine:
                spans = spans_of(dev, examples, said, head, recipe)
                figures.append(
                    strict_f1(compare([dev[at] for at in mine], [spans[at] for at in mine], recipe, resamples=1))
                )
            _, right = judge_texts(*text_logits(read, recipe, head), recipe.tags(head))
            figures += [sum(right) / len(right)] if right else []
        return sum(figures) / len(figures) if figures else None

    return score


def _chosen(recipe: Recipe, base: str | None, teacher: str | None) -> Recipe:
    """The recipe with what the user gave; an empty teacher is none."""
    if teacher is not None:
        told = replace(recipe.distil, teacher=teacher) if recipe.distil else Distil(teacher)
        recipe = replace(recipe, distil=told if teacher else None)
    return replace(recipe, base=base) if base else recipe


def _check_folder(folder: Path, *, resume: bool, overwrite: bool) -> None:
    from medtext.training.loop import CHECKPOINT, PROGRESS

    held = [one for one in (CHECKPOINT, PROGRESS, "model") if (folder / one).exists()]
    if held and overwrite:
        for name in (CHECKPOINT, PROGRESS):
            (folder / name).unlink(missing_ok=True)
    elif held and not resume:
        raise WouldOverwriteError(
            f"{folder} holds a training. Pass resume=True to go on, overwrite=True to begin anew."
        )


def _check_unit(recipe: Recipe, tagger: Tagger) -> None:
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
