"""The ways to read a mention, and how what stands beside it in a note speaks for or against a candidate."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from medtext.terminology.drugs import DrugContext, drug_rules
from medtext.terminology.labs import LabContext, lab_rules

_SHORT = 6  # characters of the longest abbreviation

Senses = Callable[[str], Iterable[str]]
Told = LabContext | DrugContext | None


@dataclass(frozen=True, slots=True)
class Context:
    """What a note says of a mention beside it. All of it is optional, and words of the mention itself go first.

    `specimen` (urine, CSF), `unit` of the result, `panel` (the heading of a group of tests), `timing` (fasting, 2 hours
    post) and `method` (dipstick) help to choose among tests; `strength` (40 mg) and `form` (tablet, IV) among drugs.
    """

    specimen: str = ""
    unit: str = ""
    panel: str = ""
    timing: str = ""
    method: str = ""
    strength: str = ""
    form: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read a mention: `match` is what an exact hit of it is called."""

    text: str
    match: str


class MentionReader:
    """Reads mentions in the words of a code system; `abbreviations` gives the long forms of a short one."""

    def __init__(self, abbreviations: Senses | None = None) -> None:
        self._senses = abbreviations
        self._labs, self._drugs = lab_rules(), drug_rules()
        self._lab_name = lru_cache(maxsize=1 << 14)(self._labs.parse)
        self._drug_name = lru_cache(maxsize=1 << 14)(self._drugs.parse)

    def __reduce__(self) -> tuple[Any, ...]:
        return MentionReader, (self._senses,)

    def read(self, mention: str, system: str, context: Context) -> tuple[list[Reading], Told]:
        """The ways to read a mention, the surest first, each text once; and what its context says."""
        told: Told = None
        spellings: list[str] = []
        if system == "LOINC":
            beside = {key: getattr(context, key) for key in ("specimen", "unit", "panel", "timing", "method")}
            spellings, told = self._labs.read(mention, **beside)
        elif system == "RXNORM":
            spellings, told = self._drugs.read(mention, strength=context.strength, form=context.form)
        readings = [Reading(mention, "exact"), *(Reading(one, "normalised") for one in spellings)]
        readings += [Reading(one, "abbreviation") for one in self._expanded(mention)]
        return list({reading.text.lower(): reading for reading in reversed(readings)}.values())[::-1], told

    def features(self, name: str, told: Told) -> Iterator[tuple[str, float]]:
        """How the official name of a candidate fits the context."""
        if isinstance(told, LabContext):
            yield from self._labs.features(self._lab_name(name), told)
        elif isinstance(told, DrugContext):
            yield from self._drugs.features(self._drug_name(name), told)

    def _expanded(self, mention: str) -> Iterator[str]:
        """The mention with its abbreviations written out, one sense at a time."""
        if self._senses is None:
            return
        words = mention.split()
        for at, word in enumerate(words):
            bare = word.strip(".,;:()")
            if 1 < len(bare) <= _SHORT and (len(words) == 1 or bare.isupper()):
                for sense in self._senses(bare):
                    yield " ".join([*words[:at], sense, *words[at + 1 :]])


def is_contextual(system: str) -> bool:
    """Whether what stands beside a mention chooses among the codes of a system."""
    return system in ("LOINC", "RXNORM")


def is_thorough(told: Told) -> bool:
    """Whether all ways are tried: where one name is shared by many codes, and the context has to choose."""
    return isinstance(told, LabContext) or (isinstance(told, DrugContext) and bool(told.strengths))
