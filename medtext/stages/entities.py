"""Entities by the model that ships, or by any token-classification model; `medtext.inference` does the reading."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from medtext.inference import BUNDLED, Found, TokenClassifier
from medtext.merging import merge_entities
from medtext.note import Note
from medtext.overlap import headings
from medtext.span import Source, Span

_NOTES = 64  # whose windows are sorted by length together


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
        notes, by = iter(notes), self._classifier.source
        while batch := list(islice(notes, _NOTES)):
            found = self._classifier.find([note.text for note in batch])
            for note, spans in zip(batch, found, strict=True):
                hidden = headings(note)
                yield merge_entities(note, (_span(one, by) for one in spans if not hidden.overlaps(one.start, one.end)))

    def describe(self) -> dict[str, Any]:
        """Model, hash of its weights, labels and windows."""
        return self._classifier.describe()


def _span(one: Found, by: str) -> Span:
    return Span(((one.start, one.end),), one.label, score=one.score, sources=(Source(by, one.score),))
