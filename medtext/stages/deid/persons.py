"""Which mentions of names mean the same person: one number for one person, never one for two.

Mentions of two or more parts make people; one whose parts fit in another's joins it (an initial fits a name). A single
part joins the one person that has it; where two people share it, it stands for itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from medtext.stages.deid.arbitrate import Finding
from medtext.stages.deid.lexicon import Lexicon

ROLES = ("PATIENT", "RELATIVE", "PROVIDER", "NAME")
_PART = re.compile(r"[^\W\d_]+(?:['’](?![sS]\b)[^\W\d_]+)*")
_TITLE = re.compile(r"([A-Za-z]{2,4})\.?\s{1,2}$")


@dataclass(slots=True, eq=False)
class _Person:
    """Someone's parts, gender where known, and the surest role seen."""

    parts: frozenset[str]
    gender: str
    role: str
    members: list[int] = field(default_factory=list)

    def fits(self, parts: frozenset[str], gender: str, role: str) -> bool:
        others = self.role != role and "NAME" not in (self.role, role)
        if others or (self.gender and gender and self.gender != gender):
            return False
        small, large = (parts, self.parts) if len(parts) <= len(self.parts) else (self.parts, parts)
        return all(part in large or _initial_of(part, large) for part in small) and any(
            len(part) > 1 and part in large for part in small
        )

    def join(self, at: int, parts: frozenset[str], gender: str, role: str) -> None:
        self.members.append(at)
        self.parts |= frozenset(part for part in parts if len(part) > 1)
        self.gender = self.gender or gender
        if ROLES.index(role) < ROLES.index(self.role):
            self.role = role


def _initial_of(part: str, others: frozenset[str]) -> bool:
    return len(part) == 1 and any(other[0] == part for other in others)


def persons(text: str, findings: Sequence[Finding], lexicon: Lexicon) -> dict[int, tuple[str, int]]:
    """Index of a name finding → (role of the person, which person)."""
    people: list[_Person] = []
    by_part: dict[str, list[_Person]] = {}
    named = [(at, one) for at, one in enumerate(findings) if one.label in ROLES]
    parts_of = {at: _parts(text, one) for at, one in named}
    for at, one in sorted(named, key=lambda item: (len(parts_of[item[0]]) == 1, item[0])):
        parts = parts_of[at]
        gender = _gender(text, one, lexicon)
        person = _fitting(parts, gender, one.label, by_part)
        if person is None:
            person = _Person(parts, gender, one.label)
            people.append(person)
        person.join(at, parts, gender, one.label)
        for part in parts:
            held = by_part.setdefault(part, [])
            if person not in held:
                held.append(person)
    return {at: (person.role, number) for number, person in enumerate(people) for at in person.members}


def _parts(text: str, one: Finding) -> frozenset[str]:
    quote = text[one.start : one.end]
    return frozenset(part.casefold() for part in _PART.findall(quote)) or frozenset([quote.casefold()])


def _fitting(
    parts: frozenset[str], gender: str, role: str, by_part: dict[str, list[_Person]]
) -> _Person | None:
    """The one person that these parts fit; None when nobody or more than one does."""
    fitting: list[_Person] = []
    for part in sorted(parts):
        for person in by_part.get(part, ()):
            if person not in fitting and person.fits(parts, gender, role):
                fitting.append(person)
    same = [person for person in fitting if person.parts == parts]
    if len(same) == 1:
        return same[0]
    return fitting[0] if len(fitting) == 1 else None


def _gender(text: str, one: Finding, lexicon: Lexicon) -> str:
    """F or M by the title before the name or its first known part; "" when neither tells."""
    title = _TITLE.search(text[max(0, one.start - 7) : one.start])
    told = lexicon.title_gender.get(title[1].lower(), "") if title else ""
    if told:
        return told
    for part in _PART.findall(text[one.start : one.end]):
        gender = lexicon.first.get(part.casefold(), "U")
        if gender != "U":
            return gender if len(_parts(text, one)) > 1 else ""
    return ""
