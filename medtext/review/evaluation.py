"""The figures of an evaluation, and how they are told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from medtext.review.attributes import CodeFigures
from medtext.review.matching import CRITERIA
from medtext.review.mistakes import KINDS, Calibration, Mistake, count_kinds
from medtext.review.plots import Plot, intervals, reliability, stacked_bars
from medtext.review.report import Cell, Report, Table
from medtext.review.statistics import Figure, Score
from medtext.review.subgroups import Subgroup

FORMAT_NAME = "medtext-evaluation/1"


# What is said of whole notes beside the scores: the figure's name → what it is a share of.
WHOLE = {
    "clean": "notes with gold spans of which every letter and digit was covered, whatever the label",
    "outside": "letters and digits outside the gold that were marked (over-redaction)",
    "spurious": "predicted spans that touch no gold",
    "terms": "clinical terms outside the gold that were touched",
    "term characters": "letters and digits of those terms that were marked",
}


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Scores by criterion for every label and for all, and figures of whole notes, with 95 % intervals.

    `scores` is criterion → Score over all labels, `labels` label → criterion → Score. `whole` holds the shares of clean
    notes, over-redaction and lost terms, `hard_negatives` the share touched by kind, "all" first. `missing` are the
    notes that only the gold has, `extra` those that only the prediction has; neither counts in any figure. `set_aside`
    is how many spans that a person added stood among a machine's predictions; they do not count either.

    `mistakes` lists every one by kind. `calibration` judges the scores of predictions, where they have any. `subgroups`
    is meta column (or "section") → group → figures. `assertion` (axis: value → score) and `codes` (by system) are those
    of matched entities.
    """

    layer: str
    notes: int
    scores: Mapping[str, Score]
    labels: Mapping[str, Mapping[str, Score]]
    whole: Mapping[str, Figure]
    hard_negatives: Mapping[str, Figure] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    set_aside: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)
    mistakes: tuple[Mistake, ...] = ()
    calibration: Calibration | None = None
    subgroups: Mapping[str, Mapping[str, Subgroup]] = field(default_factory=dict)
    assertion: Mapping[str, Score] = field(default_factory=dict)
    codes: Mapping[str, CodeFigures] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Everything, for JSON; the counts of each figure with it."""
        return {
            "format": FORMAT_NAME,
            "layer": self.layer,
            "settings": dict(self.settings),
            "notes": self.notes,
            "missing": list(self.missing),
            "extra": list(self.extra),
            "set_aside": self.set_aside,
            "scores": _to_dict(self.scores),
            "whole": _to_dict(self.whole),
            "hard_negatives": _to_dict(self.hard_negatives),
            "labels": {label: _to_dict(scores) for label, scores in self.labels.items()},
            "assertion": _to_dict(self.assertion),
            "codes": _to_dict(self.codes),
            "calibration": None if self.calibration is None else self.calibration.to_dict(),
            "subgroups": {column: _to_dict(groups) for column, groups in self.subgroups.items()},
            "mistakes": [mistake.to_dict() for mistake in self.mistakes],
        }

    def report(self) -> Report:
        """The same for people."""
        facts: dict[str, Cell] = {
            "Layer": self.layer,
            "Notes compared": self.notes,
            "Notes without a prediction": len(self.missing),
            "Notes without gold": len(self.extra),
            "Spans of people set aside among the predictions": self.set_aside,
        }
        rows = [_row(name, score) for name, score in self.scores.items()]
        told = "; ".join(f"{name}: {what}" for name, what in CRITERIA.items())
        tables: list[Table | Plot] = [
            Table("All labels", ("criterion", "recall", "precision", "F1"), rows, f"{told}. {_INTERVALS}")
        ]
        rows = [(what, figure) for name, what in WHOLE.items() if (figure := self.whole.get(name))]
        tables.append(Table("Whole notes", ("share of", "figure"), rows))
        if self.hard_negatives:
            hard = list(self.hard_negatives.items())
            tables.append(Table("Hard negatives touched", ("kind", "touched"), hard))
        tables.append(
            intervals("By label: strict F1", {label: held["strict"].f1 for label, held in self.labels.items()})
        )
        for name in CRITERIA:
            rows = [_row(label, scores[name]) for label, scores in self.labels.items()]
            tables.append(Table(f"By label: {name}", ("label", "recall", "precision", "F1"), rows, CRITERIA[name]))
        return Report(
            "Evaluation", facts, [*tables, *self._attributes(), *self._groups(), *self._belief(), *self._wrong()]
        )

    def _attributes(self) -> list[Table]:
        rows: list[tuple[Cell, ...]] = [_row(name, score) for name, score in self.assertion.items()]
        note = "Over matched entities of one label of which the gold says something."
        tables = [Table("Assertion", ("value", "recall", "precision", "F1"), rows, note)] if rows else []
        rows = [(*_row(system, one.codes), one.near, one.offered) for system, one in self.codes.items()]
        note = (
            "Over matched entities of one label. Near: Wu and Palmer by hierarchy. Offered: among code and candidates."
        )
        columns = ("system", "recall", "precision", "F1", "near", "offered")
        return tables + ([Table("Codes", columns, rows, note)] if rows else [])

    def _groups(self) -> list[Table | Plot]:
        parts: list[Table | Plot] = []
        criterion = self.settings.get("criterion", "strict")
        for column, groups in self.subgroups.items():
            rows: list[tuple[Cell, ...]] = [
                (name, one.notes, *_row(name, one.score)[1:], one.recall_gap, one.f1_gap, "worse" if one.worse else "")
                for name, one in groups.items()
            ]
            heads = (column, "notes", "recall", "precision", "F1", "recall gap", "F1 gap", "")
            parts.append(Table(f"By {column}: {criterion}", heads, rows, _GAP))
            gaps = {name: one.recall_gap for name, one in groups.items()}
            parts.append(intervals(f"By {column}: recall less that of the others", gaps, low=-0.5, high=0.5))
        return parts

    def _belief(self) -> list[Table | Plot]:
        one = self.calibration
        if one is None:
            return []
        rows: list[tuple[Cell, ...]] = [("expected calibration error", one.ece), ("Brier score", one.brier)]
        rows += [(f"mean score {score:.3f}", f"{right:.3f} right of {n:,}") for score, right, n in one.bins]
        note = "Right is strictly right. On the line a score is what it claims; below it, scores claim too much."
        return [reliability("Calibration", one.bins, note), Table("Calibration: figures", ("", "figure"), rows)]

    def _wrong(self) -> list[Table | Plot]:
        if not self.mistakes:
            return []
        labels = sorted({(one.gold or one.predicted).label for one in self.mistakes})
        held = {
            label: count_kinds([one for one in self.mistakes if (one.gold or one.predicted).label == label])
            for label in labels
        }
        quoted = any(one.words is not None for one in self.mistakes)
        rows = [(kind, told, count_kinds(self.mistakes)[kind]) for kind, told in KINDS.items()]
        listed = [_mistake_row(one, quoted) for one in self.mistakes]
        columns = ("note", "kind", "gold", "predicted", *(["words"] * quoted))
        return [
            Table("Mistakes", ("kind", "meaning", "spans"), rows),
            stacked_bars("Mistakes by label", held, list(KINDS)),
            Table("Every mistake", columns, listed, "Span, label and place in code points."),
        ]


_INTERVALS = "In brackets: 95 % intervals, bootstrapped over notes; exact ones where all or none was met"


_GAP = "Gaps: less the figure of all other notes together, with 95 % intervals. Worse: a whole interval below nought"


def _mistake_row(one: Mistake, quoted: bool) -> tuple[Cell, ...]:
    places = []
    for span in (one.gold, one.predicted):
        at = "" if span is None else " ".join(f"{start}–{end}" for start, end in span.at)
        places.append(None if span is None else f"{span.id} {span.label} {at}")
    return one.note, one.kind, *places, *([one.words or ""] if quoted else [])


def _to_dict(held: Mapping[str, Any]) -> dict[str, Any]:
    return {name: one.to_dict() for name, one in held.items()}


def _row(name: str, score: Score) -> tuple[Cell, ...]:
    return name, score.recall, score.precision, score.f1
