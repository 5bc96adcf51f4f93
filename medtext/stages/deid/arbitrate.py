"""What was found where, and how overlapping findings become disjoint ones in one total order."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from medtext.overlap import Cover


@dataclass(frozen=True, slots=True)
class Finding:
    """An identifier: code points `[start, end)`, its label, how sure the rule is, and which rule it was."""

    start: int
    end: int
    label: str
    score: float
    rule: str


def arbitrate(findings: Iterable[Finding], labels: Sequence[str]) -> list[Finding]:
    """Disjoint findings in order of place that together cover every character that any finding covered.

    The longer wins, then the surer, then the label that stands first in `labels`, then the earlier. What a loser
    covers beyond the winners stays found, under the loser's label: nothing found is ever let go.
    """
    rank = {label: number for number, label in enumerate(labels)}
    last = len(rank)

    def order(one: Finding) -> tuple:
        return one.start - one.end, -one.score, rank.get(one.label, last), one.start, one.label, one.rule

    starts: list[int] = []
    kept: list[Finding] = []
    for one in sorted(set(findings), key=order):
        for start, end in _free(one, starts, kept):
            at = bisect_left(starts, start)
            starts.insert(at, start)
            kept.insert(at, Finding(start, end, one.label, one.score, one.rule))
    return kept


def beside(findings: Iterable[Finding], label: str) -> Iterator[Finding]:
    """The findings; of those of a model, whatever their label, what no rule's finding with this label covers.

    A rule knows a date to its last digit, and a wider finding could not be read and moved.
    """
    findings = list(findings)
    by_rule = Cover((one.start, one.end) for one in findings if one.label == label and not _is_of_model(one))
    for one in findings:
        if not _is_of_model(one) or not by_rule.overlaps(one.start, one.end):
            yield one
            continue
        position = one.start
        for start, end in [*by_rule.inside([(one.start, one.end)]), (one.end, one.end)]:
            if position < start:
                yield replace(one, start=position, end=start)
            position = end


def _is_of_model(one: Finding) -> bool:
    return one.rule.startswith("model:")


def whole(findings: Iterable[Finding], label: str) -> Iterator[Finding]:
    """The findings; of those with this label, overlapping ones become one: two rules that each saw a part of a date.

    A date in two pieces would be moved in two ways.
    """
    last: Finding | None = None
    for one in sorted(findings, key=lambda one: (one.start, one.end)):
        if one.label != label:
            yield one
        elif last is not None and one.start < last.end:
            longer = max(last, one, key=lambda each: (each.end - each.start, each.score))
            last = replace(longer, start=last.start, end=max(last.end, one.end))
        else:
            if last is not None:
                yield last
            last = one
    if last is not None:
        yield last


def _free(one: Finding, starts: list[int], kept: list[Finding]) -> list[tuple[int, int]]:
    """The stretches of a finding that no kept one covers."""
    at = bisect_left(starts, one.start)
    if at and kept[at - 1].end > one.start:
        at -= 1
    free, position = [], one.start
    while at < len(kept) and kept[at].start < one.end:
        if kept[at].start > position:
            free.append((position, kept[at].start))
        position = max(position, kept[at].end)
        at += 1
    if position < one.end:
        free.append((position, one.end))
    return free


_OPENED = {")": "(", "]": "["}


def trimmed(text: str, one: Finding) -> Finding | None:
    """A finding without blanks and punctuation at its edges; None when nothing else is in it.

    A bracket is left at an edge only when its partner is inside: "(fax 216-555-0100)" keeps its own.
    """
    start, end = one.start, one.end
    while start < end and not (text[start].isalnum() or text[start] in "#(+["):
        start += 1
    while end > start and not (text[end - 1].isalnum() or _closes(text, start, end - 1) or text[end - 1] == "."):
        end -= 1
    while start < end and text[start] in "([" and not _closed(text, start, end):
        start += 1
    return Finding(start, end, one.label, one.score, one.rule) if start < end else None


def _closes(text: str, start: int, at: int) -> bool:
    """Whether the sign there closes a bracket that opens behind `start`."""
    opened = _OPENED.get(text[at])
    return opened is not None and text.count(opened, start, at) > text.count(text[at], start, at)


def _closed(text: str, at: int, end: int) -> bool:
    return (")" if text[at] == "(" else "]") in text[at:end]
