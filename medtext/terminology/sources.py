"""Where candidates come from: a table of concepts in memory, or a compiled terminology; both answer alike."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from medtext.span import Code
from medtext.terminology.candidates import CandidateIndex
from medtext.terminology.concepts import Concepts
from medtext.terminology.labs import lab_rules
from medtext.terminology.store import Terminology
from medtext.terminology.wording import Wording, shipped_wording

Array = np.ndarray


@dataclass(frozen=True, slots=True)
class Proposed:
    """A code that an owner of the index stands for. `billable` is None where the source cannot say."""

    code: Code
    name: str
    kind: str = ""
    billable: bool | None = None


class Source(Protocol):
    """What the linker asks of a set of concepts."""

    index: CandidateIndex
    releases: Mapping[str, str]
    systems: frozenset[str]
    curated: bool

    def allowed(self, label: str, systems: Sequence[str], kinds: Sequence[str], under: Sequence[str]) -> Array | None:
        """True for each owner that may be proposed; None where there is none."""
        ...

    def proposed(self, owner: int, system: str) -> tuple[Proposed, ...]:
        """The codes of an owner in a system."""
        ...

    def billable(self, code: Code) -> bool | None:
        """Whether a code can be billed, or None where the source cannot say."""
        ...

    def entry(self, code: Code) -> tuple[str, str] | None:
        """The name and kind that the code system itself gives to a code, or None where the source cannot say."""
        ...


class ConceptSource:
    """Concepts from a table: each has a label and codes in several systems, chosen by people."""

    curated = True

    def __init__(self, concepts: Concepts, wording: Wording) -> None:
        self.concepts = concepts.concepts
        self.releases = concepts.releases
        self.systems = frozenset(code.system for concept in self.concepts for code in concept.codes)
        self._labels = concepts.labels
        kinds = {label: number for number, label in enumerate(self._labels)}
        names = ((form, number) for number, concept in enumerate(self.concepts) for form in concept.forms)
        self.index = CandidateIndex.build(
            names,
            owners=len(self.concepts),
            wording=wording,
            kinds=[(label,) for label in self._labels],
            owner_kinds=[kinds[concept.label] for concept in self.concepts],
        )

    def allowed(self, label: str, systems: Sequence[str], kinds: Sequence[str], under: Sequence[str]) -> Array | None:
        """The concepts of the label; where the table does not know it, those with a code of the systems."""
        del kinds, under
        if label in self._labels:
            return self.index.owner_kinds == self._labels.index(label)
        coded = [any(code.system in systems for code in concept.codes) for concept in self.concepts]
        return np.array(coded, bool) if any(coded) else None

    def proposed(self, owner: int, system: str) -> tuple[Proposed, ...]:
        """The codes of a concept in a system."""
        concept = self.concepts[owner]
        return tuple(Proposed(code, concept.name) for code in concept.codes if code.system == system)

    def billable(self, code: Code) -> None:
        """A table cannot say."""

    def entry(self, code: Code) -> None:
        """A table has names of its own."""


class FolderSource:
    """A compiled terminology; an owner is the number of a concept."""

    curated = False

    def __init__(self, terminology: Terminology) -> None:
        self.terminology = terminology
        self.releases = terminology.releases
        self.systems = frozenset(self.releases)

    def __reduce__(self) -> tuple[Any, ...]:
        return FolderSource, (self.terminology,)

    @cached_property
    def index(self) -> CandidateIndex:  # type: ignore[override]
        """The index of the folder; raises FormatError where it was built without one."""
        return self.terminology.candidates

    def allowed(self, label: str, systems: Sequence[str], kinds: Sequence[str], under: Sequence[str]) -> Array | None:
        """The concepts of the one system that are of one of the kinds, or of none, and below one of `under`."""
        del label
        (system,) = systems
        if system not in self.releases:
            return None
        fits = [one == system and (not kinds or not kind or kind in kinds) for one, kind in self.index.kinds]
        chosen = np.array(fits, bool)[self.index.owner_kinds]
        if under:
            chosen &= self._below(system, under)
        return chosen if chosen.any() else None

    def _below(self, system: str, codes: Sequence[str]) -> Array:
        held = np.zeros(len(self.index.owner_kinds), bool)
        for code in codes:
            top = self.terminology[Code(system, code)].number
            held[[top, *self.terminology.hierarchy.descendants(top)]] = True
        return held

    def proposed(self, owner: int, system: str) -> tuple[Proposed, ...]:
        """The one code of a concept."""
        (entry,) = self.terminology.entries([owner])
        if entry.code.system != system or not entry.active:
            return ()
        return (Proposed(entry.code, entry.name, entry.kind, entry.billable),)

    def billable(self, code: Code) -> bool | None:
        """Whether a code can be billed, or None where this terminology cannot say."""
        entry = self.terminology.get(code) if code.system in self.releases else None
        return entry.billable if entry else None

    def entry(self, code: Code) -> tuple[str, str] | None:
        """The name and kind of a code, or None for one that is not there."""
        entry = self.terminology.get(code) if code.system in self.releases else None
        return (entry.name, entry.kind) if entry else None


def source_of(one: Concepts | Terminology | str | Path, wording: Wording) -> Source:
    """A table of concepts, a compiled terminology or the folder of one, ready to be asked."""
    if isinstance(one, Concepts):
        return ConceptSource(one, wording)
    return FolderSource(one if isinstance(one, Terminology) else Terminology(one))


def write_candidates(names: Iterable[tuple[str, int]], kinds: Sequence[tuple[str, str]], folder: Path) -> None:
    """The candidate index of a terminology, into a new folder.

    `names`: (name, number of the concept), the preferred first; `kinds`: (system, kind) of each concept by number.
    """
    distinct = sorted(set(kinds))
    places = {kind: number for number, kind in enumerate(distinct)}
    index = CandidateIndex.build(
        _with_short_forms(names, kinds),
        owners=len(kinds),
        wording=shipped_wording(),
        kinds=distinct,
        owner_kinds=[places[kind] for kind in kinds],
    )
    index.save(folder)


def _with_short_forms(names: Iterable[tuple[str, int]], kinds: Sequence[tuple[str, str]]) -> Iterator[tuple[str, int]]:
    """The names, and what LOINC's long ones come down to."""
    labs = lab_rules()
    for name, number in names:
        yield name, number
        if kinds[number][0] == "LOINC":
            for form in labs.parse(name).forms:
                if re.search(r"[^\W_]", form):
                    yield form, number
