"""What people said of a task: each apart, the latest, drafts; and a file an annotator."""

import copy
import json

import pytest

import medtext
from medtext import Note, Review, Span
from medtext.errors import ConfigError, Problem
from medtext.formats.label_studio import note_to_task
from medtext.studio.pull import notes_of_task, write_by_annotator

NOTE = Note("n1", "Fever and cough.", deidentified=True).add([Span(((0, 5),), "PROBLEM"), Span(((10, 15),), "PROBLEM")])
PEOPLE = {3: "anna@example.org", 4: "boris@example.org"}


def task(*said, drafts=()):
    made = json.loads(json.dumps(note_to_task(NOTE)))
    result = made["predictions"][0]["result"]

    def one(number, who, when, keep=2, **more):
        kept = copy.deepcopy([item for item in result if item["id"] in ("e1", "e2")[:keep]])
        return {"id": number, "completed_by": who, "updated_at": f"2026-01-0{when}", "result": kept, **more}

    told = {"annotations": [one(*args) if isinstance(args, tuple) else one(**args) for args in said]}
    told["drafts"] = [one(*args) | {"user": PEOPLE[args[1]]} for args in drafts]
    return {"id": 9, **made, **told}


def states(found):
    return [(one.review.annotator, one.review.state, [span.status for span in one.spans]) for one in found]


def test_each_annotator_has_a_note_of_their_own_with_their_latest_word():
    found = list(notes_of_task(task((1, 3, 1, 1), (2, 4, 2), (3, 3, 3)), people=PEOPLE))
    assert states(found) == [
        ("anna@example.org", "done", ["accepted", "accepted"]),
        ("boris@example.org", "done", ["accepted", "accepted"]),
    ]


def test_the_latest_is_one_note_and_the_note_as_sent_where_nobody_spoke():
    (found,) = notes_of_task(task((1, 3, 1), (2, 4, 2, 1)), which="latest", people=PEOPLE)
    assert states([found]) == [("boris@example.org", "done", ["accepted", "rejected"])]
    assert list(notes_of_task(task(), which="latest")) == [NOTE]
    assert list(notes_of_task(task())) == []


def test_drafts_count_only_when_asked_and_only_while_they_are_newer():
    said = task((1, 3, 2), drafts=[(5, 3, 3, 1), (6, 4, 1)])
    assert [one[1] for one in states(notes_of_task(said, people=PEOPLE))] == ["done"]
    found = states(notes_of_task(said, drafts=True, people=PEOPLE))
    assert found == [
        ("boris@example.org", "doing", ["accepted", "accepted"]),
        ("anna@example.org", "doing", ["accepted", "rejected"]),
    ]
    submitted = task((1, 3, 4), drafts=[(5, 3, 3, 1)])
    assert states(notes_of_task(submitted, drafts=True, people=PEOPLE))[0][1] == "done"


def test_skipped_annotations_do_not_count_and_ground_truth_is_what_is_starred():
    skipped = {"number": 1, "who": 3, "when": 1, "was_cancelled": True}
    starred = {"number": 2, "who": 4, "when": 1, "ground_truth": True}
    said = task(skipped, starred, (3, 3, 2))
    assert len(list(notes_of_task(said))) == 2
    (found,) = notes_of_task(said, which="ground_truth", people=PEOPLE)
    assert found.review == Review("done", "boris@example.org")


def test_annotators_are_numbers_where_their_names_may_not_be_seen():
    (found,) = notes_of_task(task((1, 3, 1)))
    assert found.review.annotator == "3"


def test_a_task_of_somebody_else_and_a_spoilt_one_are_problems():
    (problem,) = notes_of_task({"id": 4, "data": {"text": "Maria"}})
    assert isinstance(problem, Problem)
    assert problem.where == "task 4"
    spoilt = task((1, 3, 1))
    spoilt["data"]["text"] = "Something else, much longer."
    (problem,) = notes_of_task(spoilt)
    assert "sha256" in problem.message
    assert "Something" not in str(problem)


def test_a_file_an_annotator_whose_name_is_safe(tmp_path, caplog):
    notes = [NOTE.replace(review=Review("done", name)) for name in ("a/b@x.org", "..", "")]
    (tmp_path / "old@x.org.jsonl").write_text("{}\n")
    paths = write_by_annotator(notes, tmp_path, allow_phi=False)
    assert [path.name for path in paths] == ["a-b@x.org.jsonl", "unknown.jsonl", "unknown-2.jsonl"]
    assert "1 files of other annotators" in caplog.text
    assert all(path.parent == tmp_path for path in paths)


def test_an_unknown_choice_and_a_full_folder_are_refused_before_anything_is_asked(label_studio, tmp_path):
    told = {"url": label_studio[0], "project": "P"}
    with pytest.raises(ConfigError, match="each, latest"):
        medtext.pull(tmp_path / "o", which="all", **told)
    (tmp_path / "o").mkdir()
    (tmp_path / "o" / "x").touch()
    with pytest.raises(FileExistsError):
        medtext.pull(tmp_path / "o", **told)
    assert label_studio[1].asked == []
