"""CPT from a code list that the user has licensed: any table with a code column and descriptors.

Nothing of it ships, and the compiled folder keeps the notice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from medtext.terminology.readers import Reader
from medtext.terminology.readers.files import Files
from medtext.terminology.readers.table import found_columns, table_rows
from medtext.terminology.rows import ConceptRow, Row, TermRow

_SYSTEM = "CPT"
_CODE = re.compile(r"\d{4}[0-9FTUM]")
_YEAR = r"20\d\d"
_TABLE = r".*\.(?:txt|csv|tsv)"
_COLUMNS = {
    "code": ("cpt code", "code", "cpt"),
    "name": ("long", "long description", "description", "long descriptor"),
    "medium": ("medium", "medium description", "medium descriptor"),
    "short": ("short", "short description", "short descriptor"),
    "consumer": ("consumer", "consumer description", "consumer friendly descriptor"),
}


def rows(files: Files) -> Iterator[Row]:
    """Codes with their long, medium, short and consumer descriptors, as many as the table has."""
    file = files.need(_TABLE, "CPT table", "any .txt, .csv or .tsv with a header")
    columns: dict[str, str] = {}
    for line, row in table_rows(file, header=_COLUMNS["code"]):
        columns = columns or found_columns(file, row, _COLUMNS, ("code", "name"))
        code = row[columns["code"]].strip()
        if not _CODE.fullmatch(code):
            raise file.fail(line, "the code is not a CPT code: five digits, or four and a letter.")
        yield ConceptRow(_SYSTEM, code, "code")
        for kind in ("name", "medium", "short", "consumer"):
            if kind in columns and (name := row[columns[kind]].strip()):
                yield TermRow(_SYSTEM, code, name, kind, kind == "name")


def release(files: Files) -> str:
    """The year in the name of the folder, zip or file."""
    found = files.dated(_YEAR)
    return found[0] if found else ""


READER = Reader("cpt", rows, release)
