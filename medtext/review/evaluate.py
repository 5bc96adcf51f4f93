"""How good predicted spans are, measured against gold spans on the same texts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from medtext.errors import FormatError, NoteError
from medtext.note import Note
from medtext.review.alignment import align
from medtext.review.attributes import code_figures, count_attributes, scores_of
from medtext.review.evaluation import WHOLE, Evaluation
from medtext.review.kinship import Given, Kinship
from medtext.review.matching import CRITERIA, Counts, count_note, spans_of
from medtext.review.mistakes import Mistake, calibration, count_scores, mistakes_of
from medtext.review.sides import Notes, notes_of, section_finder
from medtext.review.statistics import RESAMPLES, Bootstrap, Figure, Score
from medtext.review.subgroups import SECTION, check_criterion, count_note_group, count_sections, namers, subgroups
from medtext.terminology.concepts import load_concepts
from medtext.terminology.matcher import Matcher


def evaluate(
    gold: Notes,
    predicted: Notes,
    *,
    layer: str = "phi",
    concepts: str | Path | None = None,
    by: Sequence[str] = (),
    bands: Mapping[str, Sequence[float]] | None = None,
    criterion: str = "strict",
    terminology: Given | Sequence[Given] = (),
    quotes: bool = False,
    resamples: int = RESAMPLES,
    seed: int = 0,
    format: str | None = None,
) -> Evaluation:
    """Compare two span files, or notes, over the same texts.

        medtext.evaluate("gold.jsonl", "predicted.jsonl", layer="phi").scores["covered"].recall.value

    Rejected spans do not count. For de-identification the predictions must lie on the original text. `concepts` names
    the terms whose loss is counted ("starter", or a table of your own). Gold notes may list what looks like an
    identifier and is none in `x["hard_negatives"]` as [start, end, kind].

    `by` names meta columns (or "section"): each of their groups is judged by `criterion` beside all others. Numbers are
    banded, at `bands` or else ages at 18, 40, 65 and 80 and others at their quartiles. With compiled `terminology`
    folders codes are compared by hierarchy. `quotes=True` shows words of de-identified notes in the list of mistakes.

    Raises NoteError when a note's text differs between the two, FormatError when they have no note in common,
    IdentifiedNoteError for quotes that may not be shown.
    """
    matcher = None if concepts is None else _matcher(concepts)
    check_criterion(criterion, by)
    theirs, set_aside = _predictions([*notes_of(predicted, format)], layer)
    pairs, missing = [], []
    for note in notes_of(gold, format):
        other = theirs.pop(note.id, None)
        if other is None:
            missing.append(note.id)
        else:
            _check_same_text(note, other)
            pairs.append((note, other))
    if not pairs:
        raise FormatError("the gold and the predicted notes have no id in common.")
    counter = _Counter(layer, matcher, Kinship(terminology), quotes=quotes)
    counter.see(sorted(pairs, key=lambda pair: pair[0].id), by, bands or {}, criterion)
    figures = _Figures(counter.counts, resamples, seed)
    return Evaluation(
        layer=layer,
        notes=len(pairs),
        scores=figures.scores(),
        labels={label: figures.scores(label) for label in figures.labels},
        whole={name: figures.share("note", [name]) for name in WHOLE if matcher or "term" not in name},
        hard_negatives=figures.hard_negatives(),
        missing=tuple(sorted(missing)),
        extra=tuple(sorted(theirs)),
        set_aside=set_aside,
        settings=_settings(concepts, criterion, resamples, seed),
        mistakes=tuple(counter.mistakes),
        calibration=calibration(figures.boot, figures.columns),
        subgroups=subgroups(figures.boot, figures.columns, by),
        assertion=scores_of(figures.boot, figures.columns, "assertion"),
        codes=code_figures(figures.boot, figures.columns),
    )


def _settings(concepts: str | Path | None, criterion: str, resamples: int, seed: int) -> dict[str, str | int | None]:
    held = {"concepts": None if concepts is None else str(concepts), "criterion": criterion}
    return held | {"resamples": resamples, "seed": seed}


class _Counter:
    """Sees pairs of gold and prediction, and keeps what is counted of each and every mistake."""

    def __init__(self, layer: str, matcher: Matcher | None, kinship: Kinship, *, quotes: bool) -> None:
        self.layer, self.matcher, self.kinship, self.quotes = layer, matcher, kinship, quotes
        self.counts: list[Counts] = []
        self.mistakes: list[Mistake] = []

    def see(
        self,
        pairs: Sequence[tuple[Note, Note]],
        by: Sequence[str],
        bands: Mapping[str, Sequence[float]],
        criterion: str,
    ) -> None:
        """Count all pairs; the groups of notes are those of the gold, else of the prediction."""
        known = [gold if gold.meta else predicted for gold, predicted in pairs]
        columns = namers(known, by, bands)
        for (gold, predicted), note in zip(pairs, known, strict=True):
            alignment = align(spans_of(gold, self.layer), spans_of(predicted, self.layer))
            counts = count_note(gold, predicted, self.layer, self.matcher, alignment)
            for column, name in columns.items():
                count_note_group(column, name(note), criterion, counts)
            if SECTION in by and SECTION not in columns:
                count_sections(section_finder([gold, predicted]), alignment, criterion, counts)
            count_scores(spans_of(predicted, self.layer), alignment, counts)
            if self.layer == "entity":
                count_attributes(alignment, self.kinship, counts)
            self.counts.append(counts)
            self.mistakes += mistakes_of(gold, alignment, quotes=self.quotes)


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
        keys = sorted({key for one in counts for key in one}, key=str)
        self.labels = tuple(sorted({label for kind, label, _ in keys if kind == "strict"}))
        self._kinds = sorted({kind for criterion, kind, _ in keys if criterion == "hard"})
        # Column 0 holds nothing: what was never counted is looked up there.
        self.columns = {key: number for number, key in enumerate(keys, 1)}
        rows = [[0, *(one[key] for key in keys)] for one in counts]
        self.boot = Bootstrap(rows, resamples=resamples, seed=seed)

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
        return self.boot.score(*columns)

    def share(self, kind: str, names: Iterable[str]) -> Figure:
        """The share of parts in wholes, over these names together."""
        names = list(names)
        return self.boot.share(self._columns(kind, names, "part"), self._columns(kind, names, "whole"))

    def hard_negatives(self) -> dict[str, Figure]:
        """Kind → share touched, that of all kinds first; empty where the gold lists none."""
        if not self._kinds:
            return {}
        return {"all": self.share("hard", self._kinds)} | {kind: self.share("hard", [kind]) for kind in self._kinds}

    def _columns(self, kind: str, names: Iterable[str], what: str) -> list[int]:
        return [self.columns.get((kind, name, what), 0) for name in names] or [0]
