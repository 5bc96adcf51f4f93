"""The record of the span file `medtext/1`: what JSONL and YAML spell, and what other formats carry along.

Unknown keys are refused with the known ones listed. `quote` is checked against the text; a span that gives a quote
and no place is put where the quote stands, if it stands there once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from medtext.errors import FormatError, NoteError
from medtext.note import Note, Relation, Review
from medtext.span import Assertion, Candidate, Code, Source, Span

FORMAT_NAME = "medtext/1"
NOTE_KEYS = ("format", "id", "text", "sha256", "deidentified", "meta", "review", "spans", "relations", "x")
SPAN_KEYS = (
    *("id", "at", "quote", "layer", "label", "status", "assertion", "codes", "candidates"),
    *("score", "sources", "was", "comment", "x"),
)
RELATION_KEYS = ("id", "type", "from", "to", "status", "score", "sources", "x")
CANDIDATE_KEYS = ("code", "display", "score", "match", "release")
ASSERTION_KEYS = ("presence", "temporality", "subject")
SOURCE_KEYS = ("by", "score")
REVIEW_KEYS = ("state", "annotator")


def text_hash(text: str) -> str:
    """SHA-256 of the text in UTF-8, in hexadecimal."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def note_to_record(note: Note) -> dict[str, Any]:
    """A note as the plain dict that the span file holds."""
    record = {
        "format": FORMAT_NAME,
        "id": note.id,
        "text": note.text,
        "sha256": text_hash(note.text),
        "deidentified": note.deidentified,
        "meta": dict(note.meta),
        "review": _slots(note.review, REVIEW_KEYS) if note.review else None,
        "spans": [span_to_record(span, note.text) for span in note.spans],
        "relations": [relation_to_record(relation) for relation in note.relations],
        "x": dict(note.x),
    }
    if not note.review:
        del record["review"]
    if not note.x:
        del record["x"]
    return record


def span_to_record(span: Span, text: str) -> dict[str, Any]:
    """A span as a plain dict; fields that hold nothing are left out."""
    record: dict[str, Any] = {
        "id": span.id,
        "at": [[start, end] for start, end in span.at],
        "quote": [text[start:end] for start, end in span.at],
        "layer": span.layer,
        "label": span.label,
        "status": span.status,
    }
    if span.assertion:
        record["assertion"] = _slots(span.assertion, ASSERTION_KEYS)
    if span.codes:
        record["codes"] = [str(code) for code in span.codes]
    if span.candidates:
        record["candidates"] = [_candidate_to_record(one) for one in span.candidates]
    if span.score is not None:
        record["score"] = span.score
    if span.sources:
        record["sources"] = [_slots(source, SOURCE_KEYS) for source in span.sources]
    if span.was is not None:
        record["was"] = dict(span.was)
    if span.comment:
        record["comment"] = span.comment
    if span.x:
        record["x"] = dict(span.x)
    return record


def relation_to_record(relation: Relation) -> dict[str, Any]:
    """A relation as a plain dict; fields that hold nothing are left out."""
    record: dict[str, Any] = {"id": relation.id, "type": relation.type, "from": relation.source, "to": relation.target}
    record["status"] = relation.status
    if relation.score is not None:
        record["score"] = relation.score
    if relation.sources:
        record["sources"] = [_slots(source, SOURCE_KEYS) for source in relation.sources]
    if relation.x:
        record["x"] = dict(relation.x)
    return record


def _candidate_to_record(candidate: Candidate) -> dict[str, Any]:
    return {"code": str(candidate.code)} | _slots(candidate, CANDIDATE_KEYS[1:])


def _slots(value: Any, keys: tuple[str, ...]) -> dict[str, Any]:
    """The fields of a small value that hold something."""
    held = {key: getattr(value, key) for key in keys}
    return {key: one for key, one in held.items() if one is not None and one != ""}


def record_to_note(record: Any, *, where: str = "") -> Note:
    """A note from a plain dict; raises FormatError with the place, the note id and the span id."""
    note_id = ""
    try:
        record = _mapping(record, NOTE_KEYS, "a note")
        note_id = record.get("id") if isinstance(record.get("id"), str) else ""
        _check_version(record.get("format"))
        text = _required(record, "text", str, "a note")
        note = Note(
            _required(record, "id", str, "a note"),
            text,
            deidentified=record.get("deidentified", False),
            meta=_mapping(record.get("meta", {}), None, "meta"),
            review=_made(Review, record.get("review"), REVIEW_KEYS, "review"),
            x=_mapping(record.get("x", {}), None, "x"),
        )
        _check_hash(record.get("sha256"), note)
        spans = [_placed(one, note) for one in _list(record, "spans")]
        relations = [record_to_relation(one) for one in _list(record, "relations")]
        return note.add(spans, relations)
    except NoteError as error:
        raise FormatError(str(error), where=where, note_id=note_id) from error


def _check_version(version: Any) -> None:
    if version != FORMAT_NAME:
        raise NoteError(f"this is format {version!r}; this version of medtext reads {FORMAT_NAME!r}.")


def _check_hash(stated: Any, note: Note) -> None:
    if stated is not None and stated != text_hash(note.text):
        raise NoteError(f"the text of note {note.id!r} does not have the stated sha256. Was the text edited?")


def _placed(record: Any, note: Note) -> Span:
    """A span of this note; where the record gives no place, where its quote stands."""
    record = _mapping(record, SPAN_KEYS, "a span")
    what = f"span {record.get('id', '(new)')!r} of note {note.id!r}"
    quote = record.get("quote")
    if "at" not in record:
        record = {**record, "at": [_search(quote, note.text, what)]}
    elif isinstance(record["at"], list) and record["at"] and type(record["at"][-1]) is list:
        end = record["at"][-1][-1] if record["at"][-1] else 0
        if type(end) is int and end > len(note.text):
            raise NoteError(f"{what} ends at {end}, but the note has {len(note.text)} characters. Was the text edited?")
    span = record_to_span(record, what=what)
    wanted = [quote] if isinstance(quote, str) else quote
    if wanted is not None and list(note.quote(span)) != wanted:
        raise NoteError(f"the quote of {what} is not what stands at {span.start}–{span.end}. Was the text edited?")
    return span


def _search(quote: Any, text: str, what: str) -> list[int]:
    quote = quote[0] if isinstance(quote, list) and len(quote) == 1 else quote
    if not isinstance(quote, str) or not quote:
        raise NoteError(f"{what} has no `at`, so it needs one `quote` to be found by.")
    first = text.find(quote)
    if first < 0:
        raise NoteError(f"the quote of {what} does not stand in the note.")
    if text.find(quote, first + 1) >= 0:
        raise NoteError(f"the quote of {what} stands in the note more than once; give `at`.")
    return [first, first + len(quote)]


def record_to_span(record: Any, *, what: str = "a span") -> Span:
    """A span from a plain dict; raises NoteError."""
    record = _mapping(record, SPAN_KEYS, what)
    was = record.get("was")
    return Span(
        record.get("at"),
        _required(record, "label", str, what),
        id=record.get("id", "") or "",
        layer=record.get("layer", "entity"),
        status=record.get("status", "predicted"),
        assertion=_made(Assertion, record.get("assertion"), ASSERTION_KEYS, f"the assertion of {what}"),
        codes=tuple(Code.parse(code) for code in _list(record, "codes")),
        candidates=tuple(_candidate(one, what) for one in _list(record, "candidates")),
        score=record.get("score"),
        sources=tuple(_made(Source, one, SOURCE_KEYS, f"a source of {what}") for one in _list(record, "sources")),
        was=None if was is None else _mapping(was, None, f"was of {what}"),
        comment=_text(record, "comment", what),
        x=_mapping(record.get("x", {}), None, f"x of {what}"),
    )


def record_to_relation(record: Any) -> Relation:
    """A relation from a plain dict; raises NoteError."""
    record = _mapping(record, RELATION_KEYS, "a relation")
    what = f"relation {record.get('id', '(new)')!r}"
    return Relation(
        _required(record, "type", str, what),
        _required(record, "from", str, what),
        _required(record, "to", str, what),
        id=record.get("id", "") or "",
        status=record.get("status", "predicted"),
        score=record.get("score"),
        sources=tuple(_made(Source, one, SOURCE_KEYS, f"a source of {what}") for one in _list(record, "sources")),
        x=_mapping(record.get("x", {}), None, f"x of {what}"),
    )


def _candidate(record: Any, what: str) -> Candidate:
    record = _mapping(record, CANDIDATE_KEYS, f"a candidate of {what}")
    code = Code.parse(_required(record, "code", str, f"a candidate of {what}"))
    texts = {key: _text(record, key, what) for key in ("display", "match", "release")}
    return Candidate(code, score=record.get("score"), **texts)


def _made(make: Callable[..., Any], record: Any, keys: tuple[str, ...], what: str) -> Any:
    return None if record is None else make(**_mapping(record, keys, what))


def _mapping(value: Any, known: tuple[str, ...] | None, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise NoteError(f"{what} is not an object.")
    for key in value:
        if not isinstance(key, str):
            raise NoteError(f"a key of {what} is not text.")
        if known is not None and key not in known:
            raise NoteError(f"unknown key {key!r} in {what}. Known keys: {', '.join(known)}")
    return value


def _required(record: Mapping[str, Any], key: str, kind: type, what: str) -> Any:
    value = record.get(key)
    if not isinstance(value, kind):
        raise NoteError(f"{what} has no {key!r}." if value is None else f"{key!r} of {what} is of the wrong type.")
    return value


def _text(record: Mapping[str, Any], key: str, what: str) -> str:
    value = record.get(key, "")
    if not isinstance(value, str):
        raise NoteError(f"{key!r} of {what} is not text.")
    return value


def _list(record: Mapping[str, Any], key: str) -> list:
    value = record.get(key, [])
    if not isinstance(value, list | tuple):
        raise NoteError(f"{key!r} is not a list.")
    return list(value)
