"""The class of whole texts, from a head that labels words: what the words say is put together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from medtext.errors import ConfigError
from medtext.inference.decode import split_label
from medtext.inference.encoder import Labels, Read, open_encoder
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
        kinds = [split_label(one)[1] for one in self._labels.labels]
        self.labels = tuple(dict.fromkeys(kind for kind in kinds if kind))
        # Label by label, which of the head's logits speak for it.
        self._speaks = np.array([[kind == label for kind in kinds] for label in self.labels])

    @property
    def source(self) -> str:
        """How a span names this model: `model:name@version`."""
        return self._encoder.about.source

    def predict(self, texts: Sequence[str]) -> list[tuple[str, float]]:
        """The class of each text and its probability; a text without a word is of no class: empty, 0."""
        return [self._class(one) for one in self._encoder.read(texts)]

    def _class(self, read: Sequence[Read]) -> tuple[str, float]:
        words = [_words(one, one.logits[self._at], self._labels) for one in read]
        told = np.concatenate(words) if words else np.zeros((0, len(self._labels.labels)))
        if not len(told):
            return "", 0.0
        shares = (told @ self._speaks.T).mean(0)
        best = int(shares.argmax())
        return self.labels[best], float(shares[best] / shares.sum())


def _words(read: Read, logits: np.ndarray, labels: Labels) -> np.ndarray:
    """The probabilities [words, labels] of the words that a stretch speaks for."""
    stretch = read.stretch
    first = [at for at in range(*stretch.own) if stretch.first[at]]
    scaled = logits[first] / labels.temperature
    scaled = np.exp(scaled - scaled.max(-1, keepdims=True, initial=-np.inf))
    return scaled / scaled.sum(-1, keepdims=True)
