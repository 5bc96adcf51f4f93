"""The forms of a compiled terminology as entities: which of them count in a note, and under which label.

What a code means for a note depends on its system and on the kind of its concept: a SNOMED disorder is a problem, its
qualifier values are nothing; a chapter of ICD-10-CM stands above diseases and is none. The rules say it, system by
system; a system without rules gives no entities.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from medtext.config import Table, table
from medtext.errors import ConfigError
from medtext.span import Source
from medtext.terminology.stopwords import folded_form, stop_forms
from medtext.terminology.store import Terminology

ANY = "*"
_KEYS = ("labels", "codes", "terms", "ordinary")
_HELD = 1 << 16  # terms whose label is remembered
_ABOUT = """
SELECT t.id, c.system, c.code, c.kind, t.kind, t.name FROM json_each(?) asked
JOIN terms t ON t.id = asked.value JOIN concepts c ON c.id = t.concept
"""

Labelled = tuple[int, int, str, Source]


@dataclass(frozen=True, slots=True)
class SystemRule:
    """Of one code system: the label of each kind of concept (`*` for all others), and which codes and terms count."""

    labels: Mapping[str, str | None] = field(default_factory=dict, hash=False)
    codes: re.Pattern[str] = re.compile(r".*")
    terms: frozenset[str] = frozenset()
    ordinary: frozenset[str] = frozenset()

    def label(self, code: str, kind: str, term: str, name: str) -> str | None:
        """The label of a term of this kind and name, or None where it is not to be marked."""
        label = self.labels.get(kind, self.labels.get(ANY))
        if not label or (self.terms and term not in self.terms) or not self.codes.fullmatch(code):
            return None
        return None if folded_form(name) in self.ordinary else label


def system_rules(top: Table, labels: Mapping[str, Any]) -> dict[str, SystemRule]:
    """The rules under `systems` of a rule file, and above them labels of one's own: `{SNOMED: {finding: FINDING}}`."""
    held = top.tables("systems")
    own = table({"labels": labels}).tables("labels")
    return {name: _rule(name, held.get(name, table({})), own.get(name, {})) for name in dict.fromkeys((*held, *own))}


def _rule(system: str, rule: Table, own: Mapping[str, Any]) -> SystemRule:
    rule.allow(_KEYS, f"system {system}")
    labels = {**rule.get_typed("labels", dict, {}), **own}
    for kind, label in labels.items():
        if not isinstance(kind, str) or not (label is None or isinstance(label, str)):
            raise ConfigError(f"{rule.where('labels')}: the label of {kind!r} in {system} must be a name, or null.")
    return SystemRule(
        labels,
        re.compile(rule.get_typed("codes", str, ".*")),
        frozenset(rule.get_typed("terms", list, [])),
        frozenset(map(folded_form, rule.get_typed("ordinary", list, []))) | stop_forms(system),
    )


class LabelledForms:
    """Finds the forms of a compiled terminology that its rules give a label."""

    def __init__(self, terminology: Terminology, rules: Mapping[str, SystemRule], *, score: float) -> None:
        self._terminology, self._rules, self._score = terminology, rules, score
        self._forms = terminology.forms
        self._known: dict[int, tuple[str, Source] | None] = {}

    @property
    def releases(self) -> dict[str, str]:
        """The release of each code system."""
        return dict(self._terminology.releases)

    def find_many(self, texts: Iterable[str]) -> Iterator[list[Labelled]]:
        """(start, end, label, source) for each text; of several terms in one place the first that has a label."""
        for matches in self._forms.find_many(texts):
            known = self._about({term for _, _, term in matches})
            found: dict[tuple[int, int], Labelled] = {}
            for start, end, term in matches:
                if (start, end) not in found and (about := known[term]):
                    found[start, end] = start, end, *about
            yield [*found.values()]

    def _about(self, terms: set[int]) -> dict[int, tuple[str, Source] | None]:
        """The label and source of these terms, and of others; the store is asked once for those that are new."""
        if len(self._known) > _HELD:
            self._known = {}
        known = self._known
        if new := terms - known.keys():
            for term, system, *about in self._terminology.query(_ABOUT, json.dumps([*new])):
                label = self._rules[system].label(*about) if system in self._rules else None
                known[term] = (label, self._source(system)) if label else None
        return known

    def _source(self, system: str) -> Source:
        return Source(f"dictionary:{system}@{self._terminology.releases.get(system) or 'unknown'}", self._score)
