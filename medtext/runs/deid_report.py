"""What a de-identification did, for those who must vouch for it: per class and per note, never with text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import medtext
from medtext.errors import Problem
from medtext.formats import refuse_overwrite
from medtext.note import Note
from medtext.review.report import Cell, Report, Table, check_report_name, write_report
from medtext.runs.report import RunReport
from medtext.taxonomy import Policy, Taxonomy

FORMAT_NAME = "medtext-deid-report/1"
_LISTED = 1000  # notes in the report for people; the JSON holds all


@dataclass(frozen=True, slots=True)
class DeidReport:
    """Label → how many were replaced or removed, of each note and of all.

    `relies_on` is what the stage says of itself: rules, lexicons, policy, detectors.
    """

    run: RunReport
    policy: Policy
    relies_on: Mapping[str, Any]
    notes: Mapping[str, Mapping[str, int]]
    problems: tuple[Problem, ...] = ()
    labels: Mapping[str, int] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Everything, for JSON."""
        run = self.run
        return {
            "format": FORMAT_NAME,
            "medtext": medtext.__version__,
            "policy": {"name": self.policy.name, "default": self.policy.default, "actions": dict(self.policy.actions)},
            "relies_on": dict(self.relies_on),
            "counts": {"read": run.read, "written": run.written, "errors": run.errors, "warnings": run.warnings},
            "replaced": dict(self.labels),
            "notes": [{"id": note, "replaced": dict(held)} for note, held in self.notes.items()],
            "problems": [{"note": one.note_id, "message": one.message} for one in self.problems],
        }

    def report(self) -> Report:
        """The same for people: every class that the taxonomy knows, also those of which none was found."""
        run = self.run
        facts: dict[str, Cell] = {"Notes read": run.read, "Notes written": run.written, "Errors": run.errors}
        facts |= {name: _told(value) for name, value in self.relies_on.items()}
        classes = [self._class(label) for label in Taxonomy.load("phi").labels.values()]
        notes = [(note, sum(held.values()), _listed(held)) for note, held in list(self.notes.items())[:_LISTED]]
        problems = [(one.note_id, one.message) for one in self.problems]
        columns = ("label", "45 CFR 164.514(b)(2)(i)", "policy", "replaced", "notes")
        return Report(
            "De-identification",
            facts,
            [
                Table("Classes of identifiers", columns, classes, "– beyond Safe Harbor"),
                Table(
                    "Notes", ("note", "replaced", "by label"), notes, f"At most {_LISTED:,}; the JSON report holds all"
                ),
                *([Table("Problems", ("note", "problem"), problems)] if problems else []),
            ],
        )

    def _class(self, label: Any) -> tuple[Cell, ...]:
        notes = sum(label.name in held for held in self.notes.values())
        letter = f"({label.safe_harbor})" if label.safe_harbor else None
        return label.name, letter, self.policy.action(label.name), self.labels.get(label.name, 0), notes


def _told(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {one}" for name, one in value.items())
    return ", ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)


def _listed(held: Mapping[str, int]) -> str:
    return ", ".join(f"{label} {number}" for label, number in sorted(held.items()))


class Witness:
    """Counts what was replaced while notes are written; made before the run, so that a bad name stops it."""

    def __init__(self, path: str | Path, tell: Callable[[Problem], object] | None, *, overwrite: bool) -> None:
        check_report_name(path)
        # The report for machines has one for people beside it.
        self.paths = [Path(path), Path(path).with_suffix(".md")][: 2 if Path(path).suffix == ".json" else 1]
        for one in self.paths:
            refuse_overwrite(one, overwrite=overwrite)
        self.notes: dict[str, dict[str, int]] = {}
        self.problems: list[Problem] = []
        self._tell = tell

    def note(self, note: Note) -> None:
        """Count one note as it is written."""
        held = Counter(span.label for span in note.layer("phi")) + Counter(note.x.get("deid_removed", {}))
        self.notes[note.id] = dict(sorted(held.items()))

    def problem(self, problem: Problem) -> None:
        """Keep a problem and pass it on."""
        self.problems.append(problem)
        if self._tell is not None:
            self._tell(problem)

    def write(self, run: RunReport, policy: Policy, relies_on: Mapping[str, Any]) -> None:
        """Write the report, in place of what may have been there."""
        labels = Counter(label for label, number in self._pairs() for _ in range(number))
        made = DeidReport(run, policy, relies_on, self.notes, tuple(self.problems), dict(sorted(labels.items())))
        for path in self.paths:
            write_report(made, path, overwrite=True)

    def _pairs(self) -> Iterator[tuple[str, int]]:
        for held in self.notes.values():
            yield from held.items()
