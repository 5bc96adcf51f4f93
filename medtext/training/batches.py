"""Rows of like length put together, in an order that the seed and the epoch decide, and made into tensors."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from medtext.training.examples import Example

if TYPE_CHECKING:
    import torch

_BUCKET = 40  # batches whose rows are sorted by length together


@dataclass(slots=True)
class Batch:
    """Tensors of some rows: ids and mask [rows, tokens], and head → row of the tag set of each token.

    `whole` [rows] says of which rows the targets are those of a text, to be learned once.
    `taught` gives for a head which tokens (numbers in rows × tokens) a teacher judged, and its logits for them.
    """

    ids: torch.Tensor
    mask: torch.Tensor
    targets: dict[str, torch.Tensor]
    whole: torch.Tensor
    taught: dict[str, tuple[torch.Tensor, torch.Tensor]]


def epoch_order(
    lengths: Sequence[int], repeats: Sequence[float], *, budget: int, seed: int, epoch: int, most: int = 0
) -> list[list[int]]:
    """Batches of row numbers: rows × longest row ≤ budget, unless one row alone is longer; at most so many rows."""
    rng = random.Random(f"{seed}/{epoch}")
    rows = [row for row, many in enumerate(repeats) for _ in range(_times(many, rng))]
    rng.shuffle(rows)
    mean = max(1, sum(lengths[row] for row in rows) // max(1, len(rows)))
    size = min(max(1, budget // mean), most or len(rows)) * _BUCKET
    batches = []
    for at in range(0, len(rows), size):
        bucket = sorted(rows[at : at + size], key=lambda row: lengths[row])
        batches += packed(bucket, lengths, budget, most)
    rng.shuffle(batches)
    return batches


def _times(many: float, rng: random.Random) -> int:
    return int(many) + (rng.random() < many - int(many))


def packed(rows: Sequence[int], lengths: Sequence[int], budget: int, most: int = 0) -> Iterator[list[int]]:
    """Rows sorted by length, as many together as the budget of tokens allows, and at most so many."""
    held: list[int] = []
    for row in rows:
        if held and ((len(held) + 1) * lengths[row] > budget or len(held) == most):
            yield held
            held = []
        held.append(row)
    if held:
        yield held


def collate(rows: Sequence[Example], taught: Sequence[Mapping[str, Any]], padding: int, device: Any) -> Batch:
    """The tensors of these rows; `taught` gives each row's head → (tokens, logits)."""
    import torch

    width = max(len(one.ids) for one in rows)

    def padded(values: Sequence[int], fill: int) -> list[int]:
        return [*values, *[fill] * (width - len(values))]

    ids = torch.tensor([padded(one.ids, padding) for one in rows], device=device)
    mask = torch.tensor([padded([1] * len(one.ids), 0) for one in rows], device=device)
    heads = rows[0].targets
    targets = {name: torch.tensor([padded(one.targets[name], 0) for one in rows], device=device) for name in heads}
    told = {name: _stacked([one.get(name) for one in taught], width, device) for name in heads}
    whole = torch.tensor([one.whole for one in rows], device=device)
    return Batch(ids, mask, targets, whole, {name: one for name, one in told.items() if one is not None})


def _stacked(held: Sequence[tuple[Any, Any] | None], width: int, device: Any) -> tuple[Any, Any] | None:
    import torch

    places = [row * width + torch.as_tensor(one[0]) for row, one in enumerate(held) if one is not None]
    if not places:
        return None
    logits = [torch.as_tensor(one[1]).float() for one in held if one is not None]
    return torch.cat(places).to(device), torch.cat(logits).to(device)
