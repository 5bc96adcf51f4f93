"""Marks the names of concepts in a note: a dictionary, no model.

Where several concepts could begin, the longest form wins; nothing is marked inside it (no ANATOMY in "chest pain").
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from medtext.config import read_yaml
from medtext.merging import merge_entities
from medtext.note import Note
from medtext.overlap import Cover
from medtext.span import Source, Span
from medtext.terminology.abbreviations import Abbreviations
from medtext.terminology.concepts import load_concepts
from medtext.terminology.matcher import Matcher
from medtext.terminology.shortforms import ShortForms

# Of the matches on the 160 case reports of MACCROBAT, 96 % lie on a mention that people marked (78 % with the same
# label); of abbreviations 94 %.
_SCORE = 0.95


class Phrases:
    """Adds an `entity` span, labelled as its concept, wherever a form of a concept stands.

    Two concepts that share a form give one span; where their labels differ, the first in the table wins. The heading
    of a section says what follows, not what the patient has: where sections are there, nothing is marked in it.
    Short forms of several senses (MS, RA, PT) are read by `abbreviations`, a table of them; None leaves them alone.
    """

    name = "phrases"
    needs: frozenset[str] = frozenset()
    adds = frozenset({"entity"})

    def __init__(
        self,
        *,
        concepts: str | Path | Sequence[str | Path] = "starter",
        abbreviations: str | Path | None = "clinical",
    ) -> None:
        self._concepts = load_concepts(concepts)
        forms = [(form, concept.label) for concept in self._concepts.concepts for form in concept.forms]
        self._rules, idioms = _not_concepts()
        self._matcher = Matcher([*(form for form, _ in forms), *idioms])
        self._labels = tuple(label for _, label in forms)
        self._abbreviations = Abbreviations.load(abbreviations) if abbreviations else None
        self._short = ShortForms(self._abbreviations, self._concepts) if self._abbreviations else None

    def __call__(self, note: Note) -> Note:
        headings = Cover(span.x["heading"] for span in note.layer("section") if _is_heading(span))
        spans = self._spans(note.text)
        if self._short is not None:
            spans = self._short.read(note, spans)
        return merge_entities(note, (span for span in spans if not headings.overlaps(span.start, span.end)))

    def _spans(self, text: str) -> Iterator[Span]:
        sources, done = (Source(self._concepts.source, _SCORE),), 0
        for start, end, form in self._matcher.find(text):
            if start >= done and form < len(self._labels):
                yield Span(((start, end),), self._labels[form], score=_SCORE, sources=sources)
            done = end

    def describe(self) -> dict[str, Any]:
        """The concept table with its version and size, and the rules for what is no concept."""
        short = f"abbreviations@{self._abbreviations.version}" if self._abbreviations else None
        return {**self._concepts.describe(), "rules": self._rules, "abbreviations": short}


def _is_heading(section: Span) -> bool:
    """Whether a section has a heading of a known class; a heading of class `other` may well be a diagnosis."""
    return section.label.lower() != "other" and isinstance(section.x.get("heading"), list | tuple)


def _not_concepts() -> tuple[str, list[str]]:
    top = read_yaml(files("medtext.stages.rules").joinpath("phrases.yaml"))
    top.allow(("version", "not_concepts"), "the phrase rules")
    return f"phrases@{top.get_typed('version', str)}", top.get_typed("not_concepts", list, [])
