"""Identifiers that somebody has a table of, looked for in the output: in every spelling, names with one wrong letter.

The table is CSV: one column says whose row it is (a note id, or what a key of the meta of notes holds), every other
column holds identifiers. Values are compared as letters and digits only, without case and accents, so spacing and
punctuation do not matter; dates also in their usual other spellings; of names also each word alone.
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from medtext.errors import ConfigError, FormatError
from medtext.formats.csv import check_columns
from medtext.note import Note
from medtext.review.second_pass import Suspect, merged
from medtext.terminology.matcher import fold

_SHORTEST = 3  # letters and digits; less is found everywhere
_SHORTEST_INEXACT = 5
_MOST_WORDS = 4  # of a name; more words are an address or a remark
_WORD = re.compile(r"[^\W\d_]+")
_NAME = re.compile(r"[^\W\d_]+(?:[\s.,'’-]+[^\W\d_]+)*\.?")
_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ].*)?")
_AMERICAN = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")


@dataclass(frozen=True, slots=True)
class KnownIdentifiers:
    """Key → (column, value) of everything known of it; `meta_key` says which key of meta holds it, "" the note id."""

    values: Mapping[str, tuple[tuple[str, str], ...]] = field(repr=False)
    meta_key: str = ""

    @classmethod
    def read(cls, path: str | Path, *, key_column: str = "id", meta_key: str = "") -> KnownIdentifiers:
        """The table; several rows of one key add up. Raises FormatError for a missing column or a broken row."""
        found: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for key, column, value in _cells(Path(path), key_column):
            found[key].append((column, value))
        return cls({key: tuple(dict.fromkeys(held)) for key, held in found.items()}, meta_key)

    def key(self, note: Note) -> str:
        """Which row is this note's."""
        return note.id if not self.meta_key else str(note.meta.get(self.meta_key, ""))

    def find(self, note: Note) -> list[Suspect]:
        """Where values of the note's row still stand; `kinds` are `known:` and the columns."""
        held = self.values.get(self.key(note), ())
        if not held:
            return []
        text = _Folded(note.text)
        found = ((*place, f"known:{column}") for column, value in held for place in _places(value, text))
        return [Suspect(note.id, *one) for one in merged(found)]


def _cells(path: Path, key_column: str) -> Iterator[tuple[str, str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = csv.reader(stream, strict=True)
            columns = next(rows, [])
            if key_column not in columns:
                check_columns(columns, (), f"{path}:1")
                raise FormatError(
                    f"the first line names no column {key_column!r}. Name it with key_column=.", where=f"{path}:1"
                )
            at = columns.index(key_column)
            for row in rows:
                if row and len(row) != len(columns):
                    message = f"the row has {len(row)} fields, the heading {len(columns)}."
                    raise FormatError(message, where=f"{path}:{rows.line_num}")
                yield from ((row[at], name, value) for name, value in zip(columns, row, strict=True) if row)
    except FileNotFoundError:
        raise FormatError("there is no such file.", where=str(path)) from None
    except (csv.Error, UnicodeDecodeError):
        raise FormatError("not a CSV table in UTF-8.", where=str(path)) from None


class _Folded:
    """A text as letters and digits alone, folded, and where each of them stands."""

    __slots__ = ("at", "letters", "text", "words")

    def __init__(self, text: str) -> None:
        made = [(letter, place) for place, one in enumerate(text) if one.isalnum() for letter in fold(one)]
        self.text = text
        self.letters = "".join(letter for letter, _ in made)
        self.at = [place for _, place in made]
        self.words = [(fold(word[0]), word.start(), word.end()) for word in _WORD.finditer(text)]

    def find(self, wanted: str) -> Iterator[tuple[int, int]]:
        """Where a folded value stands, as words of their own: Ann is not in planning."""
        position = self.letters.find(wanted)
        while position >= 0:
            start, end = self.at[position], self.at[position + len(wanted) - 1] + 1
            if self._is_edge(start) and self._is_edge(end):
                yield start, end
            position = self.letters.find(wanted, position + 1)

    def _is_edge(self, place: int) -> bool:
        """Whether no word and no number goes across a place."""
        before, after = self.text[place - 1 : place], self.text[place : place + 1]
        return not (before.isalpha() and after.isalpha()) and not (before.isdigit() and after.isdigit())


def _places(value: str, text: _Folded) -> Iterator[tuple[int, int]]:
    for wanted in spellings(value):
        yield from text.find(wanted)
    for wanted in _inexact(value):
        for word, start, end in text.words:
            if text.text[start].isupper() and one_apart(word, wanted):
                yield start, end


def spellings(value: str) -> set[str]:
    """A value, its other spellings and its parts, folded, as letters and digits; short ones are left out."""
    made = {value, *_words(value), *_dates(value)}
    folded = {"".join(fold(one) for one in text if one.isalnum()) for text in made}
    return {one for one in folded if len(one) >= _SHORTEST}


def _words(value: str) -> list[str]:
    """The words of what looks like a name."""
    words = _WORD.findall(value) if _NAME.fullmatch(value.strip()) else []
    return words if len(words) <= _MOST_WORDS else []


def _inexact(value: str) -> set[str]:
    """The words that are found with one wrong letter too."""
    return {fold(word) for word in _words(value) if len(word) >= _SHORTEST_INEXACT}


def _dates(value: str) -> Iterator[str]:
    """The spellings of a full date: 1950-03-02 as 3/2/1950, 03/02/50, March 2, 1950, 2 Mar 1950 …"""
    iso, american = _ISO.fullmatch(value.strip()), _AMERICAN.fullmatch(value.strip())
    if iso:
        year, month, day = map(int, iso.groups())
    elif american:
        month, day, year = map(int, american.groups())
    else:
        return
    try:
        one = date(year, month, day)
    except ValueError:
        return
    for number in (f"{month}/{day}", f"{month:02}/{day:02}"):
        yield from (f"{number}/{year}", f"{number}/{year % 100:02}")
    for number in (f"{day}.{month}", f"{day:02}.{month:02}"):
        yield f"{number}.{year}"
    yield one.isoformat()
    for name in (f"{one:%B}", f"{one:%b}"):
        yield from (
            f"{name} {day} {year}",
            f"{day} {name} {year}",
            f"{name} {day:02} {year}",
            f"{day:02} {name} {year}",
        )


def one_apart(word: str, wanted: str) -> bool:
    """Whether one letter was changed, added or left out, or two neighbours exchanged; equal words are not."""
    if abs(len(word) - len(wanted)) > 1 or word == wanted:
        return False
    first = next(
        (at for at, (a, b) in enumerate(zip(word, wanted, strict=False)) if a != b), min(len(word), len(wanted))
    )
    one, other = word[first:], wanted[first:]
    if len(word) != len(wanted):
        return one[1:] == other or other[1:] == one
    return one[1:] == other[1:] or (one[:2] == other[1::-1] and one[2:] == other[2:])


def unmatched(known: KnownIdentifiers, notes: Iterable[str]) -> int:
    """How many rows of the table belong to no note; raises ConfigError when none does."""
    lost = set(known.values) - set(notes)
    if lost and len(lost) == len(known.values):
        what = f"the meta key {known.meta_key!r}" if known.meta_key else "the note ids"
        raise ConfigError(f"No row of the known identifiers belongs to a note: their key was compared with {what}.")
    return len(lost)
