"""The class of a piece of a note that has no heading, by a model's head, or from its words alone.

The latter is a linear model with hashed features.

Words, pairs of words, the first words, four-letter pieces, word groups (`rules/section_words.yaml`) and the length of
the text are hashed into a table of weights; one weight a class. Small enough to ship, and trained by `train` from
nothing but texts and their classes. The shipped weights were trained on part of MTS-Dialog (CC BY 4.0).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import pairwise
from math import log1p, sqrt
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

from medtext.config import read_yaml
from medtext.errors import ConfigError

VERSION = "1"
BUCKETS = 1 << 14
_WORD = re.compile(r"[^\W\d_]+|\d+|[^\w\s]")
_SHORT = 4  # texts of so few words are a feature as a whole
_LETTERS = 4
_FIRST = 3


@dataclass(frozen=True, slots=True)
class Words:
    """What `rules/section_words.yaml` knows: word → its group, and the ends of words that tell."""

    groups: dict[str, str]
    ending: re.Pattern[str]


def read_words() -> Words:
    """The word groups that ship with the package."""
    top = read_yaml(files("medtext.stages.rules").joinpath("section_words.yaml"))
    top.allow(("version", "groups", "endings"), "the section words")
    groups = {word: name for name, words in top["groups"].items() for word in words.split()}
    endings = "|".join(top.get_typed("endings", str).split())
    return Words(groups, re.compile(rf"(?:{endings})$"))


@dataclass(frozen=True, slots=True)
class SectionClasses:
    """Weights by bucket and class. `predict` names the class of a text and how sure the model is, 0 to 1."""

    labels: tuple[str, ...]
    weights: np.ndarray  # int8, buckets x classes
    scale: np.ndarray  # float32, one a class
    bias: np.ndarray  # float32, one a class
    sharpness: float
    words: Words
    version: str = VERSION

    @classmethod
    def load(cls, path: Path | None = None) -> SectionClasses:
        """The model in a file; the one that ships without a path. Raises ConfigError for a file of another kind."""
        source = path or files("medtext.stages.models").joinpath("section_classes.npz")
        with source.open("rb") as file, np.load(file, allow_pickle=False) as held:
            missing = {"labels", "weights", "scale", "bias", "sharpness"} - set(held.files)
            if missing or held["weights"].shape != (BUCKETS, len(held["labels"])):
                raise ConfigError(f"{source.name} is not a model of section classes.")
            arrays = {name: held[name] for name in ("weights", "scale", "bias")}
            return cls(
                tuple(map(str, held["labels"])), **arrays, sharpness=float(held["sharpness"]), words=read_words()
            )

    def save(self, path: Path) -> None:
        """Write the model as a compressed .npz."""
        arrays = {"weights": self.weights, "scale": self.scale, "bias": self.bias}
        np.savez_compressed(path, labels=np.array(self.labels), sharpness=self.sharpness, **arrays)

    def scores(self, text: str) -> np.ndarray:
        """One score a class, any size; the highest is the class."""
        buckets, values = hashed(text, self.words)
        return (values @ self.weights[buckets]) * self.scale + self.bias

    @property
    def source(self) -> str:
        """How a span names this model."""
        return f"model:section-classes@{self.version}"

    def predict(self, texts: Sequence[str]) -> list[tuple[str, float]]:
        """The class of each text, and the model's probability of it."""
        return [self._class(text) for text in texts]

    def _class(self, text: str) -> tuple[str, float]:
        scores = self.scores(text) * self.sharpness
        best = int(scores.argmax())
        return self.labels[best], float(1 / np.exp(scores - scores[best]).sum())


class ModelClasses:
    """The classes by the head `sections` of a model; it knows family and social history as one, whose words part them.

    Raises StageError for a model that is missing or damaged, ConfigError for one without that head.
    """

    def __init__(self, model: str | Path) -> None:
        from medtext.inference.pooled import TextClassifier

        self._classifier, self._words = TextClassifier(model=model, head="sections"), read_words()
        self.source = self._classifier.source

    def predict(self, texts: Sequence[str]) -> list[tuple[str, float]]:
        """The class of each text, and the model's probability of it."""
        told = self._classifier.predict(texts)
        return [
            (family_or_social(text, self._words) if label == "social_history" else label, score)
            for text, (label, score) in zip(texts, told, strict=True)
        ]


def family_or_social(text: str, words: Words) -> str:
    """Which of the two histories a text is, by which words there are more of."""
    counts = Counter(words.groups.get(word) for word in re.findall(r"[a-z-]+", text.lower()))
    return "family_history" if counts["relatives"] > counts["living"] else "social_history"


def hashed(text: str, words: Words) -> tuple[np.ndarray, np.ndarray]:
    """The buckets of a text's features and their values, of length one together."""
    counts: dict[int, float] = {}
    for feature, count in _features(text, words).items():
        bucket = crc32(feature.encode()) % BUCKETS
        counts[bucket] = counts.get(bucket, 0.0) + log1p(count)
    length = sqrt(sum(value * value for value in counts.values())) or 1.0
    values = np.fromiter(counts.values(), np.float32, len(counts)) / np.float32(length)
    return np.fromiter(counts, np.int64, len(counts)), values


def _features(text: str, words: Words) -> Counter[str]:
    tokens = ["0" if token.isdigit() else token.lower() for token in _WORD.findall(text)]
    counts: Counter[Any] = Counter(tokens)
    counts.update(f"{one} {two}" for one, two in pairwise(tokens))
    counts.update(f"^{token}" for token in tokens[:_FIRST])
    counts[f"^^{tokens[0] if tokens else ''}"] += 1
    counts[f"#{len(tokens).bit_length()}"] += 1.5
    if len(tokens) <= _SHORT:
        counts["#" + " ".join(tokens)] += 3
    for token in tokens:
        if token in words.groups:
            counts[f"@{words.groups[token]}"] += 1.5
        ending = words.ending.search(token) if len(token) > 6 else None
        if ending:
            counts[f"${ending.group()}"] += 1
    for token in sorted(set(tokens)):
        for piece in _pieces(token):
            counts[f"~{piece}"] += 0.4
    return counts


def _pieces(token: str) -> Iterator[str]:
    if len(token) > _LETTERS:
        framed = f"<{token}>"
        yield from (framed[at : at + _LETTERS] for at in range(len(framed) - _LETTERS + 1))


def train(texts: Sequence[str], labels: Sequence[str], *, decay: float = 2e-3, steps: int = 150) -> SectionClasses:
    """A model of the classes of these texts: one against the rest, squared hinge loss, Adam; no chance in it."""
    words = read_words()
    known = tuple(sorted(set(labels)))
    table = np.zeros((len(texts), BUCKETS), np.float32)
    for row, text in enumerate(texts):
        buckets, values = hashed(text, words)
        table[row, buckets] = values
    used = np.flatnonzero(table.any(axis=0))
    signs = 2 * (np.array(labels)[:, None] == np.array(known)).astype(np.float32) - 1
    small, bias = _descend(table[:, used], signs, decay, steps)
    weights = np.zeros((BUCKETS, len(known)), np.float32)
    weights[used] = small
    scale = np.maximum(np.abs(weights).max(axis=0), 1e-9) / 127
    return SectionClasses(known, np.rint(weights / scale).astype(np.int8), scale, bias, 3.0, words)


def _descend(table: np.ndarray, signs: np.ndarray, decay: float, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights and bias after so many steps of Adam on a cosine schedule."""
    values = [np.zeros((table.shape[1], signs.shape[1]), np.float32), np.zeros(signs.shape[1], np.float32)]
    means, squares = ([np.zeros_like(one) for one in values] for _ in range(2))
    for step in range(1, steps + 1):
        slack = np.maximum(0, 1 - signs * (table @ values[0] + values[1]))
        pull = -2 * signs * slack / len(table)
        rate = 0.05 * (1 + np.cos(np.pi * step / steps))
        for at, gradient in enumerate((table.T @ pull + decay * values[0], pull.sum(axis=0))):
            means[at] = 0.9 * means[at] + 0.1 * gradient
            squares[at] = 0.99 * squares[at] + 0.01 * gradient * gradient
            size = np.sqrt(squares[at] / (1 - 0.99**step)) + 1e-7
            values[at] = values[at] - rate * means[at] / (1 - 0.9**step) / size
    return values[0].astype(np.float32), values[1].astype(np.float32)
