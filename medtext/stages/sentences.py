"""Sentences of clinical notes: layer `sentence`, label SENTENCE.

Lines come first, full stops second: a note is cut into blocks of lines that belong together (a wrapped paragraph, one
bullet, one heading, one line of vitals), and only then at the ends of sentences. Sentences are trimmed, disjoint, in
order, and hold every character that is not blank.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files
from itertools import pairwise
from typing import Any

from medtext.config import read_yaml
from medtext.note import Note
from medtext.span import Source, Span

_KEYS = ("version", "never_end", "may_end", "starters", "joiners", "answers")

_LINE = re.compile(r"[^\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+")
_BULLET = re.compile(r"(?:[-–—*•·●▪◦‣>+o]|#+|\(?\d{1,2}[.)]|\(?[a-zA-Z][.)]|\[[ xX]?\])(?=\s|$)|[-–•*](?=\w)")
_KEYED = re.compile(r"[A-Za-z][\w /&'()-]{0,40}:(?:\s|$)")
_WORD_AT_END = re.compile(r"[^\W\d_]+$")
_STOP = re.compile(r"(?<![.!?\s])([.!?]++)[\"'”’)\]]*+(?=\s)|(?<=[a-z]{3})(\.)(?=[A-Z][a-z])")
_MARKER = re.compile(r"(?<!\S)(\d{1,2})[.)](?=\s+[A-Z])")
_OPENING = " \t\n\r\"'“‘([*"
_LONGEST_WORD = 40  # how far back a word is looked for: text without a blank stays linear
_WRAPPED = range(50, 140)  # the widths at which notes are wrapped


class Sentences:
    """Adds the layer `sentence`; needs nothing. Deterministic, linear in the length of the text."""

    name = "sentences"
    needs: frozenset[str] = frozenset()
    adds = frozenset({"sentence"})

    def __init__(self) -> None:
        source = files("medtext.stages.rules").joinpath("sentences.yaml")
        top = read_yaml(source).allow(_KEYS, "the sentence rules")
        self.version = top.get_typed("version", str)
        words = {key: frozenset(top.get_typed(key, str).split()) for key in _KEYS[1:]}
        self._never_end, self._may_end = words["never_end"], words["may_end"]
        self._starters, self._joiners = words["starters"], words["joiners"]
        self._answers = words["answers"]
        self._sources = (Source(f"rule:sentences@{self.version}"),)

    def __call__(self, note: Note) -> Note:
        """The note with its sentences."""
        return note.add(
            Span(((start, end),), "SENTENCE", layer="sentence", sources=self._sources)
            for start, end in self.split(note.text)
        )

    def describe(self) -> dict[str, Any]:
        """Which rules were used."""
        return {"rules": f"sentences@{self.version}", "abbreviations": len(self._never_end | self._may_end)}

    def split(self, text: str) -> Iterator[tuple[int, int]]:
        """The places `(start, end)` of the sentences of a text, in order."""
        for start, end in self._blocks(text):
            for first, last in pairwise([start, *self._cuts(text, start, end)]):
                yield from _trimmed(text, first, last)

    def _blocks(self, text: str) -> Iterator[tuple[int, int]]:
        """Runs of lines that belong together."""
        lines = [place for match in _LINE.finditer(text) for place in _trimmed(text, *match.span())]
        width = _wrap_width([end - start for start, end in lines])
        first = last = None
        for start, end in lines:
            if last is None or not self._goes_on(text, last, (start, end), width):
                if first is not None:
                    yield first, last[1]
                first = start
            last = (start, end)
        if first is not None:
            yield first, last[1]

    def _goes_on(self, text: str, above: tuple[int, int], below: tuple[int, int], width: int) -> bool:
        """Whether a line is the rest of the line above it."""
        gap = text[above[1] : below[0]]
        if gap.count("\n") > 1 or gap.count("\r") > 1 + gap.count("\n"):
            return False
        if _BULLET.fullmatch(text, *above):
            return True  # a bullet alone: its text stands below it
        if text[above[1] - 1] in ".!?:" or _BULLET.match(text, *below) or _KEYED.match(text, *below):
            return False
        if text[below[0]].islower() or text[above[1] - 1] == ",":
            return True
        word = _WORD_AT_END.search(text, max(above[0], above[1] - _LONGEST_WORD), above[1])
        if word and word.group().lower() in self._joiners:
            return True
        return bool(width) and _was_full(text, above, below, width)

    def _cuts(self, text: str, start: int, end: int) -> Iterator[int]:
        """Where sentences end inside a block, its own end last."""
        items = _items(text, start, end)
        stops = {match.end() for match in _STOP.finditer(text, start, end) if self._ends(text, match, start, end)}
        yield from sorted((stops - set(items.values()) | items.keys()) - {start} | {end})

    def _ends(self, text: str, stop: re.Match[str], start: int, end: int) -> bool:
        """Whether a full stop, or what looks like one, ends a sentence."""
        if stop.group(2):  # "pain.Denies": somebody forgot the blank
            return "@" not in text[stop.end() : stop.end() + _LONGEST_WORD].partition(" ")[0]
        following = stop.end()
        while following < end and text[following] in _OPENING:
            following += 1
        if following < end and stop.group(1) == "?":
            return _first_word(text, following).lower() not in self._answers
        if following == end or stop.group(1)[0] != ".":
            return True
        if len(stop.group(1)) > 1:
            return not text[following].islower()  # "better ... then worse"
        before = text[max(start, stop.start() - _LONGEST_WORD) : stop.start()]
        word = before.split()[-1].lstrip("(['\"“") if before.split() else ""
        return self._word_ends(word, before[: -len(word)] if word else before, text, following)

    def _word_ends(self, word: str, before: str, text: str, following: int) -> bool:
        """Whether `word.` ends a sentence, given what stands before the word and what follows."""
        key, opens = word.lower(), text[following].isupper()
        if key in {"no", "nos"}:
            return not text[following].isdigit()
        if key in self._never_end or (word.isdigit() and len(word) <= 2 and not before.strip()):
            return False  # "Dr.", and the number of a list: "2. Hypertension"
        if key in self._may_end:
            return opens or not text[following].isalnum()
        if len(word) == 1 and word.isupper():
            name = before.split()
            named = not name or name[-1][0].isupper()  # "John A. Smith", not "hepatitis C. She"
            return opens and (not named or _first_word(text, following).lower() in self._starters)
        return not text[following].islower() or (len(word) > 3 and word.isalpha())


def _items(text: str, start: int, end: int) -> dict[int, int]:
    """The numbers, start → end, of a list inside one line: "1. CAD 2. HTN"; they must run on from 1."""
    places: dict[int, int] = {}
    if text.find("1", start, end) < 0:
        return places
    for match in _MARKER.finditer(text, start, end):
        if int(match.group(1)) == len(places) + 1:
            places[match.start()] = match.end()
    return places if len(places) > 1 else {}


def _wrap_width(lengths: list[int]) -> int:
    """The width at which a text is wrapped, 0 when it is not: several lines come close to the longest one."""
    width = max(lengths, default=0)
    return width if width in _WRAPPED and sum(length > 0.8 * width for length in lengths) > 2 else 0


def _was_full(text: str, above: tuple[int, int], below: tuple[int, int], width: int) -> bool:
    """Whether the line above had no room for the first word of the line below: the mark of wrapped text."""
    length = above[1] - above[0]
    return length >= _WRAPPED.start and length + 1 + len(_first_word(text, below[0])) > width


def _first_word(text: str, start: int) -> str:
    parts = text[start : start + _LONGEST_WORD].split(maxsplit=1)
    return parts[0].rstrip(".,;:") if parts else ""


def _trimmed(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The place without blanks at its ends; nothing when it is blank."""
    piece = text[start:end]
    kept = piece.strip()
    if kept:
        start += len(piece) - len(piece.lstrip())
        yield start, start + len(kept)
