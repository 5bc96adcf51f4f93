"""The class of whole texts, from a head that labels tokens: the mean of what they say."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from medtext.errors import ConfigError
from medtext.inference.decode import split_label
from medtext.inference.encoder import Read, open_encoder
from medtext.inference.places import BUNDLED, find_model


class TextClassifier:
    """One head of one model; `predict` names the class of any number of texts.

    `model` and `threads` are those of `TokenClassifier`. Raises StageError for a model that is missing or damaged,
    ConfigError for one without the head.
    """

    def __init__(self, *, head: str, model: str | Path = BUNDLED, threads: int | None = None) -> None:
        folder = find_model(model)
        self._encoder = open_encoder(folder, str(model), threads=threads)
        if head not in self._encoder.heads:
            known = ", ".join(self._encoder.heads)
            raise ConfigError(f"The model {str(model)!r} has no head {head!r}. Its heads: {known}")
        self._at = list(self._encoder.heads).index(head)
        self._labels = self._encoder.heads[head]
        self.labels, self._speaks = label_votes(self._labels.labels)

    @property
    def source(self) -> str:
        """How a span names this model: `model:name@version`."""
        return self._encoder.about.source

    def predict(self, texts: Sequence[str]) -> list[tuple[str, float]]:
        """The class of each text and its probability; a text without a word is of no class: empty, 0."""
        return [self._class(one) for one in self._encoder.read(texts)]

    def _class(self, read: Sequence[Read]) -> tuple[str, float]:
        tokens = [one.logits[self._at][slice(*one.stretch.own)] for one in read]
        told = np.concatenate(tokens) if tokens else np.zeros((0, len(self._speaks)))
        if not len(told):
            return "", 0.0
        shares = class_shares(told.mean(0), self._speaks, self._labels.temperature)
        best = int(shares.argmax())
        return self.labels[best], float(shares[best])


def label_votes(tags: Sequence[str]) -> tuple[tuple[str, ...], np.ndarray]:
    """The labels of IOB tags, and [tags, labels]: 1 where a tag speaks for a label."""
    kinds = [split_label(tag)[1] for tag in tags]
    labels = tuple(dict.fromkeys(filter(None, kinds)))
    return labels, np.array([[kind == label for label in labels] for kind in kinds], dtype=float)


def class_shares(logits: np.ndarray, speaks: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities [..., labels] from logits [..., tags] and what `label_votes` gives."""
    scaled = logits / temperature
    shares = np.exp(scaled - scaled.max(-1, keepdims=True)) @ speaks
    return shares / shares.sum(-1, keepdims=True)
