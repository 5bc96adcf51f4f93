"""Age and sex of the patient, as the meta of a note tells them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from medtext.errors import ConfigError
from medtext.note import Note
from medtext.terminology.maps import Patient

_KEYS = ("age", "sex")
_SEX = {"f": "female", "female": "female", "woman": "female", "m": "male", "male": "male", "man": "male"}
_YEARS = re.compile(r"(\d{1,3}(?:\.\d+)?)\s*\+?\s*(?:y|yo|y/o|yrs?|years?(?:[ -]old)?)?", re.IGNORECASE)


class PatientReader:
    """Reads a Patient from the meta of a note; `keys` says under which key `age` and `sex` stand.

    An age is a number of years, or one with a word for years behind it. What is not understood counts as not known.
    """

    def __init__(self, keys: Mapping[str, str]) -> None:
        if unknown := sorted(set(keys) - set(_KEYS)):
            raise ConfigError(f"Linking: patient has no {unknown[0]!r}. It has: {', '.join(_KEYS)}")
        self._keys = {key: keys.get(key, key) for key in _KEYS}

    def read(self, note: Note) -> Patient:
        """What is known of the patient of a note."""
        return Patient(_sex(note.meta.get(self._keys["sex"])), _age(note.meta.get(self._keys["age"])))


def _sex(told: object) -> str | None:
    return _SEX.get(told.strip().lower()) if isinstance(told, str) else None


def _age(told: object) -> float | None:
    if isinstance(told, int | float) and not isinstance(told, bool):
        return float(told) if 0 <= told < 150 else None
    found = _YEARS.fullmatch(told.strip()) if isinstance(told, str) else None
    return float(found[1]) if found and float(found[1]) < 150 else None
