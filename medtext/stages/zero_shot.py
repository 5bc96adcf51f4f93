"""Labels that no corpus covers, asked for in plain words: a GLiNER model of the user's, by the extra `gliner`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from medtext.inference.decode import Found
from medtext.inference.zero_shot import ZeroShotModel
from medtext.merging import merge_entities
from medtext.note import Note
from medtext.overlap import headings
from medtext.span import Source, Span

_NOTES = 64  # whose windows are read together


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
        notes, by = iter(notes), self._model.source
        while batch := list(islice(notes, _NOTES)):
            found = self._model.find([note.text for note in batch])
            for note, spans in zip(batch, found, strict=True):
                hidden = headings(note)
                yield merge_entities(note, (_span(one, by) for one in spans if not hidden.overlaps(one.start, one.end)))

    def describe(self) -> dict[str, Any]:
        """Model, hash of its weights, what it is asked for, and windows."""
        return self._model.describe()


def _span(one: Found, by: str) -> Span:
    return Span(((one.start, one.end),), one.label, score=one.score, sources=(Source(by, one.score),))
