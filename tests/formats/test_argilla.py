"""Argilla records."""

import json

import pytest
from hypothesis import given, settings

from medtext import Note, Review
from medtext.errors import FormatError, Problem
from medtext.formats.argilla import FORMAT, note_to_record
from tests.formats.roundtrip import again, example, from_bytes, law, told_by_content
from tests.laws import batches


@settings(max_examples=40, deadline=None)
@given(batches())
def test_reading_what_was_written_gives_the_notes_without_what_is_lost(tmp_path_factory, notes):
    law(FORMAT, notes, again(FORMAT, notes, tmp_path_factory.mktemp("argilla")))


def test_the_file_is_told_by_what_is_in_it(tmp_path):
    told_by_content(FORMAT, tmp_path)


def record(**change) -> dict:
    return note_to_record(example()) | change


def back(one: dict, **options):
    (note,) = from_bytes(FORMAT, json.dumps([one]).encode(), **options)
    return note


def test_a_response_is_a_review_and_the_last_or_the_named_one_counts():
    held = record()["suggestions"]["spans"]["value"]
    kept = [one for one in held if one["label"] != "PATIENT"] + [{"start": 3, "end": 9, "label": "CUE"}]
    answers = [{"value": held, "user_id": "a"}, {"value": kept, "user_id": "b"}]
    answers.append({"value": [], "user_id": "c", "status": "draft"})
    note = back(record(responses={"spans": answers}))
    assert (note.review, note.span("p1").status, note.span("e1").status) == (
        Review("done", "b"),
        "rejected",
        "accepted",
    )
    assert [(span.at, span.status) for span in note.spans if span.label == "CUE"] == [(((3, 9),), "added")]
    assert back(record(responses={"spans": answers}), annotator="a").span("p1").status == "accepted"


def test_records_of_others_are_read():
    value = [{"start": 0, "end": 5, "label": "SIGN", "score": 0.5}]
    one = {"id": "7", "fields": {"text": "fever"}, "metadata": {"ward": "3B"}}
    note = back(one | {"suggestions": {"tags": {"value": value, "agent": "m"}}}, question="tags")
    assert (note.id, note.meta, [(span.label, span.at) for span in note.spans]) == (
        "7",
        {"ward": "3B"},
        [("SIGN", ((0, 5),))],
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fields": {}}, "no field"),
        ({"fields": None}, "malformed"),
        ({"fields": {"text": "another"}, "suggestions": {}}, "sha256"),
        ({"suggestions": {"spans": {"value": [{"start": 0, "end": 900, "label": "X"}]}}}, "does not lie inside"),
        ({"metadata": {"medtext": "{Zzz"}}, "damaged"),
    ],
)
def test_a_broken_record_is_a_problem_and_others_are_read(change, message):
    data = json.dumps([record(**change), note_to_record(Note("n2", "fine"))]).encode()
    problem, good = from_bytes(FORMAT, data)
    assert isinstance(problem, Problem)
    assert (problem.where, good.id) == ("f: record 1", "n2")
    assert message in problem.message
    assert "chest" not in str(problem)
    for broken in (b"{Zzz", b"{}"):
        with pytest.raises(FormatError):
            from_bytes(FORMAT, broken)
