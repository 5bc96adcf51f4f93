"""Kappa over the spans that people matched: how far they agree in an attribute beyond what chance would give.

Cohen's for two people (Cohen 1960, Educational and Psychological Measurement 20:37), Fleiss's for several (Fleiss 1971,
Psychological Bulletin 76:378). "Not assessed" is a value like the others; spans that nobody assessed are left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING

from medtext.review.statistics import Bootstrap, Estimate

if TYPE_CHECKING:
    import numpy

Counts = Counter[tuple[Hashable, ...]]


def count_pair(axis: str, pair: tuple[str, str], values: tuple[str | None, str | None], counts: Counts) -> None:
    """Add one matched pair."""
    if values != (None, None):
        counts["cohen", axis, pair, values] += 1


def count_item(axis: str, values: Sequence[str | None], counts: Counts) -> None:
    """Add one span of which each of several people has said something."""
    if any(value is not None for value in values):
        given, people = Counter(values), len(values)
        counts["fleiss", axis, people, "items"] += 1
        counts["fleiss", axis, people, "agree"] += sum(n * (n - 1) for n in given.values()) / (people * (people - 1))
        for value, number in given.items():
            counts["fleiss", axis, people, (value,)] += number


def cohen(boot: Bootstrap, columns: Mapping[tuple[Hashable, ...], int], axis: str, pair: tuple[str, str]) -> Estimate:
    """Cohen's kappa of two people; None where it is not defined."""
    held = {key[3]: column for key, column in columns.items() if key[:3] == ("cohen", axis, pair)}
    if not held:
        return Estimate(None)
    kinds = sorted({value for values in held for value in values}, key=str)
    cells = list(held)

    def kappa(sums: numpy.ndarray) -> numpy.ndarray:
        total = sums.sum(axis=1)
        same = sum((sums[:, at] for at, (one, other) in enumerate(cells) if one == other), total * 0)
        chance = total * 0
        for kind in kinds:
            first = sum((sums[:, at] for at, (one, _) in enumerate(cells) if one == kind), total * 0)
            second = sum((sums[:, at] for at, (_, other) in enumerate(cells) if other == kind), total * 0)
            chance += first * second / total**2
        return (same / total - chance) / (1 - chance)

    return boot.estimate([held[cell] for cell in cells], kappa)


def fleiss(boot: Bootstrap, columns: Mapping[tuple[Hashable, ...], int], axis: str, people: int) -> Estimate:
    """Fleiss's kappa over the spans that all of so many people have; None where it is not defined."""
    held = {key[3]: column for key, column in columns.items() if key[:3] == ("fleiss", axis, people)}
    if not held:
        return Estimate(None)
    given = [column for what, column in held.items() if isinstance(what, tuple)]

    def kappa(sums: numpy.ndarray) -> numpy.ndarray:
        items, agree, values = sums[:, 0], sums[:, 1], sums[:, 2:]
        chance = ((values / values.sum(axis=1, keepdims=True)) ** 2).sum(axis=1)
        return (agree / items - chance) / (1 - chance)

    return boot.estimate([held["items"], held["agree"], *given], kappa)
