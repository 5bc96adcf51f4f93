"""Fits the weights by which the stage `relations` joins quantities to what they belong to.

    fitted = fit_relations(notes, [["value_of"], ["dose_of", "route_of", "frequency_of"], ["duration_of"]])

A logistic regression on every pair of a sentence, with a ridge against weights that few examples carry, by Newton's
method (Hastie, Tibshirani, Friedman: The Elements of Statistical Learning, 4.4.1); exact and the same everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from medtext.errors import ConfigError
from medtext.note import Note
from medtext.stages.relations import Pair, Traits, candidates
from medtext.taxonomy import Taxonomy

_STEPS = 50
_SIDES = ("before", "after")


def fit_relations(
    notes: Iterable[Note],
    groups: Sequence[Sequence[str]],
    *,
    traits: Traits,
    taxonomy: Taxonomy,
    ridge: float = 1.0,
) -> list[dict[str, Any]]:
    """The `rules` of a rules file: for each group of relations the weight of every trait, by side of the target.

    `notes` hold sentences, entities and the relations that people drew; a pair without a relation counts as none.
    Raises ConfigError where a group has no pair to learn from.
    """
    kinds = {kind: taxonomy.relations[kind] for group in groups for kind in group}
    pairs = [(kind, pair, gold) for note in notes for kind, pair, gold in _labelled(note, kinds)]
    rules = []
    for group in groups:
        held = [(pair, gold) for kind, pair, gold in pairs if kind in group]
        if not any(gold for _, gold in held):
            raise ConfigError(f"No note holds a relation {' or '.join(group)} to learn from.")
        rules.append({"relations": list(group), **_fitted(held, traits, ridge)})
    return rules


def _labelled(note: Note, kinds: Any) -> Iterator[tuple[str, Pair, bool]]:
    drawn = {(one.type, one.source, one.target) for one in note.relations}
    for kind, pairs in candidates(note, kinds):
        for pair in pairs:
            yield kind, pair, (kind, pair.quantity.id, pair.target.id) in drawn


def _fitted(held: list[tuple[Pair, bool]], traits: Traits, ridge: float) -> dict[str, Any]:
    import numpy as np

    columns = [(side, name) for side in _SIDES for name in (*traits.names, "constant")]
    place = {column: at for at, column in enumerate(columns)}
    rows = np.zeros((len(held), len(columns)))
    for row, (pair, _) in zip(rows, held, strict=True):
        row[place[pair.side, "constant"]] = 1.0
        for name, value in traits.of(pair).items():
            row[place[pair.side, name]] = value
    gold = np.array([float(one) for _, one in held])
    weights = np.zeros(len(columns))
    for _ in range(_STEPS):
        likely = 1 / (1 + np.exp(-rows @ weights))
        curvature = (rows * (likely * (1 - likely))[:, None]).T @ rows + ridge * np.eye(len(columns))
        weights -= np.linalg.solve(curvature, rows.T @ (likely - gold) + ridge * weights)
    told = {column: round(float(weight), 2) for column, weight in zip(columns, weights, strict=True)}
    made = {side: {name: told[side, name] for name in traits.names if told[side, name]} for side in _SIDES}
    return {**made, "constant": {side: told[side, "constant"] for side in _SIDES}}
