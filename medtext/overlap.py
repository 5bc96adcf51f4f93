"""Which parts of a text are taken, and how the entities that a stage finds join those that are there."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import replace

from medtext.note import Note
from medtext.span import Span

# What stands for an identifier in a note that was de-identified elsewhere: [PATIENT-1], [**Name 12**], **NAME[AAA].
_TAG = re.compile(r"\[[A-Z][A-Z_]*-\d+\]|\[\*\*[^\[\]]{0,200}\*\*\]|\*\*[A-Z_]+(?:\[[^\[\]]{0,200}\])?")


class Cover:
    """Stretches of a text; asks in logarithmic time whether one overlaps `[start, end)`."""

    __slots__ = ("_ends", "_starts")

    def __init__(self, fragments: Iterable[tuple[int, int]]) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        for start, end in sorted(fragments):
            if self._ends and start <= self._ends[-1]:
                self._ends[-1] = max(self._ends[-1], end)
            else:
                self._starts.append(start)
                self._ends.append(end)

    def overlaps(self, start: int, end: int) -> bool:
        """Whether a stretch shares a character with `[start, end)`."""
        behind = bisect_right(self._ends, start)
        return behind < len(self._starts) and self._starts[behind] < end

    def places(self) -> list[tuple[int, int]]:
        """The stretches, disjoint and in order."""
        return list(zip(self._starts, self._ends, strict=True))

    def inside(self, fragments: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
        """The parts of fragments that lie inside."""
        for start, end in fragments:
            at = bisect_right(self._ends, start)
            while at < len(self._starts) and self._starts[at] < end:
                yield max(start, self._starts[at]), min(end, self._ends[at])
                at += 1

    def gaps(self, length: int) -> Iterator[tuple[int, int]]:
        """What lies between the stretches in a text of this length."""
        position = 0
        for start, end in self.places():
            if position < start:
                yield position, start
            position = end
        if position < length:
            yield position, length


def identifiers(note: Note) -> Cover:
    """Where identifiers stood: the `phi` spans, and tags such as [PATIENT-1]. Nothing clinical is to be found there."""
    tags = (tag.span() for tag in _TAG.finditer(note.text))
    return Cover([*tags, *(fragment for span in note.layer("phi") for fragment in span.at)])


def join_entities(note: Note, found: Iterable[Span]) -> Note:
    """The note with the entities that a stage found, which must not overlap each other.

    What is there stays: a found span that overlaps an identifier or another entity is left out. Where a predicted
    entity has the same place and label, the found span's sources join its own; what a person has touched never changes.
    """
    entities = note.layer("entity")
    same = {(span.at, span.label): span for span in entities}
    hidden, taken = identifiers(note), Cover(fragment for span in entities for fragment in span.at)
    added, confirmed = [], []
    for span in found:
        twin = same.get((span.at, span.label))
        if twin is not None:
            confirmed.append(_confirmed(twin, span))
        elif not (hidden.overlaps(span.start, span.end) or taken.overlaps(span.start, span.end)):
            added.append(span)
    changed = [span for span in confirmed if span is not None]
    note = note.update(changed) if changed else note
    return note.add(added) if added else note


def _confirmed(held: Span, found: Span) -> Span | None:
    known = {source.by for source in held.sources}
    sources = tuple(source for source in found.sources if source.by not in known)
    return replace(held, sources=held.sources + sources) if sources and held.status == "predicted" else None
