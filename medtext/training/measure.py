"""How good an exported model is on held-out documents, and how honest its scores are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from medtext.inference.decode import Found
from medtext.inference.folder import Head
from medtext.review.evaluate import Evaluation
from medtext.review.statistics import Figure
from medtext.training.calibrate import calibration_error, fit_odds, fit_temperature, likelihood, log_probabilities
from medtext.training.corpora import Document
from medtext.training.examples import ANY, Example, TagSets, build_examples
from medtext.training.model import Tagger
from medtext.training.recipe import Recipe
from medtext.training.tagging import Rows, Said, compare, judged, known, say, spans_of
from medtext.training.texts import Classified, classify, text_logits

if TYPE_CHECKING:
    import numpy


@dataclass(frozen=True, slots=True)
class Scored:
    """How good a model is on the documents held out of one corpus, and how honest its scores are.

    `word_error` is the calibration error of the words in predicted spans, `span_error` that of the spans, which are
    right where place and label are.
    """

    corpus: str
    head: str
    evaluation: Evaluation
    word_error: float | None
    span_error: float | None

    @property
    def figure(self) -> Figure:
        """The strict micro F1."""
        return self.evaluation.scores["strict"].f1


@dataclass(frozen=True, slots=True)
class Readings:
    """What a model says of some documents, and what the gold says of each token."""

    documents: Sequence[Document]
    examples: Sequence[Example]
    said: Sequence[Said]
    sets: Mapping[str, TagSets]


def read_documents(tagger: Tagger, recipe: Recipe, documents: Sequence[Document], rows: Rows) -> Readings:
    """Documents cut and tokenised as in training, and what `rows` says of them."""
    sets = {name: TagSets(recipe.tags(name)) for name in recipe.heads}
    examples = list(build_examples(documents, recipe, tagger.tokenizer, sets, tagger.specials))
    return Readings(documents, examples, say(examples, rows, tagger.heads), sets)


def temperature_of(read: Readings, recipe: Recipe, head: str) -> float:
    """The temperature at which the scores of this head's spans fit the gold of its documents best; 1 without any.

    Where the gold is of whole texts, the scores of their classes must fit.
    """
    mine = [at for at, one in enumerate(read.documents) if recipe.corpora[one.corpus].head == head]
    if not mine:
        return 1.0
    if all(recipe.corpora[read.documents[at].corpus].whole for at in mine):
        logits, possible = text_logits(read, recipe, head)
        return fit_temperature(lambda temperature: _word_loss(logits, possible, temperature))

    def loss(temperature: float) -> float:
        spans = spans_of(read.documents, read.examples, read.said, head, recipe, temperature=temperature)
        return likelihood(*hits([read.documents[at] for at in mine], [spans[at] for at in mine], recipe))

    return fit_temperature(loss)


def calibrate(read: Readings, recipe: Recipe) -> dict[str, Head]:
    """The heads with what makes the scores of their spans honest on the gold of these documents."""
    return {name: _calibrated(read, recipe, name) for name in recipe.heads}


def _calibrated(read: Readings, recipe: Recipe, head: str) -> Head:
    temperature = temperature_of(read, recipe, head)
    mine = [at for at, one in enumerate(read.documents) if recipe.corpora[one.corpus].finds(head)]
    spans = spans_of(read.documents, read.examples, read.said, head, recipe, temperature=temperature)
    cases = list(_cases([read.documents[at] for at in mine], [spans[at] for at in mine], recipe))
    if not cases:
        return Head(recipe.tags(head), temperature)
    slope, offsets = fit_odds(*zip(*cases, strict=True))
    usual = round(sum(offsets.values()) / len(offsets), 4)  # for a label that these documents do not hold
    return Head(recipe.tags(head), temperature, slope, {kind: offsets.get(kind, usual) for kind in recipe.heads[head]})


def score_corpora(
    tagger: Tagger, recipe: Recipe, documents: Sequence[Document], rows: Rows, heads: Mapping[str, Head]
) -> dict[str, Scored | Classified]:
    """Corpus → scores on its documents: of spans, or of the classes of whole texts."""
    by_corpus: dict[str, list[Document]] = {}
    for one in documents:
        by_corpus.setdefault(one.corpus, []).append(one)
    found: dict[str, Scored | Classified] = {}
    for name, held in by_corpus.items():
        read, corpus = read_documents(tagger, recipe, held, rows), recipe.corpora[name]
        if corpus.whole:
            found[name] = classify(read, recipe, name, heads[corpus.head].temperature)
        else:
            found[name] = _scored(read, recipe, name, heads)
    return found


def _scored(read: Readings, recipe: Recipe, corpus: str, heads: Mapping[str, Head]) -> Scored:
    head = recipe.corpora[corpus].head
    about = heads[head]
    chosen = {"temperature": about.temperature, "odds": about.odds}
    spans = spans_of(read.documents, read.examples, read.said, head, recipe, **chosen)
    words = _word_error(*_known_words(read, recipe, head), about.temperature)
    return Scored(
        corpus,
        head,
        compare(read.documents, spans, recipe),
        words,
        calibration_error(*hits(read.documents, spans, recipe)),
    )


def _known_words(read: Readings, recipe: Recipe, head: str) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Logits and possible tags of the words that a corpus of this head judges, among the tags that it annotates.

    The others count as -1e9: where O may be any of them, nothing is known of their shares.
    """
    import numpy

    table = numpy.array(read.sets[head].table())
    logits, possible = [numpy.zeros((0, table.shape[1]), dtype=numpy.float32)], [table[:0]]
    for example, one in zip(read.examples, read.said, strict=True):
        corpus = recipe.corpora[read.documents[example.document].corpus]
        if corpus.head == head:
            held = example.targets[head][example.offset : example.offset + len(example.stretch.ids)]
            rows = numpy.array(held, dtype=int)
            said = numpy.array([tag == "O" or tag[2:] in corpus.annotated for tag in recipe.tags(head)])
            logits.append(numpy.where(said, one[head][rows != ANY], -1e9))
            possible.append(table[rows[rows != ANY]] & said)
    return numpy.concatenate(logits), numpy.concatenate(possible)


def _word_loss(logits: numpy.ndarray, possible: numpy.ndarray, temperature: float) -> float:
    import numpy

    told = numpy.where(possible, log_probabilities(logits, temperature), -numpy.inf)
    return float(-numpy.logaddexp.reduce(told, axis=-1).mean()) if len(told) else 0.0


def _word_error(logits: numpy.ndarray, possible: numpy.ndarray, temperature: float) -> float | None:
    """The calibration error over the words that the model puts into a span; words outside would hide it."""
    import numpy

    if not len(logits):
        return None
    scores = numpy.exp(log_probabilities(logits, temperature))
    best = scores.argmax(-1)
    inside = best != 0
    right = possible[numpy.arange(len(best)), best]
    return calibration_error(scores.max(-1)[inside], right[inside])


def hits(
    documents: Sequence[Document], spans: Sequence[Sequence[Found]], recipe: Recipe
) -> tuple[list[float], list[bool]]:
    """The score of each judged span, and whether it is right in place and label."""
    cases = list(_cases(documents, spans, recipe))
    return [score for score, *_ in cases], [right for _, right, _ in cases]


def _cases(
    documents: Sequence[Document], spans: Sequence[Sequence[Found]], recipe: Recipe
) -> Iterator[tuple[float, bool, str]]:
    """Score, right or not, and label of each judged span."""
    for document, found in zip(documents, spans, strict=True):
        gold = set(known(document))
        for start, end, label, score in judged(document, found, recipe):
            yield score, (start, end, label) in gold, label.partition("/")[0]
