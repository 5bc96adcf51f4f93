"""Every identifier that is no name, drawn for one patient's record: spellings from `rules/spellings.yaml`."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from medtext.config import Table
from medtext.errors import ConfigError
from medtext.generator import checks
from medtext.generator.names import Names, Person, rules

_COUNTED = re.compile(r"([nzAMxX])(\d{1,2})")
_FIELD = re.compile(r"\{(\w+)\}")
_ALPHABETS = {"z": "0123456789", "A": "ABCDEFGHJKLMNPRSTUVWXYZ", "M": "ABCDEFGHJKLMNPRSTUVWXYZ0123456789"}
_ALPHABETS |= {"x": "0123456789abcdef", "X": "0123456789ABCDEF"}


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of identifier: its label, its spellings, and whether a patient has one for good."""

    name: str
    label: str
    forms: Mapping[str, str]
    lasting: bool = False

    def choose(self, rng: random.Random, wanted: str) -> str:
        """The name of one of its forms: any, or one whose name is or begins with `wanted`."""
        names = sorted(self.forms)
        fit = [name for name in names if name == wanted] or [name for name in names if name.startswith(wanted)]
        if not fit:
            raise ConfigError(f"Unknown form {wanted!r} of {self.name!r}. Forms: {', '.join(names)}")
        return rng.choice(fit)


def load_kinds(labels: frozenset[str]) -> dict[str, Kind]:
    """The kinds that ship; raises ConfigError for a label that the taxonomy of identifiers does not have."""
    table = rules("spellings.yaml").allow(("version", "kinds"), "the spellings")
    return {name: _kind(name, one, labels) for name, one in table.tables("kinds").items()}


def _kind(name: str, one: Table, labels: frozenset[str]) -> Kind:
    one.allow(("label", "of", "forms"), f"kind {name!r}")
    label = one.get_typed("label", str, "")
    if label not in labels:
        raise ConfigError(f"{one.where('label')}: {label!r} is no identifier. Identifiers: {', '.join(sorted(labels))}")
    return Kind(name, label, dict(one.get_typed("forms", dict, {})), one.get("of") == "patient")


@dataclass(frozen=True, slots=True)
class Values:
    """What one patient's identifiers are drawn from; `lasting` gives the random numbers of values that last."""

    names: Names
    patient: Person
    born: date
    today: date
    unknown: float
    lasting: Callable[[str], random.Random]

    def draw(self, rng: random.Random, kind: Kind, wanted: str, owner: Person) -> tuple[str, str, bool | None]:
        """A value, the name of its form, and whether the lexicons hold the names in it (None where it has none)."""
        if kind.lasting:
            rng = self.lasting(f"{kind.name}.{wanted}")
        form = kind.choose(rng, wanted)
        filler = _Fields(rng, self, owner)
        return _FIELD.sub(lambda match: filler.get(match[1]), kind.forms[form]), form, filler.known


class _Fields:
    """The fields of one value; remembers whether a name in it was made up."""

    def __init__(self, rng: random.Random, values: Values, owner: Person) -> None:
        self.rng, self.values, self.owner = rng, values, owner
        self.known: bool | None = None
        self._dates = self._calendar()

    def get(self, name: str) -> str:
        """The text of a field; raises ConfigError for one that does not exist."""
        counted = _COUNTED.fullmatch(name)
        if counted:
            return self._run(counted[1], int(counted[2]))
        if name in self._dates:
            return self._dates[name]
        if name in _MAKERS:
            return _MAKERS[name](self)
        raise ConfigError(f"Unknown field {name!r} in a spelling. Fields: {', '.join(sorted(_MAKERS))}")

    def _run(self, kind: str, count: int) -> str:
        rng = self.rng
        if kind == "n":
            return rng.choice("23456789") + checks.digits(rng, count - 1)
        return "".join(rng.choice(_ALPHABETS[kind]) for _ in range(count))

    def _calendar(self) -> dict[str, str]:
        seen = datetime.combine(self.values.today, datetime.min.time())
        seen += timedelta(days=self.rng.randrange(-700, 60), minutes=self.rng.randrange(1440))
        words = self.values.names.people
        later = _calendar(seen + timedelta(days=self.rng.randrange(1, 20)), words)
        born = _calendar(datetime.combine(self.values.born, datetime.min.time()), words)
        return (
            _calendar(seen, words)
            | {f"{key}2": text for key, text in later.items()}
            | {f"b{key}": text for key, text in born.items()}
        )

    def place(self) -> str:
        """A town."""
        return self._noted(self.values.names.place(self.rng, unknown=self.values.unknown))

    def family(self) -> str:
        """A family name that names a hospital, a road or a firm."""
        known = self.rng.random() >= self.values.unknown
        return self._noted(self.values.names.family(self.rng, known=known))

    def _noted(self, drawn: tuple[str, bool]) -> str:
        self.known = drawn[1] and self.known is not False
        return drawn[0]

    def pick(self, key: str) -> str:
        """One of a list in `people.yaml`."""
        return self.rng.choice(self.values.names.people[key])


def _calendar(when: datetime, words: Mapping[str, Any]) -> dict[str, str]:
    """The parts of a moment as they are written."""
    month, weekday = words["months"][when.month - 1], words["weekdays"][when.weekday()]
    return {
        **{"m": str(when.month), "mm": f"{when.month:02}", "month": month, "mon": month[:3], "MON": month[:3].upper()},
        **{"d": str(when.day), "dd": f"{when.day:02}", "dth": _ordinal(when.day), "wd": weekday[:3]},
        **{"yy": f"{when.year % 100:02}", "yyyy": str(when.year), "weekday": weekday},
        **{"hh": f"{when.hour:02}", "mi": f"{when.minute:02}", "h12": str(when.hour % 12 or 12)},
        "ap": "am" if when.hour < 12 else "pm",
    }


def _ordinal(day: int) -> str:
    ending = "th" if 10 < day < 14 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{ending}"


def _letters(name: str) -> str:
    """A name as it stands in an address of the net."""
    return "".join(one for one in name.lower() if one.isascii() and one.isalnum()) or "x"


def _area(fields: _Fields) -> str:
    """The first three digits of a social security number: neither 000 nor 666 nor 900 and above."""
    return f"{fields.rng.choice([*range(1, 666), *range(667, 900)]):03}"


_MAKERS: dict[str, Callable[[_Fields], str]] = {
    "area": _area,
    "octet": lambda one: str(one.rng.randrange(1, 255)),
    "npi": lambda one: checks.npi(one.rng),
    "dea": lambda one: checks.dea(one.rng, one.owner.last[0].upper() if one.owner.last[0].isascii() else "X"),
    "card": lambda one: checks.card(one.rng, " "),
    "card_dashes": lambda one: checks.card(one.rng, "-"),
    "card_tight": lambda one: checks.card(one.rng, ""),
    "vin": lambda one: checks.vin(one.rng),
    "age": lambda one: str(one.rng.randrange(90, 104)),
    "ageword": lambda one: one.pick("numbers"),
    "first_low": lambda one: _letters(one.owner.first),
    "last_low": lambda one: _letters(one.owner.last),
    "f_low": lambda one: _letters(one.owner.first)[0],
    "holiday": lambda one: one.pick("holidays"),
    "street": lambda one: f"{one.pick('streets')} {one.pick('street_ends')}",
    "street_end": lambda one: one.pick("street_ends"),
    "direction": lambda one: one.rng.choice(["N", "S", "E", "W", "N.", "NW", "South", "West"]),
    "direction_word": lambda one: one.rng.choice(["North", "South", "East", "West"]),
    "saint": lambda one: one.pick("saints"),
    "profession": lambda one: one.pick("professions"),
    "firstname": lambda one: one.rng.choice(one.values.names.first["F"]).capitalize(),
    "place": _Fields.place,
    "family": _Fields.family,
}
