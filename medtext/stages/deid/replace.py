"""What stands in a note where an identifier was: by policy kept, generalised, tagged, masked, moved or made up.

Tags are numbered in order of appearance, so they do not depend on a hash seed. The same person keeps one number; two
people never share one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from medtext.stages.deid.arbitrate import Finding
from medtext.stages.deid.dates import shifted, year_of
from medtext.stages.deid.lexicon import Lexicon
from medtext.stages.deid.persons import ROLES, persons
from medtext.stages.deid.surrogate import Surrogates
from medtext.taxonomy import Policy

_DIGITS = re.compile(r"\d")


@dataclass(frozen=True, slots=True)
class Replacer:
    """Turns findings into replacements. `secret` makes surrogates and shifts possible."""

    policy: Policy
    lexicon: Lexicon = field(repr=False)
    restricted_zips: frozenset[str] = field(repr=False)
    birth_years_kept_from: int
    instead_of_tags: str = "tag"
    surrogates: Surrogates | None = field(default=None, repr=False)

    def replacements(self, text: str, findings: Sequence[Finding], *, patient: str) -> list[str | None]:
        """One replacement for each finding, in order; None where the policy keeps it, "" where it goes.

        `patient` says whose dates move together.
        """
        numbers = _numbers(text, findings, self.lexicon)
        made = _Made(self.surrogates, patient, {})
        return [
            self._one(text[one.start : one.end], one, number, made)
            for one, number in zip(findings, numbers, strict=True)
        ]

    def action(self, label: str) -> str:
        """What is done with a label: the policy's word, `instead_of_tags` where it says tag."""
        action = self.policy.action(label)
        return self.instead_of_tags if action == "tag" else action

    def _one(self, quote: str, one: Finding, number: tuple[str, int], made: _Made) -> str | None:
        action = self.action(one.label)
        tag = "[{}-{}]".format(*number)
        if action == "keep":
            return None
        if action == "remove":
            return ""
        if action == "mask":
            return "X" * len(quote)
        if action == "generalise":
            return self._general(quote, one, tag)
        if action == "shift" or (action == "surrogate" and one.label == "DATE"):
            return made.shifted(quote) if one.label == "DATE" else None
        if action == "surrogate":
            return made.surrogate(quote, number)
        return tag

    def _general(self, quote: str, one: Finding, tag: str) -> str:
        rule: Callable[[str], str | None] | None = {"DATE": self._year, "AGE": _old, "ZIP": self._zip}.get(one.label)
        return (rule(quote) if rule else None) or tag

    def _year(self, quote: str) -> str | None:
        """The year alone, unless it tells an age over 89."""
        year = year_of(quote)
        return str(year) if year and year >= self.birth_years_kept_from else None

    def _zip(self, quote: str) -> str | None:
        digits = "".join(_DIGITS.findall(quote))[:3]
        return "000" if digits in self.restricted_zips else digits


def _old(quote: str) -> str:
    return "90+"


def _numbers(text: str, findings: Sequence[Finding], lexicon: Lexicon) -> list[tuple[str, int]]:
    """Label and number of each finding's tag: by person for names, by spelling for everything else."""
    people = persons(text, findings, lexicon)
    seen: dict[tuple[str, object], int] = {}
    counts: dict[str, int] = {}
    out = []
    for at, one in enumerate(findings):
        label, key = people[at] if one.label in ROLES else (one.label, _spelling(text[one.start : one.end]))
        if (label, key) not in seen:
            counts[label] = seen[label, key] = counts.get(label, 0) + 1
        out.append((label, seen[label, key]))
    return out


def _spelling(quote: str) -> str:
    return " ".join(quote.casefold().split())


@dataclass(frozen=True, slots=True)
class _Made:
    """The surrogates of one note: who has which, so that no two share one."""

    source: Surrogates | None
    patient: str
    taken: dict[str, tuple[str, int]]

    def shifted(self, quote: str) -> str | None:
        done = shifted(quote, self.source.days(self.patient)) if self.source else None
        return done if done is not None else "[DATE]"

    def surrogate(self, quote: str, owner: tuple[str, int]) -> str:
        if self.source is None:
            return "[{}-{}]".format(*owner)
        return self.source.of(quote, owner, self.taken)
