"""OMOP CDM 5.4: a folder with NOTE.csv and NOTE_NLP.csv.

Places, label, layer, codes, score and assertion stand in `term_modifiers`, as key=value; `term_exists` is N for what is
absent, hypothetical, or said of somebody else. Concept ids need a vocabulary: pass `concepts`, else they are 0.
Reference: https://ohdsi.github.io/CommonDataModel/cdm54.html
"""

from __future__ import annotations

import csv
import datetime
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from medtext.errors import FormatError, NoteError, Problem
from medtext.formats import Format
from medtext.formats import csv as tables
from medtext.formats.losses import without
from medtext.formats.offsets import check_place
from medtext.note import Note
from medtext.span import Assertion, Code, Span

NOTE = (
    *("note_id", "person_id", "note_date", "note_datetime", "note_type_concept_id", "note_class_concept_id"),
    *("note_title", "note_text", "encoding_concept_id", "language_concept_id", "provider_id"),
    *("visit_occurrence_id", "visit_detail_id", "note_source_value", "note_event_id", "note_event_field_concept_id"),
)
NOTE_NLP = (
    *("note_nlp_id", "note_id", "section_concept_id", "snippet", "offset", "lexical_variant", "note_nlp_concept_id"),
    *("note_nlp_source_concept_id", "nlp_system", "nlp_date", "nlp_datetime", "term_exists", "term_temporal"),
    "term_modifiers",
)
# Concepts of the OMOP vocabulary: "EHR note", "UTF-8 (32678)", "English language".
_FIXED = {"note_type_concept_id": 32831, "encoding_concept_id": 32678, "language_concept_id": 4180186}
_AXES = ("presence", "temporality", "subject")
_META = (("person_id", "person_id"), ("note_date", "date"))
_AROUND = 40


def write(notes: Iterable[Note], path: Path, *, concepts: Mapping[str, int] | None = None, nlp_date: str = "") -> None:
    """Two tables. `concepts` gives the standard concept id of a code (`SNOMED:38341003`); `nlp_date` is today.

    `note_id` counts from 1, our id is `note_source_value`; `person_id` and `note_date` come from `person_id` and `date`
    of meta.
    """
    path.mkdir(parents=True, exist_ok=True)
    day = nlp_date or datetime.date.today().isoformat()
    rows = 0
    with _table(path / "NOTE.csv") as first, _table(path / "NOTE_NLP.csv") as second:
        notes_out, spans_out = csv.DictWriter(first, NOTE), csv.DictWriter(second, NOTE_NLP)
        notes_out.writeheader()
        spans_out.writeheader()
        for number, note in enumerate(notes, 1):
            kept = without(note, FORMAT.loses - {"meta"})
            notes_out.writerow(_note_row(kept, number))
            for span in kept.spans:
                rows += 1
                row = {"note_nlp_id": rows, "note_id": number, "nlp_date": day, "nlp_system": "medtext"}
                spans_out.writerow(row | _span_row(span, kept.text, concepts or {}))


def _table(path: Path) -> Any:
    return path.open("w", encoding="utf-8", newline="")


def _note_row(note: Note, number: int) -> dict[str, Any]:
    meta = {name: tables.cell(note.meta.get(key)) for name, key in _META}
    return {"note_id": number, "note_class_concept_id": 0, **_FIXED, **meta, "note_text": note.text} | {
        "note_source_value": note.id
    }


def _span_row(span: Span, text: str, concepts: Mapping[str, int]) -> dict[str, Any]:
    said = span.assertion or Assertion()
    known = [concepts[str(code)] for code in span.codes if str(code) in concepts]
    exists = said.presence != "absent" and said.subject in (None, "patient") and said.temporality != "hypothetical"
    return {
        "section_concept_id": 0,
        "snippet": text[max(0, span.start - _AROUND) : span.end + _AROUND],
        "offset": span.start,
        "lexical_variant": text[span.start : span.end],
        "note_nlp_concept_id": known[0] if known else 0,
        "note_nlp_source_concept_id": 0,
        "term_exists": ("Y" if exists else "N") if said else "",
        "term_temporal": said.temporality or "",
        "term_modifiers": _modifiers(span, said),
    }


def _modifiers(span: Span, said: Assertion) -> str:
    held = {"label": span.label, "layer": span.layer}
    held |= {"at": " ".join(f"{start}-{end}" for start, end in span.at)} if len(span.at) > 1 else {}
    held |= {"codes": " ".join(map(str, span.codes))} if span.codes else {}
    held |= {"score": json.dumps(span.score)} if span.score is not None else {}
    held |= {axis: value for axis in _AXES if (value := getattr(said, axis))}
    return ",".join(f"{key}={quote(value, safe=': ')}" for key, value in held.items())


def read(path: Path) -> Iterator[Note | Problem]:
    """One note a row of NOTE, with its rows of NOTE_NLP; what cannot be read is named by `note_nlp_id`."""
    for name in ("NOTE.csv", "NOTE_NLP.csv"):
        if not (path / name).is_file():
            raise FormatError(f"there is no {name} in this folder.", where=str(path))
    rows: dict[str, list[Note]] = defaultdict(list)
    for row in _rows(path / "NOTE_NLP.csv", "lexical_variant", "note_nlp_id"):
        if isinstance(row, Problem):
            yield row
        else:
            rows[str(row.meta.get("note_id"))].append(row)
    for row in _rows(path / "NOTE.csv", "note_text", "note_id"):
        if isinstance(row, Problem):
            yield row
            continue
        own = row.meta.get("note_source_value") or row.id
        try:
            spans = [_span(one, row.text) for one in rows.pop(row.id, [])]
            meta = {key: row.meta[name] for name, key in _META if name in row.meta}
            yield Note(str(own), row.text, meta=meta).add(spans)
        except NoteError as error:
            yield Problem(str(error), note_id=str(own), where=str(path / "NOTE_NLP.csv"))
    for note_id in rows:
        yield Problem(f"rows name the note_id {note_id!r}, which NOTE does not have.", where=str(path / "NOTE_NLP.csv"))


def _rows(path: Path, text_column: str, id_column: str) -> Iterator[Note | Problem]:
    with path.open("rb") as stream:
        yield from tables.read(
            stream, name=str(path), text_column=text_column, id_column=id_column, delimiter=",", encoding="utf-8-sig"
        )


def _span(row: Note, text: str) -> Span:
    """The span of a row of NOTE_NLP; raises NoteError when it does not stand over its own words."""
    what = f"note_nlp_id {row.id}"
    offset = str(row.meta.get("offset", ""))
    start = int(offset) if offset.isascii() and offset.isdecimal() else -1
    place = check_place(start, start + len(row.text), len(text), what=what)
    if text[slice(*place)] != row.text:
        raise NoteError(f"the lexical_variant of {what} is not what stands at {place[0]}–{place[1]}.")
    pairs = (part.partition("=") for part in str(row.meta.get("term_modifiers", "")).split(",") if "=" in part)
    held = {key.strip(): unquote(value) for key, _, value in pairs}
    try:
        at = [tuple(map(int, one.split("-"))) for one in held["at"].split(" ")] if "at" in held else [place]
        return Span(
            tuple(at),
            held.get("label", "UNKNOWN"),
            layer=held.get("layer", "entity"),
            codes=tuple(map(Code.parse, held["codes"].split(" "))) if "codes" in held else (),
            score=json.loads(held["score"]) if "score" in held else None,
            assertion=_assertion(held, str(row.meta.get("term_exists", ""))),
        )
    except (ValueError, TypeError) as error:
        reason = str(error) if isinstance(error, NoteError) else "the form of a value is wrong."
        raise NoteError(f"the term_modifiers of {what}: {reason}") from None


def _assertion(held: Mapping[str, str], exists: str) -> Assertion:
    """What the modifiers say; where they say nothing, N of another system may mean absent or not the patient's."""
    said = {axis: held[axis] for axis in _AXES if axis in held}
    return Assertion(**said) if said or exists != "Y" else Assertion("present")


FORMAT = Format(
    "omop",
    "OMOP CDM tables NOTE and NOTE_NLP, a folder of two CSV files",
    read=read,
    write=write,
    loses=frozenset(
        ["meta", "review", "deidentified", "x", "relations", "spans.id"]
        + [f"spans.{name}" for name in ("status", "candidates", "sources", "was", "comment", "x")]
    ),
    recognises=lambda path: (path / "NOTE.csv").is_file() and (path / "NOTE_NLP.csv").is_file(),
)
