"""What a model says of documents: logits for every word, spans made of them, and how they compare with the gold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from medtext.note import Note
from medtext.review.evaluate import Evaluation, evaluate
from medtext.span import Span
from medtext.training.batches import packed
from medtext.training.corpora import Document, Gold
from medtext.training.examples import Example, words
from medtext.training.recipe import Recipe

if TYPE_CHECKING:
    import numpy

LAYER = "entity"  # of the notes that are compared, whatever the corpus
# Ids [rows, tokens] and mask → head → logits [rows, tokens, tags].
Logits = Callable[[Any, Any], Mapping[str, "numpy.ndarray"]]


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one example: their first tokens among its ids, their places, and head → logits [words, tags]."""

    tokens: list[int]
    places: list[tuple[int, int]]
    logits: Mapping[str, numpy.ndarray]


def judge(examples: Sequence[Example], logits: Logits, *, padding: int, budget: int = 4096) -> Iterator[Words]:
    """What a model says of each example, in order; rows of like length are computed together."""
    import numpy

    lengths = [len(one.ids) for one in examples]
    found: dict[int, Words] = {}
    for rows in packed(sorted(range(len(examples)), key=lengths.__getitem__), lengths, budget):
        width = lengths[rows[-1]]
        ids = numpy.full((len(rows), width), padding, dtype=numpy.int64)
        mask = numpy.zeros((len(rows), width), dtype=numpy.int64)
        for at, row in enumerate(rows):
            ids[at, : lengths[row]], mask[at, : lengths[row]] = examples[row].ids, 1
        held = logits(ids, mask)
        for at, row in enumerate(rows):
            found[row] = _words(examples[row], {head: one[at] for head, one in held.items()})
    return (found[row] for row in range(len(examples)))


def _words(example: Example, logits: Mapping[str, numpy.ndarray]) -> Words:
    held = list(words(example.stretch))
    tokens = [at + example.offset for at, _, _ in held]
    places = [(start, end) for _, start, end in held]
    return Words(tokens, places, {head: one[tokens] for head, one in logits.items()})


def spans_of(documents: int, examples: Sequence[Example], said: Iterable[Words], head: str, tags: Sequence[str]) -> Any:
    """For each document the spans [(start, end, label)] that these logits make."""
    rows: list[list[tuple[tuple[int, int], str]]] = [[] for _ in range(documents)]
    for example, one in zip(examples, said, strict=True):
        best = one.logits[head].argmax(-1)
        rows[example.document] += [(place, tags[at]) for place, at in zip(one.places, best, strict=True)]
    return [list(_runs(row)) for row in rows]


def _runs(tagged: Iterable[tuple[tuple[int, int], str]]) -> Iterator[tuple[int, int, str]]:
    """IOB2 as spans; an I-X that follows no X begins one."""
    start, end, label = 0, 0, ""
    for (left, right), tag in [*tagged, ((0, 0), "O")]:
        if tag[:2] == "I-" and tag[2:] == label:
            end = right
            continue
        if label:
            yield start, end, label
        start, end, label = left, right, tag[2:]


def compare(
    documents: Sequence[Document], spans: Sequence[Sequence[tuple[int, int, str]]], recipe: Recipe, **options: Any
) -> Evaluation:
    """`medtext.evaluate` on what these documents can judge: only the labels that the corpus annotates.

    A prediction that touches an unknown span is not judged. Where the gold is one of several labels, a prediction that
    touches it with one of them takes the gold's name, `A/B`.
    """
    gold, said = [], []
    for at, (document, found) in enumerate(zip(documents, spans, strict=True)):
        annotated = recipe.corpora[document.corpus].annotated
        known = [(one.start, one.end, "/".join(one.labels)) for one in document.gold if one.labels]
        gold.append(_note(at, document, known))
        said.append(_note(at, document, _judged(document.gold, found, annotated)))
    return evaluate(gold, said, layer=LAYER, **options)


def _judged(gold: Sequence[Gold], found: Iterable[tuple[int, int, str]], annotated: frozenset[str]) -> Iterator[Any]:
    for start, end, label in found:
        near = [one for one in gold if start < one.end and one.start < end]
        if label not in annotated or any(not one.labels for one in near):
            continue
        several = [one.labels for one in near if len(one.labels) > 1 and label in one.labels]
        yield start, end, "/".join(several[0]) if several else label


def _note(at: int, document: Document, spans: Iterable[tuple[int, int, str]]) -> Note:
    made = tuple(
        Span(((start, end),), label, id=f"e{number}", layer=LAYER)
        for number, (start, end, label) in enumerate(dict.fromkeys(spans))
    )
    return Note(f"d{at}", document.text, spans=made)


def strict_f1(one: Evaluation) -> float:
    """The strict micro F1; 0 where nothing was there to be found or said."""
    return one.scores["strict"].f1.value or 0.0
