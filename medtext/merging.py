"""How the entities of several stages become one set, whatever the order of the stages.

Every source makes claims: a place and a label. The same place and label is one entity with all its sources, and its
score is raised by noisy-or, 1 - ∏(1 - score). Of overlapping claims that differ the longest stands, then the surer,
then the earlier, then the label that comes first in the alphabet. One exception: the part of a prescription that others
fill with several parts ("500 mg PO" as a dose, beside the dose "500 mg" and the route "PO") yields to them. What was
overruled stays visible: its source stands among the `sources` of what overruled it with a score of 0, and the claim
itself under `x["overruled"]`.
"""

from __future__ import annotations

import functools
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from medtext.note import Note
from medtext.overlap import Cover, identifiers
from medtext.span import Source, Span

OVERRULED = "overruled"
_PARTS = frozenset({"DOSE", "ROUTE", "FREQUENCY", "DURATION"})  # of a prescription, which follow each other
_GAP = 2  # code points between parts that fill a stretch
_Place = tuple[tuple[tuple[int, int], ...], str]
_Claims = dict[_Place, dict[str, float | None]]


def merge_entities(note: Note, found: Iterable[Span]) -> Note:
    """The note with the entities that a stage found, merged with those that other stages found.

    What a person has touched stays, and so does an entity that later stages have worked on (it has a relation, an
    assertion or codes) or that has no source: a claim that overlaps one is left out, unless it is the same,
    which adds its source. Claims on an identifier are left out.
    """
    found = list(found)
    related = {end for one in note.relations for end in (one.source, one.target)}
    entities = note.layer("entity")
    settled = [span for span in entities if not _is_open(span, related)]
    held = [span for span in entities if _is_open(span, related)]
    claims = _claims([*held, *found])
    same = [_confirmed(span, claims.get((span.at, span.label), {})) for span in settled]
    covers = [one for one in (identifiers(note), Cover(part for span in settled for part in span.at)) if one.places()]
    free = {place: by for place, by in claims.items() if not _is_covered(place[0], covers)} if covers else claims
    known: dict[_Place, Span] = {}
    for span in (*held, *found):
        place = (span.at, span.label)
        known[place] = _joined(known[place], span) if place in known else span
    made = [_stated(known.get(place), place, free, under) for place, under in _resolved(free).items()]
    return _with(note, held, [*(span for span in same if span is not None), *made])


def _is_covered(at: Iterable[tuple[int, int]], covers: Iterable[Cover]) -> bool:
    return any(cover.overlaps(start, end) for cover in covers for start, end in at)


def _joined(one: Span, two: Span) -> Span:
    """The same entity of two stages: what only one of them says of it stays."""
    if not two.x and not two.candidates:
        return one
    return replace(one, x={**two.x, **one.x}, candidates=one.candidates or two.candidates)


def _with(note: Note, held: list[Span], made: list[Span]) -> Note:
    """The note with what was made instead of what was held; nothing changes where nothing differs."""
    before = {span.id: span for span in note.spans} if note.layer("entity") else {}
    gone = {span.id for span in held} - {span.id for span in made}
    new = [span for span in made if not span.id]
    changed = [span for span in made if span.id and span is not before[span.id] and span != before[span.id]]
    if gone:
        note = note.replace(spans=tuple(span for span in note.spans if span.id not in gone))
    note = note.update(changed) if changed else note
    return note.add(new) if new else note


def _is_open(span: Span, related: set[str]) -> bool:
    worked_on = span.id in related or span.assertion or span.codes
    return span.status == "predicted" and bool(span.sources) and not worked_on


def _claims(spans: Iterable[Span]) -> _Claims:
    """Who claims what, those that were overruled before with them; a source that says it twice counts at its surest."""
    claims: _Claims = defaultdict(dict)
    for span in spans:
        for source in span.sources:
            if source.score != 0:  # else it is named for what it claims instead
                alone = span.score if len(span.sources) == 1 else None
                _claim(claims, (span.at, span.label), source.by, source.score if source.score is not None else alone)
        for one in span.x.get(OVERRULED, ()):
            at = tuple((start, end) for start, end in one["at"])
            _claim(claims, (at, one["label"]), one["by"], one.get("score"))
    return dict(claims)


def _claim(claims: _Claims, place: _Place, by: str, score: float | None) -> None:
    held = claims[place].get(by)
    claims[place][by] = score if held is None or (score is not None and score > held) else held


def _resolved(claims: _Claims) -> dict[_Place, list[_Place]]:
    """The places that stand, each with those that it overruled."""
    standing: dict[_Place, list[_Place]] = {}
    for group in _groups(claims):
        standing |= {group[0]: []} if len(group) == 1 else _contested(group, claims)
    return standing


def _groups(claims: _Claims) -> Iterator[list[_Place]]:
    """Places that may overlap, directly or through others between them."""
    group: list[_Place] = []
    end = 0
    for place in sorted(claims):
        if group and place[0][0][0] >= end:
            yield group
            group = []
        group.append(place)
        end = max(end, place[0][-1][1])
    if group:
        yield group


def _contested(group: list[_Place], claims: _Claims) -> dict[_Place, list[_Place]]:
    owner: dict[int, _Place] = {}
    standing: dict[_Place, list[_Place]] = {}
    for place in sorted(group, key=lambda one: (_is_filled(one, group), _order(one, claims[one]))):
        covered = [at for start, end in place[0] for at in range(start, end)]
        above = {owner[at] for at in covered if at in owner}
        for one in above:
            standing[one].append(place)
        if not above:
            standing[place] = []
            owner |= dict.fromkeys(covered, place)
    return standing


def _is_filled(place: _Place, group: Iterable[_Place]) -> bool:
    """Whether parts of a prescription with several labels lie within this one from its begin to its end."""
    at, label = place
    if label not in _PARTS or len(at) > 1:
        return False
    (start, end) = at[0]
    parts = (one for one in group if one[1] in _PARTS and len(one[0]) == 1 and one[0] != at)
    inner = [one for one in parts if start <= one[0][0][0] and one[0][0][1] <= end]
    labels, position = set(), start
    while position < end:
        near = [one for one in inner if position <= one[0][0][0] <= position + _GAP]
        if not near:
            return False
        longest = max(near, key=lambda one: (one[0][0][1], one))
        labels.add(longest[1])
        position = longest[0][0][1]
    return len(labels) > 1


def _order(place: _Place, by: Mapping[str, float | None]) -> tuple[Any, ...]:
    at, label = place
    return -sum(end - start for start, end in at), -(noisy_or(by.values()) or 0.0), at, label


def noisy_or(scores: Iterable[float | None]) -> float | None:
    """The score of what independent sources agree on, to four digits; None when none of them has a score."""
    known = tuple(sorted([score for score in scores if score is not None]))
    if len(known) < 2:
        return known[0] if known else None
    return _joint(known)


@functools.lru_cache(maxsize=1 << 12)  # dictionaries and models give few different scores, time after time
def _joint(scores: tuple[float, ...]) -> float:
    return round(1 - math.prod(1 - score for score in scores), 4)


def _stated(known: Span | None, place: _Place, claims: _Claims, under: Sequence[_Place]) -> Span:
    """The entity of a place, with all that claim it and, at 0, those that claim what it overrules."""
    by = claims[place]
    if known is not None and not under and _says_all(known, by):
        return known
    sources = [Source(one, by[one]) for one in sorted(by)]
    sources += [Source(one, 0.0) for one in sorted({one for loser in under for one in claims[loser]} - set(by))]
    span = known or Span(place[0], place[1])
    x = {key: value for key, value in span.x.items() if key != OVERRULED}
    if under:
        x[OVERRULED] = [
            _record(loser, one, claims[loser][one]) for loser in sorted(under) for one in sorted(claims[loser])
        ]
    score, said = noisy_or(by.values()), tuple(sources)
    same = known is not None and (span.score, span.sources, span.x) == (score, said, x)
    return span if same else replace(span, score=score, sources=said, x=x)


def _says_all(span: Span, by: Mapping[str, float | None]) -> bool:
    """Whether a span names just those who claim its place, as `_stated` would; nearly all that are found do."""
    if len(by) != len(span.sources) or OVERRULED in span.x:
        return False
    if len(by) == 1:
        (source,) = span.sources
        return source.by in by and by[source.by] == source.score == span.score
    said = [(source.by, source.score) for source in span.sources]
    return said == sorted(by.items()) and span.score == noisy_or(by.values())


def _record(place: _Place, by: str, score: float | None) -> dict[str, Any]:
    return {"at": [list(part) for part in place[0]], "label": place[1], "by": by, "score": score}


def _confirmed(span: Span, claims: Mapping[str, float | None]) -> Span | None:
    """A settled entity with the sources that are new to it; None where there are none, or a person has touched it."""
    new = [Source(by, claims[by]) for by in sorted(set(claims) - {source.by for source in span.sources})]
    if span.status != "predicted" or not new:
        return None
    scores = [source.score for source in (*span.sources, *new)]
    return replace(span, sources=(*span.sources, *new), score=noisy_or(scores) or span.score)
