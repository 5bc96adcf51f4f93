"""The words that decide an assertion: rules read from YAML, and the one matcher that finds all of them in a sentence.

Phrases become a trie of words. At each word the longest phrase wins and takes its words with it, so a longer phrase
shields them ("no change in" is no "no"). One pass over the words of a sentence, whatever the number of phrases.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from medtext.config import Table
from medtext.errors import ConfigError, NoteError
from medtext.note import Assertion
from medtext.taxonomy import AXES

DIRECTIONS = ("forward", "backward", "both")
REACHES = ("sentence", "list")
_KEYS = ("version", "extends", "lists", "rules", "not_triggers", "stops", "sections", "not_in_lists")
_RULE_KEYS = ("phrases", "sets", "direction", "reach", "words", "labels", "last")
_SECTION_KEYS = ("sets", "labels")
_TOKEN = re.compile(r"[^\W_]+(?:['’](?!s\b)[^\W_]+)?|['’]s\b|[^\w\s]|_", re.IGNORECASE)
_TEMPLATE = re.compile(r"<([^<>]*)>|\$(\w+)")
_MOST = 20_000  # forms of one phrase: a template that has more is a mistake
_CLAUSE_ENDS = frozenset(",;.|)\n")


@dataclass(frozen=True, slots=True)
class Rule:
    """What a phrase decides: axis → value, for which labels, how far, and in which direction."""

    id: str
    sets: tuple[tuple[str, str], ...]
    direction: str = "forward"
    reach: str = "sentence"
    words: int | None = None
    labels: frozenset[str] | None = None
    last: bool = False


@dataclass(frozen=True, slots=True)
class Event:
    """A phrase found: its place, its first and last word, the rules it fires and the axes it closes."""

    start: int
    end: int
    first: int
    last: int
    forward: tuple[Rule, ...]
    backward: tuple[Rule, ...]
    stops: frozenset[str]


@dataclass(slots=True)
class _Leaf:
    rules: list[Rule] = field(default_factory=list)
    stops: set[str] = field(default_factory=set)


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
        lists: dict[str, list[str]] = {}
        for top in tables:
            self._read(top, lists)
        for rule, phrases in self.rules.values():
            for phrase in phrases:
                self._leaf(phrase).rules.append(rule)

    def _read(self, top: Table, lists: dict[str, list[str]]) -> None:
        for name in top.get_typed("lists", dict, {}):
            lists[name] = list(_forms(_texts(top["lists"], name), lists, top["lists"].where(name)))
        for name, entry in top.tables("rules").items():
            rule = _rule(name, entry.allow(_RULE_KEYS, f"rule {name}"))
            self.rules[name] = rule, list(_forms(_texts(entry, "phrases"), lists, entry.where("phrases")))
        for phrase in _forms(_texts(top, "not_triggers"), lists, top.where("not_triggers")):
            self._leaf(phrase)
        stops = top.get_typed("stops", dict, {})
        for axis in stops:
            _check_axis(axis, stops)
            for phrase in _forms(_texts(stops, axis), lists, stops.where(axis)):
                self._leaf(phrase).stops.add(axis)
        for label, entry in top.tables("sections").items():
            self.sections[label] = _rule(f"section:{label}", entry.allow(_SECTION_KEYS, f"section {label}"))
        self.not_in_lists |= frozenset(top.get_typed("not_in_lists", str, "").split())

    def _leaf(self, phrase: str) -> _Leaf:
        node = self._trie
        for word in _words(phrase):
            node = node.setdefault(word, {})
        return node.setdefault("", _Leaf())

    def events(self, text: str, tokens: list[tuple[int, int]]) -> Iterator[Event]:
        """The phrases found among these words of a text, in order of place; they never overlap."""
        words = [text[start:end].lower().replace("’", "'") for start, end in tokens]
        place = 0
        while place < len(words):
            if words[place] not in self._trie:
                place += 1
                continue
            last, leaf = _longest(self._trie, words, place)
            if leaf is None:
                place += 1
                continue
            event = _event(leaf, text, tokens, place, last)
            if event:
                yield event
            place = last + 1


def tokenise(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """The places of the words and signs between two offsets of a text."""
    return [match.span() for match in _TOKEN.finditer(text, start, end)]


def _longest(trie: dict[str, Any], words: list[str], place: int) -> tuple[int, _Leaf | None]:
    """The last word and the leaf of the longest phrase that begins at a word."""
    node, found, last = trie, None, place
    for position in range(place, len(words)):
        node = node.get(words[position])
        if node is None:
            break
        if "" in node:
            found, last = node[""], position
    return last, found


def _event(leaf: _Leaf, text: str, tokens: list[tuple[int, int]], first: int, last: int) -> Event | None:
    rules = leaf.rules
    if not rules and not leaf.stops:
        return None
    start, end = tokens[first][0], tokens[last][1]
    if any(rule.last for rule in rules) and not _ends_clause(text, tokens, last):
        rules = [rule for rule in rules if not rule.last]
    forward = tuple(rule for rule in rules if rule.direction != "backward")
    backward = tuple(rule for rule in rules if rule.direction != "forward")
    return Event(start, end, first, last, forward, backward, frozenset(leaf.stops))


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
        Assertion(**sets)
    except NoteError as error:
        raise ConfigError(f"{entry.where('sets')}: {error}") from error
    direction = _choice(entry, "direction", DIRECTIONS, "forward")
    reach = _choice(entry, "reach", REACHES, "list" if direction == "backward" else "sentence")
    labels = frozenset(_texts(entry, "labels")) if "labels" in entry else None
    words = entry.get_typed("words", int, None)
    return Rule(name, tuple(sets.items()), direction, reach, words, labels, entry.get_typed("last", bool, False))


def _choice(entry: Table, key: str, allowed: tuple[str, ...], default: str) -> str:
    value = entry.get_typed(key, str, default)
    if value not in allowed:
        raise ConfigError(f"{entry.where(key)}: {key} {value!r} is not one of {', '.join(allowed)}.")
    return value


def _check_axis(axis: Any, held: Table) -> None:
    if axis not in AXES:
        raise ConfigError(f"{held.where(axis)}: unknown axis {axis!r}. Axes: {', '.join(AXES)}")
