"""Made-up identifiers from a secret key: the same value gets the same surrogate in every note, and nobody can go back.

Each choice is an HMAC-SHA256 of the value: no table, no order. Gender, case and the shape of numbers stay.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from medtext.errors import ConfigError
from medtext.stages.deid.lexicon import Lexicon
from medtext.stages.deid.persons import NAME_PART, ROLES

KEY_VARIABLE = "MEDTEXT_KEY"
_SHORTEST_KEY = 16
_ATTEMPTS = 100


def read_key(key_file: str | Path | None, environment: Mapping[str, str] = os.environ) -> bytes:
    """The secret from a file or from MEDTEXT_KEY; raises ConfigError when there is none or it is too short."""
    try:
        key = Path(key_file).read_bytes().strip() if key_file else environment.get(KEY_VARIABLE, "").encode()
    except OSError as error:
        raise ConfigError(f"The key file {key_file} cannot be read: {error.strerror}.") from None
    if not key:
        raise ConfigError(f"Surrogates and shifted dates need a secret. Set {KEY_VARIABLE}, or give key_file.")
    if len(key) < _SHORTEST_KEY:
        raise ConfigError(f"The secret has {len(key)} bytes; {_SHORTEST_KEY} are the least that is safe.")
    return key


class Surrogates:
    """Surrogates from one secret and one lexicon."""

    def __init__(self, key: bytes, lexicon: Lexicon) -> None:
        self._key = key
        self._lexicon = lexicon
        self._last = _plain(lexicon.last - lexicon.weak_last - lexicon.eponyms - lexicon.first.keys())
        by_gender = {gender: [name for name, one in lexicon.first.items() if one == gender] for gender in "FM"}
        self._first = {gender: _plain(frozenset(names) - lexicon.weak_first) for gender, names in by_gender.items()}
        self._towns = sorted(" ".join(words) for held in lexicon.places.values() for words, weak in held if not weak)

    def days(self, patient: str) -> int:
        """By how many days a patient's dates move: whole weeks, 1 to 104 of them, back in time."""
        return -7 * (1 + self._draw("shift", patient) % 104)

    def of(self, quote: str, label: str, owner: tuple[str, int], taken: dict[str, tuple[str, int]]) -> str | None:
        """A surrogate that no other owner in `taken` has and that is not the value itself; None when none is found."""
        for attempt in range(_ATTEMPTS):
            made = self._made(quote, label, attempt)
            if made.casefold() != quote.casefold() and taken.setdefault(made.casefold(), owner) == owner:
                return made
        return None

    def _made(self, quote: str, label: str, attempt: int) -> str:
        if label in ROLES:
            return self._name(quote, attempt)
        if label == "PLACE":
            return _cased(self._pick(self._towns, "town", quote, attempt), quote)
        if label == "HOSPITAL":
            return f"{self._pick(self._last, 'hospital', quote, attempt).capitalize()} Hospital"
        if label == "AGE":
            return "90"
        return self._shape(quote, label, attempt)

    def _name(self, quote: str, attempt: int) -> str:
        """Part by part, so that "Anna", "Berg" and "Anna Berg" agree."""
        return NAME_PART.sub(lambda match: self._part(match[0], attempt), quote)

    def _part(self, part: str, attempt: int) -> str:
        low = part.casefold()
        if len(part) == 1:
            return self._letter(part, "initial", low, attempt)
        if low in self._lexicon.particles or low in self._lexicon.generations:
            return part
        gender = self._lexicon.first.get(low)
        if gender and not (low in self._lexicon.last and low in self._lexicon.weak_first):
            gender = gender if gender in self._first else "FM"[self._draw("gender", low) % 2]
            return _cased(self._pick(self._first[gender], "first", low, attempt), part)
        return _cased(self._pick(self._last, "last", low, attempt), part)

    def _shape(self, quote: str, label: str, attempt: int) -> str:
        """Another digit for each digit and another letter for each letter; everything else stays."""
        return "".join(
            self._letter(one, label, f"{quote.casefold()}|{place}", attempt) for place, one in enumerate(quote)
        )

    def _letter(self, one: str, kind: str, value: str, attempt: int) -> str:
        if one.isdigit():
            return str(self._draw(kind, value, attempt) % 10)
        if one.isalpha():
            made = "abcdefghijklmnopqrstuvwxyz"[self._draw(kind, value, attempt) % 26]
            return made.upper() if one.isupper() else made
        return one

    def _pick(self, names: Sequence[str], kind: str, value: str, attempt: int) -> str:
        return names[self._draw(kind, value.casefold(), attempt) % len(names)]

    def _draw(self, *parts: object) -> int:
        message = "\x1f".join(map(str, parts)).encode("utf-8")
        return int.from_bytes(hmac.new(self._key, message, hashlib.sha256).digest()[:8], "big")


def _plain(names: frozenset[str]) -> list[str]:
    return sorted(name for name in names if name.isalpha() and len(name) > 3)


def _cased(name: str, like: str) -> str:
    if like.isupper():
        return name.upper()
    return name if like.islower() else " ".join(word.capitalize() for word in name.split())
