"""What stands in a note where an identifier was: by policy kept, generalised, tagged, masked, moved or made up.

Tags are numbered in order of appearance, so they do not depend on a hash seed. The same person keeps one number; two
people never share one. What an action cannot do for a value (a date that is not understood) becomes a tag.

Three ways to make values up. When a few identifiers are missed, they stand among made-up ones, and what gives them
away is that they do not behave alike:

- `surrogate`: one value, one surrogate, in every note of the patient. The text stays coherent, but a name that was
  missed once stands out, since its other mentions all became one other name: consistent surrogates leak most.
- `random`: each mention gets another, under a secret of the run that nobody keeps. It leaks least and destroys who is
  who; the same run twice gives two texts. Dates of a patient still move together, within one process.
- `markov`: along the mentions of one person the last surrogate is kept with probability 0.7, else a new one is drawn.
  A missed mention looks like one more change of name; the text stays half coherent. The idea and the measured leak are
  of "BRATsynthetic: Text De-identification using a Markov Chain Replacement Strategy for Surrogate Personal Identifying
  Information" (Osborne and others, 2022); the defence as such of "Hiding in plain sight: use of realistic surrogates to
  reduce exposure of protected health information in clinical text" (Carrell and others, 2013).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from medtext.stages.deid.arbitrate import Finding
from medtext.stages.deid.dates import year_of
from medtext.stages.deid.lexicon import Lexicon
from medtext.stages.deid.persons import NAME_PART, ROLES, persons
from medtext.stages.deid.shift import shifted
from medtext.stages.deid.surrogate import Request, Surrogates
from medtext.taxonomy import Policy

STAYS = 0.7  # how often a chain keeps the surrogate of the mention before
_MADE = ("surrogate", "shift", "random", "markov")


@dataclass(frozen=True, slots=True)
class Value:
    """One identifier of a note: its text, its label, whose it is, and the tag that may stand for it.

    `year` is that of a date which states none, from the dates around it; `aged` says that the note tells an age over
    89; `parts` are all parts of a person's names.
    """

    quote: str = field(repr=False)
    label: str
    owner: tuple[str, int]
    year: int | None = None
    aged: bool = False
    parts: frozenset[str] = field(default=frozenset(), repr=False)

    @property
    def tag(self) -> str:
        """[PATIENT-1]"""
        return f"[{self.owner[0]}-{self.owner[1]}]"


@dataclass(slots=True)
class _Held:
    """What is known while one note is replaced: its own values, the surrogates given, and where each chain stands."""

    patient: str
    note: str
    originals: frozenset[str] = field(repr=False)
    taken: dict[str, tuple[str, int]] = field(default_factory=dict, repr=False)
    chains: dict[tuple[str, int], tuple[int, int]] = field(default_factory=dict)

    def tweak(self, owner: tuple[str, int], action: str, source: Surrogates) -> str:
        """Which of an owner's surrogates comes next: ever the same, ever another, or mostly the one before."""
        if action == "surrogate":
            return ""
        mention, state = self.chains.get(owner, (0, 0))
        stays = action == "markov" and mention and source.below(STAYS, self.patient, self.note, *owner, mention)
        state = state if stays else mention
        self.chains[owner] = mention + 1, state
        return f"{self.note}|{state}"


class Replacer:
    """Turns findings into replacements.

    `surrogates` holds the secret that made-up values and shifts need, `fresh` one of this run alone, for `random`.
    """

    def __init__(
        self,
        policy: Policy,
        lexicon: Lexicon,
        *,
        restricted_zips: frozenset[str],
        first_kept_year: int,
        instead_of_tags: str = "tag",
        surrogates: Surrogates | None = None,
        fresh: Surrogates | None = None,
    ) -> None:
        self.policy, self.instead_of_tags = policy, instead_of_tags
        self._lexicon, self._surrogates, self._fresh = lexicon, surrogates, fresh
        self._restricted_zips, self._first_kept_year = restricted_zips, first_kept_year
        self._general: Mapping[str, Callable[[Value], str | None]] = {
            "DATE": self._year,
            "AGE": _old,
            "ZIP": self._area,
        }

    def action(self, label: str) -> str:
        """What is done with a label: the policy's word, `instead_of_tags` where it says tag."""
        action = self.policy.action(label)
        return self.instead_of_tags if action == "tag" else action

    def replacements(self, text: str, findings: Sequence[Finding], *, patient: str, note: str = "") -> list[str]:
        """One replacement for each finding, in order, "" where it goes.

        `patient` says whose dates move together and whose names agree, `note` which note's chains begin anew.
        """
        values = _values(text, findings, self._lexicon)
        held = _Held(patient, note, _originals(values))
        return [self._replacement(value, held) for value in values]

    def _replacement(self, value: Value, held: _Held) -> str:
        action = self.action(value.label)
        if action in ("remove", "mask"):
            return "X" * len(value.quote) if action == "mask" else ""
        made: str | None = None
        if action == "generalise" and value.label in self._general:
            made = self._general[value.label](value)
        elif action in _MADE:
            made = self._made(value, action, held)
        return value.tag if made is None else made

    def _made(self, value: Value, action: str, held: _Held) -> str | None:
        source = self._fresh if action == "random" else self._surrogates
        if source is None:
            return None
        if value.label == "DATE":
            return shifted(value.quote, source.days(held.patient), year=value.year)
        tweak = held.tweak(value.owner, action, source)
        asked = Request(value.quote, value.label, value.owner, held.patient, tweak, value.parts)
        return source.of(asked, held.taken, held.originals)

    def _year(self, value: Value) -> str | None:
        """The year alone, unless it tells an age over 89: in a note that tells one, 3/4/24 may be of 1924."""
        year = year_of(value.quote)
        if year and value.aged and str(year) not in value.quote and 1900 + year % 100 < self._first_kept_year:
            return None
        return str(year) if year and year >= self._first_kept_year else None

    def _area(self, value: Value) -> str | None:
        """The first three digits of a ZIP code, or 000 where few people live behind them; None for other codes."""
        quote = value.quote
        digits = "".join(one for one in quote if one.isdigit())
        area = digits[:3]
        if len(digits) not in (5, 9) or any(one.isalpha() for one in quote):
            return None
        return "000" if area in self._restricted_zips else area


def _values(text: str, findings: Sequence[Finding], lexicon: Lexicon) -> list[Value]:
    owners, years = _owners(text, findings, lexicon), _years(text, findings)
    aged = any(one.label == "AGE" for one in findings)
    parts: dict[tuple[str, int], set[str]] = {}
    for one, owner in zip(findings, owners, strict=True):
        if one.label in ROLES:
            parts.setdefault(owner, set()).update(map(str.casefold, NAME_PART.findall(text[one.start : one.end])))
    return [
        Value(text[one.start : one.end], one.label, owner, year, aged, frozenset(parts.get(owner, ())))
        for one, owner, year in zip(findings, owners, years, strict=True)
    ]


def _years(text: str, findings: Sequence[Finding]) -> list[int | None]:
    """For each finding the year of the date before it that states one, else of the first that does."""
    stated = [year_of(text[one.start : one.end]) if one.label == "DATE" else None for one in findings]
    first = next((year for year in stated if year), None)
    return [last or first for last in accumulate(stated, lambda last, year: year or last)]


def _originals(values: Sequence[Value]) -> frozenset[str]:
    """The values of a note and the parts of its names, in small letters: no surrogate may be one of them."""
    return frozenset(value.quote.casefold() for value in values).union(*(value.parts for value in values))


def _old(value: Value) -> str:
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
