"""What is wrong with a file of notes: what cannot be read, what the taxonomy does not allow, what should not leave."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from medtext.errors import ConfigError, Problem
from medtext.formats import detect, read, write
from medtext.formats.jsonl import json_lines
from medtext.note import Note
from medtext.runs.codes import CodeBook, Given
from medtext.taxonomy import Taxonomy


def check(
    path: str | Path,
    *,
    taxonomy: Taxonomy | str | Path = "clinical",
    terminology: Given | Sequence[Given] = (),
    fix: str | Path | None = None,
    overwrite: bool = False,
    allow_phi: bool = False,
    format: str | None = None,
    **options: Any,
) -> list[Problem]:
    """Every problem of a file, in the order of its notes; empty when all is well.

        medtext.check("corrected.jsonl")

    Errors: records that cannot be read, and labels, codes, assertions and relations outside the taxonomy. Warnings:
    empty notes and notes that are not de-identified. In JSON Lines each problem has its file:line.

    With compiled `terminology` folders codes are judged too: unknown and retired ones are errors, those that are not
    billable warnings. `fix` names a file for the notes with retired codes replaced by the one code in use that means
    the same; what they were stays in the spans' `was`. It raises FormatError where a note cannot be read, for it would
    be lost, and as `write` does.
    """
    book = CodeBook(terminology)
    rules = taxonomy if isinstance(taxonomy, Taxonomy) else Taxonomy.load(taxonomy)
    found: list[Problem] = []
    name = format or ("jsonl" if str(path) == "-" else detect(path))
    for note in read(path, format=name, on_problem=found.append, **options):
        found += rules.problems(note)
        found += _warnings(note)
        found += book.problems(note)
    if fix is not None:
        _check_target(path, fix)
        fixed = map(book.fixed, read(path, format=name, **options))
        write(fixed, fix, overwrite=overwrite, allow_phi=allow_phi)
    return _located(found, Path(path)) if name == "jsonl" and str(path) != "-" else found


def _check_target(path: str | Path, output: str | Path) -> None:
    if str(path) == "-":
        raise ConfigError("Standard input is read once only: give a file to be fixed.")
    if Path(output).resolve() == Path(path).resolve():
        raise ConfigError("Give another file to be written: the one that is checked stays as it is.")


def _warnings(note: Note) -> Iterator[Problem]:
    if not note.deidentified:
        yield Problem("the note is not de-identified.", note_id=note.id, severity="warning")
    if not note.text.strip():
        yield Problem("the note is empty.", note_id=note.id, severity="warning")


def _located(problems: list[Problem], path: Path) -> list[Problem]:
    """The same problems, each with the line of its note: looked up only when there are any."""
    if all(one.where for one in problems):
        return problems
    with path.open("rb") as stream:
        records = json_lines(stream, str(path))
        places = {record["id"]: where for where, record in records if isinstance(record, dict) and "id" in record}
    return [one if one.where else dataclasses.replace(one, where=places.get(one.note_id, "")) for one in problems]
