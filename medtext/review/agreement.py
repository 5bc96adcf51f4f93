"""How far two or more people agree: on spans, on characters, on attributes and on codes, and where they do not."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from medtext.errors import ConfigError, Problem
from medtext.note import Note
from medtext.review.alignment import align_all, mentions
from medtext.review.alpha import alpha
from medtext.review.disputes import Dispute, dispute_table, disputes_of
from medtext.review.kappa import cohen, fleiss
from medtext.review.kinship import RELATIONS, Given, Kinship
from medtext.review.plots import Plot, intervals
from medtext.review.report import Cell, Report, Table
from medtext.review.sides import Notes, common_notes, label_problems, load_taxonomy, named_sides, problem_to_dict
from medtext.review.statistics import RESAMPLES, Bootstrap, Estimate, Figure
from medtext.review.tallies import CRITERIA, Counts, count_codes, count_groups, count_note, sides_of
from medtext.taxonomy import AXES, Taxonomy

FORMAT_NAME = "medtext-agreement/1"
Scores = Mapping[str, Figure]


@dataclass(frozen=True, slots=True)
class Codes:
    """Agreement on codes of one system: shares of the same, the mean score by hierarchy, and the relations counted."""

    same: Figure
    score: Figure
    relations: Mapping[str, int]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"same": self.same.to_dict(), "score": self.score.to_dict(), "relations": dict(self.relations)}


@dataclass(frozen=True, slots=True)
class Agreement:
    """Figures with 95 % intervals, bootstrapped over notes.

    `spans` is criterion → F1 over all pairs of people; `labels`, `sections` and `pairs` the same of each of them.
    `alpha` is Krippendorff's over characters, "" for all labels. `cohen` is axis → pair → kappa, `fleiss` axis → kappa
    over the mentions that all have. `codes` is by system. `disputes` lists where people differ, `problems` what was
    left out.
    """

    layer: str
    annotators: tuple[str, ...]
    notes: int
    spans: Scores
    pairs: Mapping[tuple[str, str], Scores]
    labels: Mapping[str, Scores]
    sections: Mapping[str, Scores]
    alpha: Mapping[str, Estimate]
    cohen: Mapping[str, Mapping[tuple[str, str], Estimate]]
    fleiss: Mapping[str, Estimate]
    codes: Mapping[str, Codes]
    disputes: tuple[Dispute, ...] = ()
    problems: tuple[Problem, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Everything, for JSON; pairs of people as `anna ~ ben`."""
        return {
            "format": FORMAT_NAME,
            "layer": self.layer,
            "settings": dict(self.settings),
            "annotators": list(self.annotators),
            "notes": self.notes,
            "spans": _told(self.spans),
            "pairs": {_pair(pair): _told(held) for pair, held in self.pairs.items()},
            "labels": {name: _told(held) for name, held in self.labels.items()},
            "sections": {name: _told(held) for name, held in self.sections.items()},
            "alpha": _told(self.alpha),
            "cohen": {axis: _told({_pair(two): held[two] for two in held}) for axis, held in self.cohen.items()},
            "fleiss": _told(self.fleiss),
            "codes": _told(self.codes),
            "problems": [problem_to_dict(problem) for problem in self.problems],
            "disputes": [dispute.to_dict() for dispute in self.disputes],
        }

    def report(self) -> Report:
        """The same for people."""
        facts: dict[str, Cell] = {
            "Annotators": ", ".join(self.annotators),
            "Layer": self.layer,
            "Notes compared": self.notes,
            "Krippendorff's alpha over characters": self.alpha.get("", Estimate(None)),
            "Mentions to talk about": len(self.disputes),
            "Problems": len(self.problems),
        }
        rows = [(name, what.format(k=self.settings["tolerance"]), self.spans[name]) for name, what in CRITERIA.items()]
        parts: list[Table | Plot] = [Table("Spans", ("criterion", "meaning", "F1"), rows, _INTERVALS)]
        held = {name: scores["strict"] for name, scores in self.labels.items()}
        parts.append(intervals("By label, strict F1", held))
        parts.append(_score_table("By label", "label", self.labels, self.alpha))
        parts.append(_score_table("By section", "section", self.sections))
        pairs = {_pair(pair): scores for pair, scores in self.pairs.items()}
        parts += [_score_table("By pair of annotators", "pair", pairs), *self._attributes(), *self._codes()]
        parts.append(dispute_table(self.disputes, self.annotators))
        problems = [(one.note_id, one.severity, one.message) for one in self.problems]
        parts += [Table("Problems", ("note", "kind", "problem"), problems)] if problems else []
        return Report("Agreement", facts, parts)

    def _attributes(self) -> list[Table]:
        rows: list[tuple[Cell, ...]] = []
        for axis in AXES:
            rows.append((f"{axis}: all annotators (Fleiss)", self.fleiss[axis]))
            rows += [(f"{axis}: {_pair(pair)} (Cohen)", one) for pair, one in self.cohen[axis].items()]
        note = "Over matched spans of one label; not assessed is a value, spans that nobody assessed are left out."
        return [Table("Attributes: kappa", ("", "kappa"), rows, note)]

    def _codes(self) -> list[Table]:
        rows = [
            (system, one.same, one.score, *(one.relations.get(name, 0) for name in RELATIONS))
            for system, one in self.codes.items()
        ]
        told = "; ".join(f"{name}: {what}" for name, what in RELATIONS.items())
        note = f"Over matched spans of one label that either has coded. Score: Wu and Palmer by hierarchy. {told}."
        return [Table("Codes", ("system", "same", "score", *RELATIONS), rows, note)] if rows else []


_INTERVALS = "F1 over all pairs of annotators. In brackets: 95 % intervals, bootstrapped over notes"


def _told(held: Mapping[str, Any]) -> dict[str, Any]:
    return {name: one.to_dict() for name, one in held.items()}


def _pair(pair: tuple[str, str]) -> str:
    return " ~ ".join(pair)


def _score_table(
    title: str, what: str, held: Mapping[str, Scores], alphas: Mapping[str, Estimate] | None = None
) -> Table:
    columns = (what, "spans", *CRITERIA, *(["alpha"] if alphas else []))
    rows = []
    for name, scores in held.items():
        shares = [replace(scores[criterion], part=None, whole=None) for criterion in CRITERIA]
        rows.append((name, scores["strict"].whole, *shares, *([alphas.get(name)] if alphas else [])))
    note = "F1 by criterion, over the spans of both sides of each pair"
    return Table(title, columns, rows, note + ("; Krippendorff's alpha over characters" if alphas else ""))


def agreement(
    annotators: Mapping[str, Notes] | Sequence[Notes],
    *,
    layer: str = "entity",
    tolerance: int = 2,
    terminology: Given | Sequence[Given] = (),
    taxonomy: Taxonomy | str | Path | None = None,
    people: Sequence[str] = (),
    quotes: bool = False,
    resamples: int = RESAMPLES,
    seed: int = 0,
    format: str | None = None,
) -> Agreement:
    """How far two or more people agree on the same notes.

        medtext.agreement({"anna": "anna.jsonl", "ben": "ben.jsonl"}).spans["strict"].value

    `annotators` is name → notes, or files, each called by its annotator or its own name; `people` takes several out of
    one Label Studio export. Rejected spans do not count. `tolerance` is in code points. With compiled `terminology`
    folders, codes are compared by hierarchy. Notes whose texts differ, or that only one person has, are reported and
    left out; with `taxonomy`, unknown labels are reported by span. Raises FormatError when no note is common,
    IdentifiedNoteError for `quotes` of a note that is not de-identified.
    """
    if tolerance < 0:
        raise ConfigError("tolerance= is a number of code points from 0 on.")
    sides = named_sides(annotators, format, people)
    notes, problems = common_notes(sides)
    rules = load_taxonomy(taxonomy)
    problems += [one for held in notes for note in held.values() for one in label_problems(note, rules, layer)]
    counter = _Counter(notes, layer, tolerance, Kinship(terminology), quotes)
    figures = _Figures(counter.counts, resamples, seed)
    names = tuple(sorted(sides))
    pairs = [(one, other) for at, one in enumerate(names) for other in names[at + 1 :]]
    return Agreement(
        layer=layer,
        annotators=names,
        notes=len(notes),
        spans=figures.spans("all", ""),
        pairs={pair: figures.spans("pair", pair) for pair in pairs},
        labels={label: figures.spans("label", label) for label in counter.labels},
        sections={section: figures.spans("section", section) for section in figures.names("section")},
        alpha={name: alpha(figures.boot, figures.columns, name) for name in ("", *counter.labels)},
        cohen={axis: {pair: cohen(figures.boot, figures.columns, axis, pair) for pair in pairs} for axis in AXES},
        fleiss={axis: fleiss(figures.boot, figures.columns, axis, len(names)) for axis in AXES},
        codes=figures.codes(),
        disputes=tuple(counter.disputes),
        problems=tuple(problems),
        settings={"tolerance": tolerance, "resamples": resamples, "seed": seed},
    )


class _Counter:
    """Sees one note after another."""

    def __init__(
        self, notes: Sequence[Mapping[str, Note]], layer: str, tolerance: int, kinship: Kinship, quotes: bool
    ) -> None:
        held = [sides_of(one, layer) for one in notes]
        self.labels = sorted({span.label for sides in held for spans in sides.values() for span in spans})
        columns = {label: number for number, label in enumerate(self.labels)}
        self.counts: list[Counts] = []
        self.disputes: list[Dispute] = []
        for one, sides in zip(notes, held, strict=True):
            alignments = align_all(sides)
            groups = mentions(sides, alignments)
            counts = count_note(one, sides, alignments, columns, tolerance)
            count_groups(groups, len(one), counts)
            count_codes(alignments, kinship, counts)
            self.counts.append(counts)
            self.disputes += disputes_of(one, groups, quotes=quotes)


class _Figures:
    """The counts of all notes as columns, and the figures made of them."""

    def __init__(self, counts: Sequence[Counts], resamples: int, seed: int) -> None:
        self._keys = sorted({key for one in counts for key in one}, key=repr)
        # Column 0 holds nothing: what was never counted is looked up there.
        self.columns: dict[tuple[Hashable, ...], int] = {key: at for at, key in enumerate(self._keys, 1)}
        rows = [[0, *(one[key] for key in self._keys)] for one in counts]
        self.boot = Bootstrap(rows, resamples=resamples, seed=seed)

    def names(self, group: str) -> list[str]:
        """All sections, or labels, in which there are spans."""
        return sorted({str(key[2]) for key in self._keys if key[:2] == ("spans", group)})

    def spans(self, group: str, name: Hashable) -> dict[str, Figure]:
        """Criterion → F1."""
        whole = self.columns.get(("spans", group, name, "both"), 0)
        return {
            criterion: self.boot.share([self.columns.get(("spans", group, name, criterion), 0)], [whole])
            for criterion in CRITERIA
        }

    def codes(self) -> dict[str, Codes]:
        """System → agreement."""
        found = {}
        for system in sorted({str(key[1]) for key in self._keys if key[0] == "codes"}):
            held = {key[2]: column for key, column in self.columns.items() if key[:2] == ("codes", system)}
            whole = [held["pairs"]]
            totals = {name: int(self.boot.total(held[name])) for name in RELATIONS if name in held}
            same = self.boot.share([held.get("same", 0)], whole)
            found[system] = Codes(same, self.boot.share([held["score"]], whole), totals)
        return found
