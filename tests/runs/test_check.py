"""`check`: every problem has its place, its note and its span, and no text."""

import json

import medtext
from medtext import Note, Span
from medtext.errors import Problem


def write_notes(path, *notes):
    medtext.write(notes, path, allow_phi=True)
    return path


def test_a_file_in_order_has_no_problems(tmp_path):
    note = Note("n1", "fever", deidentified=True).add([Span(((0, 5),), "PROBLEM")])
    assert medtext.check(write_notes(tmp_path / "a.jsonl", note)) == []


def test_each_problem_has_the_line_of_its_note(tmp_path):
    good = Note("n1", "fever", deidentified=True)
    wrong = Note("n2", "fever", deidentified=True).add([Span(((0, 5),), "ILLNESS")])
    path = write_notes(tmp_path / "a.jsonl", good, wrong)
    path.write_text(path.read_text() + "\n{torn\n")
    label, line = medtext.check(path)
    assert (label.where, label.note_id) == (f"{path}:2", "n2")
    assert "span 'e1': unknown label 'ILLNESS'" in label.message
    assert "PROBLEM" in label.message
    assert line.where == f"{path}:4"


def test_notes_that_are_empty_or_identified_are_warnings(tmp_path):
    path = write_notes(tmp_path / "a.jsonl", Note("n1", "", deidentified=True), Note("n2", "x"))
    assert medtext.check(path) == [
        Problem("the note is empty.", note_id="n1", where=f"{path}:1", severity="warning"),
        Problem("the note is not de-identified.", note_id="n2", where=f"{path}:2", severity="warning"),
    ]


def test_a_text_that_was_edited_is_found_and_not_quoted(tmp_path):
    path = write_notes(tmp_path / "a.jsonl", Note("n1", "Zebulon", deidentified=True))
    path.write_text(path.read_text().replace("Zebulon", "Zebulonia"))
    (problem,) = medtext.check(path)
    assert "sha256" in problem.message
    assert "Zebulon" not in str(problem)


def test_a_taxonomy_of_ones_own_decides(tmp_path):
    own = tmp_path / "own.yaml"
    own.write_text("labels:\n  ILLNESS: {}\n")
    note = Note("n1", "fever", deidentified=True).add([Span(((0, 5),), "ILLNESS")])
    assert medtext.check(write_notes(tmp_path / "a.jsonl", note), taxonomy=own) == []


def test_a_repeated_id_is_placed_where_it_stands_again(tmp_path):
    path = write_notes(tmp_path / "a.jsonl", Note("n1", "x", deidentified=True))
    path.write_text(path.read_text() * 2)
    (problem,) = medtext.check(path)
    assert (problem.where, problem.note_id) == (f"{path}:2", "n1")


def test_plain_records_are_checked_too(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"id": "n1", "text": "x"}) + "\n" + json.dumps({"id": "n2"}) + "\n")
    identified, textless = sorted(medtext.check(path), key=lambda one: one.severity, reverse=True)
    assert identified.note_id == "n1"
    assert textless.where == f"{path}:2"
