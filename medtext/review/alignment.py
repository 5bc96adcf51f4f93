"""Which span of one side is which of the other: one to one, the best pairing of a note, whatever the order of spans.

What is the same in place and label is paired first, then what is the same in place. Of the rest, spans that share a
character are paired so that, in this order, as many as possible agree in their label, as many as possible are paired,
and as much as possible of their characters is shared (the assignment problem, Kuhn 1955). Fragments count singly: what
lies in the gap of a discontinuous span is no part of it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from medtext.span import Span

Pair = tuple[Span, Span]
_LABEL, _PAIRED, _SHARED = 10**14, 10**10, 10**6  # what a pair is worth: each outweighs any sum of the next


@dataclass(frozen=True, slots=True)
class Alignment:
    """Pairs of ours and theirs, and what is left alone on each side; in the order in which they were given."""

    pairs: tuple[Pair, ...]
    ours: tuple[Span, ...] = ()
    theirs: tuple[Span, ...] = ()


def align(ours: Iterable[Span], theirs: Iterable[Span]) -> Alignment:
    """The best pairing of two lists of spans over one text; with the sides exchanged, the same pairs."""
    ours, theirs = list(ours), list(theirs)
    order = {id(span): number for number, span in enumerate(ours)}
    pairs, ours, theirs = _same(ours, theirs, [(one.at, one.label) for one in ours], [(o.at, o.label) for o in theirs])
    if ours and theirs:
        placed, ours, theirs = _same(ours, theirs, [one.at for one in ours], [other.at for other in theirs])
        pairs += placed
    if ours and theirs:
        joined = [pair for component in _components(ours, theirs) for pair in _assigned(*component)]
        taken = {id(span) for pair in joined for span in pair}
        pairs += joined
        ours = [span for span in ours if id(span) not in taken]
        theirs = [span for span in theirs if id(span) not in taken]
    return Alignment(tuple(sorted(pairs, key=lambda pair: order[id(pair[0])])), tuple(ours), tuple(theirs))


def align_all(sides: Mapping[str, Sequence[Span]]) -> dict[tuple[str, str], Alignment]:
    """The alignment of each two people, by their names in order."""
    return {(one, other): align(sides[one], sides[other]) for one, other in combinations(sorted(sides), 2)}


def mentions(
    sides: Mapping[str, Sequence[Span]], alignments: Mapping[tuple[str, str], Alignment]
) -> list[dict[str, list[Span]]]:
    """Groups of spans that belong together: name → spans, in the order of the text; each span is in one group.

    Two spans are in one group when they are paired in the alignment of their two people, or both with a third one.
    """
    nodes = [(name, span) for name in sorted(sides) for span in sides[name]]
    place: dict[str, dict[int, int]] = {name: {} for name in sides}
    for number, (name, span) in enumerate(nodes):
        place[name][id(span)] = number
    leader = list(range(len(nodes)))
    for (one, other), alignment in alignments.items():
        here, there = place[one], place[other]
        for ours, theirs in alignment.pairs:
            _join(leader, here[id(ours)], there[id(theirs)])
    groups: dict[int, dict[str, list[Span]]] = defaultdict(dict)
    for number, (name, span) in enumerate(nodes):
        groups[_find(leader, number)].setdefault(name, []).append(span)
    return sorted(groups.values(), key=lambda group: min(span.at for held in group.values() for span in held))


def overlap(one: Span, other: Span) -> int:
    """How many code points two spans share."""
    if len(one.at) == len(other.at) == 1:
        return max(0, min(one.end, other.end) - max(one.start, other.start))
    return sum(max(0, min(b, d) - max(a, c)) for a, b in one.at for c, d in other.at)


def length(span: Span) -> int:
    """How many code points a span holds."""
    return sum(end - start for start, end in span.at)


def codes_of(span: Span) -> tuple[str, ...]:
    """The codes of a span, sorted: their order says nothing."""
    return tuple(sorted(map(str, span.codes))) if span.codes else ()


def _content(span: Span) -> tuple:
    """What orders spans whatever their ids: two that are equal in it may stand for each other."""
    said = span.assertion
    axes = (said.presence or "", said.temporality or "", said.subject or "") if said else ("", "", "")
    return span.at, span.label, codes_of(span), axes


def _same(
    ours: list[Span], theirs: list[Span], here: Sequence[Hashable], there: Sequence[Hashable]
) -> tuple[list[Pair], list[Span], list[Span]]:
    """Pairs of equal key, and the rest; twins are paired so that as many as possible are equal in everything."""
    one, other = dict(zip(here, ours, strict=True)), dict(zip(there, theirs, strict=True))
    common = one.keys() & other.keys()
    if len(one) == len(ours) and len(other) == len(theirs):
        pairs = [(one[key], other[key]) for key in common]
    else:
        pairs = []
        for key in common:
            left = [span for span, name in zip(ours, here, strict=True) if name == key]
            pairs += _twins(left, [span for span, name in zip(theirs, there, strict=True) if name == key])
    if not pairs:
        return [], ours, theirs
    taken = {id(span) for pair in pairs for span in pair}
    return pairs, [one for one in ours if id(one) not in taken], [one for one in theirs if id(one) not in taken]


def _twins(ours: list[Span], theirs: list[Span]) -> list[Pair]:
    if len(ours) == len(theirs) == 1:
        return [(ours[0], theirs[0])]
    waiting: dict[tuple, list[Span]] = defaultdict(list)
    for span in sorted(theirs, key=_content):
        waiting[_content(span)].append(span)
    equal = [(span, waiting[_content(span)].pop(0)) for span in sorted(ours, key=_content) if waiting[_content(span)]]
    taken = {id(span) for pair in equal for span in pair}
    rest = [sorted((span for span in side if id(span) not in taken), key=_content) for side in (ours, theirs)]
    return equal + list(zip(*rest, strict=False))


def _components(ours: list[Span], theirs: list[Span]) -> list[tuple[list[Span], list[Span]]]:
    """The spans that hang together by sharing characters; what shares none with the other side is left out."""
    theirs = sorted(theirs, key=lambda span: span.start)
    starts = [span.start for span in theirs]
    longest = max(span.end - span.start for span in theirs)
    leader = list(range(len(ours) + len(theirs)))
    met = set()
    for number, span in enumerate(ours):
        for other in range(bisect_left(starts, span.start - longest), bisect_left(starts, span.end)):
            if overlap(span, theirs[other]):
                _join(leader, number, len(ours) + other)
                met |= {number, len(ours) + other}
    groups: dict[int, tuple[list[Span], list[Span]]] = defaultdict(lambda: ([], []))
    for number in sorted(met):
        behind = number >= len(ours)
        groups[_find(leader, number)][behind].append(theirs[number - len(ours)] if behind else ours[number])
    return list(groups.values())


def _join(leader: list[int], one: int, other: int) -> None:
    """Put two nodes into one group, led by its first node."""
    first, second = _find(leader, one), _find(leader, other)
    if first != second:
        leader[max(first, second)] = min(first, second)


def _find(leader: list[int], node: int) -> int:
    while leader[node] != node:
        leader[node] = leader[leader[node]]
        node = leader[node]
    return node


def _assigned(ours: list[Span], theirs: list[Span]) -> list[Pair]:
    """The best pairs of one component. The side that sorts first leads, so that ties fall the same way for both."""
    if len(ours) == len(theirs) == 1:
        return [(ours[0], theirs[0])]
    ours, theirs = sorted(ours, key=_content), sorted(theirs, key=_content)
    turned = (len(theirs), [*map(_content, theirs)]) < (len(ours), [*map(_content, ours)])
    rows, columns = (theirs, ours) if turned else (ours, theirs)
    worth = [[_worth(row, column) for column in columns] for row in rows]
    chosen = [max(range(len(columns)), key=worth[0].__getitem__)] if len(rows) == 1 else assign(worth)
    pairs = [(rows[row], columns[column]) for row, column in enumerate(chosen) if worth[row][column]]
    return [(theirs, ours) for ours, theirs in pairs] if turned else pairs


def _worth(one: Span, other: Span) -> int:
    shared = overlap(one, other)
    if not shared:
        return 0
    union = length(one) + length(other) - shared
    return _LABEL * (one.label == other.label) + _PAIRED + _SHARED * shared // union


def assign(worth: Sequence[Sequence[int]]) -> list[int]:
    """The column of each row that makes the sum of their worth greatest; needs as many columns as rows, or more.

    The Hungarian method with potentials, in rows² × columns steps (Kuhn 1955; Munkres 1957).
    """
    rows, columns = len(worth), len(worth[0])
    of_row, of_column = [0] * (rows + 1), [0] * (columns + 1)
    holder, back = [0] * (columns + 1), [0] * (columns + 1)
    for row in range(1, rows + 1):
        holder[0], at = row, 0
        least: list[int | None] = [None] * (columns + 1)
        used = [False] * (columns + 1)
        while holder[at]:
            used[at], here, step, following = True, holder[at], None, 0
            for column in range(1, columns + 1):
                if used[column]:
                    continue
                cost = -worth[here - 1][column - 1] - of_row[here] - of_column[column]
                if least[column] is None or cost < least[column]:
                    least[column], back[column] = cost, at
                if step is None or least[column] < step:
                    step, following = least[column], column
            for column in range(columns + 1):
                if used[column]:
                    of_row[holder[column]] += step
                    of_column[column] -= step
                elif least[column] is not None:
                    least[column] -= step
            at = following
        while at:
            holder[at], at = holder[back[at]], back[at]
    found = [0] * rows
    for column in range(1, columns + 1):
        if holder[column]:
            found[holder[column] - 1] = column - 1
    return found
