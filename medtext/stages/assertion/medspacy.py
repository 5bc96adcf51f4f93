"""medspaCy's ConText as an engine for assertions: the reference that ours is measured against.

Sentences come from our layer `sentence`: without them ConText raises, or reads a whole note as one sentence.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

from medtext.bridge import open_medspacy
from medtext.note import Note
from medtext.span import Span

_GROUP = "medtext"
_VALUES = {  # ConText's category → axis and value of ours
    "POSSIBLE_EXISTENCE": ("presence", "possible"),
    "NEGATED_EXISTENCE": ("presence", "absent"),
    "HISTORICAL": ("temporality", "past"),
    "HYPOTHETICAL": ("temporality", "hypothetical"),
    "FAMILY": ("subject", "family"),
}


class MedspacyContext:
    """Runs medspaCy's ConText, with the rules that it ships, over entities of a note."""

    def __init__(self) -> None:
        self._nlp, medspacy, self.version = open_medspacy("context")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its rules warn of regular expressions
            self._context = medspacy.ConText(self._nlp, input_span_type="group", span_group_name=_GROUP)

    def __call__(self, note: Note, spans: list[Span]) -> Iterator[tuple[Span, dict[str, Any]]]:
        """Each span with axis → (value, rule, place) for what ConText found."""
        doc = self._nlp.make_doc(note.text)
        _set_sentences(doc, note)
        places = [doc.char_span(span.start, span.end, label=span.label, alignment_mode="expand") for span in spans]
        doc.spans[_GROUP] = [place for place in places if place is not None]
        self._context(doc)
        for span, place in zip(spans, places, strict=True):
            yield span, {} if place is None else _decided(place)


def _set_sentences(doc: Any, note: Note) -> None:
    starts = {sentence.start for sentence in note.layer("sentence")}
    for token in doc:
        token.is_sent_start = token.idx in starts or token.i == 0


def _decided(place: Any) -> dict[str, Any]:
    """Axis → (value, rule, place of the modifier); where two categories fill one axis, the later of `_VALUES` wins."""
    found = {}
    order = list(_VALUES)
    known = (modifier for modifier in place._.modifiers if modifier.category in _VALUES)
    for modifier in sorted(known, key=lambda one: order.index(one.category)):
        axis, value = _VALUES[modifier.category]
        start, end = modifier.modifier_span
        words = place.doc[start:end]
        found[axis] = (value, f"medspacy:{modifier.category}", (words.start_char, words.end_char))
    return found
