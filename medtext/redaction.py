"""Carries any offset across a change of text, both ways.

A Redaction is a set of edits that do not overlap. Everything outside them stays, character for character.
Offsets are code points.
"""

from __future__ import annotations

import dataclasses
from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import accumulate, pairwise

from medtext.errors import NoteError
from medtext.note import Note
from medtext.span import Span


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """Put `replacement` where `[start, end)` was; `start == end` inserts, an empty replacement removes."""

    start: int
    end: int
    replacement: str = field(repr=False)

    def __post_init__(self) -> None:
        if self.start < 0 or self.end < self.start:
            raise NoteError(f"An edit cannot go from {self.start} to {self.end}.")
        if self.start == self.end and not self.replacement:
            raise NoteError(f"An edit at {self.start} neither removes nor inserts anything.")


@dataclass(frozen=True, slots=True)
class _Places:
    """Where the edits lie on one side of the change, and where the same edits lie on the other."""

    starts: tuple[int, ...]
    ends: tuple[int, ...]
    other_starts: tuple[int, ...]
    other_ends: tuple[int, ...]

    def carry(self, offset: int, edge: str) -> int:
        # `done` edits lie wholly before the offset. Something inserted at the offset itself goes before
        # a span that starts there and after a span that ends there: neither swallows it.
        done = bisect_right(self.ends, offset)
        if edge == "end":
            while done and self.starts[done - 1] == self.ends[done - 1] == offset:
                done -= 1
        if done < len(self.starts) and self.starts[done] < offset:
            return self.other_starts[done] if edge == "start" else self.other_ends[done]
        return offset - self.ends[done - 1] + self.other_ends[done - 1] if done else offset


@dataclass(frozen=True, slots=True)
class Redaction:
    """Edits over one text, sorted and disjoint; refuses edits that overlap."""

    edits: tuple[Edit, ...] = ()
    _old: _Places = field(init=False, repr=False, compare=False)
    _new: _Places = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        edits = tuple(sorted(self.edits))
        for before, after in pairwise(edits):
            same_insertion = before.start == before.end == after.start == after.end
            if after.start < before.end or same_insertion:
                raise NoteError(f"Two edits overlap at {after.start}.")
        shifts = list(accumulate((len(edit.replacement) - (edit.end - edit.start) for edit in edits), initial=0))
        starts, ends = tuple(edit.start for edit in edits), tuple(edit.end for edit in edits)
        new_starts = tuple(edit.start + shift for edit, shift in zip(edits, shifts, strict=False))
        new_ends = tuple(edit.end + shift for edit, shift in zip(edits, shifts[1:], strict=True))
        object.__setattr__(self, "edits", edits)
        object.__setattr__(self, "_old", _Places(starts, ends, new_starts, new_ends))
        object.__setattr__(self, "_new", _Places(new_starts, new_ends, starts, ends))

    def apply(self, text: str) -> str:
        """The changed text; raises NoteError when an edit lies outside it."""
        if self.edits and self.edits[-1].end > len(text):
            raise NoteError(f"An edit ends at {self.edits[-1].end}, but the text has {len(text)} characters.")
        parts, at = [], 0
        for edit in self.edits:
            parts += (text[at : edit.start], edit.replacement)
            at = edit.end
        return "".join((*parts, text[at:]))

    def invert(self, text: str) -> Redaction:
        """The redaction that leads back; `text` is the text before the change."""
        back: list[Edit] = []
        for start, end, edit in zip(self._new.starts, self._new.ends, self.edits, strict=True):
            original = text[edit.start : edit.end]
            if back and back[-1].start == back[-1].end == start == end:
                # Two stretches that stood side by side were removed: they come back as one.
                original = back.pop().replacement + original
            back.append(Edit(start, end, original))
        return Redaction(tuple(back))

    def to_new(self, offset: int, *, edge: str = "start") -> int:
        """Where an offset of the old text lies in the new one.

        Inside an edit there is no such place: `edge="start"` gives where the replacement begins, `"end"` where it ends.
        """
        return self._old.carry(offset, edge)

    def to_old(self, offset: int, *, edge: str = "start") -> int:
        """Where an offset of the new text lies in the old one; `edge` as in `to_new`."""
        return self._new.carry(offset, edge)

    def carry(self, span: Span) -> Span | None:
        """The span on the new text, widened to whole replacements; None when all of it was removed."""
        return _moved(span, self._old)

    def carry_back(self, span: Span) -> Span | None:
        """The span on the old text; None when it covers nothing there."""
        return _moved(span, self._new)

    def redact(self, note: Note) -> Note:
        """The note on the new text: its spans carried, those wholly removed gone with their relations."""
        carried = [self.carry(span) for span in note.spans]
        spans = tuple(span for span in carried if span is not None)
        known = {span.id for span in spans}
        relations = tuple(one for one in note.relations if one.source in known and one.target in known)
        return note.replace(text=self.apply(note.text), spans=spans, relations=relations)


def _moved(span: Span, places: _Places) -> Span | None:
    fragments: list[tuple[int, int]] = []
    for old_start, old_end in span.at:
        start, end = places.carry(old_start, "start"), places.carry(old_end, "end")
        if start >= end:
            continue
        if fragments and start < fragments[-1][1]:
            fragments[-1] = (fragments[-1][0], max(end, fragments[-1][1]))
        else:
            fragments.append((start, end))
    return dataclasses.replace(span, at=tuple(fragments)) if fragments else None
