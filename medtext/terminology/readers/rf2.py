"""SNOMED CT in Release Format 2: the Snapshot, or the newest state of every component of a Full release.

RF2 files are tab-separated and never quoted. A component may stand in a file several times; what counts is the row with
the latest effectiveTime, wherever it stands. Sources: SNOMED International, "Release File Specification", chapters 4-5.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator, Sequence

from medtext.errors import FormatError
from medtext.terminology.readers import Reader, about
from medtext.terminology.readers.files import Files, ReleaseFile, tab_rows
from medtext.terminology.rows import IS_A, MAP, ConceptRow, FactRow, LinkRow, Row, Tally, TermRow

_SYSTEM = "SNOMED"
_IS_A = "116680003"
_FSN, _SYNONYM, _DEFINITION = "900000000000003001", "900000000000013009", "900000000000550004"
_KINDS = {_FSN: "fsn", _SYNONYM: "synonym", _DEFINITION: "definition"}
_PREFERRED = "900000000000548007"
_PRIMITIVE = "900000000000074008"
_TAG = re.compile(r"\(([^()]+)\)$")
_STATES = ("Snapshot", "Full")
_DATE = re.compile(r"_(\d{8})\.txt$", re.IGNORECASE)
_CONCEPT = r"x?sct2_Concept_{state}_.*\.txt"
_DESCRIPTION = r"x?sct2_(?:Description|TextDefinition)_{state}(?:-en)?(?:[-_].*)?\.txt"
_RELATIONSHIP = r"x?sct2_Relationship_{state}_.*\.txt"
_LANGUAGE = r"x?der2_cRefset_Language{state}-en.*\.txt"
_EXTENDED_MAP = r"x?der2_iisss(?:c|cc)Refset_.*Map{state}.*\.txt"
_ASSOCIATION = r"x?der2_cRefset_Association(?:Reference)?{state}.*\.txt"
_HASHED = 16  # hexadecimal digits of a UUID that are told apart


def rows(files: Files, *, language: str = "en") -> Iterator[Row]:
    """Concepts, descriptions, is-a relations, maps to ICD and the replacements of retired concepts.

    Descriptions in other languages than `language` are counted and left out.
    """
    release(files)
    state = _state(files)
    descriptions = _found(files, _DESCRIPTION, state)
    if not descriptions:
        raise FormatError("no description file is here; it is called sct2_Description_….txt.", where="RF2")
    tags = _tags(descriptions)
    yield from _concepts(_found(files, _CONCEPT, state), tags)
    yield from _terms(descriptions, _preferences(_found(files, _LANGUAGE, state)), language)
    yield from _parents(_found(files, _RELATIONSHIP, state))
    yield from _maps(_found(files, _EXTENDED_MAP, state))
    yield from _replacements(_found(files, _ASSOCIATION, state))


def release(files: Files) -> str:
    """The date in the files' names; raises FormatError when they are of several releases or no release at all."""
    state = _state(files)
    found = [one for pattern in (_CONCEPT, _DESCRIPTION, _RELATIONSHIP) for one in _found(files, pattern, state)]
    dates = {match[1]: one.short for one in found if (match := _DATE.search(one.short))}
    if len(dates) > 1:
        told = ", ".join(f"{name} ({date})" for date, name in sorted(dates.items()))
        raise FormatError(f"the files are of several releases: {told}. Give one release.", where="RF2")
    return next(iter(dates), "")


def _state(files: Files) -> str:
    for state in _STATES:
        if files.match(_CONCEPT.format(state=state)):
            return state
    raise FormatError(
        "no concept file is here; it is called sct2_Concept_Snapshot_….txt, or …_Full_… (a Delta is not enough).",
        where="RF2",
    )


def _found(files: Files, pattern: str, state: str) -> list[ReleaseFile]:
    return files.match(pattern.format(state=state))


def _key(component: str) -> int:
    """A component's id as a number of 63 bits: an SCTID, or half a UUID."""
    if component.isdigit():
        return int(component) & (1 << 63) - 1
    return int(component.replace("-", "")[:_HASHED], 16) >> 1


def _newest(file: ReleaseFile, columns: Sequence[str]) -> Iterator[list[str]]:
    """The cells of the newest row of every component; the file is read twice, so that nothing is held but numbers."""
    keep, _ = _newest_lines(file)
    for at, (_, cells) in enumerate(tab_rows(file, columns)):
        if keep[at]:
            yield cells


def _newest_lines(file: ReleaseFile) -> tuple[bytearray, int]:
    """For each row whether it is the newest of its component, and how many are not."""
    import numpy

    keys, times = array("q"), array("q")
    for number, (component, time) in tab_rows(file, ("id", "effectiveTime")):
        try:
            keys.append(_key(component))
            times.append(int(time))
        except ValueError:
            raise file.fail(number, "the id or the effectiveTime is no number.") from None
    if not keys:
        return bytearray(), 0
    by_id, by_time = numpy.frombuffer(keys, dtype="q"), numpy.frombuffer(times, dtype="q")
    order = numpy.lexsort((by_time, by_id))
    last = numpy.append(by_id[order][1:] != by_id[order][:-1], True)
    keep = numpy.zeros(len(keys), dtype=bool)
    keep[order[last]] = True
    return bytearray(keep.tobytes()), int(len(keys) - last.sum())


def _tags(descriptions: list[ReleaseFile]) -> dict[str, str]:
    """Concept → semantic tag: what stands in brackets at the end of its fully specified name."""
    tags: dict[str, str] = {}
    shared: dict[str, str] = {}
    for file in descriptions:
        for active, concept, kind, term in _newest(file, ("active", "conceptId", "typeId", "term")):
            if kind == _FSN and (active == "1" or concept not in tags) and (tag := _TAG.search(term)):
                tags[concept] = shared.setdefault(tag[1], tag[1])
    return tags


def _concepts(found: list[ReleaseFile], tags: dict[str, str]) -> Iterator[Row]:
    older = 0
    for file in found:
        older += _newest_lines(file)[1]
        for code, active, status in _newest(file, ("id", "active", "definitionStatusId")):
            yield ConceptRow(_SYSTEM, code, tags.get(code, ""), active == "1")
            if status != _PRIMITIVE:
                yield FactRow(_SYSTEM, code, "definition_status", "defined")
    if older:
        yield Tally("older states of concepts, or repeated rows", older)


def _preferences(found: list[ReleaseFile]) -> list[set[str]]:
    """For each language reference set the descriptions that it prefers."""
    order = about("rf2")["languages"]
    preferred: list[set[str]] = [set() for _ in order]
    columns = ("active", "refsetId", "referencedComponentId", "acceptabilityId")
    for file in found:
        for active, refset, description, acceptability in _newest(file, columns):
            if active == "1" and acceptability == _PREFERRED and refset in order:
                preferred[order.index(refset)].add(description)
    return preferred


def _terms(descriptions: list[ReleaseFile], preferred: list[set[str]], language: str) -> Iterator[Row]:
    columns = ("id", "active", "conceptId", "languageCode", "typeId", "term", "caseSignificanceId")
    most = max(map(len, preferred))
    chosen = next(one for one in preferred if 2 * len(one) >= most)
    others = 0
    for file in descriptions:
        for key, active, concept, spoken, kind, term, _ in _newest(file, columns):
            if spoken != language:
                others += 1
                continue
            best = kind == _SYNONYM and key in chosen
            yield TermRow(_SYSTEM, concept, term, _KINDS.get(kind, "synonym"), best, active == "1")
    if others:
        yield Tally(f"descriptions in other languages than {language}", others)


def _parents(found: list[ReleaseFile]) -> Iterator[Row]:
    for file in found:
        for active, child, parent, kind in _newest(file, ("active", "sourceId", "destinationId", "typeId")):
            if active == "1" and kind == _IS_A:
                yield LinkRow(_SYSTEM, child, IS_A, _SYSTEM, parent)


def _maps(found: list[ReleaseFile]) -> Iterator[Row]:
    told, others = about("rf2"), 0
    for file in found:
        for active, refset, code, group, priority, rule, advice, target, *category in _newest(file, _map_columns(file)):
            if refset not in told["maps"]:
                others += 1
            elif active == "1":
                where = (_number(file, group), _number(file, priority))
                kind = "".join(told["categories"].get(one, one) for one in category)
                system = told["maps"][refset]
                yield LinkRow(_SYSTEM, code, MAP, system, target.rstrip(" ?"), *where, rule, advice, kind)
    if others:
        yield Tally("rows of maps to other code systems", others)


def _map_columns(file: ReleaseFile) -> tuple[str, ...]:
    """The columns of a map; one without rules' categories (ICD-O) has a column less."""
    columns = ("active", "refsetId", "referencedComponentId", "mapGroup", "mapPriority", "mapRule", "mapAdvice")
    _, header = next(iter(file.lines()), (1, ""))
    return (*columns, "mapTarget", *(["mapCategoryId"] if "mapCategoryId" in header.split("\t") else []))


def _number(file: ReleaseFile, text: str) -> int:
    if not text.isdigit():
        raise FormatError("a mapGroup or mapPriority is no number.", where=file.short)
    return int(text)


def _replacements(found: list[ReleaseFile]) -> Iterator[Row]:
    relations = about("rf2")["associations"]
    columns = ("active", "refsetId", "referencedComponentId", "targetComponentId")
    for file in found:
        for active, refset, code, target in _newest(file, columns):
            if active == "1" and refset in relations:
                yield LinkRow(_SYSTEM, code, relations[refset], _SYSTEM, target)


READER = Reader("rf2", rows, release)
