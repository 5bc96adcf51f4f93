"""Any CSV or TSV table, with a map that says which column holds what.

A table is quoted when commas separate it, and never when tabs do.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from medtext.errors import ConfigError, FormatError, NoteError
from medtext.span import Code
from medtext.terminology.readers import Reader
from medtext.terminology.readers.files import Files, ReleaseFile, csv_rows
from medtext.terminology.rows import IS_A, ConceptRow, FactRow, LinkRow, Row, TermRow

_TABLE = r".*\.(?:txt|csv|tsv)"
_TAG = re.compile(r"\s*\(([^()]+)\)$")
_MEANINGS = ("code", "name", "synonyms", "kind", "active", "parent", "replaced_by", "release")
_NO = frozenset(("0", "n", "no", "false", "inactive", "retired", "d"))


def rows(
    files: Files,
    *,
    system: str,
    columns: Mapping[str, str] | None = None,
    header: Sequence[str] = (),
    separator: str = "|",
    tags: bool = False,
) -> Iterator[Row]:
    """Concepts of one code system from a table.

        Edition("table", "formulary.csv", options={"system": "LOCAL", "columns": {"code": "item", "name": "label"}})

    `columns` maps code, name, synonyms, kind, active, parent, replaced_by to the table's own columns; without it they
    are called so. `header` names the columns of a table that has no header. Synonyms are parted by `separator`. With
    `tags` a name such as `Pain (finding)` is a fully specified name: the name without the tag is preferred, the tag is
    the kind. Columns that the map does not name become facts.
    """
    for file in files.match(_TABLE):
        chosen: dict[str, str] = {}
        for line, row in table_rows(file, names=header):
            chosen = chosen or _chosen(file, row, columns)
            cells = {key: row[name].strip() for key, name in chosen.items()}
            yield from _entry(cells, system, file.fail(line, "the code or the name is not one."), tags=tags)
            for synonym in cells.get("synonyms", "").split(separator):
                if synonym.strip():
                    yield TermRow(system, cells["code"], synonym.strip())
            for key, value in row.items():
                if value.strip() and key not in chosen.values():
                    yield FactRow(system, cells["code"], key, value.strip())


def release(files: Files) -> str:
    """A table names no release."""
    return ""


def _chosen(file: ReleaseFile, row: Mapping[str, str], columns: Mapping[str, str] | None) -> dict[str, str]:
    wanted = dict(columns) if columns else {name: name for name in _MEANINGS if name in row}
    for meaning, name in wanted.items():
        if meaning not in _MEANINGS:
            raise ConfigError(f"Unknown meaning {meaning!r} of a column. Meanings: {', '.join(_MEANINGS)}")
        if name not in row:
            raise file.fail(1, f"column {name!r} is missing from the header, which has: {', '.join(row)}")
    if "code" not in wanted or "name" not in wanted:
        raise file.fail(1, f"which columns hold code and name? The header has: {', '.join(row)}")
    return wanted


def _entry(cells: Mapping[str, str], system: str, wrong: FormatError, *, tags: bool) -> Iterator[Row]:
    code, name = cells["code"], cells["name"]
    try:
        Code(system, code)
    except NoteError:
        raise wrong from None
    if not name:
        raise wrong
    tag = _TAG.search(name) if tags else None
    active = cells.get("active", "").lower() not in _NO
    yield ConceptRow(system, code, cells.get("kind") or (tag[1] if tag else ""), active)
    if tag:
        yield TermRow(system, code, name, "fsn")
    yield TermRow(system, code, name[: tag.start()] if tag else name, "name", True)
    for relation, column in ((IS_A, "parent"), ("replaced_by", "replaced_by")):
        if target := cells.get(column, ""):
            yield LinkRow(system, code, relation, system, target)


def table_rows(
    file: ReleaseFile, *, names: Sequence[str] = (), header: Iterable[str] = ()
) -> Iterator[tuple[int, dict[str, str]]]:
    """(line, cell by column name) of each row.

    `names`: the table has no header. `header`: prose stands before a line that has one of these columns.
    """
    skip, first = _header_line(file, {one.lower() for one in header})
    if "\t" not in first:
        yield from csv_rows(file, skip=skip)
        return
    columns = list(names)
    for number, line in file.lines():
        if number <= skip or not line.strip():
            continue
        cells = line.split("\t")
        if not columns:
            columns = cells
        elif len(cells) != len(columns):
            raise file.fail(number, f"{len(cells)} columns; {len(columns)} are needed.", column=len(cells))
        else:
            yield number, dict(zip(columns, cells, strict=True))


def _header_line(file: ReleaseFile, wanted: set[str]) -> tuple[int, str]:
    """How many lines stand before the header, and the header."""
    first = ""
    for number, line in file.lines():
        first = first or line
        cells = {cell.strip(' "').lower() for cell in re.split(r"[\t,]", line)}
        if not wanted or cells & wanted:
            return number - 1, line
    raise file.fail(
        1, "the file is empty." if not first else f"no line names the column {' or '.join(sorted(wanted))}."
    )


def found_columns(
    file: ReleaseFile, row: Mapping[str, str], known: Mapping[str, Sequence[str]], needed: Iterable[str]
) -> dict[str, str]:
    """Meaning → column of a table whose columns go by several names; raises FormatError for one that is needed."""
    plain = {" ".join(name.lower().replace("_", " ").split()): name for name in row}
    found = {key: next((plain[one] for one in names if one in plain), "") for key, names in known.items()}
    for key in needed:
        if not found[key]:
            raise file.fail(1, f"no column is called {' or '.join(known[key])}. The header has: {', '.join(row)}")
    return {key: name for key, name in found.items() if name}


READER = Reader("table", rows, release)
