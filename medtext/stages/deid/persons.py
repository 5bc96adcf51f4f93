"""Which mentions of names mean the same person: one number for one person, never one for two.

Mentions of two or more parts make people; one whose parts fit in another's joins it (an initial fits a name). A single
part joins the one person that has it; where two people share it, it stands for itself. Titles keep Mr. and Mrs. Berg
apart, roles the patient and the clinician of one name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from medtext.stages.deid.arbitrate import Finding
from medtext.stages.deid.lexicon import Lexicon

ROLES = ("PATIENT", "RELATIVE", "PROVIDER", "NAME")
NAME_PART = re.compile(r"[^\W\d_]+(?:['’](?![sS]\b)[^\W\d_]+)*")
_TITLE = re.compile(r"([A-Za-z]{2,4})\.?\s{1,2}$")
_CROWD = 50  # a part that so many people of one note share tells nobody from the others; keeps the time linear


@dataclass(slots=True, eq=False)
class _Person:
    """Someone's parts, gender where known, the surest role seen, and which findings mean them."""

    parts: frozenset[str]
    gender: str
    role: str
    members: list[int] = field(default_factory=list)

    def fits(self, parts: frozenset[str], gender: str, role: str) -> bool:
        others = self.role != role and "NAME" not in (self.role, role)
        if others or (self.gender and gender and self.gender != gender):
            return False
        small, large = sorted((parts, self.parts), key=len)
        whole = any(len(part) > 1 and part in large for part in small)
        return whole and all(part in large or _initial_of(part, large) for part in small)

    def join(self, at: int, parts: frozenset[str], gender: str, role: str) -> None:
        self.members.append(at)
        self.parts |= frozenset(part for part in parts if len(part) > 1)
        self.gender = self.gender or gender
        self.role = min(self.role, role, key=ROLES.index)


def _initial_of(part: str, others: frozenset[str]) -> bool:
    return len(part) == 1 and any(other[0] == part for other in others)


class _People:
    """The people of one note, found again by any part of their names."""

    def __init__(self) -> None:
        self.all: list[_Person] = []
        self._by_part: dict[str, list[_Person]] = {}
        self._by_name: dict[frozenset[str], list[_Person]] = {}

    def find(self, parts: frozenset[str], gender: str, role: str) -> _Person | None:
        """The one person whom these parts fit; None when nobody or more than one does."""
        for one in self._by_name.get(parts, ())[:_CROWD]:
            if one.parts == parts and one.gender == gender and one.fits(parts, gender, role):
                return one
        fitting = {id(one): one for one in self._near(parts) if one.fits(parts, gender, role)}
        return next(iter(fitting.values())) if len(fitting) == 1 else None

    def _near(self, parts: frozenset[str]) -> Iterator[_Person]:
        for part in sorted(parts):
            held = self._by_part.get(part, ())
            if len(held) <= _CROWD:
                yield from held

    def add(self, person: _Person, parts: frozenset[str]) -> None:
        """Make a person known under these parts."""
        if not person.members:
            self.all.append(person)
        for index, keys in ((self._by_part, parts), (self._by_name, (parts,))):
            for key in keys:
                held = index.setdefault(key, [])
                if person not in held[-_CROWD:]:
                    held.append(person)


def persons(text: str, findings: Sequence[Finding], lexicon: Lexicon) -> dict[int, tuple[str, int]]:
    """Index of a name finding → (role of the person, which person)."""
    people = _People()
    named = {at: _parts(text, one) for at, one in enumerate(findings) if one.label in ROLES}
    for at, parts in sorted(named.items(), key=lambda item: (len(item[1]) == 1, item[0])):
        role, gender = findings[at].label, _gender(text, findings[at], parts, lexicon)
        person = people.find(parts, gender, role) or _Person(parts, gender, role)
        people.add(person, parts)
        person.join(at, parts, gender, role)
    return {at: (person.role, number) for number, person in enumerate(people.all) for at in person.members}


def _parts(text: str, one: Finding) -> frozenset[str]:
    quote = text[one.start : one.end]
    return frozenset(part.casefold() for part in NAME_PART.findall(quote)) or frozenset([quote.casefold()])


def _gender(text: str, one: Finding, parts: frozenset[str], lexicon: Lexicon) -> str:
    """F or M by the title before the name or by the first name in it; "" when neither tells."""
    title = _TITLE.search(text[max(0, one.start - 7) : one.start])
    told = lexicon.title_gender.get(title[1].lower(), "") if title else ""
    if told or len(parts) == 1:
        return told
    genders = (lexicon.first.get(part.casefold(), "U") for part in NAME_PART.findall(text[one.start : one.end]))
    return next((gender for gender in genders if gender != "U"), "")
