"""Fits the weights by which the linker ranks candidates and scores them.

    weights = fit_ranker([(features of each candidate, [places of those that are right]), …])

A multinomial logit over the candidates of a mention and "none of these", with a ridge against weights that few examples
carry, by Newton's method on a bound of the likelihood (several candidates may be right; Böhning and Lindsay 1988). The
same everywhere: nothing is drawn by chance.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from medtext.errors import ConfigError

Example = tuple[Sequence[Mapping[str, float]], Sequence[int]]

_STEPS = 60
_TINY = 1e-12
_STILL = 1e-7  # change of a weight below which it has settled
_TOP = 200  # candidates of one mention that are compared; those that are right stay in any case


def fit_ranker(examples: Iterable[Example], *, ridge: float = 1.0, fewest: int = 5) -> dict[str, float]:
    """Feature → weight, to four digits; an example without a right candidate says that none was there.

    Features of fewer than `fewest` candidates are left out. Raises ConfigError where no example has candidates.
    """
    import numpy as np

    held = [_short(candidates, set(right)) for candidates, right in examples if candidates]
    if not held:
        raise ConfigError("No mention has candidates to learn from.")
    names = _names(held, fewest)
    place = {name: at for at, name in enumerate(names)}
    tables = []
    for candidates, right in held:
        rows = np.zeros((len(candidates) + 1, len(names)))
        for row, features in zip(rows, candidates, strict=False):
            for name, value in features.items():
                if name in place:
                    row[place[name]] = value
        gold = np.array([at in right for at in range(len(candidates))] + [not right])
        tables.append((rows, gold))
    weights = np.zeros(len(names))
    worth = _worth(tables, weights, ridge)
    for _ in range(_STEPS):
        step = _step(tables, weights, ridge)
        while (new := _worth(tables, weights + step, ridge)) < worth and np.abs(step).max() > _STILL:
            step = step / 2
        weights, worth = weights + step, new
        if np.abs(step).max() < _STILL:
            break
    return {name: round(float(weight), 4) for name, weight in zip(names, weights, strict=True)}


def _worth(tables: list, weights: Any, ridge: float) -> float:
    """The log likelihood, less the ridge."""
    import numpy as np

    total = -ridge / 2 * float(weights @ weights)
    for rows, gold in tables:
        strengths = rows @ weights
        raised = np.exp(strengths - strengths.max())
        total += float(np.log(raised[gold].sum() / raised.sum() + _TINY))
    return total


def _step(tables: list, weights: Any, ridge: float) -> Any:
    """One Newton step: towards what is right, away from what is thought now."""
    import numpy as np

    slope = -ridge * weights
    bend = ridge * np.eye(len(slope))
    for rows, gold in tables:
        strengths = rows @ weights
        raised = np.exp(strengths - strengths.max())
        now = raised / raised.sum()
        wanted = np.where(gold, now, 0.0) + gold * _TINY
        wanted /= wanted.sum()
        mean = now @ rows
        slope += wanted @ rows - mean
        bend += (rows * now[:, None]).T @ rows - np.outer(mean, mean)
    return np.linalg.solve(bend, slope)


def _short(candidates: Sequence[Mapping[str, float]], right: set[int]) -> tuple[list[Mapping[str, float]], set[int]]:
    """The first candidates and all that are right, with the new places of these."""
    kept = [at for at in range(len(candidates)) if at < _TOP or at in right]
    return [candidates[at] for at in kept], {new for new, at in enumerate(kept) if at in right}


def _names(held: list, fewest: int) -> list[str]:
    counts: dict[str, int] = {}
    for candidates, _ in held:
        for features in candidates:
            for name in features:
                counts[name] = counts.get(name, 0) + 1
    return sorted(name for name, count in counts.items() if count >= fewest)
