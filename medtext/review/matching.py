"""What of the gold spans of one note was found, and what of the predicted ones is right: counts by label.

Strict, exact, type and partial are the four of MUC-5 and SemEval-2013 task 9, as nervaluate counts them, but over the
best pairing of a note instead of the first that fits.
Everything is symmetric: with gold and predicted exchanged, found and right exchange too. Characters are letters and
digits; blanks and punctuation identify nobody, and where they end a span is a matter of taste.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from itertools import accumulate

from medtext.errors import NoteError
from medtext.note import Note
from medtext.overlap import Cover
from medtext.review.alignment import Alignment, Pair, align
from medtext.span import Span
from medtext.terminology.matcher import Matcher

CRITERIA = {
    "strict": "the same place and the same label",
    "exact": "the same place, whatever the label",
    "type": "one to one: the same label, and at least one character in common",
    "partial": "one to one: at least one character in common, whatever the label; half a hit where the place differs",
    "overlap": "the same label, and at least one character in common",
    "covered": "every letter and digit covered, whatever the labels and however many spans it takes",
    "characters": "letters and digits, whatever the label",
}

# (criterion, label, what): what is gold, found, said or right; figures of the whole note have the criterion "note".
Counts = Counter[tuple[str, Hashable, str]]


class Letters:
    """Counts the letters and digits of any stretch of a text in constant time."""

    __slots__ = ("_before",)

    def __init__(self, text: str) -> None:
        self._before = list(accumulate(map(str.isalnum, text), initial=0))

    def count(self, places: Iterable[tuple[int, int]]) -> int:
        """How many lie in these stretches, which must not overlap."""
        return sum(self._before[end] - self._before[start] for start, end in places)


def spans_of(note: Note, layer: str) -> list[Span]:
    """The spans of a layer that count: what a person has rejected does not."""
    return [span for span in note.layer(layer) if span.status != "rejected"]


def count_note(
    gold: Note, predicted: Note, layer: str, matcher: Matcher | None = None, alignment: Alignment | None = None
) -> Counts:
    """Everything that is counted of one note, whose text is the same on both sides."""
    ours, theirs = spans_of(gold, layer), spans_of(predicted, layer)
    letters, counts = Letters(gold.text), Counter()
    for pair in (alignment or align(ours, theirs)).pairs:
        count_pair(pair, counts)
    for side, spans, others in (("gold", ours, theirs), ("said", theirs, ours)):
        _count_side(side, spans, others, letters, counts)
    _count_whole(gold.text, ours, theirs, letters, counts)
    outside = _outside(len(gold.text), ours, theirs)
    _count_hard_negatives(gold, theirs, counts)
    if matcher is not None:
        terms = dict.fromkeys((start, end) for start, end, _ in matcher.find(gold.text))
        _count_terms(terms, ours, outside, letters, counts)
    return counts


def count_pair(pair: Pair, counts: Counts) -> None:
    """Add what a pair of gold and prediction meets, under the label of each."""
    one, other = pair
    place, label = one.at == other.at, one.label == other.label
    worth = {"strict": place and label, "exact": place, "type": label, "partial": (1 + place) / 2}
    for criterion, hit in worth.items():
        if hit:
            counts[criterion, one.label, "found"] += hit
            counts[criterion, other.label, "right"] += hit


def _count_side(side: str, spans: Sequence[Span], others: Sequence[Span], letters: Letters, counts: Counts) -> None:
    """How many there are of one side, and how many of them the other side touches and covers."""
    met = "found" if side == "gold" else "right"
    cover = Cover(fragment for span in others for fragment in span.at)
    alike = {label: Cover(held) for label, held in _fragments(others).items()}
    for span in spans:
        counts["strict", span.label, side] += 1
        near = alike.get(span.label)
        counts["overlap", span.label, met] += near is not None and any(near.overlaps(*one) for one in span.at)
        counts["covered", span.label, met] += letters.count(cover.inside(span.at)) == letters.count(span.at)
    for label, held in _fragments(spans).items():
        places = Cover(held).places()
        counts["characters", label, side] += letters.count(places)
        counts["characters", label, met] += letters.count(cover.inside(places))


def _fragments(spans: Iterable[Span]) -> dict[str, list[tuple[int, int]]]:
    found: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for span in spans:
        found[span.label] += span.at
    return found


def _count_whole(text: str, ours: Sequence[Span], theirs: Sequence[Span], letters: Letters, counts: Counts) -> None:
    """Of the whole note: its characters whatever the label, whether it is clean, what was said outside the gold."""
    gold, said = (Cover(at for span in spans for at in span.at) for spans in (ours, theirs))
    both = letters.count(gold.inside(said.places()))
    in_gold, in_said = letters.count(gold.places()), letters.count(said.places())
    counts["note", "characters", "gold"], counts["note", "characters", "said"] = in_gold, in_said
    counts["note", "characters", "found"] = counts["note", "characters", "right"] = both
    counts["note", "clean", "whole"], counts["note", "clean", "part"] = bool(ours), bool(ours) and both == in_gold
    counts["note", "outside", "whole"] = letters.count([(0, len(text))]) - in_gold
    counts["note", "outside", "part"] = in_said - both
    near = Cover(gold.places())
    counts["note", "spurious", "whole"] = len(theirs)
    counts["note", "spurious", "part"] = sum(not any(near.overlaps(*one) for one in span.at) for span in theirs)


def _outside(length: int, ours: Sequence[Span], theirs: Sequence[Span]) -> Cover:
    """What was said outside the gold."""
    gold, said = (Cover(at for span in spans for at in span.at) for spans in (ours, theirs))
    return Cover(said.inside(gold.gaps(length)))


def _count_hard_negatives(gold: Note, theirs: Sequence[Span], counts: Counts) -> None:
    said = Cover(at for span in theirs for at in span.at)
    for start, end, kind in _hard_negatives(gold):
        counts["hard", kind, "whole"] += 1
        counts["hard", kind, "part"] += said.overlaps(start, end)


def _hard_negatives(gold: Note) -> list[tuple[int, int, str]]:
    try:
        found = [(start, end, str(kind)) for start, end, kind in gold.x.get("hard_negatives", ())]
    except (TypeError, ValueError):
        found = [(-1, -1, "")]
    if all(type(start) is type(end) is int and 0 <= start < end <= len(gold.text) for start, end, _ in found):
        return found
    raise NoteError(f"Note {gold.id!r}: hard_negatives must list [start, end, kind] inside the text.")


def _count_terms(
    terms: Iterable[tuple[int, int]], ours: Sequence[Span], outside: Cover, letters: Letters, counts: Counts
) -> None:
    """Terms that the gold does not touch, and those of them that were said to be something."""
    gold = Cover(at for span in ours for at in span.at)
    for place in terms:
        if gold.overlaps(*place):
            continue
        lost = letters.count(outside.inside([place]))
        counts["note", "terms", "whole"] += 1
        counts["note", "terms", "part"] += lost > 0
        counts["note", "term characters", "whole"] += letters.count([place])
        counts["note", "term characters", "part"] += lost
