"""Temperatures that make a head's probabilities honest, and how honest they are.

Logits are divided by T, chosen to minimise the negative log-likelihood of the gold on the dev documents (Guo et al.
2017, "On Calibration of Modern Neural Networks"). The expected calibration error is Σ_bins n_b/n · |right - said|.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy

_BINS = 15
_LEAST, _MOST = 0.05, 20.0
_GOLDEN = (5**0.5 - 1) / 2


def fit_temperature(logits: numpy.ndarray, possible: numpy.ndarray) -> float:
    """The T in [0.05, 20] of the least mean -log P(A); logits [words, tags], possible [words, tags] of bool.

    1.0 where there is no word to fit it on.
    """
    if not len(logits):
        return 1.0
    from math import exp, log

    return round(exp(_lowest(lambda at: likelihood(logits, possible, exp(at)), log(_LEAST), log(_MOST))), 4)


def likelihood(logits: numpy.ndarray, possible: numpy.ndarray, temperature: float) -> float:
    """The mean of -log P(A) at a temperature."""
    import numpy

    scores = log_probabilities(logits, temperature)
    inside = numpy.where(possible, scores, -numpy.inf)
    top = inside.max(-1, keepdims=True)
    return float(-(top[:, 0] + numpy.log(numpy.exp(inside - top).sum(-1))).mean())


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


def _lowest(function: Callable[[float], float], low: float, high: float, steps: int = 40) -> float:
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
