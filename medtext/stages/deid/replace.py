"""What stands in a note where an identifier was: by policy kept, generalised, tagged, masked, moved or made up.

Tags are numbered in order of appearance, so they do not depend on a hash seed. The same person keeps one number; two
people never share one. What an action cannot do for a value (a date that is no whole date) becomes a tag.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from medtext.stages.deid.arbitrate import Finding
from medtext.stages.deid.dates import shifted, year_of
from medtext.stages.deid.lexicon import Lexicon
from medtext.stages.deid.persons import ROLES, persons
from medtext.stages.deid.surrogate import Surrogates
from medtext.taxonomy import Policy


@dataclass(frozen=True, slots=True)
class Value:
    """One identifier of a note: its text, its label, whose it is, and the tag that may stand for it."""

    quote: str
    label: str
    owner: tuple[str, int]

    @property
    def tag(self) -> str:
        """[PATIENT-1]"""
        return f"[{self.owner[0]}-{self.owner[1]}]"


class Replacer:
    """Turns findings into replacements. `surrogates` holds the secret that made-up values and shifts need."""

    def __init__(
        self,
        policy: Policy,
        lexicon: Lexicon,
        *,
        restricted_zips: frozenset[str],
        first_kept_year: int,
        instead_of_tags: str = "tag",
        surrogates: Surrogates | None = None,
    ) -> None:
        self.policy, self.instead_of_tags = policy, instead_of_tags
        self._lexicon, self._surrogates = lexicon, surrogates
        self._restricted_zips, self._first_kept_year = restricted_zips, first_kept_year
        self._general: Mapping[str, Callable[[str], str | None]] = {"DATE": self._year, "AGE": _old, "ZIP": self._area}

    def action(self, label: str) -> str:
        """What is done with a label: the policy's word, `instead_of_tags` where it says tag."""
        action = self.policy.action(label)
        return self.instead_of_tags if action == "tag" else action

    def replacements(self, text: str, findings: Sequence[Finding], *, patient: str) -> list[str]:
        """One replacement for each finding, in order, "" where it goes. `patient` says whose dates move together."""
        taken: dict[str, tuple[str, int]] = {}
        owners = _owners(text, findings, self._lexicon)
        values = (
            Value(text[one.start : one.end], one.label, owner) for one, owner in zip(findings, owners, strict=True)
        )
        return [self._replacement(value, patient, taken) for value in values]

    def _replacement(self, value: Value, patient: str, taken: dict[str, tuple[str, int]]) -> str:
        action = self.action(value.label)
        if action in ("remove", "mask"):
            return "X" * len(value.quote) if action == "mask" else ""
        made: str | None = None
        if action == "generalise" and value.label in self._general:
            made = self._general[value.label](value.quote)
        elif action in ("surrogate", "shift") and value.label == "DATE" and self._surrogates:
            made = shifted(value.quote, self._surrogates.days(patient))
        elif action == "surrogate" and self._surrogates:
            made = self._surrogates.of(value.quote, value.label, value.owner, taken)
        return value.tag if made is None else made

    def _year(self, quote: str) -> str | None:
        """The year alone, unless it tells an age over 89."""
        year = year_of(quote)
        return str(year) if year and year >= self._first_kept_year else None

    def _area(self, quote: str) -> str | None:
        """The first three digits of a ZIP code, or 000 where few people live behind them."""
        area = "".join(one for one in quote if one.isdigit())[:3]
        return "000" if area in self._restricted_zips else area


def _old(quote: str) -> str:
    return "90+"


def _owners(text: str, findings: Sequence[Finding], lexicon: Lexicon) -> list[tuple[str, int]]:
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
