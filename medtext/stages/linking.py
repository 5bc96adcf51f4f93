"""Proposes codes for entities, and chooses them where there is no doubt."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from medtext.config import read_yaml
from medtext.errors import ConfigError
from medtext.note import Note
from medtext.span import Candidate, Span
from medtext.taxonomy import Taxonomy
from medtext.terminology.concepts import load_concepts
from medtext.terminology.linker import Linker, Wording, choose


class Linking:
    """Fills `candidates` of every entity whose label links to code systems, and `codes` from `threshold` on.

    What a person has decided stays: codes that are there are never replaced, a rejected span is left alone, and one
    that was accepted or corrected gets candidates only.
    """

    name = "linking"
    needs = frozenset({"entity"})
    adds = frozenset({"entity.candidates", "entity.codes"})

    def __init__(
        self,
        *,
        concepts: str | Path | Sequence[str | Path] = "starter",
        taxonomy: str | Path = "clinical",
        threshold: float = 0.8,
        limit: int = 5,
    ) -> None:
        if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not 0 < threshold <= 1:
            raise ConfigError(f"Linking: threshold {threshold!r} is not a number above 0 and up to 1.")
        if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
            raise ConfigError(f"Linking: limit {limit!r} is not a whole number above 0.")
        self._concepts = load_concepts(concepts)
        self._rules, wording = _wording()
        systems = {label.name: label.codes for label in Taxonomy.load(taxonomy).layer("entity")}
        self._linker = Linker(self._concepts, systems=systems, wording=wording, limit=limit)
        self._threshold, self._limit = threshold, limit

    def __call__(self, note: Note) -> Note:
        return next(self.pipe([note]))

    def pipe(self, notes: Iterable[Note]) -> Iterator[Note]:
        """The notes one for one; a mention that recurs in them is looked up once."""
        known: dict[tuple[str, str], tuple[Candidate, ...]] = {}
        for note in notes:
            linked = [self._link(note, span, known) for span in note.layer("entity")]
            yield note.update(span for span in linked if span is not None)

    def _link(self, note: Note, span: Span, known: dict[tuple[str, str], tuple[Candidate, ...]]) -> Span | None:
        """The span with what was found, or None where there is nothing to change."""
        if span.status == "rejected" or span.candidates or span.label not in self._linker.labels:
            return None
        mention = (span.x.get("expansion") or " ".join(note.quote(span)), span.label)
        if mention not in known:
            known[mention] = self._linker.candidates(*mention)
        found = _as_abbreviation(known[mention]) if span.x.get("expansion") else known[mention]
        if not found:
            return None
        free = not span.codes and span.status in ("predicted", "added")
        return replace(span, candidates=found, codes=choose(found, self._threshold) if free else span.codes)

    def describe(self) -> dict[str, Any]:
        """The concept table with its releases, the rules, and from which score on codes are chosen."""
        releases = dict(sorted(self._concepts.releases.items()))
        about = {"releases": releases, "rules": self._rules, "threshold": self._threshold, "limit": self._limit}
        return {**self._concepts.describe(), **about, "labels": list(self._linker.labels)}


def _as_abbreviation(candidates: tuple[Candidate, ...]) -> tuple[Candidate, ...]:
    """Candidates of the long form of a short one say so."""
    return tuple(replace(one, match="abbreviation") if one.match == "exact" else one for one in candidates)


def _wording() -> tuple[str, Wording]:
    top = read_yaml(files("medtext.stages.rules").joinpath("linking.yaml"))
    top.allow(("version", "empty", "modifiers", "opposites", "spellings"), "linking rules")
    empty, modifiers = (frozenset(top.get_typed(key, list, [])) for key in ("empty", "modifiers"))
    opposites = tuple(tuple(group) for group in top.get_typed("opposites", list, []))
    spellings = dict(top.get_typed("spellings", dict, {}))
    return f"linking@{top.get_typed('version', str)}", Wording(empty, modifiers, opposites, spellings)
