"""HCPCS Level II as CMS publishes it: records of 320 characters, or a table with a header.

CPT codes (five digits, or four and F, T or U) and CDT codes (D and four digits) are not CMS's to give: their rows are
left out and counted. Source of the columns: CMS, "HCPCS record layout".
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from medtext.terminology.readers import Reader
from medtext.terminology.readers.files import Files, ReleaseFile
from medtext.terminology.readers.table import found_columns, table_rows
from medtext.terminology.rows import ConceptRow, FactRow, Row, Tally, TermRow

_SYSTEM = "HCPCS"
_RECORDS = r".*\.txt"
_TABLE = r".*\.(?:csv|tsv)"
_RECORD = re.compile(r"([A-Z]\d{4}|   [A-Z0-9]{2}|[0-9]{4}[0-9FTU])\d{5}[3478]")
_CPT, _CDT = re.compile(r"\d{4}[0-9FTU]|\d\d"), re.compile(r"D\d{4}")
_CODE = re.compile(r"[A-Z]\d{4}|[A-Z0-9]{2}")
_WIDTH = 320
_FIRST = "37"
_YEAR = r"20\d\d"
_COLUMNS = {
    "code": ("hcpc", "code", "hcpcs code", "hcpcs"),
    "name": ("long description", "long", "description"),
    "short": ("short description", "short"),
    "ended": ("term dt", "termination date"),
}


def rows(files: Files) -> Iterator[Row]:
    """Codes and modifiers with their long and short names; a code with a termination date is inactive."""
    found = files.one(_TABLE, "an HCPCS table") or files.need(_RECORDS, "HCPCS records", "HCPC….txt")
    entries = _from_table(found) if re.fullmatch(_TABLE, found.short, re.IGNORECASE) else _from_records(found)
    cpt = cdt = held = 0
    for code, name, short, ended in entries:
        cpt, cdt = cpt + bool(_CPT.fullmatch(code)), cdt + bool(_CDT.fullmatch(code))
        if not _CPT.fullmatch(code) and not _CDT.fullmatch(code):
            held += 1
            yield from _entry(code, name, short, ended)
    if not held:
        raise found.fail(1, "no HCPCS code is in the file.")
    yield Tally("CPT codes, which are the AMA's", cpt)
    yield Tally("CDT codes, which are the ADA's", cdt)


def release(files: Files) -> str:
    """The year in the name of the folder, zip or file."""
    found = files.dated(_YEAR)
    return found[0] if found else ""


def _entry(code: str, name: str, short: str, ended: str) -> Iterator[Row]:
    yield ConceptRow(_SYSTEM, code, "code" if len(code) == 5 else "modifier", not ended)
    yield TermRow(_SYSTEM, code, name or short, "name", True)
    if short and short != name:
        yield TermRow(_SYSTEM, code, short, "short")
    if ended:
        yield FactRow(_SYSTEM, code, "terminated", ended)


def _from_table(file: ReleaseFile) -> Iterator[tuple[str, str, str, str]]:
    columns: dict[str, str] = {}
    for number, row in table_rows(file):
        columns = columns or found_columns(file, row, _COLUMNS, ("code", "name"))
        code = row[columns["code"]].strip().upper()
        if len(code) == 5 or not code.isalnum():
            _check(file, number, code)
        told = {key: row[columns[key]].strip() if key in columns else "" for key in ("name", "short", "ended")}
        yield code, told["name"], told["short"], told["ended"]


def _check(file: ReleaseFile, number: int, code: str) -> None:
    if not _CODE.fullmatch(code) and not _CPT.fullmatch(code):
        raise file.fail(number, "this is no HCPCS code.", column=1)


def _from_records(file: ReleaseFile) -> Iterator[tuple[str, str, str, str]]:
    """One entry a code: its long description goes on in the records that follow. Lines before the first are prose."""
    code, parts, short, ended, started = "", [], "", "", False
    for number, line in file.lines(encoding="cp1252"):
        if not _RECORD.match(line):
            if started and line.strip("\x1a\t "):
                raise file.fail(number, "this is no HCPCS record (code, sequence number, kind of record).", column=1)
            continue
        if len(line) < _WIDTH - 28:
            raise file.fail(number, f"{len(line)} characters; a record has {_WIDTH}. Was the file cut off?")
        started = True
        if line[10] in _FIRST:
            if code:
                yield code, " ".join(parts), short, ended
            code, parts, short, ended = line[:5].strip(), [], line[91:119].strip(), line[284:292].strip()
        elif line[:5].strip() != code:
            raise file.fail(number, "a description goes on whose first record is not here.", column=1)
        parts.append(line[11:91].strip())
    if code:
        yield code, " ".join(parts), short, ended


READER = Reader("hcpcs", rows, release)
