"""Whether anything is left in notes that were de-identified: a second pass, known identifiers, a sample for people.

No part of it shares code with the stage it judges. Results are note ids, offsets and kinds; never text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medtext.errors import ConfigError, Problem
from medtext.formats import read, refuse_overwrite
from medtext.note import Note
from medtext.review.known import KnownIdentifiers, unmatched
from medtext.review.report import Cell, Report, Table, per_cent
from medtext.review.sampling import bound, draw, read_findings, write_table
from medtext.review.second_pass import SecondPass, Suspect
from medtext.review.statistics import CONFIDENCE, Bound, notes_needed

FORMAT_NAME = "medtext-audit/1"
_WISHED = (0.05, 0.01, 0.001)


@dataclass(frozen=True, slots=True)
class Audit:
    """What was found. `suspects` by the second pass; `known` are values of the table that still stand.

    `problems`: notes that could not be judged. `rows_unused` counts rows of the table that belong to no note,
    `notes_without_row` notes that have none. `drawn` is the sample as (note, stratum), `bound` what a filled one says.
    """

    notes: int
    suspects: tuple[Suspect, ...] = ()
    known: tuple[Suspect, ...] = ()
    problems: tuple[Problem, ...] = ()
    rows_unused: int | None = None
    notes_without_row: int | None = None
    drawn: tuple[tuple[str, str], ...] = ()
    bound: Bound | None = None
    rules: str = ""

    @property
    def clean(self) -> bool:
        """Whether nothing was found by any means, and every note could be judged."""
        return not (self.suspects or self.known or self.problems or (self.bound and self.bound.leaks))

    def to_dict(self) -> dict[str, Any]:
        """Everything, for JSON."""
        return {
            "format": FORMAT_NAME,
            "rules": self.rules,
            "notes": self.notes,
            "suspects": [one.to_dict() for one in self.suspects],
            "known": [one.to_dict() for one in self.known],
            "problems": [{"note": one.note_id, "message": one.message} for one in self.problems],
            "rows_unused": self.rows_unused,
            "notes_without_row": self.notes_without_row,
            "drawn": [{"note": note, "stratum": stratum} for note, stratum in self.drawn],
            "bound": self.bound.to_dict() if self.bound else None,
        }

    def report(self) -> Report:
        """The same for people."""
        found = [*self.suspects, *self.known]
        facts: dict[str, Cell] = {
            "Notes": self.notes,
            "Places that may hold an identifier": len(self.suspects),
            "Known identifiers that still stand": len(self.known) if self.rows_unused is not None else None,
            "Rows of known identifiers without a note": self.rows_unused,
            "Notes without a row of known identifiers": self.notes_without_row,
            "Notes that could not be judged": len(self.problems),
        }
        kinds = Counter(kind for one in found for kind in one.kinds)
        kind_rows = sorted(kinds.items(), key=lambda one: (-one[1], one[0]))
        places = [(one.note, str(one.start), str(one.end), ", ".join(one.kinds)) for one in found]
        tables = [Table("By kind", ("kind", "places"), kind_rows)] if found else []
        tables += [Table("Places", ("note", "from", "to", "kind"), places, "Offsets in characters")] if found else []
        return Report("Audit of de-identified notes", facts, [*tables, _sampling_table(self.bound)])


def _sampling_table(seen: Bound | None) -> Table:
    rows: list[tuple[Cell, ...]] = []
    if seen:
        rows.append((f"{seen.leaks} of {seen.sample} notes read leaked", f"at most {per_cent(seen.upper)} % leak"))
    leaks = seen.leaks if seen else 0
    for wished in _WISHED:
        needed = notes_needed(wished, leaks=leaks)
        rows.append(
            (f"to say that at most {wished * 100:g} % leak", f"{needed:,} notes, at most {leaks} of them leaking")
        )
    note = f"One-sided Clopper-Pearson bounds, confidence {CONFIDENCE * 100:g} %; they hold for a random sample."
    return Table("Notes read by people", ("sample", "meaning"), rows, note)


def audit(
    output: str | Path | Iterable[Note],
    *,
    known: str | Path | None = None,
    key_column: str = "id",
    meta_key: str = "",
    sample: int | None = None,
    seed: int = 0,
    by: str = "",
    sample_file: str | Path | None = None,
    findings: str | Path | None = None,
    format: str | None = None,
    deidentified: bool | None = None,
    overwrite: bool = False,
) -> Audit:
    """Look for what a de-identification has left.

        medtext.audit("clean.jsonl", known="patients.csv", key_column="mrn_note", sample=300, sample_file="read.csv")

    A second, independent pass lists places that may hold an identifier, everything inside replacements aside.
    `known` is a CSV table of identifiers; its `key_column` holds note ids, or the values of `meta_key`. `sample` notes
    are drawn by `seed`, in proportion to the values of the meta key `by`, and written as a table for people to fill in;
    `findings` is such a table, filled in. Raises as `read` does, and ConfigError when no row of `known` fits a note.
    """
    if sample_file is not None:
        refuse_overwrite(Path(sample_file), overwrite=overwrite)
    if (sample_file is None) != (sample is None):
        raise ConfigError("sample= says how many notes, sample_file= where their table goes: name both or neither.")
    leaks = read_findings(findings) if findings is not None else None
    table = KnownIdentifiers.read(known, key_column=key_column, meta_key=meta_key) if known is not None else None
    judge = _Judge(table, by)
    notes = read(output, format=format, deidentified=deidentified) if isinstance(output, str | Path) else output
    for note in notes:
        judge.see(note)
    drawn = draw(judge.strata, sample, seed=seed) if sample is not None and judge.strata else []
    if sample_file is not None:
        write_table(drawn, sample_file, overwrite=overwrite)
    return judge.audit(drawn=tuple(drawn), bound=None if leaks is None else bound(leaks, judge.strata))


class _Judge:
    """Sees one note after another."""

    def __init__(self, known: KnownIdentifiers | None, by: str) -> None:
        self.second_pass, self.known, self.by = SecondPass(), known, by
        self.strata: dict[str, str] = {}
        self.keys: Counter[str] = Counter()
        self.suspects: list[Suspect] = []
        self.found: list[Suspect] = []
        self.problems: list[Problem] = []

    def see(self, note: Note) -> None:
        self.strata[note.id] = str(note.meta.get(self.by, "")) if self.by else ""
        if note.deidentified:
            self.suspects += self.second_pass.find(note)
        else:
            self.problems.append(Problem("the note is not de-identified. Pass deidentified=True if it is.", note.id))
        if self.known is not None:
            self.keys[self.known.key(note)] += 1
            self.found += self.known.find(note)

    def audit(self, **more: Any) -> Audit:
        known = self.known
        return Audit(
            notes=len(self.strata),
            suspects=_in_order(self.suspects),
            known=_in_order(self.found),
            problems=tuple(sorted(self.problems, key=lambda one: one.note_id)),
            rows_unused=None if known is None else unmatched(known, self.keys),
            notes_without_row=None if known is None else _without_row(self.keys.items(), known),
            rules=f"second_pass@{self.second_pass.version}",
            **more,
        )


def _in_order(found: Iterable[Suspect]) -> tuple[Suspect, ...]:
    return tuple(sorted(found))


def _without_row(keys: Iterable[tuple[str, int]], known: KnownIdentifiers) -> int:
    return sum(number for key, number in keys if key not in known.values)
