"""What a model finds, as entities of notes: the same for every kind of model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Protocol

from medtext.inference.decode import Found
from medtext.merging import merge_entities
from medtext.note import Note
from medtext.overlap import headings
from medtext.span import Source, Span

_NOTES = 64  # whose windows are read together


class Finder(Protocol):
    """A model over texts; `source` is how a span names it."""

    @property
    def source(self) -> str: ...

    def find(self, texts: Sequence[str]) -> list[list[Found]]: ...


def mark(notes: Iterable[Note], model: Finder) -> Iterator[Note]:
    """The notes one for one, in order, with what the model finds; the heading of a section is no entity."""
    notes, by = iter(notes), model.source
    while batch := list(islice(notes, _NOTES)):
        found = model.find([note.text for note in batch])
        for note, spans in zip(batch, found, strict=True):
            hidden = headings(note)
            yield merge_entities(note, (_span(one, by) for one in spans if not hidden.overlaps(one.start, one.end)))


def _span(one: Found, by: str) -> Span:
    return Span(((one.start, one.end),), one.label, score=one.score, sources=(Source(by, one.score),))
