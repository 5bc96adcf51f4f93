"""Marks the names of concepts in a note: dictionaries, no model.

There are two kinds: concept tables (`concepts:`, the starter set unless told) and compiled terminologies
(`terminology: [icd10cm, …]`, by name or path). Each finds its own leftmost-longest matches. Among all of them the one
that begins first wins, then the longer one, then the concept table and the terminologies as they are listed; nothing is
marked inside another (no ANATOMY in "chest pain").
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.resources import files
from itertools import tee
from operator import itemgetter
from pathlib import Path
from typing import Any

from medtext.config import Table, read_yaml
from medtext.merging import merge_entities, noisy_or
from medtext.note import Note
from medtext.overlap import headings
from medtext.span import Source, Span
from medtext.terminology.abbreviations import Abbreviations
from medtext.terminology.concepts import load_concepts
from medtext.terminology.forms import FormIndex
from medtext.terminology.labelled import LabelledForms, system_rules
from medtext.terminology.shortforms import ShortForms
from medtext.terminology.store import Terminology

# Of the matches on the 160 case reports of MACCROBAT, 96 % lie on a mention that people marked (78 % with the same
# label); of abbreviations 94 %.
_SCORE = 0.95

_Found = tuple[int, int, str | None, Source]


class Phrases:
    """Adds an `entity` span, labelled as its concept, wherever a form of a concept stands.

    Two concepts of a table that share a form give one span; where their labels differ, the first in the table wins. The
    label of a code follows from its system and kind; `labels: {SNOMED: {finding: FINDING}}` changes that. The heading
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
        terminology: str | Path | Sequence[str | Path] = (),
        labels: Mapping[str, Any] | None = None,
        abbreviations: str | Path | None = "clinical",
    ) -> None:
        top = _rules()
        self._rules = f"phrases@{top.get_typed('version', str)}"
        self._table = _TableForms(concepts, top.get_typed("not_concepts", list, []))
        rules = system_rules(top, labels or {})
        named = [terminology] if isinstance(terminology, str | Path) else terminology
        self._compiled = [LabelledForms(Terminology(one), rules, score=_SCORE) for one in named]
        self._abbreviations = Abbreviations.load(abbreviations) if abbreviations else None
        self._short = ShortForms(self._abbreviations, self._table.concepts) if self._abbreviations else None

    def __call__(self, note: Note) -> Note:
        return next(self.pipe([note]))

    def pipe(self, notes: Iterable[Note]) -> Iterator[Note]:
        """The notes one for one and in order; texts are read many at once."""
        held, *copies = tee(notes, len(self._compiled) + 2)
        finders = (self._table, *self._compiled)
        ways = [one.find_many(note.text for note in copy) for one, copy in zip(finders, copies, strict=True)]
        for note, *found in zip(held, *ways, strict=True):
            hidden = headings(note)
            spans = _chosen(found)
            if self._short is not None:
                spans = self._short.read(note, spans)
            yield merge_entities(note, (span for span in spans if not hidden.overlaps(span.start, span.end)))

    def describe(self) -> dict[str, Any]:
        """The concept table with its version and size, the terminologies, and the rules for what is no concept."""
        about = {"terminologies": [one.releases for one in self._compiled]} if self._compiled else {}
        short = f"abbreviations@{self._abbreviations.version}" if self._abbreviations else None
        return {**self._table.concepts.describe(), **about, "rules": self._rules, "abbreviations": short}


class _TableForms:
    """The forms of a concept table, and among them everyday phrases that are none: their label is None."""

    def __init__(self, concepts: str | Path | Sequence[str | Path], idioms: list[str]) -> None:
        self.concepts = load_concepts(concepts)
        forms = [(form, concept.label) for concept in self.concepts.concepts for form in concept.forms]
        self._index = FormIndex.of(
            (form, number) for number, form in enumerate([*(form for form, _ in forms), *idioms])
        )
        self._labels = (*(label for _, label in forms), *[None] * len(idioms))
        self._source = Source(self.concepts.source, _SCORE)

    def find_many(self, texts: Iterable[str]) -> Iterator[list[_Found]]:
        """(start, end, label, source) for each text."""
        labels, source = self._labels, self._source
        for matches in self._index.find_many(texts):
            yield [(start, end, labels[form], source) for start, end, form in matches]


def _chosen(found: Sequence[list[_Found]]) -> Iterator[Span]:
    """The spans that win; dictionaries that agree on place and label are all named as sources."""
    ranked = [(start, -end, rank, label, source) for rank, one in enumerate(found) for start, end, label, source in one]
    if len(found) > 1:
        ranked.sort(key=itemgetter(0, 1, 2))
    done = at = 0
    while at < len(ranked):
        start, end, _, label, source = ranked[at]
        at += 1
        if start < done:
            continue
        done = -end
        sources = {source.by: source}
        while at < len(ranked) and ranked[at][:2] == (start, end):
            if ranked[at][3] == label:
                sources.setdefault(ranked[at][4].by, ranked[at][4])
            at += 1
        if label:
            said = (source,) if len(sources) == 1 else tuple(sources[by] for by in sorted(sources))
            score = source.score if len(said) == 1 else noisy_or(one.score for one in said)
            yield Span(((start, done),), label, score=score, sources=said)


def _rules() -> Table:
    top = read_yaml(files("medtext.stages.rules").joinpath("phrases.yaml"))
    return top.allow(("version", "not_concepts", "systems"), "the phrase rules")
