"""Plain JSON Lines, one object a note: an id, a text, and other keys that go to meta."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from medtext.errors import NoteError, Problem
from medtext.formats import Format
from medtext.formats.jsonl import json_lines
from medtext.note import Note


def read(stream: BinaryIO, *, name: str, text_column: str = "text", id_column: str = "id") -> Iterator[Note | Problem]:
    """One note a line. A `meta` object and all other keys go to meta; without an id the line number names the note."""
    for where, record in json_lines(stream, name):
        yield record if isinstance(record, Problem) else _note(record, where, text_column, id_column)


def _note(record: Any, where: str, text_column: str, id_column: str) -> Note | Problem:
    if not isinstance(record, dict):
        return Problem("the line is not an object.", where=where)
    if not isinstance(record.get(text_column), str):
        keys = ", ".join(map(str, record))
        return Problem(f"no text under {text_column!r}. Name its key with text_column=. Keys: {keys}", where=where)
    held = record.get("meta") if isinstance(record.get("meta"), dict) else {}
    rest = {key: value for key, value in record.items() if key not in (text_column, id_column)}
    if held:
        del rest["meta"]
    note_id = str(record.get(id_column, f"line-{where.rpartition(':')[2]}"))
    try:
        return Note(note_id, record[text_column], meta={**rest, **held})
    except NoteError as error:
        return Problem(str(error), where=where)


FORMAT = Format(
    "records",
    "plain JSON Lines with a text and an id (read only)",
    extensions=(".jsonl",),
    read=read,
    streams=True,
)
