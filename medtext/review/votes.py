"""How one mention is settled: a reading, an axis or the codes hold when more than `majority` of the weight is for them.

A reading is a place with a label. Who marked something else there, or nothing, is against it. Where no reading and not
"nothing" either has the majority, and where an axis or the codes have none, people must decide.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from medtext.review.alignment import codes_of, overlap
from medtext.span import Assertion, Candidate, Code, Source, Span
from medtext.taxonomy import AXES

Said = list[tuple[str, Span]]  # who says what


@dataclass(frozen=True, slots=True)
class Ballot:
    """Who votes with which weight, and the share that must be exceeded."""

    weights: Mapping[str, float]
    majority: float = 0.5

    def holds(self, names: Iterable[str], among: Iterable[str] | None = None) -> bool:
        """Whether these people outvote the rest, of all or of `among`."""
        whole = sum(self.weights[name] for name in sorted(self.weights if among is None else among))
        # A hair above: a third and two thirds of the weight must not turn on rounding.
        return sum(self.weights[name] for name in sorted(names)) > whole * self.majority + 1e-9 * whole


@dataclass(frozen=True, slots=True)
class Verdict:
    """Settled spans, and the alternatives of what is not; each alternative names in `sources` who said it."""

    settled: tuple[Span, ...] = ()
    open: tuple[tuple[Span, ...], ...] = ()
    outvoted: int = 0


def judge(group: Mapping[str, Sequence[Span]], ballot: Ballot) -> Verdict:
    """The verdict on one group of spans that people paired with each other."""
    spans = [span for side in group.values() for span in side]
    if len(group) == len(spans) == len(ballot.weights) and len({_content(span) for span in spans}) == 1:
        said = [(name, group[name][0]) for name in sorted(group)]
        return Verdict(settled=(_settled(said, spans[0].assertion, said[0][1].codes),))
    readings: dict[tuple, Said] = defaultdict(list)
    for name in sorted(group):
        seen: dict[tuple, int] = defaultdict(int)
        for span in group[name]:
            # Two spans of one person at one place are two readings: the second of each person meets the second.
            key = (span.at, span.label)
            seen[key] += 1
            readings[(*key, seen[key])].append((name, span))
    won = {key: said for key, said in readings.items() if ballot.holds(name for name, _ in said)}
    settled, undecided = [], []
    for said in won.values():
        made = _merged(said, ballot)
        (settled if len(made) == 1 else undecided).append(made)
    held = [said[0][1] for said in won.values()]
    left = {key: said for key, said in readings.items() if key not in won}
    free = {key: said for key, said in left.items() if not any(overlap(said[0][1], span) for span in held)}
    outvoted = sum(map(len, left.values())) - sum(map(len, free.values()))
    for said in _apart(free):
        if ballot.holds(ballot.weights.keys() - {name for name, _ in said}):
            outvoted += len(said)
        else:
            undecided.append(_alternatives(said))
    return Verdict(tuple(one for made in settled for one in made), tuple(undecided), outvoted)


def _content(span: Span) -> tuple:
    return span.at, span.label, span.assertion, codes_of(span)


def _apart(readings: Mapping[tuple, Said]) -> Iterator[Said]:
    """Readings that share characters, together."""
    left = [readings[key] for key in sorted(readings)]
    while left:
        found, left = [left[0]], left[1:]
        for said in found:
            near = [other for other in left if any(overlap(said[0][1], span) for _, span in other)]
            found += near
            left = [other for other in left if not any(other is one for one in near)]
        yield [one for said in found for one in said]


def _merged(said: Said, ballot: Ballot) -> tuple[Span, ...]:
    """One span where axes and codes can be settled too, else an alternative for each thing that is said."""
    voters = [name for name, _ in said]
    axes = {axis: _decided(said, ballot, voters, lambda span, axis=axis: _axis(span, axis)) for axis in AXES}
    codes = _decided_codes(said, ballot, voters)
    if codes is not None and all(found for found in axes.values()):
        assertion = Assertion(**{axis: found[0] for axis, found in axes.items() if found})
        return (_settled(said, assertion, codes),)
    spans = []
    for name, span in said:
        settled = {axis: found[0] if found else _axis(span, axis) for axis, found in axes.items()}
        spans.append(
            (name, replace(span, assertion=Assertion(**settled), codes=span.codes if codes is None else codes))
        )
    return _alternatives(spans)


def _axis(span: Span, axis: str) -> str | None:
    return None if span.assertion is None else getattr(span.assertion, axis)


def _decided(
    said: Said, ballot: Ballot, voters: Sequence[str], key: Callable[[Span], Hashable]
) -> tuple[Hashable] | None:
    """The value that has the majority of those who marked the span, in a tuple: it may be None."""
    given: dict[Hashable, list[str]] = defaultdict(list)
    for name, span in said:
        given[key(span)].append(name)
    if len(given) == 1:
        return tuple(given)
    return next(((value,) for value, names in given.items() if ballot.holds(names, voters)), None)


def _decided_codes(said: Said, ballot: Ballot, voters: Sequence[str]) -> tuple[Code, ...] | None:
    """The set that has the majority, else each code that has it; None where that leaves nothing, or a code tied."""
    whole = _decided(said, ballot, voters, codes_of)
    if whole is not None:
        return next(span.codes for _, span in said if (codes_of(span),) == whole)
    given: dict[Code, list[str]] = defaultdict(list)
    for name, span in said:
        for code in span.codes:
            given[code].append(name)
    chosen = tuple(code for code, names in sorted(given.items()) if ballot.holds(names, voters))
    against = [code for code, names in given.items() if ballot.holds(set(voters) - set(names), voters)]
    return chosen if chosen and len(chosen) + len(against) == len(given) else None


def _settled(said: Said, assertion: Assertion | None, codes: tuple[Code, ...]) -> Span:
    """The span that holds, as the first of its people wrote it; what all wrote alike stays as it is."""
    first = said[0][1]
    people = [source for source in first.sources if source.by.startswith("human:")]
    if people and all(span == first for _, span in said):
        return first
    return replace(
        first,
        assertion=assertion,
        codes=codes,
        candidates=_candidates(said),
        status="accepted",
        sources=_sources(said),
        was=None,
    )


def _alternatives(said: Said) -> tuple[Span, ...]:
    """One predicted span for each different thing that is said, in order."""
    given: dict[tuple, Said] = defaultdict(list)
    for name, span in said:
        axes = tuple(_axis(span, axis) or "" for axis in AXES)
        given[span.at, span.label, axes, codes_of(span)].append((name, span))
    candidates = _candidates(said)
    return tuple(
        replace(held[0][1], status="predicted", candidates=candidates, sources=_sources(held), was=None)
        for _, held in sorted(given.items())
    )


def _sources(said: Said) -> tuple[Source, ...]:
    """What the machine and others said before, and the people who say it now."""
    before = {source.by: source for _, span in said for source in span.sources}
    people = {by: Source(by) for name, _ in said if (by := f"human:{name}") not in before}
    return tuple({**before, **people}.values())


def _candidates(said: Said) -> tuple[Candidate, ...]:
    """All candidates, and the codes that people chose beside them, so that a UI offers both."""
    held: dict[Code, Candidate] = {}
    for _, span in said:
        for candidate in span.candidates:
            held.setdefault(candidate.code, candidate)
    if len({codes_of(span) for _, span in said}) > 1:
        for code in sorted({code for _, span in said for code in span.codes}):
            held.setdefault(code, Candidate(code))
    return tuple(held.values())
