"""The span file: its record, its schema, and the JSON Lines spelling."""

import copy
import io
import json
from importlib.resources import files

import jsonschema
import pytest
from hypothesis import given, settings

from medtext import Assertion, Candidate, Code, Note, Relation, Review, Source, Span
from medtext.errors import FormatError, NoteError, Problem
from medtext.formats.jsonl import FORMAT
from medtext.formats.spanfile import note_to_record, record_to_note
from tests.laws import batches, notes

SCHEMA = json.loads(files("medtext.formats").joinpath("medtext-1.schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def full_record() -> dict:
    span = Span(
        ((10, 20),),
        "PROBLEM",
        status="corrected",
        assertion=Assertion("absent", "current", "patient"),
        codes=(Code("SNOMED", "29857009"),),
        candidates=(Candidate(Code("ICD10CM", "R07.9"), "Chest pain", 0.9, "exact", "2026-04"),),
        score=0.98,
        sources=(Source("model:clinical-mini@1", 0.98),),
        was={"label": "TEST"},
        comment="see plan",
        x={"k": 1},
    )
    note = Note("n1", "Pt denies chest pain. HTN.", meta={"p": 7}, review=Review("done", "a"), x={"y": 2})
    note = note.add([span, Span(((22, 25),), "PROBLEM")], [])
    return json.loads(json.dumps(note_to_record(note.add(relations=[Relation("r", "e1", "e2", score=0.5)]))))


@settings(max_examples=60, deadline=None)
@given(batches())
def test_reading_lines_that_were_written_gives_the_notes(notes):
    stream = io.BytesIO()
    FORMAT.write(notes, stream)
    stream.seek(0)
    assert list(FORMAT.read(stream, name="n.jsonl")) == notes
    assert stream.getvalue().count(b"\n") == len(notes)


@settings(max_examples=60, deadline=None)
@given(notes())
def test_the_schema_accepts_what_is_written(note):
    VALIDATOR.validate(json.loads(json.dumps(note_to_record(note))))


def test_the_schema_is_a_schema_and_knows_every_key_of_the_record():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    record = full_record()
    VALIDATOR.validate(record)
    span = next(one for one in record["spans"] if one["id"] == "e1")
    assert set(SCHEMA["properties"]) == set(record)
    assert set(SCHEMA["$defs"]["span"]["properties"]) == set(span)
    assert set(SCHEMA["$defs"]["candidate"]["properties"]) == set(span["candidates"][0])


def _set(path: str, value: object):
    def change(record: dict) -> None:
        *way, last = [int(key) if key.isdigit() else key for key in path.split(".")]
        for key in way:
            record = record[key]
        record[last] = value

    return change


BROKEN = {
    "another version": _set("format", "medtext/2"),
    "an unknown key": _set("note", "n1"),
    "an unknown key of a span": _set("spans.0.start", 10),
    "an id that is no id": _set("spans.0.id", "e 1"),
    "an empty note id": _set("id", ""),
    "no text": _set("text", None),
    "a negative offset": _set("spans.0.at", [[-1, 3]]),
    "half an offset": _set("spans.0.at", [[1.5, 3]]),
    "three offsets": _set("spans.0.at", [[1, 3, 4]]),
    "no fragment": _set("spans.0.at", []),
    "no label": _set("spans.0.label", ""),
    "a layer in capitals": _set("spans.0.layer", "Entity"),
    "an unknown status": _set("spans.0.status", "maybe"),
    "an unknown presence": _set("spans.0.assertion", {"presence": "maybe"}),
    "an unknown axis": _set("spans.0.assertion", {"mood": "absent"}),
    "a code without a system": _set("spans.0.codes", ["29857009"]),
    "the same code twice": _set("spans.0.codes", ["A:1", "A:1"]),
    "a score above one": _set("spans.0.score", 1.5),
    "a source of no kind": _set("spans.0.sources", [{"by": "magic:x"}]),
    "a relation without an end": _set("relations.0", {"type": "r", "from": "e1"}),
    "a review in no state": _set("review", {"state": "lost"}),
    "a hash that is none": _set("sha256", "abc"),
    "deidentified as text": _set("deidentified", "yes"),
    "meta as a list": _set("meta", []),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_schema_and_reader_refuse_what_is_broken(broken):
    record = copy.deepcopy(full_record())
    broken(record)
    assert not VALIDATOR.is_valid(record)
    with pytest.raises((FormatError, NoteError)):
        record_to_note(record)


def test_a_broken_line_is_a_problem_with_its_place_and_the_others_are_read():
    good = [json.dumps(full_record() | {"id": name}) for name in ("a", "b")]
    edited = json.dumps(full_record() | {"text": "Pt was Zzz", "sha256": None})
    lines = [good[0], "{Zzz", edited, '{"format":"medtext/1","id":"c","text":"Zzz","spans":[{}]}', "", good[1]]
    items = list(FORMAT.read(io.BytesIO("\n".join(lines).encode()), name="n.jsonl"))
    assert [item.id for item in items if isinstance(item, Note)] == ["a", "b"]
    assert [item.where for item in items if isinstance(item, Problem)] == ["n.jsonl:2", "n.jsonl:3", "n.jsonl:4"]
    assert not any("Zzz" in str(item) for item in items)
