"""From one code system to another by the rules of an ExtendedMap, such as SNOMED CT to ICD-10-CM.

A map is a list of rules in groups. Each group gives one target: that of the lowest priority whose rule holds. Rules ask
for sex, for age, or for another finding; what is not known is never guessed: the target then stays open, and `needs`
says what would settle it. Source: SNOMED International, "ICD-10 Mapping Technical Guide"; NLM, "SNOMED CT to ICD-10-CM
Map".
"""

from __future__ import annotations

import operator
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

from medtext.errors import ConfigError
from medtext.span import Code

if TYPE_CHECKING:
    from medtext.terminology.entries import Entry, Link
    from medtext.terminology.store import Terminology

SEXES = {"248152002": "female", "248153007": "male"}
_AGES = ("445518008", "424144002")  # age at onset of the finding; current age
_AND = re.compile(r"\s+AND\s+(?=IFA\b|OTHERWISE\b|TRUE\b)")
_IFA = re.compile(r"IFA\s+(\d+)\s*\|\s*([^|]*?)\s*\|\s*(?:(<=|>=|<|>|=)\s*(\d+(?:\.\d+)?)\s*(day|week|month|year)s?)?")
_COMPARED = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq}
_IN_A_YEAR = {"day": 365.25, "week": 365.25 / 7, "month": 12.0, "year": 1.0}
_EPISODE = "EPISODE OF CARE INFORMATION NEEDED"
_LAST = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_FULL = 7  # characters of an ICD-10-CM code with an encounter


@dataclass(frozen=True, slots=True)
class Patient:
    """What is known of the patient: `age` in years, other SNOMED codes of theirs; None is not known."""

    sex: str | None = None
    age: float | None = None
    findings: frozenset[str] | None = None

    def __post_init__(self) -> None:
        if self.sex not in (None, *SEXES.values()):
            raise ConfigError(f"sex {self.sex!r} is none that maps know. They know: {', '.join(SEXES.values())}")
        if self.age is not None and not (isinstance(self.age, int | float) and 0 <= self.age < 150):
            raise ConfigError(f"age {self.age!r} is no number of years.")


@dataclass(frozen=True, slots=True)
class MapTarget:
    """What one group of a map leads to.

    `code` is None where the map has no target, or where it cannot be told: then `needs` names what is missing and
    `options` are the codes that remain. `advice` is the source's own.
    """

    group: int
    code: Code | None
    advice: tuple[str, ...] = ()
    category: str = ""
    rule: str = ""
    needs: tuple[str, ...] = ()
    options: tuple[Code, ...] = ()

    def describe(self) -> dict[str, Any]:
        """All of it as plain values; what holds nothing is left out."""
        told: dict[str, Any] = {"group": self.group, "code": str(self.code or ""), "category": self.category}
        told |= {"rule": self.rule, "advice": [*self.advice], "needs": [*self.needs]}
        told["options"] = [str(code) for code in self.options]
        return {key: value for key, value in told.items() if value not in ("", [])}


def crosswalk(
    terminology: Terminology,
    code: Code | str,
    *,
    sex: str | None = None,
    age: float | None = None,
    findings: Iterable[Code | str] | None = None,
    system: str = "ICD10CM",
    targets: Terminology | None = None,
) -> tuple[MapTarget, ...]:
    """The codes of `system` that a code maps to, one for each group of its map.

    `age` is in years and is taken as the age at onset too. `findings` are other codes of the patient: when they are
    given, what they do not hold counts as absent. `targets` is the compiled ICD-10-CM: with it, a target that needs a
    seventh character gets those that exist as options. A retired code is followed to the one that means the same.
    Raises UnknownCodeError, and ConfigError for another sex.
    """
    entry = _in_use(terminology, terminology[code])
    held = None if findings is None else frozenset(_with_ancestors(terminology, findings))
    rules = [link for link in entry.maps if link.system == system]
    found = follow(rules, Patient(sex, age, held), own=entry.code.code)
    return tuple(_whole(one, targets) for one in found)


def follow(rules: Iterable[Link], patient: Patient, *, own: str = "") -> tuple[MapTarget, ...]:
    """What the rules of one code lead to; `own` is that code, of which a rule may ask too."""
    ordered = sorted(rules, key=lambda one: (one.group, one.priority))
    return tuple(_chosen(list(group), patient, own) for _, group in groupby(ordered, key=lambda one: one.group))


def _in_use(terminology: Terminology, entry: Entry) -> Entry:
    """A concept, or where it is retired and has no map itself, the one that now means the same."""
    seen = {entry.number}
    while not entry.active and not entry.maps and entry.replacement is not None:
        later = terminology.get(entry.replacement)
        if later is None or later.number in seen:
            break
        seen.add(later.number)
        entry = later
    return entry


def _chosen(rules: Sequence[Link], patient: Patient, own: str) -> MapTarget:
    """The target of the first rule that holds; open where a rule before it cannot be told and leads elsewhere."""
    possible, needs, settled = [], {}, False
    for rule in rules:
        missing = _missing(rule.rule, patient, own)
        if missing is not None:
            possible.append(rule)
            needs |= dict.fromkeys(missing)
            settled = not missing
        if settled:
            break
    codes = dict.fromkeys(rule.code for rule in possible)
    if settled and len(codes) == 1:
        last = possible[-1]
        return MapTarget(last.group, last.code, _advice(last), last.category, last.rule)
    options = tuple(code for code in codes if code is not None)
    return MapTarget(rules[0].group, None, category=rules[0].category, needs=tuple(needs), options=options)


def _missing(rule: str, patient: Patient, own: str) -> tuple[str, ...] | None:
    """What must be known to tell whether a rule holds: nothing when it does; None when it does not."""
    missing: dict[str, None] = {}
    for part in _AND.split(rule.strip()):
        holds = _holds(part, patient, own)
        if holds is False:
            return None
        if isinstance(holds, str):
            missing[holds] = None
    return tuple(missing)


def _holds(part: str, patient: Patient, own: str) -> bool | str:
    """Whether one condition holds, or the name of what is not known."""
    if part in ("TRUE", "OTHERWISE TRUE"):
        return True
    asked = _IFA.fullmatch(part)
    if asked is None:
        return f"someone to read the rule {part!r}"
    concept, name, sign, number, unit = asked.groups()
    if concept in SEXES:
        return "sex" if patient.sex is None else patient.sex == SEXES[concept]
    if concept in _AGES:
        return _aged(sign, number, unit, patient.age)
    if concept == own or (patient.findings is not None and concept in patient.findings):
        return True
    return f"whether SNOMED:{concept} {name}" if patient.findings is None else False


def _aged(sign: str | None, number: str, unit: str, age: float | None) -> bool | str:
    if sign is None:
        return "someone to read a rule of age without an age"
    return "age" if age is None else _COMPARED[sign](age * _IN_A_YEAR[unit], float(number))


def _advice(rule: Link) -> tuple[str, ...]:
    return tuple(part for part in (one.strip() for one in rule.advice.split("|")) if part)


def _whole(target: MapTarget, targets: Terminology | None) -> MapTarget:
    """A target that still lacks its seventh character says so, with those that exist when they can be looked up."""
    if target.code is None or len(target.code.code.replace(".", "")) >= _FULL:
        return target
    held = targets.get(target.code) if targets is not None else None
    if held is not None and held.billable:
        return target
    longer = _longer(target.code, targets) if targets is not None else ()
    if not longer and _EPISODE not in target.advice:
        return target
    return replace(target, needs=("the seventh character: which encounter",), options=longer)


def _longer(code: Code, targets: Terminology) -> tuple[Code, ...]:
    """The billable codes that are a code with its seventh character, unused places filled with X."""
    bare = code.code.replace(".", "").ljust(_FULL - 1, "X")
    made = (Code(code.system, f"{bare[:3]}.{bare[3:]}{last}") for last in _LAST)
    return tuple(one for one in made if (held := targets.get(one)) is not None and held.billable)


def _with_ancestors(terminology: Terminology, findings: Iterable[Code | str]) -> set[str]:
    """Findings and all that they are: a rule that asks for a fracture holds for one of the hip."""
    held: set[str] = set()
    for finding in findings:
        entry = terminology[finding]
        held |= {entry.code.code, *(one.code.code for one in entry.ancestors)}
    return held
