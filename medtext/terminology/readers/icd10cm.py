"""ICD-10-CM: the order file of CMS, or the tabular list and the indexes in XML.

The order file has every code with names and billability; the tabular list has chapters, sections, inclusion terms and
notes. Its seventh characters are given once for a whole category and are put on every code below that has no others of
its own; shorter codes are filled up with X. Source: "ICD-10-CM Official Guidelines", I.A.4-5.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element, ParseError, iterparse

from medtext.errors import FormatError
from medtext.terminology.readers import Reader, about
from medtext.terminology.readers.files import Files, ReleaseFile
from medtext.terminology.rows import IS_A, ConceptRow, FactRow, LinkRow, Row, TermRow

_SYSTEM = "ICD10CM"
_ORDER = r"icd10cm[-_]?order[-_].*\.txt"
_TABULAR = r"icd10cm?[-_]tabular.*\.xml"
_INDEX = r"icd10cm?[-_](?:index|eindex|drug|neoplasm).*\.xml"
_CODE = re.compile(r"[A-Z][0-9A-Z]{2}(?:[0-9A-Z]{0,4})")
_DOTTED = re.compile(r"[A-Z][0-9A-Z]{2}(?:\.[0-9A-Z]{1,4})?")
_RANGE = re.compile(r"\s*\(([A-Z][0-9A-Z]{2}(?:-[A-Z][0-9A-Z]{2})?)\)\s*$")
_NOTES = ("includes", "excludes1", "excludes2", "codeFirst", "codeAlso", "useAdditionalCode")
_YEAR = re.compile(r"(20\d\d)")
_DASHES = ".-–"


def rows(files: Files) -> Iterator[Row]:
    """Codes, names, inclusion terms, notes and the hierarchy; index entries as terms of kind `index`."""
    order, tabular = _main_files(files)
    release(files)
    if order:
        yield from _order_rows(order, linked=tabular is None)
    if tabular:
        yield from _tabular_rows(tabular)
    for one in files.match(_INDEX):
        yield from _index_rows(one)


def release(files: Files) -> str:
    """The fiscal year; raises FormatError when the files are of several years."""
    found = [one for one in (*_main_files(files), *files.match(_INDEX)) if one]
    years = {one.short: _year(one) for one in found}
    known = {year for year in years.values() if year}
    if len(known) > 1:
        told = ", ".join(f"{name} ({year})" for name, year in years.items())
        raise FormatError(f"the files are of several releases: {told}. Give one release.", where="ICD-10-CM")
    return next(iter(known), "")


def _main_files(files: Files) -> tuple[ReleaseFile | None, ReleaseFile | None]:
    order, tabular = files.one(_ORDER, "an order file"), files.one(_TABULAR, "a tabular list")
    if not order and not tabular:
        expected = "icd10cm_order_YEAR.txt or icd10cm-tabular-….xml"
        raise FormatError(f"neither an order file nor a tabular list is here ({expected}).", where="ICD-10-CM")
    return order, tabular


def _year(file: ReleaseFile) -> str:
    """The year in an XML file's version, or in a text file's name."""
    if file.short.lower().endswith(".xml"):
        for event, element in _events(file, ("end",)):
            if event == "end" and element.tag == "version":
                return (element.text or "").strip()[:4]
            if element.tag in ("diag", "mainTerm"):
                return ""
    found = _YEAR.search(file.short)
    return found[1] if found else ""


def dotted(code: str) -> str:
    """A00.1 for A001."""
    return code if len(code) < 4 or "." in code else f"{code[:3]}.{code[3:]}"


def _order_rows(file: ReleaseFile, *, linked: bool) -> Iterator[Row]:
    """Fixed columns, from 1: 1-5 order, 7-13 code, 15 billable, 17-76 short name, 78 and on long name."""
    seen: set[str] = set()
    for number, line in file.lines(ended=True):
        code, billable, short, long = line[6:13].strip(), line[14:15], line[16:76].strip(), line[77:].strip()
        if not line[:5].isdigit() or not _CODE.fullmatch(code) or billable not in ("0", "1") or not long:
            column = 1 if not line[:5].isdigit() else 7 if not _CODE.fullmatch(code) else 15 if long else 78
            raise file.fail(number, "this is no line of an order file (order, code, 0 or 1, two names).", column=column)
        seen.add(code)
        yield ConceptRow(_SYSTEM, dotted(code), "code", True, billable == "1")
        yield TermRow(_SYSTEM, dotted(code), long, "name", True)
        if short != long:
            yield TermRow(_SYSTEM, dotted(code), short, "short")
        parent = next((code[:end] for end in range(len(code) - 1, 2, -1) if code[:end] in seen), "")
        if linked and parent:
            yield LinkRow(_SYSTEM, dotted(code), IS_A, _SYSTEM, dotted(parent))


def _events(file: ReleaseFile, events: tuple[str, ...]) -> Iterator[tuple[str, Element]]:
    """The elements of an XML file as they are read."""
    with file.open() as stream:
        try:
            yield from iterparse(stream, events)
        except ParseError as error:
            line, column = error.position
            raise file.fail(line, "the XML is broken here. Was the file cut off?", column=column + 1) from None


def _tabular_rows(file: ReleaseFile) -> Iterator[Row]:
    chapters, exceptions = 0, about("icd10cm")["seventh"]
    for _, element in _events(file, ("end",)):
        if element.tag == "chapter":
            chapters += 1
            yield from _chapter_rows(file, element, exceptions)
            element.clear()
    if not chapters:
        raise file.fail(1, "this is no tabular list: it holds no chapter.")


def _chapter_rows(file: ReleaseFile, chapter: Element, exceptions: list[dict[str, str]]) -> Iterator[Row]:
    name = _text(chapter, "desc")
    found = _RANGE.search(name)
    code = found[1] if found else _text(chapter, "name")
    yield from _group_rows(code, name[: found.start()] if found else name, "chapter", chapter)
    for section in chapter.findall("section"):
        inner = section.get("id", "")
        name = _RANGE.sub("", _text(section, "desc"))
        if inner != code:
            yield from _group_rows(inner, name, "section", section)
            yield LinkRow(_SYSTEM, inner, IS_A, _SYSTEM, code)
        for diag in section.findall("diag"):
            yield from _diag_rows(file, diag, inner, {}, exceptions)


def _group_rows(code: str, name: str, kind: str, element: Element) -> Iterator[Row]:
    """A chapter or section; a section of one category (B20) is that category, under its own name."""
    if _DOTTED.fullmatch(code):
        return
    yield ConceptRow(_SYSTEM, code, kind, True, False)
    yield TermRow(_SYSTEM, code, name, "name", True)
    yield from _notes(code, element)


def _diag_rows(
    file: ReleaseFile, diag: Element, parent: str, seventh: dict[str, str], exceptions: list[dict[str, str]]
) -> Iterator[Row]:
    code, name = _text(diag, "name"), _text(diag, "desc")
    if not _DOTTED.fullmatch(code) or not name:
        raise FormatError(f"{code or 'a diag element'!r} has no proper code or no name.", where=file.short)
    own = {one.get("char", ""): (one.text or "").strip() for one in diag.findall("sevenChrDef/extension")}
    seventh, below = own or seventh, diag.findall("diag")
    yield ConceptRow(_SYSTEM, code, "code", True, not below and not seventh)
    yield TermRow(_SYSTEM, code, name, "name", True)
    if parent != code:
        yield LinkRow(_SYSTEM, code, IS_A, _SYSTEM, parent)
    for note in diag.findall("inclusionTerm/note"):
        yield TermRow(_SYSTEM, code, (note.text or "").strip(), "inclusion")
    yield from _notes(code, diag)
    for one in below:
        yield from _diag_rows(file, one, code, seventh, exceptions)
    if not below:
        yield from _extended(code, name, seventh, exceptions)


def _extended(code: str, name: str, seventh: dict[str, str], exceptions: list[dict[str, str]]) -> Iterator[Row]:
    """The billable codes with a seventh character, filled up with X."""
    plain = code.replace(".", "").ljust(6, "X")
    only = next((one["only"] for one in exceptions if re.fullmatch(one["codes"], plain)), None)
    for character, meaning in seventh.items():
        if only is not None and character not in only:
            continue
        full = dotted(plain + character)
        yield ConceptRow(_SYSTEM, full, "code", True, True)
        yield TermRow(_SYSTEM, full, f"{name}, {meaning}", "name", True)
        yield LinkRow(_SYSTEM, full, IS_A, _SYSTEM, code)


def _notes(code: str, element: Element) -> Iterator[Row]:
    for kind in _NOTES:
        for note in element.findall(f"{kind}/note"):
            yield FactRow(_SYSTEM, code, kind, (note.text or "").strip())


def _text(element: Element, tag: str) -> str:
    return (element.findtext(tag) or "").strip()


def _index_rows(file: ReleaseFile) -> Iterator[Row]:
    headings: dict[str, str] = {}
    for _, element in _events(file, ("end",)):
        if element.tag == "head":
            headings[element.get("col", "")] = (element.text or "").strip()
        if element.tag == "mainTerm":
            yield from _entry_rows(element, "", headings)
            element.clear()


def _entry_rows(entry: Element, before: str, headings: dict[str, str]) -> Iterator[Row]:
    """A line of the index and the lines below it; its words in brackets do not change the code and are left out."""
    title = entry.find("title")
    words = "" if title is None else " ".join(((title.text or "") + "".join(one.tail or "" for one in title)).split())
    name = f"{before}, {words}" if before else words
    for code in entry.findall("code"):
        yield from _indexed(code.text, name)
    for cell in entry.findall("cell"):
        yield from _indexed(cell.text, f"{name}, {headings.get(cell.get('col', ''), '')}".rstrip(", "))
    for below in entry.findall("term"):
        yield from _entry_rows(below, name, headings)


def _indexed(code: str | None, name: str) -> Iterator[Row]:
    plain = (code or "").strip().rstrip(_DASHES)
    if _DOTTED.fullmatch(plain):
        yield TermRow(_SYSTEM, plain, name, "index")


READER = Reader("icd10cm", rows, release)
