"""Tables of notes as CSV: a column of ids, a column of texts, and other columns, which go to meta.

Newlines inside a field are kept exactly. A problem names the line on which its record begins.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, BinaryIO

from medtext.errors import ConfigError, FormatError, NoteError, Problem
from medtext.formats import Format
from medtext.note import Note

_LONGEST_FIELD = 2**31 - 1
_SNIFFED = (",", "\t", ";", "|")


def read(
    stream: BinaryIO,
    *,
    name: str,
    text_column: str = "text",
    id_column: str = "id",
    delimiter: str | None = None,
    encoding: str = "utf-8-sig",
) -> Iterator[Note | Problem]:
    """One note a row; empty cells of other columns are left out of meta. An empty `id_column` numbers the rows.

    Without `delimiter` it is that of comma, tab, semicolon and bar which the heading holds most often.
    Raises FormatError when a column is missing.
    """
    lines = _Lines(stream, encoding, name)
    heading = lines.peek()
    rows = _rows(csv.reader(lines, delimiter=delimiter or max(_SNIFFED, key=heading.count), strict=True), name)
    where, columns = next(rows, (f"{name}:1", []))
    if isinstance(columns, Problem):
        raise FormatError(columns.message, where=where)
    check_columns(columns, (text_column, id_column), where)
    for number, (where, row) in enumerate(rows, 1):
        if isinstance(row, Problem):
            yield row
        elif len(row) != len(columns):
            yield Problem(f"the row has {len(row)} fields, the heading {len(columns)}.", where=where)
        else:
            cells = {column: cell for column, cell in zip(columns, row, strict=True) if cell or column == text_column}
            yield row_to_note(cells, text_column, id_column, f"row-{number}", where)


def check_columns(columns: list[str], wanted: Iterable[str], where: str) -> None:
    """Raise FormatError when a wanted column is missing or a column stands twice; names of columns only, cut short."""
    listed = ", ".join(one if len(one) <= 40 and one.isprintable() else "…" for one in columns) or "none"
    for column in wanted:
        if column and column not in columns:
            option = "Name the columns with text_column= and id_column= (an empty id_column= numbers the rows)."
            raise FormatError(f"no column {column!r}. {option} Columns: {listed}", where=where)
    if len(set(columns)) < len(columns):
        raise FormatError(f"a column stands twice. Columns: {listed}", where=where)


def row_to_note(cells: Mapping[str, Any], text_column: str, id_column: str, number: str, where: str) -> Note | Problem:
    """A note from a row of a table; what is neither id nor text goes to meta."""
    text = cells.get(text_column)
    note_id = number if not id_column else cells.get(id_column)
    if not isinstance(text, str):
        return Problem("the text is missing or is not text.", where=where)
    if note_id is None or note_id == "":
        return Problem(f"the cell under {id_column!r} is empty.", where=where)
    meta = {key: value for key, value in cells.items() if key not in (text_column, id_column) and value is not None}
    try:
        return Note(str(note_id), text, meta=meta)
    except NoteError as error:
        return Problem(str(error), where=where)


def _rows(reader: Any, name: str) -> Iterator[tuple[str, list[str] | Problem]]:
    """(file:line, fields) of each row that is not blank; the line is the one on which the row begins."""
    while True:
        where = f"{name}:{reader.line_num + 1}"
        try:
            row = _next_row(reader)
        except StopIteration:
            return
        except csv.Error as error:
            row = Problem(f"broken quoting: {error}.", where=where)
        if row:
            yield where, row


def _next_row(reader: Any) -> list[str]:
    """The next row with fields of any size. The limit is one for the whole process: it is put back at once."""
    before = csv.field_size_limit(_LONGEST_FIELD)
    try:
        return next(reader)
    finally:
        csv.field_size_limit(before)


class _Lines:
    """The lines of a stream as csv wants them: decoded, with their own ends."""

    def __init__(self, stream: BinaryIO, encoding: str, name: str) -> None:
        try:
            self.text = io.TextIOWrapper(stream, encoding, newline="")
        except LookupError:
            raise ConfigError(f"Unknown encoding {encoding!r}. Usual: utf-8, cp1252, latin-1, utf-16") from None
        self.encoding, self.name, self.number, self.held = encoding, name, 0, ""

    def peek(self) -> str:
        self.held = next(self, "")
        return self.held

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        if self.held:
            line, self.held = self.held, ""
            return line
        try:
            line = next(self.text)
        except UnicodeDecodeError:
            message = f"not {self.encoding} after line {self.number}. Name the encoding with encoding=."
            raise FormatError(message, where=f"{self.name}:{self.number + 1}") from None
        self.number += 1
        return line

    def __del__(self) -> None:
        # The stream belongs to the caller: the wrapper must not close it.
        if not self.text.closed:
            self.text.detach()


def write(
    notes: Iterable[Note],
    stream: BinaryIO,
    *,
    text_column: str = "text",
    id_column: str = "id",
    delimiter: str = ",",
    columns: Iterable[str] | None = None,
) -> None:
    """A heading and one note a row: id, text, and meta.

    `columns` names the keys of meta to write. Without it all are written, and for this all notes are held in memory.
    What is not text is written as JSON, nothing as an empty cell.
    """
    if columns is None:
        notes = list(notes)
        columns = meta_keys(notes)
    columns = [key for key in columns if key not in (id_column, text_column)]
    rows = io.StringIO(newline="")
    writer = csv.writer(rows, delimiter=delimiter)
    writer.writerow([id_column, text_column, *columns])
    for note in notes:
        writer.writerow([note.id, note.text, *(cell(note.meta.get(key)) for key in columns)])
        stream.write(rows.getvalue().encode("utf-8"))
        rows.seek(0)
        rows.truncate()
    stream.write(rows.getvalue().encode("utf-8"))


def meta_keys(notes: Iterable[Note]) -> list[str]:
    """The keys of meta in the order in which they first stand."""
    return list(dict.fromkeys(key for note in notes for key in note.meta))


def cell(value: Any) -> str:
    """A value of meta as the text of a cell."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


FORMAT = Format(
    "csv",
    "CSV or TSV with columns id and text; other columns are meta, as text",
    extensions=(".csv", ".tsv"),
    read=read,
    write=write,
    loses=frozenset(["spans", "relations", "deidentified", "meta", "review", "x"]),
    streams=True,
)
