"""Krippendorff's alpha over characters: how far people agree on which characters of a note belong to what.

Every code point is a unit, and what each person says of it is nominal: for one label, whether it lies in a span of that
label; over all labels, the set of labels that cover it, which may be empty (two sets are the same or not; there is no
credit for sharing one). Alpha is 1 - Do / De over the pairs of values within units (Krippendorff 2011, "Computing
Krippendorff's Alpha-Reliability", section C). A note that only some of the people have counts for those.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING

from medtext.review.statistics import Bootstrap, Estimate
from medtext.span import Span

if TYPE_CHECKING:
    import numpy

# ("alpha", label, what): what is "apart" (pairs that differ), or a value, which is counted. The empty label is all.
Counts = Counter[tuple[Hashable, ...]]
ALL = ""


def count_characters(length: int, sides: Sequence[Sequence[Span]], labels: Mapping[str, int], counts: Counts) -> None:
    """Add what the characters of one note say, two or more people having marked it; `labels` is label → column."""
    if not length or not labels:
        return
    weights, marked = _stretches(length, sides, labels)
    values = _values(marked)
    for name, column in labels.items():
        if marked[:, :, column].any():
            _count(name, weights, marked[:, :, column], counts)
        else:
            counts["alpha", name, False] += length * len(sides)
    _count(ALL, weights, values, counts)


def _stretches(
    length: int, sides: Sequence[Sequence[Span]], labels: Mapping[str, int]
) -> tuple[numpy.ndarray, numpy.ndarray]:
    """How long each stretch between two boundaries is, and people × stretches × labels: what is marked there."""
    import numpy

    rows = [
        (who, labels[span.label], start, end)
        for who, spans in enumerate(sides)
        for span in spans
        for start, end in span.at
    ]
    held = numpy.asarray(rows, dtype=numpy.int64).reshape(-1, 4)
    cuts = numpy.unique(numpy.concatenate([held[:, 2], held[:, 3], [0, length]]))
    steps = numpy.zeros((len(sides), len(cuts), len(labels)), dtype=numpy.int32)
    numpy.add.at(steps, (held[:, 0], numpy.searchsorted(cuts, held[:, 2]), held[:, 1]), 1)
    numpy.add.at(steps, (held[:, 0], numpy.searchsorted(cuts, held[:, 3]), held[:, 1]), -1)
    return numpy.diff(cuts), steps.cumsum(axis=1)[:, :-1] > 0


def _values(marked: numpy.ndarray) -> numpy.ndarray:
    """People × stretches: the set of labels, as the bytes of its bits."""
    import numpy

    bits = numpy.ascontiguousarray(numpy.packbits(marked, axis=2))
    return bits.view(f"S{bits.shape[2]}")[:, :, 0]


def _count(name: str, weights: numpy.ndarray, values: numpy.ndarray, counts: Counts) -> None:
    """Add the pairs that differ and how often each value was given, each character counting for its people."""
    import numpy

    people = len(values)
    unlike = sum((values[one] != values[other]) for one in range(people) for other in range(one))
    counts["alpha", name, "apart"] += 2 * float(weights @ unlike) / (people - 1)
    kinds, where = numpy.unique(values, return_inverse=True)
    given = numpy.bincount(where.ravel(), weights=numpy.tile(weights, people))
    for kind, number in zip(kinds.tolist(), given.tolist(), strict=True):
        counts["alpha", name, kind] += number


def alpha(boot: Bootstrap, columns: Mapping[tuple[Hashable, ...], int], name: str = ALL) -> Estimate:
    """Alpha of one label, or over all, from the counts of notes; None where all characters have one value."""
    held = {key[2]: column for key, column in columns.items() if key[:2] == ("alpha", name)}
    given = [column for what, column in held.items() if what != "apart"]
    if "apart" not in held:
        return Estimate(None)
    return boot.estimate([held["apart"], *given], ALPHA)


def _alpha(sums: numpy.ndarray) -> numpy.ndarray:
    import numpy

    apart, given = sums[:, 0], sums[:, 1:]
    total = given.sum(axis=1)
    expected = total**2 - (given**2).sum(axis=1)
    made = 1 - (total - 1) * apart / expected
    return numpy.where(expected > 0, made, numpy.nan)


ALPHA: Callable[[numpy.ndarray], numpy.ndarray] = _alpha
