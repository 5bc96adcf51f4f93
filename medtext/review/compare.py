"""What people made of a machine's file: what became of every span, and whether the pre-annotation was worth it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from medtext.errors import FormatError, Problem
from medtext.note import Note
from medtext.review.changes import KINDS, Change, changes_of
from medtext.review.effort import Cost, Effort, measure_effort
from medtext.review.plots import Plot, histogram, stacked_bars
from medtext.review.report import Cell, Report, Table
from medtext.review.sides import Notes, label_problems, load_taxonomy, named_sides, notes_of, problem_to_dict, quote
from medtext.review.statistics import RESAMPLES
from medtext.taxonomy import Taxonomy

FORMAT_NAME = "medtext-comparison/1"
_GROUPS: dict[str, Callable[[Change], Iterable[str]]] = {
    "label": lambda one: (one.label,),
    "section": lambda one: (one.section,),
    "source": lambda one: one.sources or ("(a person)" if "added" in one.kinds else "(unknown)",),
    "annotator": lambda one: (one.annotator,),
}
_CHANGED = ("boundary", "relabelled", "recoded", "assertion", "added", "rejected")


@dataclass(frozen=True, slots=True)
class Comparison:
    """What became of every span; `counts` is kind → spans. A span that was moved and relabelled counts in both.

    `missing` are (annotator, note) that did not come back, `extra` those that the base does not have; `problems` say
    what could not be compared or contradicts the base, by note and span.
    """

    layer: str
    notes: int
    changes: tuple[Change, ...]
    effort: Effort
    missing: tuple[tuple[str, str], ...] = ()
    extra: tuple[tuple[str, str], ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """Kind → how many spans."""
        held = Counter(kind for change in self.changes for kind in change.kinds)
        return {kind: held[kind] for kind in KINDS}

    @property
    def clean(self) -> bool:
        """Whether everything came back and could be compared."""
        return not (self.missing or self.extra or any(one.severity == "error" for one in self.problems))

    def by(self, group: str) -> dict[str, dict[str, int]]:
        """The counts of each label, section, source or annotator."""
        found: dict[str, Counter[str]] = defaultdict(Counter)
        for change in self.changes:
            for name in _GROUPS[group](change):
                found[name].update(change.kinds)
        return {name: {kind: found[name][kind] for kind in KINDS} for name in sorted(found)}

    def to_dict(self) -> dict[str, Any]:
        """Everything, for JSON."""
        return {
            "format": FORMAT_NAME,
            "layer": self.layer,
            "notes": self.notes,
            "counts": self.counts,
            **{group: self.by(group) for group in _GROUPS},
            "effort": self.effort.to_dict(),
            "missing": [{"annotator": name, "note": note} for name, note in self.missing],
            "extra": [{"annotator": name, "note": note} for name, note in self.extra],
            "problems": [problem_to_dict(problem) for problem in self.problems],
            "changes": [change.to_dict() for change in self.changes],
        }

    def report(self) -> Report:
        """The same for people."""
        facts: dict[str, Cell] = {
            "Layer": self.layer,
            "Notes compared": self.notes,
            "Notes that did not come back": len(self.missing),
            "Notes that the base does not have": len(self.extra),
            "Problems": len(self.problems),
            "Share of actions that the pre-annotation saved": self.effort.saved,
        }
        rows = [(kind, told, self.counts[kind]) for kind, told in KINDS.items()]
        parts: list[Table | Plot] = [Table("What became of the spans", ("kind", "meaning", "spans"), rows, _SEVERAL)]
        parts += [_effort_table(self.effort)]
        for group in _GROUPS:
            held = self.by(group)
            parts.append(stacked_bars(f"By {group}", held, list(KINDS), "One bar a row; its length is its spans."))
            rows = [(name, *counts.values()) for name, counts in held.items()]
            parts.append(Table(f"By {group}: counts", (group, *KINDS), rows))
        parts += self._moves()
        return Report("What people made of the pre-annotation", facts, [*parts, *self._lists()])

    def _moves(self) -> list[Plot]:
        moved = [change for change in self.changes if "boundary" in change.kinds]
        sides = (("start", [change.start for change in moved]), ("end", [change.end for change in moved]))
        note = "In code points; minus is to the left."
        return [histogram(f"How far the {side} moved", Counter(held), note=note) for side, held in sides if held]

    def _lists(self) -> list[Table]:
        shown = [change for change in self.changes if set(change.kinds) & set(_CHANGED)]
        words = any(change.words is not None for change in shown)
        columns = ("note", "span", "annotator", "kinds", "label", "before", "now", "changed", *["words"] * words)
        tables = [Table("Every change", columns, [*map(_row, shown)], "Places in code points.")]
        problems = [(one.note_id, one.severity, one.message) for one in self.problems]
        problems += [(note, "missing", f"{name} did not return it") for name, note in self.missing]
        problems += [(note, "extra", f"in the file of {name} only") for name, note in self.extra]
        return tables + ([Table("Problems", ("note", "kind", "problem"), problems)] if problems else [])


_SEVERAL = "A span that was moved and relabelled counts in both kinds."


def _row(change: Change) -> tuple[Cell, ...]:
    places = [None if span is None else place(span.at) for span in (change.before, change.now)]
    fields = (change.fields or {}).items()
    told = [f"{name}: {_told(old)} → {_told(new)}" for name, (old, new) in fields if name != "at"]
    if "boundary" in change.kinds:
        told.insert(0, f"start {change.start:+d}, end {change.end:+d}")
    row = (change.note, change.span, change.annotator, ", ".join(change.kinds), change.label, *places, "; ".join(told))
    return row if change.words is None else (*row, change.words)


def _told(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)


def place(at: Iterable[tuple[int, int]]) -> str:
    """A place in writing: 10–20, or 10–14 18–20."""
    return " ".join(f"{start}–{end}" for start, end in at)


def _effort_table(effort: Effort) -> Table:
    cost = effort.cost
    rows: list[tuple[Cell, ...]] = [
        ("actions a note, on the pre-annotation", effort.done),
        ("actions a note, from nothing", effort.from_nothing),
        ("share saved", effort.saved),
        ("what accepting one span may cost before nothing is saved", effort.break_even),
    ]
    note = (
        f"From nothing: {cost.select:g} to draw a span + {cost.label:g} for its label + {cost.code:g} a code + "
        f"{cost.axis:g} an axis of its assertion. On the pre-annotation: {cost.boundary:g} to move a boundary, "
        f"{cost.label:g} to relabel, {cost.code:g} a changed code, {cost.axis:g} a changed axis, {cost.delete:g} to "
        f"delete, {cost.accept:g} to accept; an added span as from nothing. Over {effort.notes} notes that "
        "somebody has looked at; 95 % intervals, bootstrapped over notes."
    )
    return Table("Was the pre-annotation worth it", ("", "figure"), rows, note)


def compare(
    base: Notes,
    returned: Notes | Mapping[str, Notes] | Sequence[Notes],
    *,
    layer: str = "entity",
    taxonomy: Taxonomy | str | Path | None = None,
    cost: Cost | None = None,
    people: Sequence[str] = (),
    quotes: bool = False,
    resamples: int = RESAMPLES,
    seed: int = 0,
    format: str | None = None,
) -> Comparison:
    """Compare what came back from people with the machine's file they began with.

        medtext.compare("spans.jsonl", "corrected.jsonl").counts["accepted"]

    `returned` is one file, several, or name → notes; `format` is theirs; `people` takes several annotators out of one
    Label Studio export. Notes whose text was edited, that are missing
    or that the base does not have are reported, and count in no figure; labels that `taxonomy` (or else the base) does
    not know are reported by span. `quotes=True` shows the words of de-identified notes. Raises FormatError when no note
    is common, IdentifiedNoteError for quotes of a note that is not de-identified.
    """
    ours = {note.id: note for note in notes_of(base)}
    sides = _returned(returned, format, people)
    held: dict[tuple[str, str], list[Change]] = {}
    judge = _Judge(layer, load_taxonomy(taxonomy), {span.label for note in ours.values() for span in note.layer(layer)})
    for name, notes in sides.items():
        for key in sorted(ours.keys() & notes.keys()):
            found = judge.see(ours[key], notes[key], name)
            if found is not None:
                held[key, name] = found
    if not held and not judge.problems:
        raise FormatError("the base and the returned notes have no id in common. Are they of one project?")
    if not held:
        raise FormatError("no note of the base came back with its text as it was.")
    changes = tuple(change for key in sorted(held) for change in sorted(held[key], key=_in_order))
    changes = tuple(_quoted(change, ours) for change in changes) if quotes else changes
    return Comparison(
        layer=layer,
        notes=len({note for note, _ in held}),
        changes=changes,
        effort=measure_effort(held, cost or Cost(), resamples=resamples, seed=seed),
        missing=tuple((name, key) for name, notes in sides.items() for key in sorted(ours.keys() - notes.keys())),
        extra=tuple((name, key) for name, notes in sides.items() for key in sorted(notes.keys() - ours.keys())),
        problems=tuple(judge.problems),
    )


def _returned(returned: Any, format: str | None, people: Sequence[str]) -> dict[str, dict[str, Note]]:
    if isinstance(returned, str | Path):
        returned = [returned]
    if not isinstance(returned, Mapping):
        held = list(returned)
        returned = [held] if all(isinstance(one, Note) for one in held) else held
    return named_sides(returned, format, people)


class _Judge:
    """Compares note after note and keeps what is wrong."""

    def __init__(self, layer: str, taxonomy: Taxonomy | None, labels: set[str]) -> None:
        self.layer, self.taxonomy, self.labels = layer, taxonomy, labels
        self.problems: list[Problem] = []

    def see(self, base: Note, returned: Note, annotator: str) -> list[Change] | None:
        """The changes of one note; None where it cannot be compared."""
        if base.text != returned.text:
            told = f"{annotator}: the text was edited ({len(base.text)} characters before, {len(returned.text)} now)."
            self.problems.append(Problem(f"{told} It is not compared.", note_id=base.id))
            return None
        self.problems += label_problems(returned, self.taxonomy, self.layer, self.labels)
        changes, problems = changes_of(base, returned, self.layer, annotator)
        self.problems += problems
        return changes


def _in_order(change: Change) -> tuple:
    return (change.before or change.now).sort_key


def _quoted(change: Change, notes: Mapping[str, Note]) -> Change:
    span = change.now or change.before
    return replace(change, words=quote(notes[change.note], span.start, span.end))
