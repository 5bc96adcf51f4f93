"""How near two codes are in the hierarchy of their terminology: the same, a parent, a sibling, of one family, or apart.

The score is 2·|A ∩ B| / (|A| + |B|) over the sets of a code and all that is above it. In a tree that is the similarity
of Wu and Palmer (1994, "Verbs semantics and lexical selection", ACL): twice the depth of the lowest common ancestor
over the sum of the two depths, the root counting one. Where concepts have several parents it needs no choice of path.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from medtext.span import Code
from medtext.terminology.store import Entry, Terminology

Given = Terminology | str | Path
RELATIONS = {
    "same": "the same code",
    "above or below": "one lies above the other in the hierarchy",
    "siblings": "both lie right below one code",
    "related": "they have an ancestor in common",
    "apart": "nothing in common, or nothing is known of them",
    "partly": "some of the codes are the same, others stand on one side only",
    "one side": "only one of the two gave a code",
}


class Kinship:
    """Compares codes by compiled terminologies; without any, two codes are the same or apart."""

    def __init__(self, terminologies: Given | Sequence[Given] = ()) -> None:
        if isinstance(terminologies, Terminology | str | Path):
            terminologies = [terminologies]
        self._books = [one if isinstance(one, Terminology) else Terminology(one) for one in terminologies]
        self._known: dict[tuple[Code, Code], tuple[str, int | None, float]] = {}

    def compare(self, one: Code, other: Code) -> tuple[str, int | None, float]:
        """(relation, is-a steps between them by way of the nearest common ancestor, score from 0 to 1)."""
        if one == other:
            return "same", 0, 1.0
        key = (one, other) if one < other else (other, one)
        if key not in self._known:
            self._known[key] = self._judge(*key)
        return self._known[key]

    def alike(self, ours: Iterable[Code], theirs: Iterable[Code]) -> tuple[str, float]:
        """(nearest relation, score) of two sets of codes of one system: the mean of the best score of each code."""
        ours, theirs = set(ours), set(theirs)
        if not ours or not theirs:
            return "one side", 0.0
        if ours == theirs:
            return "same", 1.0
        found = {(one, other): self.compare(one, other) for one in sorted(ours) for other in sorted(theirs)}
        best = [max(found[one, other][2] for other in theirs) for one in sorted(ours)]
        best += [max(found[one, other][2] for one in ours) for other in sorted(theirs)]
        nearest = min((relation for relation, *_ in found.values()), key=[*RELATIONS].index)
        return ("partly" if ours & theirs else nearest), sum(best) / len(best)

    def _judge(self, one: Code, other: Code) -> tuple[str, int | None, float]:
        if one.system != other.system:
            return "apart", None, 0.0
        for book in self._books:
            here, there = book.get(one), book.get(other)
            if here is not None and there is not None:
                return _relation(book, here, there)
        return "apart", None, 0.0


def _relation(book: Terminology, here: Entry, there: Entry) -> tuple[str, int | None, float]:
    steps, others = _steps(book, here.number), _steps(book, there.number)
    common = steps.keys() & others.keys()
    if not common:
        return "apart", None, 0.0
    distance = min(steps[number] + others[number] for number in common)
    score = 2 * len(common) / (len(steps) + len(others))
    if here.number in others or there.number in steps:
        return "above or below", distance, score
    parents = set(book.hierarchy.parents(here.number)) & set(book.hierarchy.parents(there.number))
    return ("siblings" if parents else "related"), distance, score


def _steps(book: Terminology, number: int) -> dict[int, int]:
    """A concept and all above it → the fewest is-a steps up to there."""
    found, front, far = {number: 0}, [number], 0
    while front:
        far += 1
        front = list({up for one in front for up in book.hierarchy.parents(one) if up not in found})
        found.update(dict.fromkeys(front, far))
    return found
