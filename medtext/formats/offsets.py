"""Offsets of programs that count UTF-16 code units (Java, JavaScript, .NET), to and from code points.

A character beyond U+FFFF is one code point and two code units. What is written is cut out again and compared first.
"""

from __future__ import annotations

from bisect import bisect_left

from medtext.errors import FormatError, NoteError


class CodeUnits:
    """The two ways of counting in one text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.wide = [] if text.isascii() else [i for i, one in enumerate(text) if one > "\uffff"]
        self.wide_units = [place + number for number, place in enumerate(self.wide)]
        self.encoded = text.encode("utf-16-le") if self.wide else b""

    def to_units(self, start: int, end: int, *, note_id: str, span_id: str) -> tuple[int, int]:
        """A place in code units; raises FormatError when cutting there does not give the same text."""
        first, last = start + bisect_left(self.wide, start), end + bisect_left(self.wide, end)
        if self.wide and self.encoded[2 * first : 2 * last].decode("utf-16-le", "replace") != self.text[start:end]:
            message = f"span {span_id!r} of note {note_id!r} is not what stands at {first}–{last} in UTF-16."
            raise FormatError(message, note_id=note_id)
        return first, last

    def from_units(self, start: object, end: object, *, what: str) -> tuple[int, int]:
        """A place in code points; raises NoteError when it is none, or cuts a character in two."""
        units = len(self.text) + len(self.wide)
        if type(start) is not int or type(end) is not int or not 0 <= start < end <= units:
            raise NoteError(f"{what} does not lie inside the text of {units} code units.")
        return self._code_point(start, what), self._code_point(end, what)

    def _code_point(self, unit: int, what: str) -> int:
        before = bisect_left(self.wide_units, unit)
        if before and self.wide_units[before - 1] + 1 == unit:
            raise NoteError(f"{what} cuts the character at {self.wide[before - 1]} in two. Are these UTF-16 offsets?")
        return unit - before


def check_place(start: object, end: object, length: int, *, what: str) -> tuple[int, int]:
    """A place in code points as it stands; raises NoteError when it does not lie inside the text."""
    if type(start) is not int or type(end) is not int or not 0 <= start < end <= length:
        raise NoteError(f"{what} does not lie inside the text of {length} characters.")
    return start, end
