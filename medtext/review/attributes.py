"""How well assertion and codes of predicted entities fit the gold, over pairs of one label that share characters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from medtext.review.alignment import Alignment
from medtext.review.kinship import Kinship
from medtext.review.matching import Counts
from medtext.review.statistics import Bootstrap, Figure, Score
from medtext.span import Span
from medtext.taxonomy import AXES


@dataclass(frozen=True, slots=True)
class CodeFigures:
    """Of one code system: recall, precision and F1 of codes; the mean nearness by hierarchy of what gold has coded;
    and how often a gold code is among the predicted code and candidates."""

    codes: Score
    near: Figure
    offered: Figure

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**self.codes.to_dict(), "near": self.near.to_dict(), "offered": self.offered.to_dict()}


def count_attributes(alignment: Alignment, kinship: Kinship, counts: Counts) -> None:
    """Add what assertion and codes of the pairs of one label say."""
    for one, other in alignment.pairs:
        if one.label == other.label:
            _count_assertion(one, other, counts)
            for system in {code.system for code in (*one.codes, *other.codes)}:
                _count_codes(one, other, system, kinship, counts)


def _count_assertion(one: Span, other: Span, counts: Counts) -> None:
    for axis in AXES:
        gold, said = (getattr(span.assertion, axis) if span.assertion else None for span in (one, other))
        if gold is None:
            continue  # the gold has not assessed it: nothing to be right about
        same = gold == said
        for value, what in ((gold, "gold"), (said, "said")):
            if value is not None:
                counts["assertion", f"{axis}: {value}", what] += 1
        counts["assertion", f"{axis}: {gold}", "found"] += same
        counts["assertion", f"{axis}: {gold}", "right"] += same


def _count_codes(one: Span, other: Span, system: str, kinship: Kinship, counts: Counts) -> None:
    gold, said = ({code for code in span.codes if code.system == system} for span in (one, other))
    both = len(gold & said)
    for what, number in (("gold", len(gold)), ("found", both), ("said", len(said)), ("right", both)):
        counts["codes", system, what] += number
    if gold:
        counts["codes", system, "spans"] += 1
        counts["codes", system, "near"] += kinship.alike(gold, said)[1]
        counts["codes", system, "offered"] += len(gold & (said | {one.code for one in other.candidates}))


def scores_of(boot: Bootstrap, columns: Mapping[tuple, int], kind: str) -> dict[str, Score]:
    """Name → recall, precision, F1 of what was counted under this kind."""
    names = sorted({name for held, name, _ in columns if held == kind})
    return {name: boot.score(*([one] for one in _columns(columns, kind, name))) for name in names}


def code_figures(boot: Bootstrap, columns: Mapping[tuple, int]) -> dict[str, CodeFigures]:
    """System → figures."""
    return {
        system: CodeFigures(
            score,
            boot.share([columns.get(("codes", system, "near"), 0)], [columns.get(("codes", system, "spans"), 0)]),
            boot.share([columns.get(("codes", system, "offered"), 0)], [columns.get(("codes", system, "gold"), 0)]),
        )
        for system, score in scores_of(boot, columns, "codes").items()
    }


def _columns(columns: Mapping[tuple, int], kind: str, name: str) -> Sequence[int]:
    return [columns.get((kind, name, what), 0) for what in ("gold", "found", "said", "right")]
