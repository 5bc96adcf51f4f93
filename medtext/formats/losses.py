"""What a format cannot hold, in words: counted before it is dropped, and taken from a note to state its law.

The words are the fields of notes, spans and relations, and three changes: `text.newlines`, a blank for each character
that ends a line, so that offsets stay; `spans.edges`, places widened to whole words, and none left where there is no
word; `spans.fragments`, the stretch from the first fragment to the last. What a person has rejected is left out where
the status is lost, so that it does not rise again.
"""

from __future__ import annotations

import dataclasses
import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from medtext.note import Note, Relation
from medtext.span import Span

_EMPTY_SPAN = Span(((0, 1),), "X")
_EMPTY_RELATION = Relation("x", "a", "b")
_SPAN_FIELDS = ("layer", "status", "assertion", "codes", "candidates", "score", "sources", "was", "comment", "x")
_RELATION_FIELDS = ("status", "score", "sources", "x")
LOSABLE = frozenset(
    ["meta", "review", "deidentified", "x", "spans", "relations", "spans.id", "spans.fragments", "relations.id"]
    + ["text.newlines", "spans.edges"]
    + [f"spans.{name}" for name in _SPAN_FIELDS]
    + [f"relations.{name}" for name in _RELATION_FIELDS]
)
# All that some reader takes for the end of a line: those of str.splitlines.
_BREAK = re.compile("[\\n\\r\\x0b\\x0c\\x1c-\\x1e\\x85\\u2028\\u2029]")


def blank_breaks(text: str) -> str:
    """The text with a blank for each character that ends a line anywhere: offsets stay."""
    return _BREAK.sub(" ", text)


class Words:
    """The words of a text: what stands between blanks."""

    def __init__(self, text: str) -> None:
        places = [word.span() for word in re.finditer(r"\S+", text)]
        self.starts, self.ends = [start for start, _ in places], [end for _, end in places]

    def widen(self, start: int, end: int) -> tuple[int, int] | None:
        """A place widened to the words that it touches; None when it touches none."""
        first, last = bisect_right(self.ends, start), bisect_left(self.starts, end) - 1
        return (self.starts[first], self.ends[last]) if first <= last else None


def losses(note: Note, loses: Iterable[str]) -> Counter[str]:
    """How often each of these fields holds something in a note."""
    counts: Counter[str] = Counter()
    for what in loses:
        head, _, name = what.partition(".")
        if name == "fragments":
            counts[what] = sum(len(span.at) > 1 for span in note.spans)
        elif what == "text.newlines":
            counts[what] = sum(1 for _ in _BREAK.finditer(note.text))
        elif what == "spans.edges":
            widened = {span.id: span.at for span in _widened(note)}
            counts[what] = sum(widened.get(span.id) != ((span.start, span.end),) for span in note.spans)
        elif name == "id":
            continue  # an id is a handle: what it stands for is still there
        elif head == "spans":
            counts[what] = _filled(note.spans, name, _EMPTY_SPAN) if name else len(note.spans)
        elif head == "relations":
            counts[what] = _filled(note.relations, name, _EMPTY_RELATION) if name else len(note.relations)
        elif what != "deidentified":  # a state of the note, not content of it
            counts[what] = int(bool(getattr(note, what)))
    return +counts


def _filled(items: Iterable[Span | Relation], name: str, empty: Span | Relation) -> int:
    return sum(getattr(item, name) != getattr(empty, name) for item in items)


def without(note: Note, loses: Iterable[str]) -> Note:
    """The note as a format that loses these fields gives it back: the law is read(write(n)) == without(n, loses)."""
    loses = set(loses)
    changes: dict[str, Any] = {}
    if "spans.status" in loses:
        note = with_spans(note, (span for span in note.spans if span.status != "rejected"))
    if "relations.status" in loses:
        note = note.replace(relations=tuple(one for one in note.relations if one.status != "rejected"))
    if "spans.edges" in loses:
        note = with_spans(note, _widened(note))
    if "text.newlines" in loses:
        changes["text"] = blank_breaks(note.text)
    for what, empty in (("meta", {}), ("review", None), ("deidentified", False), ("x", {})):
        if what in loses:
            changes[what] = empty
    spans = () if "spans" in loses else tuple(_stripped(note.spans, "spans", loses, _EMPTY_SPAN))
    relations = (
        () if loses & {"spans", "relations"} else tuple(_stripped(note.relations, "relations", loses, _EMPTY_RELATION))
    )
    return note.replace(spans=spans, relations=relations, **changes)


def _widened(note: Note) -> list[Span]:
    """The spans, first fragment to last, widened to whole words; those that hold none are left out."""
    words = Words(note.text)
    placed = ((span, words.widen(span.start, span.end)) for span in note.spans)
    return [dataclasses.replace(span, at=(at,)) for span, at in placed if at]


def with_spans(note: Note, spans: Iterable[Span]) -> Note:
    """The note with these spans only, and the relations whose two ends remain."""
    spans = tuple(spans)
    known = {span.id for span in spans}
    kept = tuple(one for one in note.relations if {one.source, one.target} <= known)
    return note.replace(spans=spans, relations=kept)


def _stripped(items: Iterable, head: str, loses: set[str], empty: Span | Relation) -> Iterator:
    """Ids are left as they are: a format that loses them gives new ones, and the caller compares without."""
    names_lost = [what.partition(".")[2] for what in loses if what.startswith(f"{head}.")]
    for item in items:
        changes = {name: getattr(empty, name) for name in names_lost if name not in ("id", "fragments", "edges")}
        if "fragments" in names_lost:
            changes["at"] = ((item.start, item.end),)
        yield dataclasses.replace(item, **changes)
