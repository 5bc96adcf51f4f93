"""From likeness to probability: a multinomial logit over the candidates of a mention, and over "none of these".

Each candidate has features, each feature a weight; the shares of the exponentials are the probabilities. So rivals that
are as good halve each other, and a lone poor candidate loses against none. The weights lie in `rules/ranking.yaml` with
the command that fitted them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files

from medtext.config import read_yaml
from medtext.errors import ConfigError

Features = Mapping[str, float]
OTHER = "other"  # the code systems that have no weights of their own


class Ranker:
    """Weights by code system; a feature without one counts nothing."""

    def __init__(self, weights: Mapping[str, Mapping[str, float]]) -> None:
        if OTHER not in weights:
            raise ConfigError(f"The weights of a ranker need an entry {OTHER!r}.")
        self.weights = {system: dict(held) for system, held in weights.items()}

    def probabilities(self, system: str, candidates: Sequence[Features]) -> list[float]:
        """For each candidate of one mention in one system, how likely it is meant; they sum to less than one."""
        return shares(self.strength(system, features) for features in candidates)

    def strength(self, system: str, features: Features) -> float:
        """The sum of the features, weighed; `none of these` has 0."""
        weights = self.weights.get(system, self.weights[OTHER])
        return sum(weights.get(name, 0.0) * value for name, value in features.items())


def shares(strengths: Iterable[float]) -> list[float]:
    """The probability of each alternative beside one of strength 0."""
    held = list(strengths)
    top = max([0.0, *held])
    raised = [math.exp(one - top) for one in held]
    whole = math.fsum([*raised, math.exp(-top)])
    return [one / whole for one in raised]


def shipped_ranker() -> Ranker:
    """The weights of `rules/ranking.yaml`."""
    top = read_yaml(files("medtext.terminology.rules").joinpath("ranking.yaml"))
    top.allow(("version", "fitted_by", "fitted_on", "by_hand", "weights"), "the weights of the ranker")
    by_hand = _numbers(top.get_typed("by_hand", dict, {}))
    return Ranker({system: by_hand | _numbers(held) for system, held in top.tables("weights").items()})


def _numbers(held: Mapping[object, object]) -> dict[str, float]:
    return {str(name): float(value) for name, value in held.items()}  # type: ignore[arg-type]
