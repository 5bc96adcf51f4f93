"""RxNorm in RRF: names, ingredients, strengths, NDCs, and where retired concepts went.

RRF has no header and a bar after every column. In RXNREL the relation reads from the second concept to the first.
Source: "RxNorm Technical Documentation", sections 12.4-12.9.
"""

from __future__ import annotations

from collections.abc import Iterator

from medtext.terminology.readers import Reader, about
from medtext.terminology.readers.files import Files, ReleaseFile, bar_rows
from medtext.terminology.rows import IS_A, ConceptRow, FactRow, LinkRow, Row, Tally, TermRow

_SYSTEM = "RXNORM"
_CONSO, _CONSO_WIDTH = r"RXNCONSO\w*\.RRF", 18
_REL, _REL_WIDTH = r"RXNREL\w*\.RRF", 16
_SAT, _SAT_WIDTH = r"RXNSAT\w*\.RRF", 13
_ARCHIVE, _ARCHIVE_WIDTH = r"RXNATOMARCHIVE\w*\.RRF", 16
_PRESCRIBABLE = "4096"
_SYNONYMS = ("SY", "PSN", "TMSY", "ET")
_DATE = r"(?<!\d)(?P<month>[01]\d)(?P<day>[0-3]\d)(?P<year>20\d\d)(?!\d)"


def rows(files: Files, *, prescribable: bool = False, own_names: bool = False) -> Iterator[Row]:
    """Concepts and names, relations, NDCs and strengths, replacements of retired concepts.

    `prescribable` keeps the Current Prescribable Content alone; `own_names` the names of source RXNORM alone, which are
    free of other vocabularies' licences. What is left out is counted.
    """
    conso = files.need(_CONSO, "RxNorm names", "RXNCONSO.RRF")
    kept: set[str] = set()
    yield from _names(conso, kept, prescribable=prescribable, own_names=own_names)
    for file in files.match(_REL):
        yield from _relations(file, kept)
    for file in files.match(_SAT):
        yield from _attributes(file, kept)
    for file in files.match(_ARCHIVE):
        yield from _merged(file, kept)


def release(files: Files) -> str:
    """The date in the name of a folder, zip or file (RxNorm_full_10062025); empty where there is none."""
    found = files.dated(_DATE)
    return f"{found['year']}-{found['month']}-{found['day']}" if found else ""


def _names(file: ReleaseFile, kept: set[str], *, prescribable: bool, own_names: bool) -> Iterator[Row]:
    outside = foreign = 0
    known: set[tuple[str, str]] = set()
    for line, cells in bar_rows(file, _CONSO_WIDTH):
        code, language, vocabulary, kind, name, suppress, content = (cells[at] for at in (0, 1, 11, 12, 14, 16, 17))
        if not code.isdigit() or not name:
            raise file.fail(line, "the RXCUI is no number, or the name is empty.", column=1)
        if language != "ENG" or (prescribable and content != _PRESCRIBABLE):
            outside += 1
        elif own_names and vocabulary != _SYSTEM:
            foreign += 1
        else:
            kept.add(code)
            main = vocabulary == _SYSTEM and kind not in _SYNONYMS
            if main:
                yield ConceptRow(_SYSTEM, code, kind, suppress in ("N", ""))
            if (code, name) not in known or main:
                known.add((code, name))
                yield TermRow(_SYSTEM, code, name, "name" if main else "synonym", main, suppress in ("N", ""))
    yield Tally("names outside the content asked for", outside)
    yield Tally("names of other vocabularies", foreign)


def _relations(file: ReleaseFile, kept: set[str]) -> Iterator[Row]:
    wanted = about("rxnorm")["relations"]
    for _, cells in bar_rows(file, _REL_WIDTH):
        target, code, relation, vocabulary = cells[0], cells[4], cells[7], cells[10]
        if vocabulary == _SYSTEM and code in kept and target in kept:
            if relation == "isa":
                yield LinkRow(_SYSTEM, code, IS_A, _SYSTEM, target)
            elif relation in wanted:
                yield LinkRow(_SYSTEM, code, relation, _SYSTEM, target)


def _attributes(file: ReleaseFile, kept: set[str]) -> Iterator[Row]:
    wanted = about("rxnorm")["facts"]
    for _, cells in bar_rows(file, _SAT_WIDTH):
        code, key, vocabulary, value, suppress = cells[0], cells[8], cells[9], cells[10], cells[11]
        if code not in kept or vocabulary != _SYSTEM or suppress not in ("N", ""):
            continue
        if key == "NDC":
            yield LinkRow(_SYSTEM, code, "ndc", "NDC", value)
        elif key in wanted:
            yield FactRow(_SYSTEM, code, key, value)


def _merged(file: ReleaseFile, kept: set[str]) -> Iterator[Row]:
    """Archived atoms of RxNorm itself: the concept they were of, and the one they went to."""
    for _, cells in bar_rows(file, _ARCHIVE_WIDTH):
        name, code, vocabulary, kind, target = cells[2], cells[12], cells[13], cells[14], cells[15]
        if vocabulary == _SYSTEM and code.isdigit() and code not in kept:
            yield ConceptRow(_SYSTEM, code, kind, False)
            yield TermRow(_SYSTEM, code, name, "name", True, False)
            if target.isdigit() and target != code:
                yield LinkRow(_SYSTEM, code, "replaced_by", _SYSTEM, target)


READER = Reader("rxnorm", rows, release)
