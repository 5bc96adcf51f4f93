"""A text cut at every boundary of its spans: what a view draws, in linear time.

Each span gets a lane, so that spans that share text are underlined one below the other, the shortest nearest to it.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from medtext.note import Note
from medtext.span import Span

LANES = 4  # deeper nesting is not underlined; it is still listed
LISTED = 8


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch `[start, end)` that no boundary cuts.

    `covering`: the spans that cover it, shortest first. `drawn`: lane → (span, whether it covers the stretch, or the
    stretch lies in its gap). `starting`, `ending`: the spans whose first character or last it holds.
    """

    start: int
    end: int
    covering: tuple[Span, ...] = ()
    drawn: Mapping[int, tuple[Span, bool]] = field(default_factory=dict)
    starting: tuple[Span, ...] = ()
    ending: tuple[Span, ...] = ()
    sections: tuple[Span, ...] = ()
    heading: bool = False


def stretches(note: Note, spans: Iterable[Span], sections: Iterable[Span] = ()) -> Iterator[Stretch]:
    """All the text of a note, cut where a span, a section or a heading begins or ends."""
    spans, sections = list(spans), list(sections)
    starting, ending = _by(spans, "start"), _by(spans, "end")
    section_at = _by(sections, "start")
    headings = dict(filter(None, map(_heading, sections)))
    cuts = {0, len(note.text), *section_at, *headings, *headings.values()}
    cuts.update(offset for span in spans for fragment in span.at for offset in fragment)
    lanes, active, heading_end = _lanes(spans), {}, -1
    edges = sorted(cut for cut in cuts if 0 <= cut <= len(note.text))
    for start, end in pairwise(edges):
        for span in ending.get(start, ()):
            del active[span.id]
        active.update((span.id, span) for span in starting.get(start, ()))
        heading_end = headings.get(start, heading_end)
        inside = {span.id: _covers(span, start) for span in active.values()}
        near = heapq.nsmallest(LISTED, active.values(), key=_length)
        yield Stretch(
            start,
            end,
            covering=tuple(span for span in near if inside[span.id]),
            drawn={lanes[span.id]: (span, inside[span.id]) for span in active.values() if span.id in lanes},
            starting=tuple(starting.get(start, ())),
            ending=tuple(sorted(ending.get(end, ()), key=_length)),
            sections=tuple(section_at.get(start, ())),
            heading=start < heading_end,
        )


def _by(spans: Iterable[Span], edge: str) -> dict[int, list[Span]]:
    found = defaultdict(list)
    for span in spans:
        found[getattr(span, edge)].append(span)
    return dict(found)


def _heading(section: Span) -> tuple[int, int] | None:
    """Where the heading of a section stands, where the stage that found it has said so."""
    match section.x.get("heading"):
        case [int(start), int(end)] if section.start <= start < end <= section.end:
            return start, end
    return None


def _length(span: Span) -> tuple[int, tuple]:
    return span.end - span.start, span.sort_key


def _covers(span: Span, offset: int) -> bool:
    if len(span.at) == 1:
        return True
    return any(start <= offset < end for start, end in span.at)


def _lanes(spans: Iterable[Span]) -> dict[str, int]:
    """Span id → lane: the lowest that is free over the whole extent, the shortest spans choosing first."""
    taken: list[list[tuple[int, int]]] = [[] for _ in range(LANES)]
    chosen = {}
    for span in sorted(spans, key=_length):
        place = span.start, span.end
        for lane, held in enumerate(taken):
            at = bisect_left(held, place)
            clear = (at == len(held) or held[at][0] >= span.end) and (at == 0 or held[at - 1][1] <= span.start)
            if clear:
                insort(held, place)
                chosen[span.id] = lane
                break
    return chosen
