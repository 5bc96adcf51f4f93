"""How good predicted spans are, measured against gold spans on the same texts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from medtext.errors import FormatError, NoteError
from medtext.formats import read
from medtext.note import Note
from medtext.review.matching import CRITERIA, Counts, count_note
from medtext.review.report import Cell, Report, Table
from medtext.review.statistics import RESAMPLES, Bootstrap, Figure, Score
from medtext.terminology.concepts import load_concepts
from medtext.terminology.matcher import Matcher

FORMAT_NAME = "medtext-evaluation/1"
Notes = str | Path | Iterable[Note]

# What is said of whole notes beside the scores: the figure's name → what it is a share of.
_WHOLE = {
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
        tables = [Table("All labels", ("criterion", "recall", "precision", "F1"), rows, f"{told}. {_INTERVALS}")]
        rows = [(what, figure) for name, what in _WHOLE.items() if (figure := self.whole.get(name))]
        tables.append(Table("Whole notes", ("share of", "figure"), rows))
        if self.hard_negatives:
            hard = list(self.hard_negatives.items())
            tables.append(Table("Hard negatives touched", ("kind", "touched"), hard))
        for name in CRITERIA:
            rows = [_row(label, scores[name]) for label, scores in self.labels.items()]
            tables.append(Table(f"By label: {name}", ("label", "recall", "precision", "F1"), rows, CRITERIA[name]))
        return Report("Evaluation", facts, tables)


_INTERVALS = "In brackets: 95 % intervals, bootstrapped over notes; exact ones where all or none was met"


def _to_dict(held: Mapping[str, Score] | Mapping[str, Figure]) -> dict[str, Any]:
    return {name: one.to_dict() for name, one in held.items()}


def _row(name: str, score: Score) -> tuple[Cell, ...]:
    return name, score.recall, score.precision, score.f1


def evaluate(
    gold: Notes,
    predicted: Notes,
    *,
    layer: str = "phi",
    concepts: str | Path | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
    format: str | None = None,
) -> Evaluation:
    """Compare two span files, or notes, over the same texts.

        medtext.evaluate("gold.jsonl", "predicted.jsonl", layer="phi").scores["covered"].recall.value

    Rejected spans do not count. For de-identification the predictions must lie on the original text. `concepts` names
    the terms whose loss is counted ("starter", or a table of your own). Gold notes may list what looks like an
    identifier and is none in `x["hard_negatives"]` as [start, end, kind]. Raises NoteError when a note's text differs
    between the two, FormatError when they have no note in common.
    """
    matcher = None if concepts is None else _matcher(concepts)
    theirs, set_aside = _predictions([*_notes(predicted, format)], layer)
    counts: dict[str, Counts] = {}
    missing = []
    for note in _notes(gold, format):
        other = theirs.pop(note.id, None)
        if other is None:
            missing.append(note.id)
        else:
            _check_same_text(note, other)
            counts[note.id] = count_note(note, other, layer, matcher)
    if not counts:
        raise FormatError("the gold and the predicted notes have no id in common.")
    figures = _Figures([counts[key] for key in sorted(counts)], resamples, seed)
    return Evaluation(
        layer=layer,
        notes=len(counts),
        scores=figures.scores(),
        labels={label: figures.scores(label) for label in figures.labels},
        whole={name: figures.share("note", [name]) for name in _WHOLE if matcher or "term" not in name},
        hard_negatives=figures.hard_negatives(),
        missing=tuple(sorted(missing)),
        extra=tuple(sorted(theirs)),
        set_aside=set_aside,
        settings={"concepts": None if concepts is None else str(concepts), "resamples": resamples, "seed": seed},
    )


def _predictions(notes: list[Note], layer: str) -> tuple[dict[str, Note], int]:
    """Notes by id, and how many spans were set aside.

    A pipeline that marks gold notes leaves the gold standing beside its own spans. Counted as predictions they would
    make everything look found, so where a file holds spans of a machine, those that a person added do not count.
    """
    spans = [span for note in notes for span in note.layer(layer)]
    added = sum(span.status == "added" for span in spans)
    if not added or all(span.status != "predicted" for span in spans):
        return {note.id: note for note in notes}, 0
    return {note.id: _without_added(note, layer) for note in notes}, added


def _without_added(note: Note, layer: str) -> Note:
    kept = tuple(span for span in note.spans if span.layer != layer or span.status != "added")
    return note.replace(spans=kept, relations=())


def _notes(source: Notes, format: str | None) -> Iterator[Note]:
    return read(source, format=format) if isinstance(source, str | Path) else iter(source)


def _matcher(concepts: str | Path) -> Matcher:
    return Matcher([form for concept in load_concepts(concepts).concepts for form in concept.forms])


def _check_same_text(gold: Note, predicted: Note) -> None:
    if gold.text != predicted.text:
        raise NoteError(
            f"Note {gold.id!r} has another text in the prediction ({len(predicted.text)} characters) than in the gold "
            f"({len(gold.text)}): spans are compared over one text. To judge a de-identification, mark the identifiers "
            "on the original text instead of replacing them."
        )


class _Figures:
    """The counts of all notes as columns, and the figures made of them."""

    def __init__(self, counts: list[Counts], resamples: int, seed: int) -> None:
        keys = sorted({key for one in counts for key in one})
        self.labels = tuple(sorted({label for kind, label, _ in keys if kind == "strict"}))
        self._kinds = sorted({kind for criterion, kind, _ in keys if criterion == "hard"})
        # Column 0 holds nothing: what was never counted is looked up there.
        self._column = {key: number for number, key in enumerate(keys, 1)}
        rows = [[0, *(one[key] for key in keys)] for one in counts]
        self._bootstrap = Bootstrap(rows, resamples=resamples, seed=seed)

    def scores(self, label: str | None = None) -> dict[str, Score]:
        """Criterion → Score, of one label or of all."""
        return {criterion: self._score(criterion, label) for criterion in CRITERIA}

    def _score(self, criterion: str, label: str | None) -> Score:
        names = self.labels if label is None else (label,)
        spans = "characters" if criterion == "characters" else "strict"
        if criterion == "characters" and label is None:
            columns = [self._columns("note", ["characters"], what) for what in ("gold", "found", "said", "right")]
        else:
            held = (("gold", spans), ("found", criterion), ("said", spans), ("right", criterion))
            columns = [self._columns(kind, names, what) for what, kind in held]
        return self._bootstrap.score(*columns)

    def share(self, kind: str, names: Iterable[str]) -> Figure:
        """The share of parts in wholes, over these names together."""
        names = list(names)
        return self._bootstrap.share(self._columns(kind, names, "part"), self._columns(kind, names, "whole"))

    def hard_negatives(self) -> dict[str, Figure]:
        """Kind → share touched, that of all kinds first; empty where the gold lists none."""
        if not self._kinds:
            return {}
        return {"all": self.share("hard", self._kinds)} | {kind: self.share("hard", [kind]) for kind in self._kinds}

    def _columns(self, kind: str, names: Iterable[str], what: str) -> list[int]:
        return [self._column.get((kind, name, what), 0) for name in names] or [0]
