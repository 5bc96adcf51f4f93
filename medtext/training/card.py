"""MODEL_CARD.md, written by the tool: data with hashes and licences, label maps, scores with intervals, the command."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from medtext.training.measure import Scored
from medtext.training.recipe import Corpus, Recipe
from medtext.training.texts import Classified

if TYPE_CHECKING:
    from medtext.training.finish import Finished

_CRITERIA = ("strict", "overlap")
_COLUMNS = (
    *("corpus", "head", "precision", "documents", "gold", "strict F1", "strict recall", "strict precision"),
    *("overlap F1", "ECE, words", "ECE, spans"),
)


def write_card(recipe: Recipe, done: Finished, facts: Mapping[str, Any]) -> str:
    """The card as Markdown; `facts` are those of `gather_facts`, and the dev score by epoch as `history`."""
    parts = [
        _head(recipe, done, facts),
        _scores(recipe, done),
        _data(recipe, facts),
        _maps(recipe),
        _run(recipe, facts),
    ]
    return "\n".join(line for part in parts for line in [*part, ""]).rstrip() + "\n"


def _head(recipe: Recipe, done: Finished, facts: Mapping[str, Any]) -> Iterator[str]:
    yield f"# {recipe.name} {recipe.version}"
    yield ""
    if recipe.about:
        yield from (recipe.about.strip(), "")
    yield f"- Licence of the weights: {recipe.licence}"
    yield f"- Encoder: `{recipe.base}`, sha256 of its weights `{facts['base_sha256']}`"
    if recipe.distil:
        yield f"- Teacher: sha256 of its weights `{facts['teacher_sha256']}`, temperature {recipe.distil.temperature}"
    unit = recipe.unit
    yield f"- Reads at most {unit.tokens} tokens at once, cut by the rule {unit.rule}; precision {recipe.precision}"
    for name, labels in recipe.heads.items():
        about = done.heads[name]
        yield f"- Head `{name}`: {', '.join(labels)}; temperature {about.temperature}, slope {about.slope}"


def _scores(recipe: Recipe, done: Finished) -> Iterator[str]:
    spans, texts = done.of(Scored), done.of(Classified)
    held = "documents never trained on" if done.measured_on == "test" else "the dev documents, which chose the epoch"
    yield "## Scores"
    yield ""
    if not any(done.scores.values()):
        yield "The recipe holds no documents back, so nothing was measured."
        return
    yield f"On {held}. 95 % intervals are bootstrapped over documents. ECE is the expected calibration error."
    if any(spans.values()):
        yield from _of_spans(spans, recipe.precision)
    if any(texts.values()):
        yield from _of_texts(texts)


def _of_spans(scores: Mapping[str, Mapping[str, Scored]], precision: str) -> Iterator[str]:
    yield "Strict is the same place and label. Each corpus judges only the labels that it annotates. The ECE is that of"
    yield "the words in predicted spans among the annotated labels, and of the spans, which are right where both are."
    yield ""
    yield "| " + " | ".join(_COLUMNS) + " |"
    yield "|---" * len(_COLUMNS) + "|"
    for name, held in scores.items():
        for one in held.values():
            yield _line(one, name)
    for one in scores[precision].values():
        yield from ("", f"### By label: {one.corpus} ({precision})", "")
        yield "| label | gold | strict F1 | overlap F1 |"
        yield "|---|---|---|---|"
        for label, found in one.evaluation.labels.items():
            gold = found["strict"].recall.whole
            yield f"| {label} | {gold} | {_figure(found['strict'].f1)} | {_figure(found['overlap'].f1)} |"


def _of_texts(scores: Mapping[str, Mapping[str, Classified]]) -> Iterator[str]:
    yield ""
    yield "Of texts that have one class each:"
    yield ""
    yield "| corpus | head | precision | texts | accuracy | ECE |"
    yield "|---|---|---|---|---|---|"
    for name, held in scores.items():
        for one in held.values():
            told = [one.corpus, one.head, name, str(one.figure.whole), _figure(one.figure), _error(one.error)]
            yield "| " + " | ".join(told) + " |"


def _line(one: Scored, precision: str) -> str:
    strict, overlap = (one.evaluation.scores[name] for name in _CRITERIA)
    errors = [_error(error) for error in (one.word_error, one.span_error)]
    figures = [strict.f1, strict.recall, strict.precision, overlap.f1]
    told = [one.corpus, one.head, precision, str(one.evaluation.notes), str(strict.recall.whole)]
    return "| " + " | ".join([*told, *map(_figure, figures), *errors]) + " |"


def _error(error: float | None) -> str:
    return "–" if error is None else f"{error:.3f}"


def _figure(one: Any) -> str:
    if one.value is None:
        return "–"
    return f"{one.value:.3f}" if one.low is None else f"{one.value:.3f} ({one.low:.3f}–{one.high:.3f})"


def _data(recipe: Recipe, facts: Mapping[str, Any]) -> Iterator[str]:
    yield "## Data"
    yield ""
    yield "| corpus | use | licence | sha256 of the file | notes and spans |"
    yield "|---|---|---|---|---|"
    for name, corpus in recipe.corpora.items():
        told = facts["corpora"][name]
        counts = ", ".join(f"{what} {many:,}" for what, many in told["counts"].items())
        yield f"| {name} | {corpus.use} | {corpus.licence or 'unstated'} | `{told['sha256']}` | {counts} |"
    yield from ("", f"All documents as they were learned from and measured on: sha256 `{facts['documents_sha256']}`")
    credits = [f"- {name}: {one.credit.strip()}" for name, one in recipe.corpora.items() if one.credit]
    if credits:
        yield from ("", *credits)


def _maps(recipe: Recipe) -> Iterator[str]:
    yield "## Label maps"
    yield ""
    yield "Where spans overlap: a known label before an unknown one, then the longest, then the first."
    for name, corpus in recipe.corpora.items():
        if corpus.use != "unlabelled":
            yield from _map(name, corpus)


def _map(name: str, corpus: Corpus) -> Iterator[str]:
    known: dict[str, list[str]] = {}
    for theirs, ours in corpus.labels.items():
        known.setdefault(" or ".join(ours) or "unknown, left out of the loss", []).append(theirs)
    yield ""
    yield f"- **{name}** → `{corpus.head}`"
    yield from (f"  - {ours}: {', '.join(theirs)}" for ours, theirs in known.items())
    if corpus.outside:
        yield f"  - none of ours: {', '.join(corpus.outside)}"
    for first, second in corpus.join:
        yield f"  - {first} one blank before {second}: together {second}"
    if corpus.generate:
        made = corpus.generate
        yield f"  - {made.count:,} generated notes, seed {made.seed}; {made.held_out:.0%} of the carriers never used"


def _run(recipe: Recipe, facts: Mapping[str, Any]) -> Iterator[str]:
    yield "## How it was made"
    yield ""
    yield from ("```", str(facts["command"]), "```", "")
    yield f"Seed {recipe.training.seed}. {_versions(facts['versions'].items())}."
    if facts["history"]:
        history = ", ".join(f"{one:.4f}" for one in facts["history"])
        yield f"Dev score (mean strict F1 or accuracy of the heads) by epoch: {history}."


def _versions(held: Iterable[tuple[str, str]]) -> str:
    return ", ".join(f"{name} {one}" for name, one in held)
