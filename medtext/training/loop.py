"""The loop: steps, a look at the dev documents after each epoch, checkpoints from which a killed run goes on.

A run that goes on takes the same batches, the same random numbers and the same optimiser state, so on one machine it
ends with the same weights as one that was never stopped.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medtext.errors import WouldOverwriteError
from medtext.training.batches import Batch, collate, epoch_order
from medtext.training.examples import Example, TagSets
from medtext.training.loss import Mean, distilled_loss, of_texts, possible_loss
from medtext.training.model import Tagger, faster_in_bf16, parameter_groups, precision, save_tagger
from medtext.training.recipe import Recipe

if TYPE_CHECKING:
    import torch

CHECKPOINT, PROGRESS, BEST = "checkpoint.pt", "progress.jsonl", "best"
_TOLD_EVERY = 20  # seconds between lines of progress


@dataclass(slots=True)
class State:
    """How far a run is; `scores` holds the dev score after each epoch, `seconds` the time spent on steps."""

    epoch: int = 0
    batch: int = 0
    step: int = 0
    best: float = -1.0
    stale: int = 0
    seconds: float = 0.0
    scores: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Lessons:
    """What is learned from: examples, how often each comes in an epoch, and head → logits of a teacher, if any."""

    examples: Sequence[Example]
    repeats: Sequence[float]
    taught: Sequence[Mapping[str, Any]]
    sets: Mapping[str, TagSets]


class Loop:
    """One training.

    `score` gives the dev score of the model as it is, None without dev documents: then the last epoch's model is kept.
    `tell` gets a line of progress as a mapping.
    """

    def __init__(
        self,
        tagger: Tagger,
        lessons: Lessons,
        recipe: Recipe,
        folder: Path,
        *,
        fingerprint: str,
        device: str,
        score: Callable[[], float | None],
        tell: Callable[[Mapping[str, Any]], object],
    ) -> None:
        import torch

        self._tagger, self._lessons, self._recipe, self._folder = tagger, lessons, recipe, folder
        self._settings, self._device, self._score, self._tell = recipe.training, device, score, tell
        self._fingerprint, self.state = fingerprint, State()
        one = self._settings
        groups = parameter_groups(
            tagger,
            rate=one.learning_rate,
            head_rate=one.head_learning_rate,
            decay=one.weight_decay,
            layer_decay=one.layer_decay,
        )
        self._optimizer = torch.optim.AdamW(groups, fused=True)
        self._rates = [group["lr"] for group in groups]
        self._tables = {name: torch.tensor(sets.table(), device=device) for name, sets in lessons.sets.items()}
        self._lengths = [len(example.ids) for example in lessons.examples]
        counts = [-(-len(self._order(epoch)) // one.accumulate) for epoch in range(one.epochs)]
        self._steps, self._turn = sum(counts), sum(counts[: one.restart])
        self._bf16 = faster_in_bf16(device) if one.bf16 is None else one.bf16
        self._saved = self._told = time.monotonic()

    def run(self) -> State:
        """Train until the epochs are over or the dev score has stopped rising; the best model lies in `best/`."""
        while self.state.epoch < self._settings.epochs and self.state.stale < self._settings.patience:
            self._epoch()
        return self.state

    def resume(self) -> None:
        """Go on where the checkpoint stands; raises WouldOverwriteError for that of another recipe or other data."""
        import torch

        held = torch.load(self._folder / CHECKPOINT, map_location="cpu", weights_only=True)
        if held["fingerprint"] != self._fingerprint:
            raise WouldOverwriteError(
                f"{self._folder} holds a training of another recipe or of other data. Name another folder, or pass "
                "overwrite=True to begin anew."
            )
        self._tagger.module.load_state_dict(held["model"])
        self._optimizer.load_state_dict(held["optimizer"])
        torch.set_rng_state(held["random"])
        if held["random_cuda"] is not None:
            torch.cuda.set_rng_state(held["random_cuda"])
        self.state = State(**held["state"])

    def _order(self, epoch: int) -> list[list[int]]:
        one = self._settings
        chosen = {"budget": one.batch_tokens, "most": one.batch_rows, "seed": one.seed}
        return epoch_order(self._lengths, self._lessons.repeats, epoch=epoch, **chosen)

    def _epoch(self) -> None:
        order, state = self._order(self.state.epoch), self.state
        self._tagger.module.train()
        while state.batch < len(order):
            self._step(order[state.batch : state.batch + self._settings.accumulate])
            state.batch = min(len(order), state.batch + self._settings.accumulate)
            if time.monotonic() - self._saved >= self._settings.checkpoint_minutes * 60:
                self._save()
        self._look()
        state.epoch, state.batch = state.epoch + 1, 0
        if state.epoch == self._settings.restart:
            state.stale = 0
        self._save()

    def _step(self, groups: Sequence[Sequence[int]]) -> None:
        """One step of the optimiser over one or more batches."""
        import torch

        begun = time.monotonic()
        factor = self._factor()
        for group, most in zip(self._optimizer.param_groups, self._rates, strict=True):
            group["lr"] = most * factor
        self._optimizer.zero_grad(set_to_none=True)
        losses = [self._learn(rows) / len(groups) for rows in groups]
        torch.nn.utils.clip_grad_norm_(self._tagger.module.parameters(), self._settings.clip)
        self._optimizer.step()
        self.state.step += 1
        self.state.seconds += time.monotonic() - begun
        if time.monotonic() - self._told >= _TOLD_EVERY:
            self._told = time.monotonic()
            self._say(loss=round(sum(losses), 4), rate=float(f"{self._settings.learning_rate * factor:.3g}"))

    def _learn(self, rows: Sequence[int]) -> float:
        examples, taught = self._lessons.examples, self._lessons.taught
        batch = collate(
            [examples[row] for row in rows], [taught[row] for row in rows], self._tagger.padding, self._device
        )
        with precision(self._device, bf16=self._bf16):
            logits = self._tagger.logits(batch.ids, batch.mask)
        loss = self._loss(logits, batch) / self._settings.accumulate
        loss.backward()
        return float(loss.detach()) * self._settings.accumulate

    def _loss(self, logits: Mapping[str, torch.Tensor], batch: Batch) -> torch.Tensor:
        """The means over the words and over the texts of which something is known; a teacher's share beside it."""
        told, smoothing = self._recipe.distil, self._settings.label_smoothing
        weight = told.weight if told else 0.0
        gold, taught, texts = Mean(), Mean(), Mean()
        for head, held in logits.items():
            flat, rows, table = held.flatten(0, 1), batch.targets[head], self._tables[head]
            known = rows.masked_fill(batch.whole[:, None], 0).flatten().nonzero().squeeze(-1)
            gold.add(possible_loss(flat[known], rows.flatten()[known], table, smoothing=smoothing), len(known))
            pooled, classes = of_texts(held, rows, batch.whole)
            texts.add(possible_loss(pooled, classes, table, smoothing=smoothing), len(classes))
            if told and head in batch.taught:
                places, wanted = batch.taught[head]
                taught.add(distilled_loss(flat[places], wanted, told.temperature), len(places))
        return (1 - weight) * (gold.value + texts.value) + weight * taught.value

    def _factor(self) -> float:
        """Of the learning rate at this step: a rise, then a straight fall to zero; the same again after a restart."""
        begun, end = (self._turn, self._steps) if self.state.step >= self._turn else (0, self._turn)
        step, steps = self.state.step - begun, end - begun
        rise = max(1, round(self._settings.warmup * steps))
        if step < rise:
            return (step + 1) / rise
        return max(0.0, (steps - step) / max(1, steps - rise))

    def _look(self) -> None:
        """The score of this epoch; the best model so far is kept, or the last one where nothing can be scored."""
        self._tagger.module.eval()
        state, score = self.state, self._score()
        if score is None:
            save_tagger(self._tagger, self._folder / BEST)
            self._say()
            return
        state.scores.append(round(score, 6))
        state.stale = 0 if score > state.best else state.stale + 1
        if score > state.best:
            state.best = score
            save_tagger(self._tagger, self._folder / BEST)
        self._say(dev=round(score, 4), best=round(state.best, 4))

    def _say(self, **figures: float) -> None:
        state = self.state
        line = {"epoch": state.epoch, "step": state.step, "steps": self._steps, "minutes": round(state.seconds / 60, 1)}
        line |= figures
        with (self._folder / PROGRESS).open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line) + "\n")
        self._tell(line)

    def _save(self) -> None:
        import torch

        cuda = torch.cuda.get_rng_state() if self._device.startswith("cuda") else None
        held = {
            "fingerprint": self._fingerprint,
            "model": self._tagger.module.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "random": torch.get_rng_state(),
            "random_cuda": cuda,
            "state": asdict(self.state),
        }
        made = self._folder / f".{CHECKPOINT}.new"
        torch.save(held, made)
        made.replace(self._folder / CHECKPOINT)
        self._saved = time.monotonic()
