"""Prodigy's tasks."""

import json

import pytest
from hypothesis import given, settings

from medtext import Note, Review, read
from medtext.errors import ConfigError, Problem
from medtext.formats.prodigy import FORMAT
from tests.formats.roundtrip import again, example, from_bytes, law, to_bytes
from tests.laws import batches


@settings(max_examples=60, deadline=None)
@given(batches())
def test_reading_what_was_written_gives_the_notes(notes):
    law(FORMAT, notes, again(FORMAT, notes, None))


@settings(max_examples=60, deadline=None)
@given(batches())
def test_every_span_is_a_run_of_whole_tokens_and_tokens_are_the_text(notes):
    for note, line in zip(notes, to_bytes(FORMAT, notes).split(b"\n"), strict=False):
        task = json.loads(line)
        tokens = task["tokens"]
        for span in task["spans"]:
            assert tokens[span["token_start"]]["start"] == span["start"]
            assert tokens[span["token_end"]]["end"] == span["end"]
        assert "".join(one["text"] + " " * one["ws"] for one in tokens) == note.text.removeprefix(
            " " if note.text.startswith(" ") and (not tokens or tokens[0]["start"] == 1) else ""
        )
        assert [one["id"] for one in tokens] == list(range(len(tokens)))


def task(note: Note) -> dict:
    return json.loads(to_bytes(FORMAT, [note]))


def back(record: dict, **options) -> Note:
    (note,) = from_bytes(FORMAT, json.dumps(record).encode(), **options)
    assert isinstance(note, Note), note
    return note


def test_an_accepted_task_is_judged_by_what_has_changed():
    record = task(example()) | {"answer": "accept", "_annotator_id": "ann"}
    spans = {one["id"]: one for one in record["spans"]}
    spans["e2"]["label"] = "SIGN"
    record["spans"] = [spans["e1"], spans["e2"], spans["p1"], {"start": 3, "end": 9, "label": "CUE"}]
    note = back(record)
    assert note.review == Review("done", "ann")
    told = {span.id: (span.status, span.label) for span in note.spans}
    assert told == {
        "e1": ("accepted", "PROBLEM"),
        "e2": ("corrected", "SIGN"),
        "e3": ("rejected", "PROBLEM"),
        "e4": ("rejected", "DRUG"),
        "e5": ("added", "CUE"),
        "p1": ("accepted", "PATIENT"),
        "h1": ("predicted", "HPI"),
    }
    assert note.span("e2").was == {"label": "PROBLEM"}


def test_other_answers_are_kept_apart():
    record = task(example())
    assert back(record | {"answer": "ignore"}).x == {"prodigy": {"answer": "ignore"}}
    data = json.dumps(record | {"answer": "reject"}).encode()
    assert from_bytes(FORMAT, data, answer="accept") == []
    assert from_bytes(FORMAT, data, annotator="ann") == []
    with pytest.raises(ConfigError, match="accept, reject"):
        from_bytes(FORMAT, data, answer="yes")


def test_tasks_of_others_are_read_with_their_relations():
    spans = [{"start": 0, "end": 5, "token_start": 0, "token_end": 0, "label": "A"}]
    spans += [{"start": 6, "end": 8, "token_start": 1, "token_end": 1, "label": "B"}]
    relation = {"head": 0, "child": 1, "label": "of", "head_span": spans[0], "child_span": spans[1]}
    record = {"text": "fever 38", "spans": spans, "relations": [relation], "meta": {"ward": "3B"}, "answer": "accept"}
    note = back(record)
    assert (note.id, note.meta, note.review) == ("task-1", {"ward": "3B"}, Review("done"))
    assert [(one.label, one.at, one.status) for one in note.spans] == [
        ("A", ((0, 5),), "added"),
        ("B", ((6, 8),), "added"),
    ]
    assert [(one.type, one.source, one.target) for one in note.relations] == [("of", "e1", "e2")]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"spans": [{"start": 0, "end": 900, "label": "X"}]}, "does not lie inside"),
        ({"spans": [{"start": 0}]}, "malformed"),
        ({"spans": 7}, "malformed"),
        ({"text": 7}, "no text"),
        ({"text": "another"}, "sha256"),
        ({"medtext": "[]"}, "damaged"),
        ({"relations": [{"label": "x", "head_span": {}}]}, "malformed"),
    ],
)
def test_a_broken_task_is_a_problem_and_others_are_read(change, message):
    change = {"spans": []} | change if "text" in change else change
    lines = [json.dumps(task(example()) | change), json.dumps({"text": "fine", "tokens": []})]
    problem, good = from_bytes(FORMAT, "\n".join(lines).encode())
    assert isinstance(problem, Problem)
    assert (problem.where, good.id) == ("f:1", "task-2")
    assert message in problem.message
    assert "chest" not in str(problem)


def test_the_file_is_told_from_other_json_lines(tmp_path):
    (tmp_path / "n.jsonl").write_bytes(to_bytes(FORMAT, [example()]))
    assert list(read(tmp_path / "n.jsonl")) == [example()]
