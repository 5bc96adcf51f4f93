"""What readers of release files give: concepts, terms, links between concepts, and facts about them.

A row names its concept by code system and code. Rows may come in any order; the store brings them together.
"""

from __future__ import annotations

from dataclasses import dataclass

IS_A = "is_a"
MAP = "map"
# Where a retired code leads, as the sources say it. Only the first two name the one code that means the same.
SAME_MEANING = ("replaced_by", "same_as")
NEAR_MEANING = (
    "possibly_replaced_by",
    "possibly_equivalent_to",
    "partially_equivalent_to",
    "alternative",
    "was_a",
    "moved_to",
    "refers_to",
)


@dataclass(frozen=True, slots=True)
class ConceptRow:
    """A code; `kind` is the source's own sort of concept (disorder, SCD, chapter).

    `billable` is None in code systems that know no such thing.
    """

    system: str
    code: str
    kind: str = ""
    active: bool = True
    billable: bool | None = None


@dataclass(frozen=True, slots=True)
class TermRow:
    """A name of a concept; `kind` is name, synonym, fsn, short, index, definition or what else the source tells."""

    system: str
    code: str
    name: str
    kind: str = "synonym"
    preferred: bool = False
    active: bool = True


@dataclass(frozen=True, slots=True)
class LinkRow:
    """From one code to another: `is_a`, `map`, `replaced_by`, `has_ingredient`, …

    Maps keep the rules of their source: one target per group, the lowest priority whose rule holds. The target of a map
    may be empty: the source then says in `advice` and `category` why there is none.
    """

    system: str
    code: str
    relation: str
    target_system: str
    target: str
    group: int = 0
    priority: int = 0
    rule: str = ""
    advice: str = ""
    category: str = ""


@dataclass(frozen=True, slots=True)
class FactRow:
    """Anything else a source says of a concept: an axis of LOINC, an excludes note, a date."""

    system: str
    code: str
    key: str
    value: str


@dataclass(frozen=True, slots=True)
class Tally:
    """Rows of the files that were left out on purpose, and why: `Tally("CPT codes", 120)`."""

    what: str
    count: int


Row = ConceptRow | TermRow | LinkRow | FactRow | Tally
