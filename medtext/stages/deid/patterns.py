"""The patterns of identifiers: `rules/identifiers.yaml` compiled, and tried only where they can begin.

A pattern is tried at certain words, at runs of digits, or over the whole text when a sign of it is there; that keeps
sixty patterns near the price of one. Named groups are findings; their names are labels.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.resources import files

from medtext.config import Table, read_yaml
from medtext.errors import ConfigError
from medtext.stages.deid.arbitrate import Finding
from medtext.stages.deid.dates import is_date
from medtext.stages.deid.tokens import Tokens

_TOP_KEYS = (
    "version",
    "restricted_zips",
    "entities",
    "columns",
    "parts",
    "rules",
    "institutions",
    "towns",
)
_RULE_KEYS = ("at", "pattern", "score", "check", "only_if")
_PART = re.compile(r"%([a-z]+)%")
_PLACES = ("number", "scan")


@dataclass(frozen=True, slots=True)
class Rule:
    """One pattern, where it is tried, and what its findings must pass."""

    name: str
    pattern: re.Pattern[str] = field(repr=False)
    at: tuple[str, ...] | str
    score: float
    groups: tuple[tuple[int, str], ...]
    check: Callable[[str], bool] | None = field(default=None, repr=False)
    only_if: tuple[str, ...] = ()

    def findings(self, match: re.Match[str]) -> Iterator[Finding]:
        """One finding for each labelled group that took part and passes the check."""
        for group, label in self.groups:
            start, end = match.span(group)
            if start >= 0 and (self.check is None or self.check(match.group(group))):
                yield Finding(start, end, label, self.score, self.name)


@dataclass(frozen=True, slots=True)
class Patterns:
    """All rules, sorted by where they are tried."""

    version: str
    table: Table = field(repr=False)
    rules: tuple[Rule, ...] = field(repr=False)
    by_word: dict[str, tuple[Rule, ...]] = field(repr=False)
    at_numbers: tuple[Rule, ...] = field(repr=False)
    over_text: tuple[Rule, ...] = field(repr=False)

    @classmethod
    def load(cls, labels: frozenset[str]) -> Patterns:
        """The patterns that ship; raises ConfigError with file and line for a rule that cannot be right."""
        top = read_yaml(files("medtext.stages.rules").joinpath("identifiers.yaml")).allow(_TOP_KEYS, "the identifiers")
        parts = _expanded(top.get_typed("parts", dict, {}))
        rules = tuple(_rule(name, entry, parts, labels) for name, entry in top.tables("rules").items())
        by_word: dict[str, list[Rule]] = {}
        for rule in rules:
            for word in rule.at if isinstance(rule.at, tuple) else ():
                by_word.setdefault(word, []).append(rule)
        return cls(
            version=str(top.get("version", "1")),
            table=top,
            rules=rules,
            by_word={word: tuple(held) for word, held in by_word.items()},
            at_numbers=tuple(rule for rule in rules if rule.at == "number"),
            over_text=tuple(rule for rule in rules if rule.at == "scan"),
        )

    def find(self, text: str, tokens: Tokens) -> Iterator[Finding]:
        """What the patterns find, overlapping findings included."""
        by_word, at_numbers = self.by_word, self.at_numbers
        for start, word in zip(tokens.starts, tokens.lower, strict=True):
            rules = at_numbers if word[0].isdigit() else by_word.get(word, ())
            for rule in rules:
                match = rule.pattern.match(text, start)
                if match:
                    yield from rule.findings(match)
        low = text.lower()
        for rule in self.over_text:
            if not rule.only_if or any(sign in low for sign in rule.only_if):
                for match in rule.pattern.finditer(text):
                    yield from rule.findings(match)


def _expanded(parts: Table) -> dict[str, str]:
    """Each part with the parts above it put in."""
    done: dict[str, str] = {}
    for name in parts:
        done[name] = _put_in(parts.get_typed(name, str, ""), done, parts.where(name))
    return done


def _put_in(pattern: str, parts: dict[str, str], where: str) -> str:
    def part(match: re.Match[str]) -> str:
        if match[1] not in parts:
            raise ConfigError(f"{where}: unknown part %{match[1]}%. Parts: {', '.join(parts)}")
        return parts[match[1]]

    return _PART.sub(part, pattern)


def loosened(pattern: str) -> str:
    """The pattern with two blanks wherever it takes one, outside brackets and looks behind: scans double them."""
    out, at, behind = [], 0, 0
    while at < len(pattern):
        if pattern.startswith(("(?<!", "(?<="), at) or (behind and pattern[at] == "("):
            behind += 1
        elif behind and pattern[at] == ")":
            behind -= 1
        step = 2 if pattern[at] == "\\" else _class_end(pattern, at) - at if pattern[at] == "[" else 1
        piece, after = pattern[at : at + step], pattern[at + step : at + step + 1]
        if piece == r"\s" and not behind and after not in ("{", "*", "+"):
            piece, step = (r"\s{0,2}", step + 1) if after == "?" else (r"\s{1,2}", step)
        out.append(piece)
        at += step
    return "".join(out)


def _class_end(pattern: str, at: int) -> int:
    """Where the brackets end that open there."""
    at += 2 if pattern[at + 1 : at + 2] == "]" else 1
    while pattern[at] != "]":
        at += 2 if pattern[at] == "\\" else 1
    return at + 1


def _rule(name: str, entry: Table, parts: dict[str, str], labels: frozenset[str]) -> Rule:
    entry.allow(_RULE_KEYS, f"identifier rule {name}")
    where = entry.where("pattern")
    try:
        written = _put_in(entry.get_typed("pattern", str, ""), parts, where)
        re.compile(written, re.IGNORECASE)
        pattern = re.compile(loosened(written), re.IGNORECASE)
    except re.error as error:
        raise ConfigError(f"{where}: the pattern of {name} cannot be compiled: {error}.") from None
    groups = tuple(
        (number, re.sub(r"_\d+$", "", group)) for group, number in pattern.groupindex.items() if group != "sep"
    )
    for _, label in groups:
        if label not in labels:
            raise ConfigError(f"{where}: {label!r} is no identifier. Identifiers: {', '.join(sorted(labels))}")
    if not groups:
        raise ConfigError(f"{where}: the pattern of {name} names no identifier: write (?P<MRN>…).")
    check = entry.get_typed("check", str, "")
    if check and check not in CHECKS:
        raise ConfigError(f"{entry.where('check')}: unknown check {check!r}. Checks: {', '.join(sorted(CHECKS))}")
    at = entry.get("at")
    if isinstance(at, list) and all(isinstance(word, str) for word in at):
        at = tuple(word.replace("’", "'") for word in at)
    elif at not in _PLACES:
        raise ConfigError(f"{entry.where('at')}: 'at' must be number, scan, or a list of words.")
    return Rule(
        name,
        pattern,
        at=at,
        score=float(entry.get_typed("score", (int, float), 0.8)),
        groups=groups,
        check=CHECKS.get(check),
        only_if=tuple(sign.lower() for sign in entry.get_typed("only_if", list, [])),
    )


def is_luhn(text: str) -> bool:
    """Whether the digits end in the check digit that cards and NPIs carry (ISO/IEC 7812-1, annex B)."""
    digits = [int(one) for one in text if one.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return len(digits) > 1 and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def is_npi(text: str) -> bool:
    """Whether ten digits are a National Provider Identifier: Luhn behind the prefix 80840."""
    return len(text) == 10 and is_luhn("80840" + text)


def is_dea(text: str) -> bool:
    """Whether two letters and seven digits carry the check digit of a DEA number."""
    digits = [int(one) for one in text if one.isdigit()]
    return len(digits) >= 7 and (sum(digits[-7:-1:2]) + 2 * sum(digits[-6:-1:2])) % 10 == digits[-1]


_VIN_VALUES = dict(
    zip("ABCDEFGHJKLMNPRSTUVWXYZ0123456789", [*range(1, 9), *range(1, 6), 7, 9, *range(2, 10), *range(10)], strict=True)
)
_VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)


def is_vin(text: str) -> bool:
    """Whether 17 characters carry the check digit of a vehicle identification number (49 CFR 565.15)."""
    values = [_VIN_VALUES.get(one) for one in text.upper()]
    if len(values) != 17 or None in values:
        return False
    rest = sum(value * weight for value, weight in zip(values, _VIN_WEIGHTS, strict=True)) % 11
    return text[8].upper() == ("X" if rest == 10 else str(rest))


CHECKS: dict[str, Callable[[str], bool]] = {
    "luhn": is_luhn,
    "npi": is_npi,
    "dea": is_dea,
    "vin": is_vin,
    "date": is_date,
}
