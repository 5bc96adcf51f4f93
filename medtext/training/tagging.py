"""What a model says of documents: logits for every token, spans made of them, and how they compare with the gold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from medtext.inference.decode import Decoder, Found, Odds
from medtext.note import Note
from medtext.review.evaluate import Evaluation, evaluate
from medtext.span import Span
from medtext.training.corpora import Document, Gold
from medtext.training.examples import Example
from medtext.training.recipe import Recipe

if TYPE_CHECKING:
    import numpy

_LAYER = "entity"  # of the notes that are compared, whatever the corpus
# Rows of token ids → for each row the logits of each head, float32 [tokens, tags]; `OnnxModel` is one.
Rows = Callable[[Sequence[tuple[int, ...]]], Sequence[tuple[Any, ...]]]
Said = Mapping[str, "numpy.ndarray"]  # head → logits [tokens, tags] of one stretch, without the special tokens


def say(examples: Sequence[Example], rows: Rows, heads: Iterable[str]) -> list[Said]:
    """What a model says of each example, in order."""
    heads = list(heads)
    found = rows([one.ids for one in examples])
    return [
        {head: held[one.offset : one.offset + len(one.stretch.ids)] for head, held in zip(heads, logits, strict=True)}
        for one, logits in zip(examples, found, strict=True)
    ]


def spans_of(
    documents: Sequence[Document],
    examples: Sequence[Example],
    said: Sequence[Said],
    head: str,
    recipe: Recipe,
    *,
    temperature: float = 1.0,
    odds: Odds | None = None,
) -> list[list[Found]]:
    """For each document the spans of one head, decoded as in use."""
    read: list[list[tuple[Any, Any]]] = [[] for _ in documents]
    for example, one in zip(examples, said, strict=True):
        read[example.document].append((example.stretch, one[head]))
    ours = {label: label for label in recipe.heads[head]}
    decoder = Decoder(recipe.tags(head), ours=ours, temperature=temperature, odds=odds)
    return decoder.find([one.text for one in documents], read)


def compare(
    documents: Sequence[Document], spans: Sequence[Sequence[Found]], recipe: Recipe, **options: Any
) -> Evaluation:
    """`medtext.evaluate` on what these documents can judge."""
    gold, said = [], []
    for at, (document, found) in enumerate(zip(documents, spans, strict=True)):
        gold.append(_note(at, document, known(document)))
        said.append(_note(at, document, [one[:3] for one in judged(document, found, recipe)]))
    return evaluate(gold, said, layer=_LAYER, **options)


def known(document: Document) -> list[tuple[int, int, str]]:
    """The gold that is one of our labels, or one of several (`A/B`)."""
    return [(one.start, one.end, "/".join(one.labels)) for one in document.gold if one.labels]


def judged(document: Document, found: Iterable[Found], recipe: Recipe) -> Iterator[tuple[int, int, str, float]]:
    """Place, label and score of the predictions that the gold can judge.

    Only labels that the corpus annotates; none that touches an unknown span. Where the gold is one of several labels, a
    prediction that touches it with one of them takes the gold's name.
    """
    annotated = recipe.corpora[document.corpus].annotated
    for one in found:
        near = [gold for gold in document.gold if one.start < gold.end and gold.start < one.end]
        if one.label in annotated and all(gold.labels for gold in near):
            yield one.start, one.end, _named(one.label, near), one.score


def _named(label: str, near: Sequence[Gold]) -> str:
    several = [gold.labels for gold in near if len(gold.labels) > 1 and label in gold.labels]
    return "/".join(several[0]) if several else label


def _note(at: int, document: Document, spans: Iterable[tuple[int, int, str]]) -> Note:
    made = tuple(
        Span(((start, end),), label, id=f"e{number}", layer=_LAYER)
        for number, (start, end, label) in enumerate(dict.fromkeys(spans))
    )
    return Note(f"d{at}", document.text, spans=made)


def strict_f1(one: Evaluation) -> float:
    """The strict micro F1; 0 where nothing was there to be found or said."""
    return one.scores["strict"].f1.value or 0.0
