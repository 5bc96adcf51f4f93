"""Short forms that a note defines itself: "congestive heart failure (CHF)", "CHF (congestive heart failure)".

What stands in the brackets and what stands before them belong together when every letter or digit of the short form
comes, in order, in the long one, and its first letter begins a word there. The method is that of Schwartz and Hearst,
"A simple algorithm for identifying abbreviation definitions in biomedical text", PSB 2003.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_BRACKETS = re.compile(r"\(([^()\n]{2,80})\)")
_SHORT = re.compile(r"[^\W_][\w/&-]{0,8}[^\W_]")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_CLAUSE = re.compile(r"[.;:!?]\s|\n\s*\n|[()]")  # no long form goes on across it
_BEFORE = 120  # characters that are read before the brackets


@dataclass(frozen=True, slots=True)
class Definition:
    """A short form and the place, in code points, of what it is said to mean."""

    short: str
    start: int
    end: int


def definitions(text: str) -> dict[str, Definition]:
    """The short forms that a text defines; where it does so twice, the first counts for the whole text."""
    found: dict[str, Definition] = {}
    for one in _all(text):
        found.setdefault(one.short, one)
    return found


def _all(text: str) -> Iterator[Definition]:
    for brackets in _BRACKETS.finditer(text):
        inner = re.split(r"[,;]", brackets[1])[0].strip()
        if _is_short(inner):
            place = _long_before(text, brackets.start(), inner)
        else:
            place = _long_inside(text, brackets)
            inner = _short_before(text, brackets.start())
            place = place if inner and place and _spells(text[slice(*place)], inner) else None
        if place:
            yield Definition(inner, *place)


def _is_short(text: str) -> bool:
    """Whether a text may be a short form: up to ten characters, two capitals or a capital and a digit."""
    signs = sum(one.isupper() for one in text), sum(one.isdigit() for one in text)
    return bool(_SHORT.fullmatch(text)) and signs[0] >= 1 and sum(signs) >= 2


def _short_before(text: str, end: int) -> str:
    words = re.search(r"(?<![\w-])([\w/&-]{2,10})\s?$", text[max(0, end - 12) : end])
    return words[1] if words and _is_short(words[1]) else ""


def _long_inside(text: str, brackets: re.Match[str]) -> tuple[int, int] | None:
    words = list(_WORD.finditer(brackets[1]))
    if len(words) < 2:
        return None
    return brackets.start(1) + words[0].start(), brackets.start(1) + words[-1].end()


def _long_before(text: str, end: int, short: str) -> tuple[int, int] | None:
    """The shortest run of words right before `end` that holds the letters of the short form, or None."""
    start = max(0, end - _BEFORE)
    clauses = list(_CLAUSE.finditer(text, start, end))
    start = clauses[-1].end() if clauses else start
    words = list(_WORD.finditer(text, start, end))[-min(len(short) + 5, 2 * len(short)) :]
    if not words or text[words[-1].end() : end].strip():
        return None
    begin = words[0].start()
    at = _starts(text[begin : words[-1].end()], short)
    long = text[begin + at : words[-1].end()] if at is not None else ""
    if len(long) <= len(short) or short in _WORD.findall(long):
        return None
    return begin + at, words[-1].end()


def _spells(long: str, short: str) -> bool:
    """Whether the letters of the short form come in order in the long one, the first at its start."""
    letters, low = [one.lower() for one in short if one.isalnum()], iter(long.lower())
    return long[0].lower() == letters[0] and all(letter in low for letter in letters)


def _starts(long: str, short: str) -> int | None:
    """Where in `long` its tail begins that spells `short`: letters from the back, the first at the start of a word."""
    letters = [one.lower() for one in short if one.isalnum()]
    low = long.lower()
    at = len(low)
    for number in range(len(letters) - 1, -1, -1):
        at -= 1
        while at >= 0 and (low[at] != letters[number] or (number == 0 and at > 0 and low[at - 1].isalnum())):
            at -= 1
        if at < 0:
            return None
    return at
