"""Tables of notes as Parquet: columns as in csv, read a batch of rows at a time. Needs the extra `parquet`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from medtext.errors import FormatError, MissingExtraError, Problem
from medtext.formats import Format
from medtext.formats.csv import cell, check_columns, meta_keys, row_to_note
from medtext.note import Note

_ROWS = 256


def read(
    path: Path, *, text_column: str = "text", id_column: str = "id", batch_size: int = _ROWS
) -> Iterator[Note | Problem]:
    """One note a row; other columns go to meta as what JSON can hold, nulls left out; `id_column=""` numbers rows.

    Raises FormatError when a column is missing or the file is no Parquet.
    """
    arrow, parquet = _pyarrow()
    try:
        with parquet.ParquetFile(path) as table:
            check_columns(table.schema_arrow.names, (text_column, id_column), f"{path}:1")
            number = 0
            for batch in table.iter_batches(batch_size=batch_size):
                for row in batch.to_pylist():
                    number += 1
                    cells = {key: _plain(value) for key, value in row.items()}
                    yield row_to_note(cells, text_column, id_column, f"row-{number}", f"{path}:row {number}")
    except (arrow.ArrowException, OSError, UnicodeDecodeError) as error:
        message = f"this is no Parquet file that can be read ({type(error).__name__})."
        raise FormatError(message, where=str(path)) from None


def write(
    notes: Iterable[Note],
    path: Path,
    *,
    text_column: str = "text",
    id_column: str = "id",
    columns: Iterable[str] | None = None,
) -> None:
    """One note a row: id, text, and meta, which keeps its type where all notes agree and is text elsewhere.

    `columns` names the keys of meta to write, as text, note by note. Without it all are written, and for this all
    notes are held in memory.
    """
    arrow, parquet = _pyarrow()
    kinds = dict.fromkeys(columns or (), arrow.string())
    if columns is None:
        notes = list(notes)
        kinds = {key: _kind(arrow, [note.meta.get(key) for note in notes]) for key in meta_keys(notes)}
    kinds = {key: kind for key, kind in kinds.items() if key not in (id_column, text_column)}
    fields = {id_column: arrow.string(), text_column: arrow.large_string(), **kinds}
    with parquet.ParquetWriter(path, arrow.schema(list(fields.items()))) as writer:
        for rows in _batches(notes):
            values: dict[str, list] = {id_column: [note.id for note in rows], text_column: [note.text for note in rows]}
            for key, kind in kinds.items():
                held = [note.meta.get(key) for note in rows]
                values[key] = [None if one is None else cell(one) for one in held] if kind == arrow.string() else held
            writer.write_table(arrow.table(values, schema=writer.schema))


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise MissingExtraError("The parquet format", "pyarrow", "parquet") from None
    return pyarrow, pyarrow.parquet


def _batches(notes: Iterable[Note]) -> Iterator[list[Note]]:
    rows: list[Note] = []
    for note in notes:
        rows.append(note)
        if len(rows) == _ROWS:
            yield rows
            rows = []
    if rows:
        yield rows


def _kind(arrow: Any, values: list[Any]) -> Any:
    """The type of a column: that which all values share, text where they do not."""
    kinds = {type(value) for value in values if value is not None}
    if kinds == {bool}:
        return arrow.bool_()
    if kinds == {int} and all(value is None or -(2**63) <= value < 2**63 for value in values):
        return arrow.int64()
    return arrow.float64() if kinds == {float} else arrow.string()


def _plain(value: Any) -> Any:
    """A value as JSON can hold it: dates and decimals as text, no number for what is not one."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, bytes):
        return value.hex()
    if value is None or isinstance(value, str | bool | int):
        return value
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


FORMAT = Format(
    "parquet",
    "Parquet with columns id and text; other columns are meta",
    extensions=(".parquet",),
    read=read,
    write=write,
    loses=frozenset(["spans", "relations", "deidentified", "meta", "review", "x"]),
)
