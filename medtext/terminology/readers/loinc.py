"""LOINC: `Loinc.csv` and what comes with it, always read by header, so that any release and any subset will do."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from medtext.terminology.readers import Reader, about
from medtext.terminology.readers.files import Files, ReleaseFile, csv_rows, require
from medtext.terminology.rows import IS_A, ConceptRow, FactRow, LinkRow, Row, TermRow

_SYSTEM = "LOINC"
_MAIN = r"Loinc\.csv|Loinc.*ValueSet\.csv"
_CODE = re.compile(r"\d{1,7}-\d")
_RETIRED = "DEPRECATED"
_NAMES = (
    ("LONG_COMMON_NAME", "name"),
    ("DisplayName", "display"),
    ("SHORTNAME", "short"),
    ("CONSUMER_NAME", "consumer"),
)
_SIDE_FILES = {
    r"MapTo\.csv": ("LOINC", "MAP_TO"),
    r"ConsumerName\.csv": ("LoincNumber", "ConsumerName"),
    r"LoincPartLink_Primary\.csv": ("LoincNumber", "PartNumber", "PartName", "PartTypeName"),
    r"(?:ComponentHierarchyBySystem|MultiAxialHierarchy)\.csv": ("IMMEDIATE_PARENT", "CODE", "CODE_TEXT"),
}


def rows(files: Files) -> Iterator[Row]:
    """Codes with their names, axes and status; replacements, parts, consumer names, hierarchy where there are any."""
    main = files.need(_MAIN, "LOINC table", "Loinc.csv")
    yield from _codes(main)
    mapped, consumer, parts, hierarchy = (_side(files, *one) for one in _SIDE_FILES.items())
    for code, target in mapped:
        yield LinkRow(_SYSTEM, code, "replaced_by", _SYSTEM, target)
    for code, name in consumer:
        yield TermRow(_SYSTEM, code, name, "consumer")
    yield from _parts(parts)
    yield from _hierarchy(hierarchy)


def release(files: Files) -> str:
    """The newest version in the column VersionLastChanged; empty for a subset without it."""
    newest: tuple[int, ...] = ()
    for _, row in csv_rows(files.need(_MAIN, "LOINC table", "Loinc.csv")):
        if "VersionLastChanged" not in row:
            break
        numbers = tuple(int(part) for part in row["VersionLastChanged"].split(".") if part.isdigit())
        newest = max(newest, numbers)
    return ".".join(map(str, newest))


def _codes(file: ReleaseFile) -> Iterator[Row]:
    facts = about("loinc")["facts"]
    for line, row in csv_rows(file):
        require(file, row, ("LOINC_NUM", "LONG_COMMON_NAME"))
        code = row["LOINC_NUM"]
        if not _CODE.fullmatch(code):
            raise file.fail(line, "the LOINC_NUM is no LOINC code.")
        yield ConceptRow(_SYSTEM, code, row.get("CLASS", ""), row.get("STATUS", "") != _RETIRED)
        for column, kind in _NAMES:
            if name := row.get(column, "").strip():
                yield TermRow(_SYSTEM, code, name, kind, kind == "name")
        for name in row.get("RELATEDNAMES2", "").split(";"):
            if name.strip():
                yield TermRow(_SYSTEM, code, name.strip(), "related")
        for key in facts:
            if value := row.get(key, "").strip():
                yield FactRow(_SYSTEM, code, key, value)


def _side(files: Files, pattern: str, columns: Iterable[str]) -> Iterator[list[str]]:
    """The cells of an optional file, in the order of the columns asked for."""
    for file in files.match(pattern):
        for _, row in csv_rows(file):
            require(file, row, columns)
            yield [row[name] for name in columns]


def _parts(cells: Iterable[list[str]]) -> Iterator[Row]:
    seen: set[str] = set()
    for code, part, name, kind in cells:
        if part not in seen:
            seen.add(part)
            yield ConceptRow(_SYSTEM, part, "part")
            yield TermRow(_SYSTEM, part, name, "part")
        yield LinkRow(_SYSTEM, code, f"part_{kind.lower()}", _SYSTEM, part)


def _hierarchy(cells: Iterable[list[str]]) -> Iterator[Row]:
    seen: set[str] = set()
    for parent, code, name in cells:
        if code.startswith("LP") and code not in seen:
            seen.add(code)
            yield ConceptRow(_SYSTEM, code, "part")
            yield TermRow(_SYSTEM, code, name, "part", True)
        if parent:
            yield LinkRow(_SYSTEM, code, IS_A, _SYSTEM, parent)


READER = Reader("loinc", rows, release)
