"""The report of a de-identification: per class and per note, for machines and people, without text."""

import json

import pytest

import medtext
from medtext.errors import ConfigError, FormatError, WouldOverwriteError


@pytest.fixture
def notes(tmp_path):
    medtext.write(medtext.examples(), tmp_path / "notes.jsonl", allow_phi=True)
    return tmp_path / "notes.jsonl"


def test_classes_and_notes_are_counted_as_they_stand_in_the_output(notes, tmp_path):
    medtext.deid(notes, tmp_path / "clean.jsonl", report=tmp_path / "report.json")
    held = json.loads((tmp_path / "report.json").read_text())
    written = {note.id: note for note in medtext.read(tmp_path / "clean.jsonl")}
    assert [one["id"] for one in held["notes"]] == list(written)
    for one in held["notes"]:
        assert sum(one["replaced"].values()) == len(written[one["id"]].layer("phi"))
    total = sum(sum(one["replaced"].values()) for one in held["notes"])
    assert sum(held["replaced"].values()) == total > 50
    assert held["policy"]["name"] == held["relies_on"]["policy"] == "safe-harbor"
    assert held["relies_on"]["rules"].startswith("identifiers@")
    assert held["relies_on"]["lexicon"]["first_names"] > 1000


def test_people_get_every_class_with_its_letter_and_what_the_policy_does(notes, tmp_path):
    medtext.deid(notes, tmp_path / "clean.jsonl", report=tmp_path / "report.json", policy="mask-all")
    page = (tmp_path / "report.md").read_text()
    for label in medtext.Taxonomy.load("phi").labels.values():
        assert f"| {label.name} | {f'({label.safe_harbor})' if label.safe_harbor else '–'} | mask |" in page
    assert not (tmp_path / "report.html").exists()


def test_neither_report_holds_a_word_of_a_note(notes, tmp_path):
    medtext.deid(notes, tmp_path / "clean.jsonl", report=tmp_path / "report.json")
    medtext.deid(notes, tmp_path / "other.jsonl", report=tmp_path / "report.html")
    pages = "".join((tmp_path / f"report.{kind}").read_text() for kind in ("json", "md", "html"))
    assert not any(word in pages for word in ("Okafor", "Delgado", "metformin", "Patient:", "03/"))


def test_only_identifiers_are_counted(tmp_path):
    note = medtext.Note("n1", "Dr. Berg: fever").add([medtext.Span(((10, 15),), "PROBLEM")])
    medtext.write([note], tmp_path / "notes.jsonl", allow_phi=True)
    medtext.deid(tmp_path / "notes.jsonl", tmp_path / "clean.jsonl", report=tmp_path / "r.json")
    assert json.loads((tmp_path / "r.json").read_text())["replaced"] == {"PROVIDER": 1}


def test_a_note_that_breaks_is_named(tmp_path):
    (tmp_path / "notes.jsonl").write_text('{"id":"a","text":"Dr. Berg"}\n{"id":"b"}\n')
    medtext.deid(tmp_path / "notes.jsonl", tmp_path / "clean.jsonl", report=tmp_path / "r.json", on_problem=print)
    held = json.loads((tmp_path / "r.json").read_text())
    assert held["counts"]["errors"] == 1
    assert len(held["problems"]) == 1


def test_a_bad_name_or_a_report_that_is_there_stops_before_anything_is_written(notes, tmp_path):
    with pytest.raises(FormatError, match=r"\.json, \.md, \.html"):
        medtext.deid(notes, tmp_path / "clean.jsonl", report=tmp_path / "report.txt")
    (tmp_path / "report.md").write_text("mine")
    with pytest.raises(WouldOverwriteError):
        medtext.deid(notes, tmp_path / "clean.jsonl", report=tmp_path / "report.json")
    assert not (tmp_path / "clean.jsonl").exists()


def test_a_run_that_was_finished_before_is_reported_from_its_output(notes, tmp_path):
    first, again = tmp_path / "first.json", tmp_path / "again.json"
    medtext.deid(notes, tmp_path / "clean.jsonl", report=first)
    medtext.deid(notes, tmp_path / "clean.jsonl", report=again, resume=True)
    assert json.loads(first.read_text())["replaced"] == json.loads(again.read_text())["replaced"]
    medtext.deid(notes, tmp_path / "clean", output_format="text")
    with pytest.raises(ConfigError, match="holds no spans"):
        medtext.deid(notes, tmp_path / "clean", output_format="text", report=tmp_path / "r.json", resume=True)
