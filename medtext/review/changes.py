"""What a person did to each span of one note: told from the machine's file and the returned one, not from a UI's word.

A span is the same where the id is the same and the places meet; else where place and label are the same; else it is
the one it is aligned with. Only where the base has no such span at all do the span's own old values (`was`) speak.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from medtext.errors import NoteError, Problem
from medtext.note import Note
from medtext.review.alignment import align, codes_of, overlap
from medtext.review.sides import section_finder
from medtext.span import Assertion, Span
from medtext.taxonomy import AXES

KINDS = {
    "accepted": "taken as it was",
    "boundary": "its boundary was moved",
    "relabelled": "it got another label",
    "recoded": "its codes were changed",
    "assertion": "presence, temporality or subject was changed",
    "added": "drawn by a person: the machine missed it",
    "rejected": "marked as wrong or deleted",
    "untouched": "nobody has looked at it yet",
}
CHANGED = ("boundary", "relabelled", "recoded", "assertion")


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one span. Several kinds may hold; the changed ones exclude accepted, untouched and rejected.

    `span` is its id in the returned file, or in the base when it is gone. `start` and `end` say by how many code points
    the ends moved (minus: to the left). `fields` is the field → (old, new) of everything else that was changed;
    `now` and `before` are the spans themselves. `words` is what the note says there, only where it was asked for.
    """

    note: str
    annotator: str
    span: str
    kinds: tuple[str, ...]
    label: str
    section: str
    sources: tuple[str, ...] = ()
    start: int = 0
    end: int = 0
    fields: Mapping[str, tuple[Any, Any]] | None = None
    before: Span | None = None
    now: Span | None = None
    words: str | None = field(default=None, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        told: dict[str, Any] = {
            "note": self.note,
            "annotator": self.annotator,
            "span": self.span,
            "kinds": list(self.kinds),
            "label": self.label,
            "section": self.section,
            "sources": list(self.sources),
        }
        for name, span in (("before", self.before), ("now", self.now)):
            told[name] = None if span is None else [list(fragment) for fragment in span.at]
        if "boundary" in self.kinds:
            told["moved"] = {"start": self.start, "end": self.end}
        if self.fields:
            told["changed"] = {name: {"from": old, "to": new} for name, (old, new) in self.fields.items()}
        return told if self.words is None else told | {"quote": self.words}


def changes_of(base: Note, returned: Note, layer: str, annotator: str) -> tuple[list[Change], list[Problem]]:
    """Every span of one note with what became of it, and what in the returned note contradicts the base."""
    section, problems = section_finder([base, returned]), []
    offered = [span for span in base.layer(layer) if span.status != "rejected"]
    dropped = {span.id for span in base.layer(layer)} - {span.id for span in offered}
    theirs = [span for span in returned.layer(layer) if not (span.id in dropped and span.status == "rejected")]
    reviewed = returned.review is not None and returned.review.state == "done"
    done = []
    for before, now in _matched(offered, theirs):
        old = before
        if before is None and now is not None:
            old, told = _from_was(now, returned)
            problems += told
            if old is None and now.status == "rejected":
                continue  # drawn and taken back
        elif now is not None and before is not None:
            problems += _contradictions(before, now, returned)
        done.append(_change(old, now, section, reviewed, note=base.id, annotator=annotator))
    return done, problems


def _matched(ours: Sequence[Span], theirs: Sequence[Span]) -> Iterator[tuple[Span | None, Span | None]]:
    by_id = {span.id: span for span in ours}
    named = [(by_id[span.id], span) for span in theirs if span.id in by_id]
    # A UI that loses ids numbers anew: an id is believed where places meet, and none where they mostly do not.
    meeting = [(one, other) for one, other in named if overlap(one, other)]
    pairs = meeting if 2 * len(meeting) > len(named) else []
    pairs = [(one, other) for one, other in pairs if not _better_elsewhere(one, other, ours)]
    taken = {id(span) for pair in pairs for span in pair}
    rest = align([one for one in ours if id(one) not in taken], [one for one in theirs if id(one) not in taken])
    yield from pairs
    yield from rest.pairs
    yield from ((span, None) for span in rest.ours)
    yield from ((None, span) for span in rest.theirs)


def _better_elsewhere(one: Span, other: Span, ours: Iterable[Span]) -> bool:
    """Whether a span stands exactly where another of the base stood, which its own id does not say."""
    if one.at == other.at:
        return False
    return any(span.at == other.at and span.label == other.label for span in ours)


def _from_was(span: Span, note: Note) -> tuple[Span | None, list[Problem]]:
    """The span as it was by its own account, where the base does not know it."""
    if not span.was or span.status not in ("corrected", "rejected"):
        return None, []
    told = Problem(
        f"span {span.id!r} says that it was changed, but the base has no such span. Is it the base of this file?",
        note_id=note.id,
        severity="warning",
    )
    try:
        return replace(span, **{name: _old(name, value) for name, value in span.was.items() if name in _FIELDS}), [told]
    except (NoteError, TypeError, ValueError, AttributeError):
        return None, [replace(told, message=f"the old values of span {span.id!r} (was) cannot be read.")]


_FIELDS = ("at", "label", "assertion", "codes")


def _old(name: str, value: Any) -> Any:
    from medtext.span import Code

    if name == "at":
        return tuple((start, end) for start, end in value)
    if name == "codes":
        return tuple(map(Code.parse, value or ()))
    return Assertion(**value) if name == "assertion" and value else value


def _contradictions(before: Span, now: Span, note: Note) -> Iterator[Problem]:
    """Old values that a span gives of itself and that are not those of the base: it may be the wrong base."""
    for name in _FIELDS:
        if not now.was or name not in now.was or name in (before.was or {}):
            continue
        try:
            old = _old(name, now.was[name])
        except (NoteError, TypeError, ValueError, AttributeError):
            old = object()
        same = set(old) == set(before.codes) if name == "codes" and isinstance(old, tuple) else None
        if not (same if same is not None else (old or None) == (getattr(before, name) or None)):
            told = f"span {now.id!r}: its old {name} is not that of the base. Is it the base of this file?"
            yield Problem(told, note_id=note.id, severity="warning")


def _change(before: Span | None, now: Span | None, section: Any, reviewed: bool, **common: str) -> Change:
    there = now if now is not None and now.status != "rejected" else None
    span = before or now
    told = {
        **common,
        "span": (now or before).id,
        "label": (before or now).label,
        "section": section(span),
        "sources": tuple(sorted({source.by for source in before.sources})) if before else (),
        "before": before,
        "now": there,
    }
    if before is None:
        return Change(kinds=("added",), **told)
    if there is None:
        return Change(kinds=("rejected",), **told)
    fields = _differences(before, there)
    kinds = [kind for kind in CHANGED if kind in {_KIND[name] for name in fields}]
    if kinds:
        moved = {"start": there.start - before.start, "end": there.end - before.end}
        return Change(kinds=tuple(kinds), fields=fields, **moved, **told)
    looked_at = reviewed or there.status in ("accepted", "corrected", "added")
    return Change(kinds=("accepted" if looked_at else "untouched",), **told)


_KIND = {"at": "boundary", "label": "relabelled", "codes": "recoded", **dict.fromkeys(AXES, "assertion")}


def _differences(before: Span, now: Span) -> dict[str, tuple[Any, Any]]:
    """Field → (old, new) of what differs; the order of codes says nothing."""
    held: dict[str, tuple[Any, Any]] = {}
    if before.at != now.at:
        held["at"] = [list(one) for one in before.at], [list(one) for one in now.at]
    if before.label != now.label:
        held["label"] = before.label, now.label
    if codes_of(before) != codes_of(now):
        held["codes"] = list(codes_of(before)), list(codes_of(now))
    one, other = before.assertion or Assertion(), now.assertion or Assertion()
    for axis in AXES:
        if getattr(one, axis) != getattr(other, axis):
            held[axis] = getattr(one, axis), getattr(other, axis)
    return held
