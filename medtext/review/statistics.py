"""How sure a figure is: bootstrap intervals over notes, and exact bounds on a share.

Notes are what is resampled, because what stands in one note goes wrong together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from medtext.errors import ConfigError

if TYPE_CHECKING:
    import numpy

RESAMPLES = 1000
CONFIDENCE = 0.95
_BLOCK = 2_000_000  # cells of the table of draws that are held at once
_STEPS = 200  # halvings; a float has 53 bits, but a tiny bound needs its exponent too


@dataclass(frozen=True, slots=True)
class Figure:
    """A share with its counts and its interval; `value` is None where there is nothing to divide by.

    `part` of `whole`; an F1 has neither. `low` and `high` enclose the value.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    part: int | float | None = None
    whole: int | float | None = None

    def to_dict(self) -> dict[str, float | int | None]:
        """For JSON; shares to six digits."""
        shares = {name: getattr(self, name) for name in ("value", "low", "high")}
        made: dict[str, float | int | None] = {
            name: None if one is None else round(one, 6) for name, one in shares.items()
        }
        return made if self.whole is None else made | {"part": self.part, "whole": self.whole}


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure that is no share of anything, such as a kappa or a mean, with its interval.

    `value` is None where it is not defined, for instance a kappa over spans of which nobody said anything else.
    """

    value: float | None
    low: float | None = None
    high: float | None = None

    def to_dict(self) -> dict[str, float | None]:
        """For JSON, to six digits."""
        held = {name: getattr(self, name) for name in ("value", "low", "high")}
        return {name: None if one is None else round(one, 6) for name, one in held.items()}


@dataclass(frozen=True, slots=True)
class Score:
    """Recall, precision and their harmonic mean."""

    recall: Figure
    precision: Figure
    f1: Figure

    def to_dict(self) -> dict[str, dict[str, float | int | None]]:
        """For JSON."""
        return {name: getattr(self, name).to_dict() for name in ("recall", "precision", "f1")}


class Bootstrap:
    """Counts of many notes, one row a note; gives shares of column sums with percentile intervals.

    Where all or none of a figure was met, resampling cannot move it and would promise certainty: there the interval is
    the exact one for that many notes all of one kind. Rows must come in a fixed order for a seed to mean the same.
    """

    def __init__(self, rows: Sequence[Sequence[int]], *, resamples: int = RESAMPLES, seed: int = 0) -> None:
        import numpy

        if resamples < 1:
            raise ConfigError(f"resamples={resamples} must be at least 1.")
        self._counts = numpy.asarray(rows, dtype=float).reshape(len(rows), -1 if rows else 0)
        self._totals = self._counts.sum(axis=0)
        self._drawn = _drawn_sums(self._counts, resamples, seed)

    def total(self, column: int) -> float:
        """The sum of a column over all notes."""
        return float(self._totals[column])

    def share(self, part: Sequence[int], whole: Sequence[int]) -> Figure:
        """The sum of some columns over the sum of others."""
        return self._figure(part, whole)[0]

    def score(self, gold: Sequence[int], found: Sequence[int], said: Sequence[int], right: Sequence[int]) -> Score:
        """Recall = found / gold, precision = right / said, and F1 of the two."""
        recall, recalls = self._figure(found, gold)
        precision, precisions = self._figure(right, said)
        value = _harmonic(recall.value, precision.value)
        if value is None:
            return Score(recall, precision, Figure(None))
        f1 = _harmonics(recalls, precisions)
        return Score(recall, precision, Figure(value, *self._interval(value, f1, (*gold, *said))))

    def estimate(self, columns: Sequence[int], function: Callable[[numpy.ndarray], numpy.ndarray]) -> Estimate:
        """Any figure of column sums: `function` takes one row a draw, and gives a number for each, nan if undefined."""
        import numpy

        columns = list(columns)
        with numpy.errstate(divide="ignore", invalid="ignore"):
            value = float(function(self._totals[None, columns])[0])
            drawn = function(self._drawn[:, columns])
        if not math.isfinite(value):
            return Estimate(None)
        known = drawn[numpy.isfinite(drawn)]
        tail = (1 - CONFIDENCE) / 2
        low, high = numpy.quantile(known, (tail, 1 - tail)) if len(known) else (value, value)
        return Estimate(value, min(float(low), value), max(float(high), value))

    def _figure(self, part: Sequence[int], whole: Sequence[int]) -> tuple[Figure, numpy.ndarray]:
        import numpy

        part, whole = list(part), list(whole)
        top, bottom = self._totals[part].sum(), self._totals[whole].sum()
        drawn = self._drawn[:, whole].sum(axis=1)
        shares = numpy.full(len(drawn), numpy.nan)
        numpy.divide(self._drawn[:, part].sum(axis=1), drawn, out=shares, where=drawn > 0)
        if not bottom:
            return Figure(None, part=_count(top), whole=0), shares
        value = float(top / bottom)
        return Figure(value, *self._interval(value, shares, whole), _count(top), _count(bottom)), shares

    def _interval(self, value: float, drawn: numpy.ndarray, whole: Sequence[int]) -> tuple[float, float]:
        import numpy

        if value in (0.0, 1.0):
            notes = int((self._counts[:, list(whole)].sum(axis=1) > 0).sum())
            reach = ((1 - CONFIDENCE) / 2) ** (1 / notes)
            return (reach, 1.0) if value else (0.0, 1 - reach)
        known = drawn[~numpy.isnan(drawn)]
        tail = (1 - CONFIDENCE) / 2
        low, high = numpy.quantile(known, (tail, 1 - tail)) if len(known) else (value, value)
        return min(float(low), value), max(float(high), value)


def _count(total: float) -> int | float:
    """A sum of counts; half credits may leave a half."""
    return int(total) if float(total).is_integer() else float(total)


def _drawn_sums(counts: numpy.ndarray, resamples: int, seed: int) -> numpy.ndarray:
    """The column sums of each resample, the notes being drawn with replacement."""
    import numpy

    notes, columns = counts.shape
    sums = numpy.zeros((resamples, columns))
    random = numpy.random.default_rng(seed)
    step = max(1, _BLOCK // max(1, notes))
    for first in range(0, resamples if notes else 0, step):
        many = min(step, resamples - first)
        drawn = random.integers(0, notes, size=(many, notes)) + numpy.arange(many)[:, None] * notes
        weights = numpy.bincount(drawn.ravel(), minlength=many * notes).reshape(many, notes)
        sums[first : first + many] = weights @ counts
    return sums


def _harmonic(one: float | None, other: float | None) -> float | None:
    if one is None or other is None:
        return None
    return 2 * one * other / (one + other) if one + other else 0.0


def _harmonics(one: Any, other: Any) -> Any:
    import numpy

    total = one + other
    made = numpy.where(numpy.isnan(total), numpy.nan, 0.0)
    return numpy.divide(2 * one * other, total, out=made, where=total > 0)


@dataclass(frozen=True, slots=True)
class Bound:
    """What a sample of notes says of all: at `confidence`, at most `upper` of them leak."""

    leaks: int
    sample: int
    upper: float
    confidence: float = CONFIDENCE

    def to_dict(self) -> dict[str, float | int]:
        """For JSON."""
        return {"leaks": self.leaks, "sample": self.sample, "upper": self.upper, "confidence": self.confidence}


def upper_bound(leaks: int, sample: int, *, confidence: float = CONFIDENCE) -> float:
    """The one-sided Clopper-Pearson bound on a share of which `leaks` of `sample` were seen.

        upper_bound(0, 300)  # 0.00994: with 95 % confidence fewer than one note in a hundred leaks

    The share at which so few would be seen only once in 1 / (1 - confidence) samples (Clopper and Pearson 1934).
    """
    if not 0 <= leaks <= sample or sample < 1:
        raise ConfigError(f"{leaks} leaking notes of {sample} cannot be.")
    if not 0 < confidence < 1:
        raise ConfigError(f"confidence={confidence} must lie between 0 and 1.")
    if leaks == sample:
        return 1.0
    return _falling(lambda share: binomial_tail(leaks, sample, share), 1 - confidence)


def binomial_tail(seen: int, sample: int, share: float) -> float:
    """How likely `seen` or fewer of a sample are, each with this share; exact up to rounding."""
    if share <= 0 or share >= 1:
        return float(share <= 0 or seen >= sample)
    yes, no = math.log(share), math.log1p(-share)
    choose = math.lgamma(sample + 1)
    terms = (
        math.exp(choose - math.lgamma(k + 1) - math.lgamma(sample - k + 1) + k * yes + (sample - k) * no)
        for k in range(seen + 1)
    )
    return min(1.0, math.fsum(terms))


def _falling(function: Callable[[float], float], wanted: float) -> float:
    """Where a function that falls from 0 to 1 takes a value, by halving; never below it by more than rounding."""
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if function(middle) > wanted else (low, middle)
    return high


def notes_needed(upper: float, *, leaks: int = 0, confidence: float = CONFIDENCE) -> int:
    """The smallest sample whose bound is at most `upper` when that many of its notes leak.

    notes_needed(0.01)  # 299 notes, all of them clean
    """
    if not 0 < upper < 1:
        raise ConfigError(f"A wished bound of {upper} must lie between 0 and 1.")
    few, many = leaks, leaks + 1
    while upper_bound(leaks, many, confidence=confidence) > upper:
        few, many = many, many * 2
    while many - few > 1:
        middle = (few + many) // 2
        enough = upper_bound(leaks, middle, confidence=confidence) <= upper
        few, many = (few, middle) if enough else (middle, many)
    return many
