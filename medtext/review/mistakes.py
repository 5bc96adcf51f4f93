"""Every mistake of a prediction, by kind, and how far its scores can be believed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from medtext.note import Note
from medtext.review.alignment import Alignment
from medtext.review.matching import Counts
from medtext.review.sides import quote
from medtext.review.statistics import Bootstrap, Estimate
from medtext.span import Span

if TYPE_CHECKING:
    import numpy

KINDS = {
    "missed": "gold that nothing was paired with",
    "spurious": "a prediction that no gold was paired with",
    "boundary": "the label is right, the place is not",
    "label": "the place is right, the label is not",
    "both": "they share characters, but neither place nor label is right",
}
BINS = 10


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake: ids, labels and places of the gold and the predicted span, None for the one that is absent."""

    note: str
    kind: str
    gold: Span | None
    predicted: Span | None
    words: str | None = field(default=None, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        told: dict[str, Any] = {"note": self.note, "kind": self.kind}
        for name, span in (("gold", self.gold), ("predicted", self.predicted)):
            at = None if span is None else [list(fragment) for fragment in span.at]
            told[name] = None if span is None else {"span": span.id, "label": span.label, "at": at}
        return told if self.words is None else told | {"quote": self.words}


def mistakes_of(note: Note, alignment: Alignment, *, quotes: bool = False) -> Iterator[Mistake]:
    """The mistakes of one note, in the order of the text."""
    found: list[tuple[str, Span | None, Span | None]] = []
    for one, other in alignment.pairs:
        if kind := _kind(one, other):
            found.append((kind, one, other))
    found += [("missed", one, None) for one in alignment.ours]
    found += [("spurious", None, other) for other in alignment.theirs]
    for kind, one, other in sorted(found, key=lambda held: (held[1] or held[2]).sort_key):
        spans = [span for span in (one, other) if span is not None]
        place = min(span.start for span in spans), max(span.end for span in spans)
        yield Mistake(note.id, kind, one, other, quote(note, *place) if quotes else None)


def _kind(one: Span, other: Span) -> str:
    if one.at == other.at:
        return "" if one.label == other.label else "label"
    return "boundary" if one.label == other.label else "both"


def count_scores(predicted: Iterable[Span], alignment: Alignment, counts: Counts) -> None:
    """By bin of the score: how many predictions, the sum of their scores, how many are strictly right."""
    right = {id(other) for one, other in alignment.pairs if not _kind(one, other)}
    for span in predicted:
        if span.score is not None:
            number = str(min(int(span.score * BINS), BINS - 1))
            counts["bin", number, "spans"] += 1
            counts["bin", number, "score"] += span.score
            counts["bin", number, "right"] += id(span) in right
            counts["bin", "all", "square"] += (span.score - (id(span) in right)) ** 2


@dataclass(frozen=True, slots=True)
class Calibration:
    """How far scores are what they claim.

    `ece` is the expected calibration error over ten bins of equal width (Guo et al. 2017, ICML), `brier` the mean
    squared distance from what was right (Brier 1950). `bins` is (mean score, share strictly right, spans) of each bin
    that holds any.
    """

    ece: Estimate
    brier: Estimate
    bins: tuple[tuple[float, float, int], ...]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        bins = [{"score": round(score, 6), "right": round(right, 6), "spans": n} for score, right, n in self.bins]
        return {"ece": self.ece.to_dict(), "brier": self.brier.to_dict(), "bins": bins}


def calibration(boot: Bootstrap, columns: Mapping[tuple, int]) -> Calibration | None:
    """The calibration of all predictions that have a score; None where none has."""
    held = [
        [columns["bin", str(number), what] for what in ("spans", "score", "right")]
        for number in range(BINS)
        if ("bin", str(number), "spans") in columns
    ]
    if not held:
        return None
    sums = [[boot.total(column) for column in one] for one in held]
    flat = [column for one in held for column in one]
    spans = [one[0] for one in held]
    brier = boot.estimate([columns["bin", "all", "square"], *spans], lambda sums: sums[:, 0] / sums[:, 1:].sum(axis=1))
    bins = tuple((score / number, right / number, int(number)) for number, score, right in sums if number)
    return Calibration(boot.estimate(flat, _ece), brier, bins)


def _ece(sums: numpy.ndarray) -> numpy.ndarray:
    """The sum over bins of |sum of scores - number right|, over all spans."""
    return abs(sums[:, 1::3] - sums[:, 2::3]).sum(axis=1) / sums[:, 0::3].sum(axis=1)


def count_kinds(mistakes: Sequence[Mistake]) -> dict[str, int]:
    """Kind → how many."""
    return {kind: sum(one.kind == kind for one in mistakes) for kind in KINDS}
