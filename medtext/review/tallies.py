"""What is counted of one note for agreement: spans met by criterion, characters, attributes and codes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence

from medtext.note import Note
from medtext.review.alignment import Alignment, Pair
from medtext.review.alpha import count_characters
from medtext.review.kappa import count_item, count_pair
from medtext.review.kinship import Kinship
from medtext.review.matching import spans_of
from medtext.review.sides import section_finder
from medtext.span import Span
from medtext.taxonomy import AXES

Counts = Counter[tuple[Hashable, ...]]
CRITERIA = {
    "strict": "the same place and the same label",
    "tolerant": "the same label, each end at most {k} code points apart",
    "type": "the same label, and at least one character in common",
    "exact": "the same place, whatever the label",
    "partial": "at least one character in common, whatever the label; half a hit unless the place is the same",
}


def met(pair: Pair, tolerance: int) -> tuple[float, ...]:
    """By criterion, how far a pair meets it: 1, a half, or 0."""
    one, other = pair
    place, label = one.at == other.at, one.label == other.label
    near = place or (len(one.at) == len(other.at) and _apart(one, other) <= tolerance)
    return place and label, near and label, label, place, (1 + place) / 2


def _apart(one: Span, other: Span) -> int:
    edges = zip(one.at, other.at, strict=True)
    return max(abs(side - there) for ours, theirs in edges for side, there in zip(ours, theirs, strict=True))


def count_note(
    held: Mapping[str, Note],
    sides: Mapping[str, Sequence[Span]],
    alignments: Mapping[tuple[str, str], Alignment],
    labels: Mapping[str, int],
    tolerance: int,
) -> Counts:
    """Spans and characters of one note."""
    counts: Counts = Counter()
    section = section_finder(held[name] for name in sorted(held))
    for pair, alignment in alignments.items():
        _count_spans(pair, alignment, section, tolerance, counts)
        for one, other in alignment.pairs:
            if one.label == other.label:
                _count_attributes(pair, one, other, counts)
    count_characters(len(held[min(held)].text), [sides[name] for name in sorted(sides)], labels, counts)
    return counts


def _count_spans(
    names: tuple[str, str], alignment: Alignment, section: Callable[[Span], str], tolerance: int, counts: Counts
) -> None:
    """Each span of either person counts once, under its own label and section."""
    kinds: Counter[tuple] = Counter()
    for pair in alignment.pairs:
        how = met(pair, tolerance)
        for span in pair:
            kinds[span.label, section(span), how] += 1
    for span in (*alignment.ours, *alignment.theirs):
        kinds[span.label, section(span), ()] += 1
    for (label, where, how), number in kinds.items():
        for group in (("all", ""), ("pair", names), ("label", label), ("section", where)):
            counts["spans", *group, "both"] += number
            for criterion, hit in zip(CRITERIA, how, strict=False):
                counts["spans", *group, criterion] += hit * number


def _count_attributes(names: tuple[str, str], one: Span, other: Span, counts: Counts) -> None:
    if one.assertion is None and other.assertion is None:
        return
    for axis in AXES:
        count_pair(axis, names, (_axis(one, axis), _axis(other, axis)), counts)


def _axis(span: Span, axis: str) -> str | None:
    said = span.assertion
    return None if said is None else getattr(said, axis)


def count_groups(groups: Sequence[Mapping[str, Sequence[Span]]], people: int, counts: Counts) -> None:
    """Attributes of the mentions of which all have one span, of one label."""
    for group in groups:
        if len(group) == people and all(len(side) == 1 for side in group.values()):
            spans = [side[0] for side in group.values()]
            if any(span.assertion is not None for span in spans) and len({span.label for span in spans}) == 1:
                for axis in AXES:
                    count_item(axis, [_axis(span, axis) for span in spans], counts)


def count_codes(alignments: Mapping[tuple[str, str], Alignment], kinship: Kinship, counts: Counts) -> None:
    """Codes of pairs of one label, by code system; what neither of the two has coded does not count."""
    for alignment in alignments.values():
        for one, other in alignment.pairs:
            if (one.codes or other.codes) and one.label == other.label:
                for system in {code.system for code in (*one.codes, *other.codes)}:
                    relation, score = ("same", 1.0)
                    if one.codes != other.codes:
                        sides = [[code for code in span.codes if code.system == system] for span in (one, other)]
                        relation, score = kinship.alike(*sides)
                    counts["codes", system, "pairs"] += 1
                    counts["codes", system, relation] += 1
                    counts["codes", system, "score"] += score


def sides_of(held: Mapping[str, Note], layer: str) -> dict[str, list[Span]]:
    """Name → the spans that count, by name."""
    return {name: spans_of(held[name], layer) for name in sorted(held)}
