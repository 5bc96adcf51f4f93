"""What is wrong with a file of notes: what cannot be read, what the taxonomy does not allow, what should not leave."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from medtext.errors import Problem
from medtext.formats import detect, read
from medtext.formats.jsonl import json_lines
from medtext.note import Note
from medtext.taxonomy import Taxonomy


def check(
    path: str | Path, *, taxonomy: Taxonomy | str | Path = "clinical", format: str | None = None, **options: Any
) -> list[Problem]:
    """Every problem of a file, in the order of its notes; empty when all is well.

        medtext.check("corrected.jsonl")

    Errors: records that cannot be read, and labels, codes, assertions and relations outside the taxonomy. Warnings:
    empty notes and notes that are not de-identified. In JSON Lines each problem has its file:line.
    """
    rules = taxonomy if isinstance(taxonomy, Taxonomy) else Taxonomy.load(taxonomy)
    found: list[Problem] = []
    name = format or ("jsonl" if str(path) == "-" else detect(path))
    for note in read(path, format=name, on_problem=found.append, **options):
        found += rules.problems(note)
        found += _warnings(note)
    return _located(found, Path(path)) if name == "jsonl" and str(path) != "-" else found


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
