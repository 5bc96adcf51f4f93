"""Our record of a note inside the file of a program that shows places and labels only.

The record travels in a field that the program hands back as it was; places and labels come from what it shows. A mark
is matched to the span it was by id, then by exact place and label, then by best overlap, one to one.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from medtext.errors import NoteError
from medtext.formats.label_studio_config import SHOWN_LAYERS
from medtext.formats.label_studio_regions import judged
from medtext.formats.spanfile import note_to_record, record_to_note
from medtext.note import Note
from medtext.span import ID, Span

__all__ = [
    "SHOWN_LAYERS",
    "Mark",
    "carry",
    "carry_note",
    "carry_shown",
    "marks",
    "new_spans",
    "restore",
    "restore_note",
]


@dataclass(frozen=True, slots=True)
class Mark:
    """A stretch that a program shows with a label; `id` where the program can hold one."""

    start: int
    end: int
    label: str
    id: str = ""
    layer: str = "entity"


def dumps(value: Any) -> str:
    """JSON on one line, ASCII only, so that any program can hold it."""
    return json.dumps(value, allow_nan=False, separators=(",", ":"))


def carry_note(note: Note) -> str:
    """The record of a note without its text, spans and relations, as a string."""
    return dumps({key: value for key, value in note_to_record(note).items() if key not in _APART})


_APART = ("text", "spans", "relations")


def restore_note(carried: Any, text: str) -> Note:
    """The bare note that `carry_note` wrote; raises NoteError or FormatError, also when the text is another one."""
    return record_to_note(_record(carried) | {"text": text})


def _record(carried: Any) -> dict[str, Any]:
    try:
        record = json.loads(carried) if isinstance(carried, str) else carried
    except (ValueError, RecursionError):
        record = None
    if not isinstance(record, dict):
        raise NoteError("what stands under 'medtext' is damaged. Remove it to read the note without it.")
    return record


def carry(note: Note, layers: Iterable[str]) -> str:
    """The record of a note without its text, as a string; it says which spans the program does not show."""
    return carry_shown(note, {span.id for span in _shown(note, layers)})


def carry_shown(note: Note, shown: Iterable[str]) -> str:
    """As `carry`, where the program shows the spans of these ids."""
    record = note_to_record(note)
    del record["text"]
    for span in record["spans"]:
        del span["quote"]
    return dumps({**record, "hidden": sorted({span.id for span in note.spans} - set(shown))})


def _shown(note: Note, layers: Iterable[str]) -> list[Span]:
    layers = set(layers)
    return [span for span in note.spans if span.layer in layers and span.status != "rejected"]


def marks(note: Note, layers: Iterable[str]) -> list[Mark]:
    """What is shown: a mark for each fragment of the spans of these layers that nobody has rejected."""
    return [Mark(start, end, span.label, span.id) for span in _shown(note, layers) for start, end in span.at]


def restore(carried: Any, text: str, found: Iterable[Mark], *, reviewed: bool = False) -> Note:
    """The note that was carried, with its spans where the marks are now, and new ones for other marks.

    Of a note that a person has reviewed, spans are accepted, corrected, or rejected where no mark is left; else a span
    without a mark is gone. Raises NoteError or FormatError, also when the text is another one.
    """
    record = _record(carried)
    hidden = set(record.pop("hidden", ()))
    base = record_to_note({**record, "text": text})
    shown = {span.id: span for span in base.spans if span.id not in hidden}
    claims, free = _claims(shown, list(found))
    spans = [span for span in base.spans if span.id in hidden]
    for name, span in shown.items():
        spans += _claimed(span, claims.get(name, []), reviewed)
    known = {span.id for span in spans}
    kept = tuple(one for one in base.relations if {one.source, one.target} <= known)
    # A new span never takes the id of one that is gone: who compares the two files would take it for that one.
    before = {span.id for span in base.spans}
    new = tuple(span for span in base.add(new_spans(free, before)).spans if span.id not in before)
    return base.replace(spans=(*spans, *new), relations=kept)


def new_spans(found: Iterable[Mark], taken: Iterable[str] = (), *, status: str = "added") -> list[Span]:
    """A span for each mark; marks of one id are the fragments of one span."""
    groups: dict[Any, list[Mark]] = defaultdict(list)
    taken = set(taken)
    for number, mark in enumerate(found):
        own = mark.id if ID.fullmatch(mark.id) and mark.id not in taken else ""
        groups[own or number].append(mark)
    made = []
    for key, group in groups.items():
        at = sorted((mark.start, mark.end) for mark in group)
        name = key if isinstance(key, str) else ""
        made.append(Span(tuple(at), group[0].label, id=name, layer=group[0].layer, status=status))
    return made


def _claimed(span: Span, mine: list[Mark], reviewed: bool) -> Iterator[Span]:
    """The span where its marks are; nothing, or the rejected span, when it has none."""
    if mine:
        at = tuple(sorted((mark.start, mark.end) for mark in mine))
        now = replace(span, at=at, label=mine[0].label)
        yield judged(span, now) if reviewed else now
    elif reviewed:
        yield replace(span, status="rejected")


def _claims(spans: Mapping[str, Span], found: list[Mark]) -> tuple[dict[str, list[Mark]], list[Mark]]:
    """(span id → its marks, the marks that are nobody's)."""
    claims: dict[str, list[Mark]] = defaultdict(list)
    places: dict[tuple[int, int, str], list[Mark]] = defaultdict(list)
    for mark in found:
        if mark.id in spans:
            claims[mark.id].append(mark)
        else:
            places[mark.start, mark.end, mark.label].append(mark)
    for name, span in spans.items():
        if name not in claims:
            held = [places[start, end, span.label] for start, end in span.at]
            claims[name] = [one.pop(0) for one in held if one]
    free = [mark for several in places.values() for mark in several]
    left = [one for name, one in spans.items() if not claims[name]]
    for name, mark in _best_overlaps(left, tuple(free)):  # a copy: `free` shrinks meanwhile
        claims[name].append(mark)
        free.remove(mark)
    return claims, free


def _best_overlaps(spans: Sequence[Span], found: Sequence[Mark]) -> Iterator[tuple[str, Mark]]:
    """Pairs of a span and a mark over some of it, those that share most first, one to one."""
    pairs = []
    for span in spans:
        for number, mark in enumerate(found):
            shared = min(span.end, mark.end) - max(span.start, mark.start)
            if shared > 0:
                union = max(span.end, mark.end) - min(span.start, mark.start)
                pairs.append((-shared / union, mark.label != span.label, number, span.id))
    taken: set[Any] = set()
    for _, _, number, name in sorted(pairs):
        if number not in taken and name not in taken:
            taken |= {number, name}
            yield name, found[number]
