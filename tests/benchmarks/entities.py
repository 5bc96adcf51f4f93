"""How well a model finds entities and identifiers, through the same door as a user's pipeline opens it.

    python -m tests.benchmarks.entities FOLDER [RECIPE]

One line a corpus of the recipe (clinical-mini) on the documents that it holds out: strict and overlap F1, and strict F1
of each label, with 95 % intervals.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from medtext.inference import TokenClassifier
from medtext.review.statistics import Figure
from medtext.training.corpora import Document, load_documents
from medtext.training.recipe import load_recipe
from medtext.training.tagging import compare
from tests.shared import folder


def rows(model: str, recipe: str = "clinical-mini") -> Iterator[tuple[str, ...]]:
    """Corpus, label or all, gold spans, strict F1, overlap F1."""
    data = folder()
    if data is None:
        raise SystemExit("the shared data is not here (set MEDTEXT_DATA to its folder)")
    made = load_recipe(recipe)
    held: dict[str, list[Document]] = {}
    for one in load_documents(made, data).documents:
        if one.use == "test":
            held.setdefault(one.corpus, []).append(one)
    for corpus, documents in held.items():
        classifier = TokenClassifier(model=model, head=made.corpora[corpus].head)
        done = compare(documents, classifier.find([one.text for one in documents]), made)
        for label, scores in {"all": done.scores, **done.labels}.items():
            strict, overlap = scores["strict"], scores["overlap"]
            yield corpus, label, str(strict.recall.whole), _told(strict.f1), _told(overlap.f1)


def _told(one: Figure) -> str:
    return "–" if one.value is None else f"{one.value:.3f} ({one.low:.3f}–{one.high:.3f})"


if __name__ == "__main__":
    print("| corpus | label | gold | strict F1 | overlap F1 |\n|---|---|---|---|---|")
    for row in rows(*sys.argv[1:]):
        print("| " + " | ".join(row) + " |")
