"""What the webhook tells becomes lines of a span file, and each annotator's last word can be had from them."""

import json
import stat
import threading

import pytest

import medtext
from medtext.errors import IdentifiedNoteError, NoteError
from medtext.server.backend import Backend
from medtext.server.events import EVENT, Events


@pytest.fixture
def events(pipeline, tmp_path):
    return Events(tmp_path / "events.jsonl", Backend(pipeline))


def payload(task, result, *, number=1, who=3, action="ANNOTATION_CREATED", **more):
    said = {"id": number, "completed_by": who, "task": 7, "project": 2, "updated_at": "2026-01-01", "result": result}
    return {"action": action, "annotation": said | more, "task": task, "project": {"token": "x"}}


def lines(events):
    return [json.loads(line) for line in events.path.read_bytes().split(b"\n") if line]


def collected(events, folder):
    medtext.collect(events.path, folder)
    return {path.stem: list(medtext.read(path)) for path in folder.iterdir()}


def test_an_annotation_is_a_line_with_what_was_deleted_of_our_own_prediction(events, task, tmp_path):
    (made,) = events.backend.predict([task])
    gone = made["result"][0]["id"]
    kept = [item for item in made["result"] if gone not in (item.get("id"), item.get("from_id"), item.get("to_id"))]
    assert events.take(payload(task, kept)) == 1
    (record,) = lines(events)
    assert record["x"][EVENT]["action"] == "ANNOTATION_CREATED"
    assert record["review"] == {"state": "done", "annotator": "3"}
    (note,) = collected(events, tmp_path / "out")["3"]
    assert note.span(gone).status == "rejected"
    assert {span.status for span in note.spans} == {"accepted", "rejected"}


def test_the_last_word_of_each_annotator_is_collected_and_what_was_deleted_is_not(events, task, tmp_path):
    (made,) = events.backend.predict([task])
    events.take(payload(task, made["result"]))
    events.take(payload(task, [], number=2, who=4))
    events.take(payload(task, [], action="ANNOTATION_UPDATED"))
    found = collected(events, tmp_path / "one")
    assert {name: len(notes) for name, notes in found.items()} == {"3": 1, "4": 1}
    assert {span.status for span in found["3"][0].spans} == {"rejected"}
    events.take({"action": "ANNOTATIONS_DELETED", "annotations": [{"id": 1}]})
    events.take(payload(task, [], number=2, who=4, action="ANNOTATION_UPDATED", was_cancelled=True))
    assert len(lines(events)) == 5
    assert collected(events, tmp_path / "two") == {}


def test_other_events_and_unknown_annotations_make_no_line(events):
    assert events.take({"action": "PROJECT_UPDATED", "project": {}}) == 0
    assert events.take({"action": "ANNOTATIONS_DELETED", "annotations": [{"id": 99}]}) == 0
    assert lines(events) == []


def test_identified_notes_and_malformed_events_are_refused(events, task):
    identified = {**task, "meta": {"medtext": {**task["meta"]["medtext"], "deidentified": False}}}
    with pytest.raises(IdentifiedNoteError):
        events.take(payload(identified, []))
    for told in ({"action": "ANNOTATION_CREATED"}, payload(task, "no list"), payload({"id": 1}, [])):
        with pytest.raises(NoteError):
            events.take(told)
    assert lines(events) == []


def test_many_at_once_and_a_killed_process_leave_whole_lines(events, task, tmp_path):
    threads = [
        threading.Thread(target=events.take, args=(payload(task, [], number=number, who=number),))
        for number in range(20)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(lines(events)) == 20
    with events.path.open("ab") as stream:
        stream.write(b'{"format":"medtext/1","id":"to')
    again = Events(events.path, events.backend)
    again.take(payload(task, [], number=99, who=99))
    problems = []
    report = medtext.collect(events.path, tmp_path / "out", on_problem=problems.append)
    assert (report.read, report.errors) == (21, 1)
    assert stat.S_IMODE(events.path.stat().st_mode) == 0o600


def test_a_span_file_that_holds_no_events_is_told(events, bare, tmp_path):
    medtext.write([bare], tmp_path / "spans.jsonl")
    assert medtext.collect(tmp_path / "spans.jsonl", tmp_path / "out").errors == 1
