"""UMLS Metathesaurus in RRF: concepts (CUIs) with their names and semantic types, and the codes behind them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from medtext.terminology.readers import Reader, about
from medtext.terminology.readers.files import Files, ReleaseFile, bar_rows
from medtext.terminology.rows import MAP, ConceptRow, FactRow, LinkRow, Row, Tally, TermRow

_SYSTEM = "UMLS"
_CONSO, _CONSO_WIDTH = r"MRCONSO\w*\.RRF", 18
_STY, _STY_WIDTH = r"MRSTY\w*\.RRF", 6
_CUI = re.compile(r"C\d{7}")
_RELEASE = r"20\d\d(?:AA|AB)"


def rows(files: Files, *, vocabularies: Collection[str] = (), language: str = "ENG") -> Iterator[Row]:
    """CUIs, names, semantic types, and a link to each code of a vocabulary.

    `vocabularies` (SNOMEDCT_US, MSH, …) keeps those sources alone; what is left out is counted.
    """
    wanted = set(vocabularies.split(",") if isinstance(vocabularies, str) else vocabularies)
    conso = files.need(_CONSO, "UMLS names", "MRCONSO.RRF")
    kept: set[str] = set()
    yield from _names(conso, kept, wanted, language)
    for file in files.match(_STY):
        for _, cells in bar_rows(file, _STY_WIDTH):
            if cells[0] in kept:
                yield ConceptRow(_SYSTEM, cells[0], cells[3])
                yield FactRow(_SYSTEM, cells[0], "semantic_type", cells[1])


def release(files: Files) -> str:
    """2025AB, where a folder, zip or file is called so."""
    found = files.dated(_RELEASE)
    return found[0] if found else ""


def _names(file: ReleaseFile, kept: set[str], wanted: set[str], language: str) -> Iterator[Row]:
    systems, left = about("umls")["vocabularies"], 0
    for line, cells in bar_rows(file, _CONSO_WIDTH):
        code, spoken, status, form, best, vocabulary = (cells[at] for at in (0, 1, 2, 4, 6, 11))
        if not _CUI.fullmatch(code):
            raise file.fail(line, "the CUI is not C and seven digits.", column=1)
        if spoken != language or (wanted and vocabulary not in wanted):
            left += 1
            continue
        if code not in kept:
            kept.add(code)
            yield ConceptRow(_SYSTEM, code)
        preferred = (status, form, best) == ("P", "PF", "Y")
        yield TermRow(_SYSTEM, code, cells[14], "name" if preferred else "synonym", preferred, cells[16] in ("N", ""))
        if vocabulary in systems and cells[13] not in ("", "NOCODE"):
            yield LinkRow(_SYSTEM, code, MAP, systems[vocabulary], cells[13])
    yield Tally("names in other languages or vocabularies", left)


READER = Reader("umls", rows, release)
