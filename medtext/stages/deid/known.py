"""Identifiers that are known beforehand: a table of patients, relatives and staff, or keys of the notes' meta.

A table has one row a note or patient (or several) and one column a kind of identifier; a cell may hold several values,
parted by `;` or `|`. The column `note`, `patient` or `id` says whose row it is.

    patient;name;nickname;birth_date;mrn;phone;address;relative;staff
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from medtext.config import Table
from medtext.errors import ConfigError, NoteError
from medtext.note import Note
from medtext.stages.deid.arbitrate import Finding
from medtext.stages.deid.lexicon import Lexicon
from medtext.stages.deid.spellings import Spellings

_IDS = ("note", "patient", "id")
_TABLES = (".csv", ".tsv")
Values = tuple[tuple[str, str], ...]
Source = str | Path | Iterable[str] | Mapping[str, Any]


class Known:
    """What is known of each note. Raises ConfigError for a column or label that there is not, or a row without an id.

    `columns` maps names of columns to labels. With a table, a note without a row raises NoteError, unless `optional`.
    """

    def __init__(
        self,
        source: Source,
        *,
        columns: Mapping[str, str],
        labels: tuple[str, ...],
        lexicon: Lexicon,
        optional: bool = False,
    ) -> None:
        self._columns, self._labels, self._lexicon, self._optional = columns, labels, lexicon, optional
        self.rows = _rows(source, columns, labels)
        self.keys = _meta_keys(source, labels) if self.rows is None else {}
        self._spellings = lru_cache(maxsize=256)(self._compiled)

    def find(self, note: Note, patient: str) -> Iterator[Finding]:
        """The places of all that is known of a note."""
        values = self._of(note, patient)
        return self._spellings(values).find(note.text, self._lexicon) if values else iter(())

    def describe(self) -> Any:
        """The meta keys, or how many rows the table has; no value."""
        return sorted(self.keys) if self.rows is None else {"rows": len(self.rows)}

    def _compiled(self, values: Values) -> Spellings:
        return Spellings.of(values, self._lexicon)

    def _of(self, note: Note, patient: str) -> Values:
        if self.rows is None:
            return tuple(_of_meta(note, self.keys))
        found = [self.rows[key] for key in dict.fromkeys((note.id, patient)) if key in self.rows]
        if not found and not self._optional:
            raise NoteError(
                f"Note {note.id!r} has no row in the table of known identifiers, neither by its id nor by its patient. "
                "Add one, or pass known_optional: true."
            )
        return tuple(pair for values in found for pair in values)


def _meta_keys(source: Any, labels: tuple[str, ...]) -> dict[str, str]:
    """Meta key → label; "" where the value's own form decides."""
    keys = [source] if isinstance(source, str) else source
    keys = dict(keys) if isinstance(keys, Mapping) else dict.fromkeys(keys, "")
    for key, label in keys.items():
        if label and label not in labels:
            raise ConfigError(f"known: {key!r} has the unknown label {label!r}. Identifiers: {', '.join(labels)}")
    return keys


def _of_meta(note: Note, keys: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for key, label in keys.items():
        value = str(note.meta.get(key) or "")
        if value.strip():
            yield value, label or ("ID" if any(one.isdigit() for one in value) else "NAME")


def _rows(source: Any, columns: Mapping[str, str], labels: tuple[str, ...]) -> dict[str, Values] | None:
    """Id → (value, label) pairs; None when the source is no table."""
    if isinstance(source, str | Path) and Path(source).suffix.lower() in _TABLES:
        lines = _read(Path(source))
    elif isinstance(source, Mapping) and any(isinstance(one, Mapping) for one in source.values()):
        lines = [(f"known[{number}]", str(key), row) for number, (key, row) in enumerate(source.items(), start=1)]
    else:
        return None
    found: dict[str, Values] = {}
    for where, key, row in lines:
        if not isinstance(row, Mapping):
            raise ConfigError(f"{where}: a row of known identifiers must be a mapping of columns.")
        found[key] = found.get(key, ()) + tuple(_pairs(row, columns, labels, where))
    return found


def _read(path: Path) -> Iterator[tuple[str, str, dict[str, str]]]:
    """(file:line, id, columns) of each row; never quotes a value."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            head = stream.readline()
            mark = "\t" if "\t" in head else ";" if ";" in head and "," not in head else ","
            stream.seek(0)
            rows = csv.DictReader(stream, delimiter=mark, strict=True)
            key = next((name for name in _IDS if name in (rows.fieldnames or ())), None)
            if key is None:
                raise ConfigError(f"{path.name}:1: no column says whose row it is. Name one {', '.join(_IDS)}.")
            for row in rows:
                where = f"{path.name}:{rows.line_num}"
                identifier = (row.pop(key) or "").strip()
                if not identifier or None in row or None in row.values():
                    raise ConfigError(f"{where}: the row has no {key}, or more or fewer cells than the head.")
                yield where, identifier, row
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{path.name}: the table cannot be read: {type(error).__name__}.") from None


def _pairs(
    row: Mapping[str, Any], columns: Mapping[str, str], labels: tuple[str, ...], where: str
) -> Iterator[tuple[str, str]]:
    for column, cell in row.items():
        name = str(column).strip().lower().replace(" ", "_")
        label = columns.get(name) or columns.get(name.removesuffix("s")) or name.upper()
        if label not in labels:
            known = ", ".join(sorted(columns))
            raise ConfigError(
                f"{where}: unknown column {column!r}. Columns: {known}, and every label in small letters."
            )
        cells = [cell] if isinstance(cell, str) else cell if isinstance(cell, list | tuple) else [str(cell or "")]
        for value in (part.strip() for one in cells for part in str(one).replace("|", ";").split(";")):
            if value:
                yield value, label


def columns_of(table: Table) -> dict[str, str]:
    """Column → label, from identifiers.yaml."""
    held = table.get_typed("columns", dict, {})
    return {name: label for label in held for name in held.get_typed(label, str, "").split()}
