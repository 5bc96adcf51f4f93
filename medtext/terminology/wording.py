"""How two names are compared: what is looked past (case, plural, order, spelling), and what never is.

Names become *keys*, sorted stems of their words. Digits, single letters and opposites are traits: where both names have
one and it differs, they are not the same thing (type 1 is not type 2, hypo- is not hyper-).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

from medtext.config import read_yaml
from medtext.terminology.matcher import fold

_SLIPS = ((11, 2), (5, 1))  # letters of the shorter word → slips; in a shorter one, another letter is another word
_WORD = re.compile(r"[^\W_]+")
_POSSESSIVE = re.compile(r"['’][sS](?![^\W_])")
_KEYS = ("empty", "modifiers", "opposites", "spellings")
Traits = Mapping[int, Set[str]]


@dataclass(frozen=True, slots=True)
class Wording:
    """What is looked past, and what is not, when two names are compared.

    `empty` words mean nothing anywhere, `modifiers` nothing in a mention (a severe cough is a cough). Of a group of
    `opposites`, in which `hypo-` is a prefix, two members never match. `spellings` are letters written otherwise.
    """

    empty: frozenset[str] = frozenset()
    modifiers: frozenset[str] = frozenset()
    opposites: tuple[tuple[str, ...], ...] = ()
    spellings: Mapping[str, str] = field(default_factory=dict, hash=False)

    def words(self, text: str) -> list[str]:
        """The folded words of a text, without possessives."""
        return _WORD.findall(fold(_POSSESSIVE.sub("", text) if "'" in text or "’" in text else text))

    def stem(self, word: str) -> str:
        """A folded word as it is compared; empty for one that means nothing."""
        for written, spelled in self.spellings.items():
            word = word.replace(written, spelled)
        return "" if word in self.empty else stem(word)

    def keys(self, text: str) -> Iterator[tuple[str, ...]]:
        """What a name has in common with its other spellings; then the same without its modifiers."""
        words = self.words(text)
        yield tuple(sorted(filter(None, map(self.stem, words))))
        yield tuple(sorted(filter(None, (self.stem(word) for word in words if word not in self.modifiers))))

    def to_dict(self) -> dict[str, Any]:
        """For JSON, in a fixed order."""
        sets = {"empty": sorted(self.empty), "modifiers": sorted(self.modifiers)}
        return {**sets, "opposites": [list(group) for group in self.opposites], "spellings": dict(self.spellings)}

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> Wording:
        """What `to_dict` gave."""
        empty, modifiers = (frozenset(told.get(key, ())) for key in ("empty", "modifiers"))
        return cls(empty, modifiers, tuple(map(tuple, told.get("opposites", ()))), dict(told.get("spellings", {})))


def shipped_wording() -> Wording:
    """The rules of `rules/linking.yaml`."""
    top = read_yaml(files("medtext.terminology.rules").joinpath("linking.yaml"))
    return Wording.from_dict({key: top[key] for key in _KEYS if key in top})


def stem(word: str) -> str:
    """A folded word without its regular plural ending; one stem for the singular and the plural, and no word itself."""
    if word.endswith("ies"):
        return word.removesuffix("ies") + "y"
    if word.endswith("is") and len(word) > 4:
        return word.removesuffix("is")
    if not word.endswith(("ss", "us")):
        word = word.removesuffix("s") if len(word) > 2 else word
    return word.removesuffix("e") if len(word) > 4 else word


class TraitReader:
    """What tells a name apart from all others of its kind: its designators, and its side of each opposition."""

    def __init__(self, wording: Wording) -> None:
        self._sides: dict[str, int] = {}
        self._prefixes: dict[str, int] = {}
        for number, group in enumerate(wording.opposites):
            for member in group:
                if member.endswith("-"):
                    self._prefixes[member[:-1]] = number
                else:
                    self._sides[wording.stem(member)] = number
        longest = sorted(self._prefixes, key=len, reverse=True)
        self._prefix = re.compile("|".join(map(re.escape, longest)) or r"(?!)")

    def traits(self, key: Iterable[str]) -> Traits:
        """Group → members that a key holds; group -1 are its digits and single letters."""
        found: dict[int, set[str]] = {}
        for word in key:
            if len(word) == 1 or not word.isalpha():
                found.setdefault(-1, set()).add(word)
            if word in self._sides:
                found.setdefault(self._sides[word], set()).add(word)
            if prefix := self._prefix.match(word):
                found.setdefault(self._prefixes[prefix[0]], set()).add(prefix[0])
        return found


def agree(these: Traits, those: Traits) -> bool:
    """Whether of each trait that both names have, one has all that the other has: vitamin B12 is no vitamin B6."""
    shared = these.keys() & those.keys()
    return all(these[group] <= those[group] or these[group] >= those[group] for group in shared)


def slips(word: str, other: str) -> int | None:
    """Letters put in, left out, exchanged or swapped with the next; None where that makes another word."""
    shorter = min(len(word), len(other))
    most = next((count for length, count in _SLIPS if shorter >= length), 0)
    if word[0] != other[0] or abs(len(word) - len(other)) > most:
        return None
    before, row = [], list(range(len(other) + 1))
    for y, letter in enumerate(word, start=1):
        earlier, before, row = before, row, [y]
        for x, against in enumerate(other, start=1):
            least = min(before[x] + 1, row[x - 1] + 1, before[x - 1] + (letter != against))
            if y > 1 and x > 1 and letter == other[x - 2] and word[y - 2] == against:
                least = min(least, earlier[x - 2] + 1)
            row.append(least)
    return row[-1] if row[-1] <= most else None


def spaced(text: str) -> str:
    """A name as exact look-up compares it: folded, one blank between words."""
    return fold(" ".join(text.split()))


def any_of(words: Iterable[str]) -> re.Pattern[str]:
    """A pattern for any of some whole words, the longest first; a sign at the end of one may stand beside a letter."""
    longest = sorted(words, key=lambda word: (-len(word), word))
    return re.compile("|".join(map(_bounded, longest)) or r"(?!)")


def _bounded(word: str) -> str:
    head = r"(?<![^\W_])" if word[0].isalnum() else ""
    return head + re.escape(word) + (r"(?![^\W_])" if word[-1].isalnum() else "")
