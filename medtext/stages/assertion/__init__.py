"""Assertions: what a note says of its entities - present, absent or possible; when; and in whom.

The words that decide, and how far they reach, are in `rules/assertion.yaml`; this module finds, for each entity and
axis, the nearest rule that reaches it. What no rule decides is present, current and the patient's; axes that a label
does not take stay None. Spans that a person has touched, or that carry an assertion already, are left as they are.
"""

from __future__ import annotations

import dataclasses
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

from medtext.config import Table, read_yaml
from medtext.errors import ConfigError, UnknownNameError
from medtext.note import Note
from medtext.span import Assertion, Source, Span
from medtext.stages.assertion.scene import DEFAULTS, Decision, scenes
from medtext.stages.assertion.triggers import QUALIFIERS, Rules
from medtext.taxonomy import Taxonomy

__all__ = ["Assertions"]
ENGINES = ("rules", "medspacy")


class Assertions:
    """Fills `assertion` of entities whose label takes one.

    Why stands in `x["assertion"]`: axis → the rule and the place of the words that decided it; an axis that is not
    there was decided by no words. `x["qualifiers"]` holds what else is said: `severity` (mild, moderate, severe, …),
    `conditional` (on what it depends: exertion, …) and `allergy`, each with its value, rule and place.

    `labels` narrows the labels of the taxonomy; `rules` names a YAML file of your own that is added to ours
    (`extends: false` starts afresh); `engine="medspacy"` asks medspaCy's ConText instead. Raises ConfigError.
    """

    name = "assertion"
    needs = frozenset({"sentence", "section", "entity"})
    adds = frozenset({"entity.assertion"})

    def __init__(
        self,
        *,
        engine: str = "rules",
        taxonomy: str | Path = "clinical",
        labels: Iterable[str] | None = None,
        rules: str | Path | None = None,
    ) -> None:
        if engine not in ENGINES:
            raise ConfigError(str(UnknownNameError("engine", engine, ENGINES)))
        self._axes = _axes(Taxonomy.load(taxonomy), labels)
        own = read_yaml(files("medtext.stages.rules").joinpath("assertion.yaml"))
        self._rules = Rules([own] if rules is None else _extended(own, read_yaml(Path(rules))))
        self.engine = engine
        self._context = _medspacy() if engine == "medspacy" else None
        by = "medspacy-context" if self._context else "assertion"
        version = self._context.version if self._context else self._rules.version
        self._source = Source(f"rule:{by}@{version}")

    def __call__(self, note: Note) -> Note:
        """The note with assertions; nothing but assertion, sources and x of entities changes."""
        spans = [span for span in note.layer("entity") if self._wants(span)]
        if not spans:
            return note
        found = self._context(note, spans) if self._context else self._decide(note, spans)
        return note.update([self._filled(span, decided) for span, decided in found])

    def describe(self) -> dict[str, Any]:
        """Engine, rules and labels."""
        about = {"engine": self.engine, "rules": self._source.by, "labels": sorted(self._axes)}
        return about if self._context else about | {"count": len(self._rules.rules)}

    def _wants(self, span: Span) -> bool:
        return span.label in self._axes and span.status == "predicted" and span.assertion is None

    def _filled(self, span: Span, decided: dict[str, Decision]) -> Span:
        """The span with its assertion, who made it, and which phrase decided which axis."""
        axes = self._axes[span.label]
        values = {axis: decided[axis][0] if axis in decided else DEFAULTS[axis] for axis in axes}
        why = {axis: {"rule": decided[axis][1], "at": list(decided[axis][2])} for axis in axes if axis in decided}
        x = {**span.x, "assertion": why} if why else span.x
        said = {name: decided[name] for name in QUALIFIERS if name in decided}
        if said:
            x = {**x, "qualifiers": {name: _qualifier(*said[name]) for name in said}}
        sources = (*span.sources, self._source)
        return dataclasses.replace(span, assertion=Assertion(**values), sources=sources, x=x)

    def _decide(self, note: Note, spans: list[Span]) -> Iterator[tuple[Span, dict[str, Decision]]]:
        sections = note.layer("section")
        starts = [section.start for section in sections]
        for scene, inside in scenes(note, spans, self._rules):
            for index, span in enumerate(inside):
                decided = scene.decide(index, (*self._axes[span.label], *QUALIFIERS))
                at = bisect_right(starts, span.start) - 1
                if at >= 0:
                    self._add_section(decided, sections[at], span)
                yield span, decided

    def _add_section(self, decided: dict[str, Decision], section: Span, span: Span) -> None:
        """What the section says, on the axes that no phrase decided."""
        rule = self._rules.sections.get(section.label)
        if rule is None or (rule.labels is not None and span.label not in rule.labels):
            return
        place = tuple(section.x.get("heading", section.at[0]))
        for axis, value in rule.sets:
            decided.setdefault(axis, (value, rule.id, place))


def _qualifier(value: str, rule: str, place: tuple[int, int]) -> dict[str, Any]:
    return {"value": value, "rule": rule, "at": list(place)}


def _axes(taxonomy: Taxonomy, labels: Iterable[str] | None) -> dict[str, tuple[str, ...]]:
    """Label → the axes it takes."""
    known = {label.name: label.assertion for label in taxonomy.layer("entity") if label.assertion}
    if labels is None:
        return known
    for label in labels:
        if label not in known:
            raise ConfigError(f"Label {label!r} takes no assertion. Labels that do: {', '.join(known) or 'none'}")
    return {label: known[label] for label in labels}


def _extended(own: Table, theirs: Table) -> list[Table]:
    return [own, theirs] if theirs.get_typed("extends", bool, True) else [theirs]


def _medspacy() -> Any:
    from medtext.stages.assertion.medspacy import MedspacyContext

    return MedspacyContext()
