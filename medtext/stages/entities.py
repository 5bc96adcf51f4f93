"""Entities by the model that ships, or by any token-classification model; `medtext.inference` does the reading."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from medtext.inference import BUNDLED, TokenClassifier
from medtext.marking import mark
from medtext.note import Note


class Entities:
    """Adds an `entity` span for each that the model finds; the options are those of `TokenClassifier`.

    The heading of a section is not read as an entity, where the stage `sections` has run.
    """

    name = "entities"
    needs: frozenset[str] = frozenset()
    adds = frozenset({"entity"})

    def __init__(
        self,
        *,
        model: str | Path = BUNDLED,
        head: str | None = None,
        labels: Mapping[str, str] | None = None,
        backend: str = "auto",
        device: str = "cpu",
        threads: int | None = None,
        window: int | None = None,
        overlap: int | None = None,
        batch_size: int | None = None,
        threshold: float = 0.0,
        allow_download: bool = False,
        revision: str | None = None,
    ) -> None:
        self._classifier = TokenClassifier(
            model=model,
            head=head,
            labels=labels,
            backend=backend,
            device=device,
            threads=threads,
            window=window,
            overlap=overlap,
            batch_size=batch_size,
            threshold=threshold,
            allow_download=allow_download,
            revision=revision,
        )

    def __call__(self, note: Note) -> Note:
        return next(self.pipe([note]))

    def pipe(self, notes: Iterable[Note]) -> Iterator[Note]:
        """The notes one for one, in order; the windows of many notes are computed together, longest first."""
        return mark(notes, self._classifier)

    def describe(self) -> dict[str, Any]:
        """Model, hash of its weights, labels and windows."""
        return self._classifier.describe()
