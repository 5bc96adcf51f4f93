"""Was the pre-annotation worth it: what people did, against what they would have done on the bare note.

An action is one thing a person does with mouse or keys. What an action costs is stated, and can be given: the default
counts each as one, and looking at a span that stays as it is as none; `break_even` says how dear that look may be
before beginning from nothing were cheaper.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from medtext.errors import ConfigError
from medtext.review.changes import Change
from medtext.review.statistics import Bootstrap, Estimate
from medtext.span import Span
from medtext.taxonomy import AXES

if TYPE_CHECKING:
    import numpy


@dataclass(frozen=True, slots=True)
class Cost:
    """What each action costs: drawing a span, labelling it, one code, one axis of the assertion, moving a boundary,
    deleting, and accepting what is right."""

    select: float = 1.0
    label: float = 1.0
    code: float = 1.0
    axis: float = 1.0
    boundary: float = 1.0
    delete: float = 1.0
    accept: float = 0.0

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not isinstance(value, int | float) or not 0 <= value < float("inf"):
                raise ConfigError(f"The cost of {name} must be a number from 0 on.")

    @classmethod
    def parse(cls, given: Iterable[str]) -> Cost:
        """`Cost.parse(["accept=0.5"])`; raises ConfigError that lists the actions."""
        known, held = [one.name for one in fields(cls)], {}
        for item in given:
            name, _, value = item.partition("=")
            if name not in known:
                raise ConfigError(f"Unknown action {name!r}. Actions: {', '.join(known)}")
            try:
                held[name] = float(value)
            except ValueError:
                raise ConfigError(f"The cost of {name} must be a number from 0 on.") from None
        return cls(**held)

    def from_nothing(self, span: Span) -> float:
        """What it takes to make this span on the bare text: draw, label, each code, each axis that says something."""
        said = sum(span.assertion is not None and getattr(span.assertion, axis) is not None for axis in AXES)
        return self.select + self.label + self.code * len(span.codes) + self.axis * said

    def done(self, change: Change) -> float:
        """What was done to a span that the machine had marked, or that it missed."""
        if "added" in change.kinds and change.now is not None:
            return self.from_nothing(change.now)
        fields = change.fields or {}
        cost = self.accept * ("accepted" in change.kinds) + self.delete * ("rejected" in change.kinds)
        cost += self.boundary * ("at" in fields) + self.label * ("label" in fields)
        cost += self.axis * sum(axis in fields for axis in AXES)
        if "codes" in fields:
            old, new = map(set, fields["codes"])
            cost += self.code * max(len(old - new), len(new - old))
        return cost


@dataclass(frozen=True, slots=True)
class Effort:
    """Actions a note with the pre-annotation and without it, and the share of them that it saved, with intervals.

    `saved` is 1 - done / from nothing; below nought the pre-annotation cost more than it gave. `break_even`: what
    accepting one right span may cost. Notes that nobody has looked at do not count.
    """

    notes: int
    done: Estimate
    from_nothing: Estimate
    saved: Estimate
    break_even: Estimate
    cost: Cost

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        figures = {name: getattr(self, name).to_dict() for name in ("done", "from_nothing", "saved", "break_even")}
        return {"notes": self.notes, **figures, "cost": asdict(self.cost)}


def measure_effort(
    notes: Mapping[tuple[str, str], Sequence[Change]], cost: Cost, *, resamples: int, seed: int
) -> Effort:
    """The effort over notes (each by note id and annotator) that somebody has looked at."""
    rows = []
    for key in sorted(notes):
        changes = notes[key]
        if changes and all("untouched" in change.kinds for change in changes):
            continue
        made = sum(cost.from_nothing(change.now) for change in changes if change.now is not None)
        accepted = sum("accepted" in change.kinds for change in changes)
        rows.append([1, sum(map(cost.done, changes)), made, accepted])
    boot = Bootstrap(rows or [[0, 0, 0, 0]], resamples=resamples, seed=seed)

    def even(sums: numpy.ndarray) -> numpy.ndarray:
        return cost.accept + (sums[:, 2] - sums[:, 1]) / sums[:, 3]

    return Effort(
        notes=len(rows),
        done=boot.estimate([0, 1], lambda sums: sums[:, 1] / sums[:, 0]),
        from_nothing=boot.estimate([0, 2], lambda sums: sums[:, 1] / sums[:, 0]),
        saved=boot.estimate([1, 2], lambda sums: 1 - sums[:, 0] / sums[:, 1]),
        break_even=boot.estimate([0, 1, 2, 3], even),
        cost=cost,
    )
