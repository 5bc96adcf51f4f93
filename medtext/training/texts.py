"""The class of whole texts: what a head says of a text's tokens, put together as in use, against the class it has.

The mean of the tokens' logits is what a linear head says of the mean of their states.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from medtext.inference.pooled import class_shares, label_votes
from medtext.review.statistics import Bootstrap, Figure
from medtext.training.calibrate import calibration_error
from medtext.training.examples import ANY
from medtext.training.recipe import Recipe

if TYPE_CHECKING:
    import numpy

    from medtext.training.measure import Readings


@dataclass(frozen=True, slots=True)
class Classified:
    """How good a model is on the texts held out of one corpus, each of one class, and how honest its scores are.

    `figure` is the accuracy, `error` the calibration error.
    """

    corpus: str
    head: str
    figure: Figure
    error: float | None


def text_logits(read: Readings, recipe: Recipe, head: str) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Logits and possible tags [texts, tags] of the texts whose class is known and one of this head's."""
    import numpy

    table = numpy.array(read.sets[head].table())
    held: dict[int, list[numpy.ndarray]] = {}
    rows: dict[int, int] = {}
    for example, one in zip(read.examples, read.said, strict=True):
        corpus = recipe.corpora[read.documents[example.document].corpus]
        if corpus.whole and corpus.head == head:
            told = example.targets[head][example.offset : example.offset + len(example.stretch.ids)]
            if max(told) != ANY:
                held.setdefault(example.document, []).append(one[head][numpy.array(told) != ANY])
                rows[example.document] = max(told)
    if not held:
        return numpy.zeros((0, table.shape[1]), numpy.float32), table[:0]
    means = [numpy.concatenate(tokens).mean(0) for tokens in held.values()]
    return numpy.stack(means), table[[rows[document] for document in held]]


def judge_texts(
    logits: numpy.ndarray, possible: numpy.ndarray, tags: Sequence[str], temperature: float = 1.0
) -> tuple[list[float], list[bool]]:
    """The score of each text's class as in use, and whether it is right."""
    _, speaks = label_votes(tags)
    shares = class_shares(logits, speaks, temperature)
    best = shares.argmax(-1)
    return shares.max(-1).tolist(), [bool(row[at]) for row, at in zip(possible @ speaks, best, strict=True)]


def classify(read: Readings, recipe: Recipe, corpus: str, temperature: float) -> Classified:
    """What the texts of one corpus say of its head."""
    head = recipe.corpora[corpus].head
    scores, right = judge_texts(*text_logits(read, recipe, head), recipe.tags(head), temperature)
    accuracy = Bootstrap([(int(one), 1) for one in right]).share([0], [1])
    return Classified(corpus, head, accuracy, calibration_error(scores, right))
