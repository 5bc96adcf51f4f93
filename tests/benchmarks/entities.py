"""How well the model that ships finds entities, through the same door as a user's pipeline opens it.

    python -m tests.benchmarks.entities [FOLDER [RECIPE]]

One line a corpus of the recipe on the documents that it holds out: strict and overlap F1, and strict F1 of each
label, with 95 % intervals. Entities of less than `THRESHOLD`, which was chosen on the recipe's dev documents and
stands in the shipped pipelines, are left out; the model card counts them. The calibration error is that of spans,
which are right where place and label are, over 15 bins.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass

from medtext.inference import BUNDLED, TokenClassifier
from medtext.review.evaluate import Evaluation
from medtext.review.statistics import Figure
from medtext.training.calibrate import calibration_error
from medtext.training.corpora import Document, load_documents
from medtext.training.measure import hits
from medtext.training.recipe import load_recipe
from medtext.training.tagging import compare
from tests.benchmarks.section import Row, Section, table
from tests.benchmarks.section import judged as beside
from tests.shared import folder

THRESHOLD = 0.3
TITLES = {
    "bc5cdr_dev": "BC5CDR dev",
    "ncbi_dev": "NCBI disease dev",
    "maccrobat": "MACCROBAT, a fifth",
    "trials": "trial criteria, a seventh",
    "phee_dev": "PHEE dev",
    "generated": "generated notes, unseen carriers: identifiers",
}


@dataclass(frozen=True, slots=True)
class Scores:
    """What a model scores on one corpus, and of each of its spans the score and whether it is right."""

    corpus: str
    head: str
    evaluation: Evaluation
    said: list[float]
    right: list[bool]


def section() -> Section:
    """The figures of each corpus, which go to the README too, then those of each label."""
    found = list(scores())
    rows = table([*(row for one in found for row in figures(one)), *together(found)])
    lines = ["| corpus | label | gold spans | strict F1 | overlap F1 |", "|---|---|---|---|---|"]
    lines += ["| " + " | ".join(row) + " |" for one in found for row in labels(one)]
    return Section("Entities", [*rows, "", *lines], rows)


def figures(one: Scores) -> Iterator[Row]:
    """Strict and overlap F1 of a corpus and the calibration error there, beside what was asked."""
    title, strict = TITLES.get(one.corpus, one.corpus), one.evaluation.scores["strict"].f1
    asked = ("≥ 0.85", "met" if (strict.value or 0) >= 0.85 else "**not met**") if one.corpus == "bc5cdr_dev" else ()
    yield f"{title}: strict F1", _figure(strict), *(asked or ("", ""))
    yield f"{title}: overlap F1", _figure(one.evaluation.scores["overlap"].f1), "", ""
    yield from _error(title, one.said, one.right)


def together(found: list[Scores]) -> Iterator[Row]:
    """The calibration error over the spans of all corpora of entities."""
    held = [one for one in found if one.head == "entities"]
    said = [score for one in held for score in one.said]
    right = [hit for one in held for hit in one.right]
    yield from _error(f"{len(held)} corpora of entities together", said, right)


def _error(title: str, said: list[float], right: list[bool]) -> Iterator[Row]:
    error = calibration_error(said, right)
    if error is not None:
        yield beside(f"{title}: calibration error", error, 0.05, form=".3f", least=False)


def scores(model: str = BUNDLED, recipe: str = BUNDLED) -> Iterator[Scores]:
    """Corpus by corpus of a recipe, on the documents that it holds out."""
    data = folder()
    if data is None:
        raise SystemExit("the shared data is not here (set MEDTEXT_DATA to its folder)")
    made = load_recipe(recipe)
    held: dict[str, list[Document]] = {}
    for one in load_documents(made, data).documents:
        if one.use == "test" and not made.corpora[one.corpus].whole:
            held.setdefault(one.corpus, []).append(one)
    for corpus, documents in held.items():
        head = made.corpora[corpus].head
        classifier = TokenClassifier(model=model, head=head, threshold=THRESHOLD if head == "entities" else 0.0)
        spans = classifier.find([one.text for one in documents])
        yield Scores(corpus, head, compare(documents, spans, made), *hits(documents, spans, made))


def labels(one: Scores) -> Iterator[tuple[str, ...]]:
    """Corpus, label or all, gold spans, strict F1, overlap F1."""
    for label, held in {"all": one.evaluation.scores, **one.evaluation.labels}.items():
        strict, overlap = held["strict"], held["overlap"]
        yield one.corpus, label, str(strict.recall.whole), _figure(strict.f1), _figure(overlap.f1)


def _figure(one: Figure) -> str:
    return "–" if one.value is None else f"{one.value:.3f} ({one.low:.3f}–{one.high:.3f})"


if __name__ == "__main__":
    for scored in scores(*sys.argv[1:]):
        print(f"{scored.corpus}: calibration error {calibration_error(scored.said, scored.right) or 0:.3f}")
        for line in labels(scored):
            print("| " + " | ".join(line) + " |")
