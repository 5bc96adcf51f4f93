"""Which parts of a text are taken: by anything, by identifiers, by headings."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator

from medtext.note import Note

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


def headings(note: Note) -> Cover:
    """The headings of sections of a known class; one of class `other` may well be a diagnosis."""
    sections = (span for span in note.layer("section") if span.label.lower() != "other")
    held = (span.x.get("heading") for span in sections)
    return Cover((one[0], one[1]) for one in held if isinstance(one, list | tuple))
