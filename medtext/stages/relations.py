"""Joins doses, routes, frequencies, durations and results to what they belong to, whoever marked them.

Every pair in a sentence gets a probability from a few traits of what stands between its two ends: a logistic regression
whose weights lie in `rules/relations.yaml`, fitted by `medtext.training.relations` and yours to fit anew. The likeliest
target is taken from `least` on, any further one from `sure` on ("ranges of 5 and 7 in A and B").
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from medtext.config import Table, read_yaml
from medtext.errors import ConfigError
from medtext.note import Note, Relation
from medtext.span import Source, Span
from medtext.taxonomy import RelationType, Taxonomy

_KEYS = ("version", "least", "sure", "traits", "rules")
_RULE_KEYS = ("relations", "before", "after", "constant")
_SIDES = ("before", "after")  # where the target stands, seen from the quantity
_COUNTED = ("gap", "same", "rivals", "others")
_FAR = 400  # characters between two ends, beyond which nothing is joined


@dataclass(frozen=True, slots=True)
class Pair:
    """A quantity and something it may belong to: the text between them and the labels of the entities there."""

    quantity: Span
    target: Span
    between: str
    passed: tuple[str, ...]
    words: str

    @property
    def side(self) -> str:
        """Whether the target stands before or after the quantity."""
        return "before" if self.target.start <= self.quantity.start else "after"


@dataclass(frozen=True, slots=True)
class Traits:
    """What is looked at in a pair: counts, and patterns over the text between (`between`) or the quantity (`words`)."""

    between: Mapping[str, re.Pattern[str]]
    words: Mapping[str, re.Pattern[str]]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all traits, in order."""
        return (*_COUNTED, "nearest", *self.between, *self.words)

    def of(self, pair: Pair) -> dict[str, float]:
        """The value of each trait that is not 0."""
        rivals = pair.passed.count(pair.target.label)
        same = pair.passed.count(pair.quantity.label)
        others = len(pair.passed) - rivals - same
        found = {"gap": math.log1p(len(pair.between)), "same": same, "rivals": rivals, "others": others}
        found["nearest"] = float(not rivals)
        found |= {name: len(pattern.findall(pair.between)) for name, pattern in self.between.items()}
        found |= {name: bool(pattern.search(pair.words)) for name, pattern in self.words.items()}
        return {name: float(value) for name, value in found.items() if value}


@dataclass(frozen=True, slots=True)
class Scorer:
    """The weights of the traits, by side, and a constant by side: gives the probability of a pair."""

    weights: Mapping[str, Mapping[str, float]]
    constant: Mapping[str, float]

    def probability(self, side: str, traits: Mapping[str, float]) -> float:
        """How likely a pair is, from its traits."""
        weights = self.weights[side]
        total = self.constant[side] + sum(weights[name] * value for name, value in traits.items())
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, total))))


class Relations:
    """Adds relations such as dose_of from each DOSE, ROUTE, FREQUENCY, DURATION and VALUE that has none of its own.

    `taxonomy` says from which labels to which they lead; `rules` is your own file in the shape of the shipped one.
    Relations that are there stay, and a rejected span gets none. Raises ConfigError, with file and line, for rules that
    cannot be right.
    """

    name = "relations"
    needs = frozenset({"sentence", "entity"})
    adds = frozenset({"relation"})

    def __init__(self, *, rules: str | Path = "relations", taxonomy: str | Path = "clinical") -> None:
        own = str(rules).endswith((".yaml", ".yml"))
        source = Path(rules) if own else files("medtext.stages.rules").joinpath(f"{rules}.yaml")
        top = read_yaml(source)
        top.allow(_KEYS, "relation rules")
        self._rules = f"{source.name.rpartition('.')[0]}@{top.get_typed('version', str)}"
        self._least, self._sure = (_probability(top, key) for key in ("least", "sure"))
        self.traits = _traits(top)
        self._scorers = dict(_scorers(top, self.traits))
        self._kinds = _kinds(Taxonomy.load(taxonomy), self._scorers, top)

    def __call__(self, note: Note) -> Note:
        by = f"rule:{self._rules}"
        joined = {(one.type, one.source) for one in note.relations}
        found = [
            Relation(kind, pair.quantity.id, pair.target.id, score=score, sources=(Source(by, score),))
            for kind, pair, score in self._chosen(note)
            if (kind, pair.quantity.id) not in joined
        ]
        return note.add(relations=found) if found else note

    def _chosen(self, note: Note) -> Iterator[tuple[str, Pair, float]]:
        for kind, pairs in candidates(note, self._kinds):
            scorer = self._scorers[kind]
            scored = [(scorer.probability(pair.side, self.traits.of(pair)), pair) for pair in pairs]
            best = max(score for score, _ in scored)
            for score, pair in scored:
                if score >= self._sure or (score == best and score >= self._least):
                    yield kind, pair, round(score, 4)

    def describe(self) -> dict[str, Any]:
        """The rules and their version, the relations they give, and from which probability on."""
        about = {"relations": sorted(self._scorers), "least": self._least, "sure": self._sure}
        return {"rules": self._rules, **about}


def candidates(note: Note, kinds: Mapping[str, RelationType]) -> Iterator[tuple[str, list[Pair]]]:
    """For each span that may have a relation its kind, and the pairs with all targets of its sentence, nearest first.

    `kinds` says from which labels to which each relation leads, as a taxonomy does.
    """
    entities = [span for span in note.layer("entity") if span.status != "rejected"]
    starts = [span.start for span in entities]
    sentences = note.layer("sentence")
    bounds = [sentence.start for sentence in sentences]
    for quantity in entities:
        at = bisect_right(bounds, quantity.start) - 1
        wanted = [(kind, one.target) for kind, one in kinds.items() if quantity.label in one.source]
        if at < 0 or not wanted:
            continue
        held = entities[bisect_left(starts, sentences[at].start) : bisect_left(starts, sentences[at].end)]
        for kind, targets in wanted:
            pairs = (_pair(note.text, quantity, one, held) for one in held if one.label in targets)
            near = sorted((pair for pair in pairs if len(pair.between) <= _FAR), key=lambda pair: len(pair.between))
            if near:
                yield kind, near


def _pair(text: str, quantity: Span, target: Span, entities: Sequence[Span]) -> Pair:
    first, second = (target, quantity) if target.start <= quantity.start else (quantity, target)
    between = text[first.end : second.start]
    passed = tuple(one.label for one in entities if first.end <= one.start and one.end <= second.start)
    return Pair(quantity, target, between, passed, text[quantity.start : quantity.end])


def _probability(top: Table, key: str) -> float:
    value = top.get_typed(key, (int, float), 0.5)
    if not 0 <= value <= 1:
        raise ConfigError(f"{top.where(key)}: {key!r} must be a number from 0 to 1.")
    return float(value)


def _traits(top: Table) -> Traits:
    groups = top.tables("traits")
    for name, group in groups.items():
        if name not in ("between", "words"):
            raise ConfigError(f"{top.where('traits')}: unknown traits {name!r}. Known: between, words")
        for trait, pattern in group.items():
            _compiled(group, trait, pattern)
    made = {name: {one: _compiled(group, one, group[one]) for one in group} for name, group in groups.items()}
    return Traits(made.get("between", {}), made.get("words", {}))


def _compiled(group: Table, name: str, pattern: Any) -> re.Pattern[str]:
    try:
        return re.compile(pattern, re.IGNORECASE)
    except (re.error, TypeError):
        raise ConfigError(f"{group.where(name)}: {name!r} is no regular expression.") from None


def _scorers(top: Table, traits: Traits) -> Iterator[tuple[str, Scorer]]:
    rules = top.get_typed("rules", list, [])
    if not all(isinstance(rule, Table) for rule in rules):
        raise ConfigError(f"{top.where('rules')}: each rule is a mapping with {', '.join(_RULE_KEYS)}.")
    for rule in rules:
        rule.allow(_RULE_KEYS, "a relation rule")
        weights = {side: _weights(rule, side, traits.names) for side in _SIDES}
        scorer = Scorer(weights, _weights(rule, "constant", _SIDES))
        for kind in rule.get_typed("relations", list, []):
            yield kind, scorer


def _kinds(taxonomy: Taxonomy, scorers: Iterable[str], top: Table) -> dict[str, RelationType]:
    known = taxonomy.relations
    for kind in scorers:
        if kind not in known:
            listed = ", ".join(known) or "none"
            raise ConfigError(f"{top.where('rules')}: {kind!r} is no relation of {taxonomy.name!r}. Known: {listed}")
    return {kind: known[kind] for kind in scorers}


def _weights(rule: Table, key: str, names: Iterable[str]) -> dict[str, float]:
    held = rule.get_typed(key, dict, {})
    unknown = sorted(held.keys() - set(names))
    if unknown or not all(isinstance(one, int | float) for one in held.values()):
        raise ConfigError(f"{rule.where(key)}: {key!r} gives a number for each of {', '.join(names)}.")
    return {name: float(held.get(name, 0.0)) for name in names}
