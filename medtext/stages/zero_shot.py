"""Labels that no corpus covers, asked for in plain words: a GLiNER model of the user's, by the extra `gliner`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from medtext.inference.zero_shot import ZeroShotModel
from medtext.marking import mark
from medtext.note import Note


class ZeroShot:
    """Adds an `entity` span for each finding; the options are those of `ZeroShotModel`.

    zero_shot: {model: models/gliner, labels: {"adverse drug effect": PROBLEM, "implant": DEVICE}, threshold: 0.5}
    """

    name = "zero_shot"
    needs: frozenset[str] = frozenset()
    adds = frozenset({"entity"})

    def __init__(
        self,
        *,
        model: str | Path,
        labels: Mapping[str, str] | Sequence[str],
        threshold: float = 0.5,
        batch_size: int = 8,
        device: str = "cpu",
    ) -> None:
        self._model = ZeroShotModel(
            model=model, labels=labels, threshold=threshold, batch_size=batch_size, device=device
        )

    def __call__(self, note: Note) -> Note:
        return next(self.pipe([note]))

    def pipe(self, notes: Iterable[Note]) -> Iterator[Note]:
        """The notes one for one, in order; what notes have in common is read once."""
        return mark(notes, self._model)

    def describe(self) -> dict[str, Any]:
        """Model, hash of its weights, what it is asked for, and windows."""
        return self._model.describe()
