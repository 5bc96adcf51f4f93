"""Marks doses, routes, frequencies, durations and results, and joins each to what it belongs to.

A quantity is marked only beside a medication, problem or test of the same sentence, whoever found that; so numbers that
mean something else stay unmarked. The patterns are in `rules/quantities.yaml`.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from medtext.config import Table, read_yaml
from medtext.errors import ConfigError
from medtext.merging import merge_entities
from medtext.note import Note, Relation
from medtext.span import Source, Span

_KEYS = ("version", "parts", "rules")
_RULE_KEYS = ("label", "relation", "to", "reach", "between", "pattern")
_BREAK = re.compile(r"[,;\n]|\.\s|\band\b")
_DETOUR = 20  # characters that a comma, semicolon, stop, line break or "and" on the way counts as


@dataclass(frozen=True, slots=True)
class _Rule:
    """One kind of quantity: how it is written, what it belongs to, and how far away that may be."""

    label: str
    relation: str
    to: frozenset[str]
    reach: int
    pattern: re.Pattern[str]
    between: re.Pattern[str] | None


@dataclass(frozen=True, slots=True)
class _Found:
    """A quantity and the entity it belongs to."""

    start: int
    end: int
    rule: _Rule
    target: Span


class Quantities:
    """Adds `entity` spans DOSE, ROUTE, FREQUENCY, DURATION and VALUE, each with its relation to an entity.

    `rules` is your own file in the shape of the shipped one; a broken pattern raises ConfigError with file and line.
    """

    name = "quantities"
    needs = frozenset({"sentence", "entity"})
    adds = frozenset({"entity"})

    def __init__(self, *, rules: str | Path = "quantities") -> None:
        source = Path(rules) if str(rules).endswith((".yaml", ".yml")) else _shipped(str(rules))
        self._version, self._rules = _load(read_yaml(source))
        self._name = source.name.rpartition(".")[0]

    def __call__(self, note: Note) -> Note:
        found = list(self._found(note))
        by = Source(f"rule:{self._name}@{self._version}")
        joined = merge_entities(note, (Span(((one.start, one.end),), one.rule.label, sources=(by,)) for one in found))
        return joined.add(relations=_relations(joined, found, by))

    def _found(self, note: Note) -> Iterator[_Found]:
        entities = note.layer("entity")
        starts = [span.start for span in entities]
        for sentence in note.layer("sentence"):
            held = entities[bisect_left(starts, sentence.start) : bisect_left(starts, sentence.end)]
            if held:
                yield from _longest(self._within(note.text, sentence, held))

    def _within(self, text: str, sentence: Span, entities: tuple[Span, ...]) -> Iterator[tuple[int, _Found]]:
        """What the rules find in a sentence, with the rank of the rule; matches may overlap."""
        for rank, rule in enumerate(self._rules):
            targets = [span for span in entities if span.label in rule.to]
            if targets:
                starts = [span.start for span in targets]
                for match in rule.pattern.finditer(text, sentence.start, sentence.end):
                    target = _nearest(text, match, rule, targets, starts)
                    if target is not None:
                        yield rank, _Found(match.start(), match.end(), rule, target)

    def describe(self) -> dict[str, Any]:
        """The rules and their version."""
        return {"rules": f"{self._name}@{self._version}", "labels": sorted({rule.label for rule in self._rules})}


def _nearest(text: str, match: re.Match[str], rule: _Rule, targets: list[Span], starts: list[int]) -> Span | None:
    """The entity before or after a quantity that is nearer; the one before wins a tie."""
    start, end = match.span()
    at = bisect_left(starts, start)
    before = targets[at - 1] if at and targets[at - 1].end <= start else None
    after = targets[at] if at < len(targets) and targets[at].start >= end else None
    if rule.between is not None:
        fits = before is not None and start - before.end <= rule.reach
        return before if fits and rule.between.fullmatch(text, before.end, start) else None
    ways = [
        (_cost(text, before.end, start), 0, before) if before and start - before.end <= rule.reach else None,
        (_cost(text, end, after.start), 1, after) if after and after.start - end <= rule.reach else None,
    ]
    return min((way for way in ways if way), key=lambda way: way[:2], default=(0, 0, None))[2]


def _cost(text: str, start: int, end: int) -> int:
    return end - start + _DETOUR * sum(1 for _ in _BREAK.finditer(text, start, end))


def _longest(found: Iterable[tuple[int, _Found]]) -> list[_Found]:
    """Quantities that do not overlap: the longest first, then by rank of the rule, then by place."""
    kept: list[_Found] = []
    taken: set[int] = set()
    for _, one in sorted(found, key=lambda item: (item[1].start - item[1].end, item[0], item[1].start)):
        if taken.isdisjoint(range(one.start, one.end)):
            taken.update(range(one.start, one.end))
            kept.append(one)
    return kept


def _relations(note: Note, found: Iterable[_Found], by: Source) -> list[Relation]:
    """A relation for each quantity that is in the note, and its target still is, unless it stands there already."""
    ids = {(span.at, span.label): span.id for span in note.layer("entity")}
    known = {(one.type, one.source, one.target) for one in note.relations}
    wanted = [
        (
            one.rule.relation,
            ids.get((((one.start, one.end),), one.rule.label)),
            ids.get((one.target.at, one.target.label)),  # not its id: where it was overruled, another may have that now
        )
        for one in sorted(found, key=lambda one: one.start)
    ]
    return [
        Relation(kind, source, target, sources=(by,))
        for kind, source, target in dict.fromkeys(wanted)
        if source and target and (kind, source, target) not in known
    ]


def _shipped(name: str) -> Any:
    return files("medtext.stages.rules").joinpath(f"{name}.yaml")


def _load(top: Table) -> tuple[str, tuple[_Rule, ...]]:
    top.allow(_KEYS, "quantity rules")
    parts: dict[str, str] = {}
    for name, part in top.get_typed("parts", dict, {}).items():
        parts[name] = _filled(_words(part) if isinstance(part, list) else part, parts, top.file)
    rules = top.get_typed("rules", list, [])
    if not all(isinstance(entry, Table) for entry in rules):
        raise ConfigError(f"{top.where('rules')}: each rule is a mapping with {', '.join(_RULE_KEYS)}.")
    return top.get_typed("version", str), tuple(_rule(entry, parts) for entry in rules)


def _rule(entry: Table, parts: dict[str, str]) -> _Rule:
    entry.allow(_RULE_KEYS, "a quantity rule")
    for key in ("label", "relation", "to", "pattern"):
        if key not in entry:
            raise ConfigError(f"{entry.where()}: a quantity rule needs {key!r}.")
    return _Rule(
        entry.get_typed("label", str),
        entry.get_typed("relation", str),
        frozenset(entry.get_typed("to", list)),
        entry.get_typed("reach", int, 60),
        _compiled(entry, "pattern", parts),
        _compiled(entry, "between", parts) if "between" in entry else None,
    )


def _compiled(entry: Table, key: str, parts: dict[str, str]) -> re.Pattern[str]:
    pattern = _filled(entry.get_typed(key, str), parts, entry.where(key))
    try:
        return re.compile(pattern, re.IGNORECASE | re.VERBOSE)
    except re.error as error:
        raise ConfigError(f"{entry.where(key)}: {key!r} is no regular expression: {error}.") from error


def _words(words: list[str]) -> str:
    longest_first = sorted(map(str, words), key=len, reverse=True)
    return "|".join(re.escape(word).replace(r"\ ", r"\s+") for word in longest_first)


def _filled(pattern: str, parts: dict[str, str], where: str) -> str:
    """A pattern with its <parts> put in."""
    for name in re.findall(r"<([a-z_]+)>", pattern):
        if name not in parts:
            raise ConfigError(f"{where}: unknown part <{name}>. Parts: {', '.join(parts)}")
        pattern = pattern.replace(f"<{name}>", f"(?:{parts[name]})")
    return pattern
