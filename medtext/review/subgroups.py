"""Who is served worse: the same figures for each group of notes, and how far each lies from all the others."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from medtext.errors import ConfigError
from medtext.note import Note
from medtext.review.alignment import Alignment
from medtext.review.matching import CRITERIA, Counts, count_pair
from medtext.review.sides import NOBODY
from medtext.review.statistics import Bootstrap, Estimate, Score
from medtext.span import Span

if TYPE_CHECKING:
    import numpy

SECTION = "section"
ONE_TO_ONE = ("strict", "exact", "type", "partial")
_AGES = (18, 40, 65, 80)
_FEW = 8  # numbers with no more different values than this are groups of their own
WHATS = ("gold", "found", "said", "right")
Namer = Callable[[Note], str]


@dataclass(frozen=True, slots=True)
class Subgroup:
    """One group: its notes, its score, and recall and F1 less those of all other notes, with intervals.

    `worse` says that the whole interval of a gap lies below nought: more than chance, as far as so many notes tell.
    """

    notes: int
    score: Score
    recall_gap: Estimate
    f1_gap: Estimate

    @property
    def worse(self) -> bool:
        """Whether recall or F1 lies below that of the others with its whole interval."""
        return any(one.high is not None and one.high < 0 for one in (self.recall_gap, self.f1_gap))

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        gaps = {"recall_gap": self.recall_gap.to_dict(), "f1_gap": self.f1_gap.to_dict()}
        return {"notes": self.notes, **self.score.to_dict(), **gaps, "worse": self.worse}


def namers(notes: Iterable[Note], columns: Sequence[str], bands: Mapping[str, Sequence[float]]) -> dict[str, Namer]:
    """Meta column → the name of a note's group. Numbers are banded: by `bands`, ages at 18, 40, 65 and 80, others at
    their quartiles when there are more than a few. Raises ConfigError for a column that no note has."""
    notes = list(notes)
    made: dict[str, Namer] = {}
    for column in columns:
        values = [note.meta[column] for note in notes if note.meta.get(column) not in (None, "")]
        if column == SECTION and not values:
            continue  # spans are grouped by their section, not notes by a column
        if not values:
            known = sorted({str(key) for note in notes for key in note.meta})
            raise ConfigError(f"No note has {column!r} in its meta. Columns: {', '.join(known) or 'none'}")
        made[column] = _namer(column, values, bands.get(column))
    return made


def _namer(column: str, values: Sequence[Any], edges: Sequence[float] | None) -> Namer:
    numbers = [_number(value) for value in values]
    if edges is None and None not in numbers and (column == "age" or len(set(numbers)) > _FEW):
        held = sorted(number for number in numbers if number is not None)
        edges = _AGES if column == "age" else sorted({held[len(held) * part // 4] for part in (1, 2, 3)})
    if edges is None:
        return lambda note: NOBODY if note.meta.get(column) in (None, "") else str(note.meta[column])
    names = _band_names(sorted(edges))

    def name(note: Note) -> str:
        number = _number(note.meta.get(column))
        return NOBODY if number is None else names[bisect_right(sorted(edges), number)]

    return name


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _band_names(edges: Sequence[float]) -> list[str]:
    inner = [f"{low:g} to <{high:g}" for low, high in pairwise(edges)]
    return [f"below {edges[0]:g}", *inner, f"{edges[-1]:g} and more"]


def check_criterion(criterion: str, columns: Sequence[str]) -> None:
    """Raise ConfigError for a criterion that does not exist, or by which sections cannot be told."""
    if criterion not in CRITERIA:
        raise ConfigError(f"Unknown criterion {criterion!r}. Criteria: {', '.join(CRITERIA)}")
    if SECTION in columns and criterion not in ONE_TO_ONE:
        raise ConfigError(f"Sections are judged by {', '.join(ONE_TO_ONE)}, not by {criterion!r}.")


def count_note_group(column: str, name: str, criterion: str, counts: Counts) -> None:
    """Add what was counted of a whole note to its group."""
    labels = {key[1] for key in counts if key[0] == "strict"}
    spans = "characters" if criterion == "characters" else "strict"
    for what, kind in zip(WHATS, (spans, criterion, spans, criterion), strict=True):
        counts["by " + column, name, what] += sum(counts.get((kind, label, what), 0) for label in labels)
    counts["by " + column, name, "notes"] += 1


def count_sections(section: Callable[[Span], str], alignment: Alignment, criterion: str, counts: Counts) -> None:
    """Add each span to the section in which it begins; a pair is found in its gold's and right in its prediction's."""
    held: Counts = type(counts)()
    gold = [*(one for one, _ in alignment.pairs), *alignment.ours]
    said = [*(other for _, other in alignment.pairs), *alignment.theirs]
    for what, spans in (("gold", gold), ("said", said)):
        for span in spans:
            counts["by " + SECTION, section(span), what] += 1
    for pair in alignment.pairs:
        held.clear()
        count_pair(pair, held)
        for what, span in (("found", pair[0]), ("right", pair[1])):
            counts["by " + SECTION, section(span), what] += held.get((criterion, span.label, what), 0)
    for name in {section(span) for span in (*gold, *said)}:
        counts["by " + SECTION, name, "notes"] += 1


def subgroups(boot: Bootstrap, columns: Mapping[tuple, int], names: Sequence[str]) -> dict[str, dict[str, Subgroup]]:
    """Column → group → figures, of what was counted."""
    found: dict[str, dict[str, Subgroup]] = {}
    for column in names:
        key = "by " + column
        groups = sorted({str(name) for kind, name, _ in columns if kind == key})
        held = {group: [columns.get((key, group, what), 0) for what in (*WHATS, "notes")] for group in groups}
        found[column] = {group: _subgroup(boot, group, held) for group in groups}
    return found


def _subgroup(boot: Bootstrap, group: str, held: Mapping[str, Sequence[int]]) -> Subgroup:
    mine = held[group]
    rest = [columns[at] for at in range(4) for name, columns in held.items() if name != group]
    score = boot.score(*([column] for column in mine[:4]))
    if not rest:
        return Subgroup(int(boot.total(mine[4])), score, Estimate(None), Estimate(None))
    others = len(rest) // 4

    def gap(figure: Callable[[Sequence[numpy.ndarray]], numpy.ndarray]) -> Estimate:
        def difference(sums: numpy.ndarray) -> numpy.ndarray:
            ours = [sums[:, at] for at in range(4)]
            theirs = [sums[:, 4 + at * others : 4 + (at + 1) * others].sum(axis=1) for at in range(4)]
            return figure(ours) - figure(theirs)

        return boot.estimate([*mine[:4], *rest], difference)

    return Subgroup(int(boot.total(mine[4])), score, gap(lambda held: held[1] / held[0]), gap(_f1))


def _f1(held: Sequence[numpy.ndarray]) -> numpy.ndarray:
    """The harmonic mean; nought where nothing was found, undefined where there was nothing to find."""
    import numpy

    gold, found, said, right = held
    recall, precision = found / gold, right / said
    total = recall + precision
    return numpy.where(total == 0, 0.0, 2 * recall * precision / total)
