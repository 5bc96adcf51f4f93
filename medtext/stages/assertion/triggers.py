"""The words that decide an assertion: rules read from YAML, and the one matcher that finds all of them in a sentence.

Phrases become a trie of words. On each axis the longest phrase that begins at a word wins and takes its words with it,
so it shields them from shorter ones ("no change in" is no "no"); phrases about different axes may overlap. One pass
over the words of a sentence, whatever the number of phrases.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from medtext.config import Table
from medtext.errors import ConfigError, NoteError
from medtext.span import Assertion
from medtext.taxonomy import AXES

QUALIFIERS = ("severity", "conditional", "allergy")  # free values beside the three axes, kept in `x`
KINDS = (*AXES, *QUALIFIERS)
DIRECTIONS = ("forward", "backward", "both")
REACHES = ("sentence", "list")
_KEYS = ("version", "extends", "lists", "rules", "not_triggers", "stops", "sections", "not_in_lists")
_RULE_KEYS = ("phrases", "sets", "direction", "reach", "words", "labels", "last", "firm")
_SECTION_KEYS = ("sets", "labels")
_TOKEN = re.compile(r"[^\W_]+(?:['’](?!s\b)[^\W_]+)?|['’]s\b|[^\w\s]|_", re.IGNORECASE)
_TEMPLATE = re.compile(r"<([^<>]*)>|\$(\w+)")
_MOST = 20_000  # forms of one phrase: a template that has more is a mistake
_CLAUSE_ENDS = frozenset(",;.|)\n")
_YEAR, _CENTURIES = "yyyy", ("19", "20")  # a word of the phrases, and how those begin for which it stands


@dataclass(frozen=True, slots=True)
class Rule:
    """What a phrase decides: axis or qualifier → value, for which labels, how far, and in which direction."""

    id: str
    sets: tuple[tuple[str, str], ...]
    direction: str = "forward"
    reach: str = "sentence"
    words: int | None = None
    labels: frozenset[str] | None = None
    last: bool = False
    firm: bool = False


@dataclass(frozen=True, slots=True)
class Effect:
    """What a phrase does on one axis: the value that a rule sets, in which direction."""

    axis: str
    value: str
    rule: Rule


@dataclass(frozen=True, slots=True)
class Event:
    """A phrase found: its place, its first and last word, what it decides each way, and the axes it closes."""

    start: int
    end: int
    first: int
    last: int
    forward: tuple[Effect, ...]
    backward: tuple[Effect, ...]
    stops: frozenset[str]

    @property
    def place(self) -> tuple[int, int]:
        return self.start, self.end


@dataclass(frozen=True, slots=True)
class _Leaf:
    """What is known of one phrase; a phrase that does nothing on any axis shields its words on all.

    Phrases of which the same is known share one: there are tens of thousands of phrases and a few hundred leaves.
    """

    effects: tuple[Effect, ...] = ()
    stops: frozenset[str] = frozenset()
    number: int = 0

    def axes(self, closes: bool) -> frozenset[str]:
        """The axes on which the phrase takes its words, at the end of a clause or before it."""
        if not self.effects and not self.stops:
            return frozenset(KINDS)
        return self.stops | {effect.axis for effect in self.effects if closes or not effect.rule.last}


class Rules:
    """All that is known of assertion, from one or more rule files; later files win.

    `sections` maps a section's label to its rule; `not_in_lists` are words that part two items of a list.
    """

    def __init__(self, tables: Iterable[Table]) -> None:
        tables = [top.allow(_KEYS, "the assertion rules") for top in tables]
        self.version = "+".join(str(top.get("version", "own")) for top in tables)
        self.sections: dict[str, Rule] = {}
        self.not_in_lists: frozenset[str] = frozenset()
        self.rules: dict[str, tuple[Rule, list[str]]] = {}
        self._trie: dict[str, Any] = {}
        self._leaves: dict[tuple[int, str, frozenset[str]], _Leaf] = {}
        lists: dict[str, list[str]] = {}
        for top in tables:
            self._read(top, lists)
        for rule, phrases in self.rules.values():
            effects = tuple(Effect(axis, value, rule) for axis, value in rule.sets)
            for phrase in phrases:
                self._know(phrase, rule.id, effects)

    def _read(self, top: Table, lists: dict[str, list[str]]) -> None:
        for name in top.get_typed("lists", dict, {}):
            lists[name] = list(_forms(_texts(top["lists"], name), lists, top["lists"].where(name)))
        for name, entry in top.tables("rules").items():
            rule = _rule(name, entry.allow(_RULE_KEYS, f"rule {name}"))
            self.rules[name] = rule, list(_forms(_texts(entry, "phrases"), lists, entry.where("phrases")))
        for phrase in _forms(_texts(top, "not_triggers"), lists, top.where("not_triggers")):
            self._know(phrase)
        stops = top.get_typed("stops", dict, {})
        for axis in stops:
            _check_axis(axis, stops)
            for phrase in _forms(_texts(stops, axis), lists, stops.where(axis)):
                self._know(phrase, stops=frozenset({axis}))
        for label, entry in top.tables("sections").items():
            self.sections[label] = _rule(f"section:{label}", entry.allow(_SECTION_KEYS, f"section {label}"))
        self.not_in_lists |= frozenset(top.get_typed("not_in_lists", str, "").split())

    def _know(
        self, phrase: str, rule: str = "", effects: tuple[Effect, ...] = (), stops: frozenset[str] = frozenset()
    ) -> None:
        """Add to what is known of a phrase: the effects of a rule, or axes that it closes."""
        node = self._trie
        for word in _words(phrase):
            node = node.setdefault(word, {})
        held = node.get("", _Leaf())
        key = (held.number, rule, stops)
        if key not in self._leaves:
            self._leaves[key] = _Leaf(held.effects + effects, held.stops | stops, len(self._leaves) + 1)
        node[""] = self._leaves[key]

    def events(self, text: str, tokens: list[tuple[int, int]]) -> Iterator[Event]:
        """The phrases found among these words of a text, in order of their first words."""
        words = [_word(text[start:end]) for start, end in tokens]
        free = dict.fromkeys(KINDS, 0)  # axis → the first word that no phrase has taken
        for place, word in enumerate(words):
            if word not in self._trie:
                continue
            open_axes = {axis for axis in KINDS if place >= free[axis]}
            for last, leaf in reversed(list(_phrases(self._trie, words, place))):
                taken = open_axes & leaf.axes(_ends_clause(text, tokens, last))
                free |= dict.fromkeys(taken, last + 1)
                open_axes -= taken
                event = _event(leaf, taken, tokens, place, last)
                if event.forward or event.backward or event.stops:
                    yield event


def tokenise(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """The places of the words and signs between two offsets of a text."""
    return [match.span() for match in _TOKEN.finditer(text, start, end)]


def _word(token: str) -> str:
    """A word of a text as phrases have it."""
    if len(token) == 4 and token.startswith(_CENTURIES) and token.isdecimal():
        return _YEAR
    return token.lower().replace("’", "'")


def _phrases(trie: dict[str, Any], words: list[str], place: int) -> Iterator[tuple[int, _Leaf]]:
    """(last word, leaf) of every phrase that begins at a word, shortest first."""
    node: dict[str, Any] | None = trie
    for position in range(place, len(words)):
        node = node.get(words[position])
        if node is None:
            return
        if "" in node:
            yield position, node[""]


def _event(leaf: _Leaf, axes: set[str], tokens: list[tuple[int, int]], first: int, last: int) -> Event:
    """A phrase as an event, on these axes only."""
    effects = [one for one in leaf.effects if one.axis in axes]
    forward = tuple(one for one in effects if one.rule.direction != "backward")
    backward = tuple(one for one in effects if one.rule.direction != "forward")
    return Event(tokens[first][0], tokens[last][1], first, last, forward, backward, leaf.stops & axes)


def _ends_clause(text: str, tokens: list[tuple[int, int]], last: int) -> bool:
    if last + 1 == len(tokens):
        return True
    end, following = tokens[last][1], tokens[last + 1][0]
    return text[following] in _CLAUSE_ENDS or "\n" in text[end:following]


def _words(phrase: str) -> list[str]:
    return [match.group().lower() for match in _TOKEN.finditer(phrase)]


def _texts(top: Table, key: str) -> list[str]:
    values = top.get_typed(key, list, [])
    for value in values:
        if not isinstance(value, str):
            raise ConfigError(f"{top.where(key)}: {value!r} must be in quotes, or YAML misreads it.")
    return values


def _forms(phrases: Iterable[str], lists: Mapping[str, list[str]], where: str) -> Iterator[str]:
    """Every form of templates such as `no <evidence|sign> of` and `$relative had`."""
    for phrase in phrases:
        parts = [phrase]
        while any(_TEMPLATE.search(part) for part in parts):
            parts = [form for part in parts for form in _step(part, lists, where)]
            if len(parts) > _MOST:
                raise ConfigError(f"{where}: a phrase has more than {_MOST} forms.")
        yield from dict.fromkeys(parts)


def _step(phrase: str, lists: Mapping[str, list[str]], where: str) -> Iterator[str]:
    """A phrase with its first lists or choices replaced by each of their members."""
    pieces, choices, end = [], [], 0
    for match in _TEMPLATE.finditer(phrase):
        if match.group(2) and match.group(2) not in lists:
            raise ConfigError(f"{where}: unknown list ${match.group(2)}. Lists: {', '.join(lists) or 'none'}")
        pieces.append(phrase[end : match.start()])
        choices.append(lists[match.group(2)] if match.group(2) else match.group(1).split("|"))
        end = match.end()
    for chosen in product(*choices):
        yield "".join(piece + one for piece, one in zip(pieces, chosen, strict=True)) + phrase[end:]


def _rule(name: str, entry: Table) -> Rule:
    sets = entry.get_typed("sets", dict, {})
    for axis in sets:
        _check_axis(axis, sets)
    try:
        Assertion(**{axis: value for axis, value in sets.items() if axis in AXES})
    except NoteError as error:
        raise ConfigError(f"{entry.where('sets')}: {error}") from error
    direction = _choice(entry, "direction", DIRECTIONS, "forward")
    reach = _choice(entry, "reach", REACHES, "list" if direction == "backward" else "sentence")
    labels = frozenset(_texts(entry, "labels")) if "labels" in entry else None
    words = entry.get_typed("words", int, None)
    last, firm = (entry.get_typed(key, bool, False) for key in ("last", "firm"))
    return Rule(name, tuple(sets.items()), direction, reach, words, labels, last, firm)


def _choice(entry: Table, key: str, allowed: tuple[str, ...], default: str) -> str:
    value = entry.get_typed(key, str, default)
    if value not in allowed:
        raise ConfigError(f"{entry.where(key)}: {key} {value!r} is not one of {', '.join(allowed)}.")
    return value


def _check_axis(axis: Any, held: Table) -> None:
    if axis not in KINDS:
        raise ConfigError(f"{held.where(axis)}: unknown axis {axis!r}. Axes: {', '.join(KINDS)}")
    if axis in QUALIFIERS and isinstance(held, Table) and not isinstance(held[axis], (str, list)):
        raise ConfigError(f"{held.where(axis)}: the value of {axis} must be text.")
