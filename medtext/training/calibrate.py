"""What makes a head's scores honest, and how honest they are.

Logits are divided by T (Guo et al. 2017, "On Calibration of Modern Neural Networks"), chosen to minimise the negative
log-likelihood of what users see: that a span with this score is right in place and label. Fitted on words instead,
scores promise too much, since one wrong word spoils a span. What is left differs by label: it is taken up by one slope
and an offset for each label on the log-odds (Platt 1999), the offsets held near their mean where a label is rare. The
expected calibration error is
Σ_bins n_b/n · |right - said|.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy

_BINS = 15
_STEPS = 25
_EDGE = 1e-4  # no score is surer than this
_LEAST, _MOST = 0.05, 20.0
_NEAR = 4.0  # of the penalty on a label's distance from the mean offset: a standard deviation of a half
_GOLDEN = (5**0.5 - 1) / 2


def fit_temperature(loss: Callable[[float], float]) -> float:
    """The T in [0.05, 20] where a loss with one valley is lowest."""
    from math import exp, log

    return round(exp(_lowest(lambda at: loss(exp(at)), log(_LEAST), log(_MOST))), 4)


def fit_odds(said: Sequence[float], right: Sequence[bool], labels: Sequence[str]) -> tuple[float, dict[str, float]]:
    """The slope, and the offset of each label, with which these scores are likeliest; 1 and none without a case.

    Newton's method on the penalised logistic loss, which has one valley.
    """
    import numpy

    known = sorted(set(labels))
    if not known:
        return 1.0, {}
    scores, hits = numpy.clip(numpy.asarray(said, dtype=float), _EDGE, 1 - _EDGE), numpy.asarray(right, dtype=float)
    table = numpy.column_stack(
        [numpy.log(scores / (1 - scores)), numpy.ones(len(scores)), numpy.array(labels)[:, None] == numpy.array(known)]
    ).astype(float)
    start = numpy.array([1.0, 0.0, *[0.0] * len(known)])
    penalty = numpy.array([1.0, 1e-3, *[_NEAR] * len(known)])
    weights = start.copy()
    for _ in range(_STEPS):
        told = 1 / (1 + numpy.exp(-table @ weights))
        pull = table.T @ (told - hits) + penalty * (weights - start)
        bend = (table * (told * (1 - told))[:, None]).T @ table + numpy.diag(penalty)
        weights = weights - numpy.linalg.solve(bend, pull)
    slope, offset = max(_LEAST, float(weights[0])), float(weights[1])
    return round(slope, 4), {
        label: round(offset + float(one), 4) for label, one in zip(known, weights[2:], strict=True)
    }


def likelihood(said: Sequence[float], right: Sequence[bool]) -> float:
    """The mean negative log-likelihood of being right or wrong, given what was said; 0 without a case."""
    import numpy

    if not len(said):
        return 0.0
    scores, hits = numpy.clip(numpy.asarray(said, dtype=float), _EDGE, 1 - _EDGE), numpy.asarray(right, dtype=bool)
    return float(-numpy.log(numpy.where(hits, scores, 1 - scores)).mean())


def log_probabilities(logits: numpy.ndarray, temperature: float) -> numpy.ndarray:
    """The logarithms of the probabilities at a temperature, over the last axis."""
    import numpy

    scaled = logits.astype(numpy.float64) / temperature
    scaled -= scaled.max(-1, keepdims=True)
    return scaled - numpy.log(numpy.exp(scaled).sum(-1, keepdims=True))


def calibration_error(said: Sequence[float], right: Sequence[bool]) -> float | None:
    """The expected calibration error over 15 bins of equal width; None without a case."""
    import numpy

    if not len(said):
        return None
    scores, hits = numpy.asarray(said, dtype=float), numpy.asarray(right, dtype=float)
    bins = numpy.minimum((scores * _BINS).astype(int), _BINS - 1)
    many = numpy.bincount(bins, minlength=_BINS)
    gap = numpy.abs(numpy.bincount(bins, hits, _BINS) - numpy.bincount(bins, scores, _BINS))
    return float(gap.sum() / many.sum())


def _lowest(function: Callable[[float], float], low: float, high: float, steps: int = 24) -> float:
    """Where a function with one valley is lowest, by golden section."""
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = function(left), function(right)
    for _ in range(steps):
        if at_left < at_right:
            high, right, at_right = right, left, at_left
            left = high - _GOLDEN * (high - low)
            at_left = function(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + _GOLDEN * (high - low)
            at_right = function(right)
    return (low + high) / 2
