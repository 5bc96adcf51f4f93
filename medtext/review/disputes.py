"""Where people do not say the same, note by note: the list to talk about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from medtext.note import Note
from medtext.review.alignment import codes_of
from medtext.review.report import Cell, Table
from medtext.review.sides import quote
from medtext.span import Span
from medtext.taxonomy import AXES

KINDS = {
    "missing": "somebody has no span there",
    "boundary": "the places differ",
    "label": "the labels differ",
    "assertion": "presence, temporality or subject differ",
    "codes": "the codes differ",
    "number": "somebody has several spans where others have one",
}


@dataclass(frozen=True, slots=True)
class Dispute:
    """A mention of which people say different things; `said` is name → what each of their spans says, none if empty.

    `start` and `end` enclose all of it, in code points. `words` is what the note says there, only where asked for.
    """

    note: str
    start: int
    end: int
    kinds: tuple[str, ...]
    said: Mapping[str, tuple[str, ...]]
    words: str | None = field(default=None, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        told: dict[str, Any] = {"note": self.note, "start": self.start, "end": self.end, "kinds": list(self.kinds)}
        told["said"] = {name: list(held) for name, held in self.said.items()}
        return told if self.words is None else told | {"quote": self.words}


def disputes_of(
    held: Mapping[str, Note], groups: Iterable[Mapping[str, Sequence[Span]]], *, quotes: bool = False
) -> list[Dispute]:
    """The groups of one note, all of whose people are the keys of `held`, in which not all say the same."""
    note, found = held[min(held)], []
    for group in groups:
        kinds = kinds_of(group, len(held))
        if kinds:
            spans = [span for side in group.values() for span in side]
            start, end = min(span.start for span in spans), max(span.end for span in spans)
            said = {name: tuple(map(describe, group.get(name, ()))) for name in sorted(held)}
            found.append(Dispute(note.id, start, end, kinds, said, quote(note, start, end) if quotes else None))
    return found


def kinds_of(group: Mapping[str, Sequence[Span]], people: int) -> tuple[str, ...]:
    """In what the people of a group differ; nothing where all say the same."""
    spans = [span for side in group.values() for span in side]
    first = spans[0]
    if len(group) == len(spans) == people and all(_alike(first, span) for span in spans):
        return ()
    differs = {
        "missing": len(group) < people,
        "boundary": len({span.at for span in spans}) > 1,
        "label": len({span.label for span in spans}) > 1,
        "assertion": any(span.assertion != spans[0].assertion for span in spans),
        "codes": len({codes_of(span) for span in spans}) > 1,
        "number": any(len(side) > 1 for side in group.values()),
    }
    return tuple(kind for kind in KINDS if differs[kind])


def _alike(one: Span, other: Span) -> bool:
    """Whether two spans say the same to the letter, as most do; the order of codes may still be another."""
    same = one.at == other.at and one.label == other.label
    return same and one.codes == other.codes and one.assertion == other.assertion


def describe(span: Span) -> str:
    """A span in one line, without text: its id, label, place, assertion and codes."""
    said = span.assertion
    axes = [] if said is None else [value for axis in AXES if (value := getattr(said, axis)) is not None]
    where = " ".join(f"{start}–{end}" for start, end in span.at)
    return " ".join([span.id, span.label, where, *axes, *codes_of(span)])


def dispute_table(disputes: Sequence[Dispute], names: Sequence[str]) -> Table:
    """All of them, one a row."""
    quoted = any(one.words is not None for one in disputes)
    rows: list[tuple[Cell, ...]] = []
    for one in disputes:
        said = ["; ".join(one.said.get(name, ())) for name in names]
        words = [one.words or ""] if quoted else []
        rows.append((one.note, f"{one.start}–{one.end}", ", ".join(one.kinds), *said, *words))
    told = "; ".join(f"{kind}: {what}" for kind, what in KINDS.items())
    columns = ("note", "place", "kinds", *names, *(["words"] * quoted))
    return Table("To talk about", columns, rows, f"{told}. Places in code points; an empty cell is no span.")
