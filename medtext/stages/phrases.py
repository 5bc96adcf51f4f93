"""Marks the names of concepts in a note: a dictionary, no model.

Where several concepts could begin, the longest form wins; nothing is marked inside it (no ANATOMY in "chest pain").
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from medtext.note import Note, Source, Span
from medtext.overlap import join_entities
from medtext.terminology.concepts import load_concepts
from medtext.terminology.matcher import Matcher, keeps_case


class Phrases:
    """Adds an `entity` span, labelled as its concept, wherever a form of a concept stands.

    Two concepts of one label that share a form give one span; the first label of the table wins where two labels do.
    """

    name = "phrases"
    needs: frozenset[str] = frozenset()
    adds = frozenset({"entity"})

    def __init__(self, *, concepts: str | Path | Sequence[str | Path] = "starter") -> None:
        self._concepts = load_concepts(concepts)
        forms = [(form, concept.label) for concept in self._concepts.concepts for form in concept.forms]
        self._matcher = Matcher([form for form, _ in forms])
        self._labels = tuple(label for _, label in forms)
        self._scores = tuple(_SHORT if keeps_case(form) else _PLAIN for form, _ in forms)

    def __call__(self, note: Note) -> Note:
        return join_entities(note, self._spans(note.text))

    def _spans(self, text: str) -> Iterator[Span]:
        by, before = self._concepts.source, -1
        for start, end, form in self._matcher.find(text):
            if start >= before:
                score = self._scores[form]
                yield Span(((start, end),), self._labels[form], score=score, sources=(Source(by, score),))
            before = end

    def describe(self) -> dict[str, Any]:
        """The concept table, its version and size."""
        return self._concepts.describe()


# How sure a match is: an abbreviation of up to four letters often has other senses.
_PLAIN, _SHORT = 0.95, 0.8
