"""What one sentence says of the entities in it: the phrases found, how far they reach, and which is nearest."""

from __future__ import annotations

import dataclasses
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from itertools import groupby, pairwise

from medtext.note import Note
from medtext.span import Span
from medtext.stages.assertion.triggers import Event, Rule, Rules, tokenise

DEFAULTS = {"presence": "present", "temporality": "current", "subject": "patient"}
_LONGEST_GLUE = 6  # words and signs between two items of a list
_FARTHEST = 40  # phrases looked at on each side of an entity: a sentence without an end stays linear

Decision = tuple[str, str, tuple[int, int]]  # value, rule, place of the phrase


class Scene:
    """One sentence: its words, the phrases in it, the entities in it, and how these are listed together."""

    def __init__(self, text: str, place: tuple[int, int], spans: list[Span], rules: Rules, lead: list[Event]) -> None:
        self.tokens = tokenise(text, *place)
        self.starts = [start for start, _ in self.tokens]
        self.spans = spans
        held = [span.at[0] for span in spans]
        events = list(rules.events(text, self.tokens))
        self.lead = lead
        self.events = [event for event in events if not _inside(event, held)] if held else events
        self.places = [event.start for event in self.events]
        self.links = [self._link(text, one, two, rules) for one, two in pairwise(spans)]
        self.groups = [0]
        for link in self.links:
            self.groups.append(self.groups[-1] + (link == 0))
        self.span_starts = [span.start for span in spans]
        self.firsts = [bisect_left(self.starts, span.start) for span in spans]
        self.lasts = [bisect_left(self.starts, span.end) for span in spans]

    def _link(self, text: str, one: Span, two: Span, rules: Rules) -> int:
        """How two neighbours are listed: 0 not, 1 by a comma, 2 by "and", "or" or a slash, or one inside the other."""
        first, last = bisect_left(self.starts, one.end), bisect_left(self.starts, two.start)
        if first >= last:
            return 2
        if last - first > _LONGEST_GLUE:
            return 0
        words = {text[start:end].lower() for start, end in self.tokens[first:last]}
        if words == {"("}:
            return 2  # "deep vein thrombosis (DVT)"
        if words & rules.not_in_lists:
            return 0
        return 2 if words & {"and", "or", "/", "&", "nor"} else int("," in words)

    def decide(self, index: int, axes: Iterable[str]) -> dict[str, Decision]:
        """Axis → decision, for the axes of one entity that a phrase decides."""
        span = self.spans[index]
        before = self._look(index, reversed(self._before(span)), forward=True, axes=axes)
        after = self._look(index, self._after(span), forward=False, axes=axes)
        for axis, (distance, decision) in after.items():
            if axis not in before or distance < before[axis][0]:
                before[axis] = distance, decision
        return {axis: decision for axis, (_, decision) in before.items()}

    def _before(self, span: Span) -> list[Event]:
        end = bisect_left(self.places, span.start)
        near = self.events[max(0, end - _FARTHEST) : end]
        return [*self.lead, *near] if end <= _FARTHEST else near

    def _after(self, span: Span) -> list[Event]:
        start = bisect_left(self.places, span.start + 1)
        return [event for event in self.events[start : start + _FARTHEST] if event.end > span.end]

    def _look(
        self, index: int, events: Iterable[Event], *, forward: bool, axes: Iterable[str]
    ) -> dict[str, tuple[int, Decision]]:
        """The nearest decision on each axis on one side of an entity, with its distance in words."""
        found: dict[str, tuple[int, Decision]] = {}
        open_axes = set(axes)
        for event in events:
            for effect in event.forward if forward else event.backward:
                axis, rule = effect.axis, effect.rule
                wanted = axis in open_axes and (axis not in found or _yields(found[axis][1], axis, rule))
                if wanted and self._reaches(rule, event, index, forward):
                    found[axis] = self._distance(event, index, forward), (effect.value, rule.id, event.place)
            open_axes -= event.stops
            if not open_axes:
                break
        return found

    def _distance(self, event: Event, index: int, forward: bool) -> int:
        """Words and signs between a phrase and an entity."""
        return self.firsts[index] - event.last - 1 if forward else event.first - self.lasts[index]

    def _reaches(self, rule: Rule, event: Event, index: int, forward: bool) -> bool:
        if rule.labels is not None and self.spans[index].label not in rule.labels:
            return False
        if rule.reach == "list":
            nearest = bisect_left(self.span_starts, event.start) - (not forward)
            if not self._listed(index, nearest, forward):
                return False
            index = nearest
        return rule.words is None or self._distance(event, index, forward) <= rule.words

    def _listed(self, index: int, nearest: int, forward: bool) -> bool:
        """Whether an entity is the nearest one or listed with it; looking back, "and" or "or" must close the list."""
        if index == nearest:
            return True
        if not 0 <= nearest < len(self.groups) or self.groups[index] != self.groups[nearest]:
            return False
        return forward or self.links[nearest - 1] == 2


def _yields(decision: Decision, axis: str, rule: Rule) -> bool:
    """Whether a nearer decision gives way to a firm rule: "if she has fever" is no fever that she has."""
    return rule.firm and decision[0] == DEFAULTS.get(axis)


def scenes(note: Note, spans: list[Span], rules: Rules) -> Iterator[tuple[Scene, list[Span]]]:
    """The sentences that hold entities, with them; bullets below "Denies:" are read with its phrases in front.

    A heading ("PLAN:") leads nothing: what it says is what its section says.
    """
    sentences = note.layer("sentence")
    starts = [sentence.start for sentence in sentences]
    held = {at: list(group) for at, group in groupby(spans, lambda span: bisect_right(starts, span.start) - 1)}
    headings = {section.x["heading"][0] for section in note.layer("section") if "heading" in section.x}
    lead: list[Event] = []
    for at, sentence in enumerate(sentences):
        bulleted = _is_bulleted(note.text, sentence.start)
        lead = lead if bulleted else []
        if at in held:
            yield Scene(note.text, sentence.at[0], held[at], rules, lead), held[at]
        if note.text[sentence.end - 1] == ":" and sentence.start not in headings:
            lead = _led(note.text, sentence, rules)
    if -1 in held:  # entities in front of every sentence: nothing is known of them
        yield Scene(note.text, (0, 0), held[-1], rules, []), held[-1]


def _led(text: str, sentence: Span, rules: Rules) -> list[Event]:
    """The phrases of a line such as "Denies:", set in front of the bullets below it."""
    events = rules.events(text, tokenise(text, sentence.start, sentence.end))
    return [dataclasses.replace(event, first=-1, last=-1) for event in events]


def _is_bulleted(text: str, start: int) -> bool:
    return text[start] in "-–—*•·●▪◦‣+" or text[start : start + 2].rstrip(".)").isdigit()


def _inside(event: Event, places: list[tuple[int, int]]) -> bool:
    """Whether a phrase is part of an entity's own words ("chronic pain without aura")."""
    at = bisect_right(places, (event.start, event.end)) - 1
    return any(start <= event.start and event.end <= end for start, end in places[max(0, at - 2) : at + 2])
