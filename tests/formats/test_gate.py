"""GATE's documents, checked by gatenlp."""

import json

import pytest
from hypothesis import given, settings

from medtext import Note
from medtext.errors import Problem
from medtext.formats.gate import FORMAT, note_to_bdoc
from tests.formats.roundtrip import TEXT, again, example, law
from tests.laws import batches


@settings(max_examples=60, deadline=None)
@given(batches())
def test_reading_what_was_written_gives_the_notes(tmp_path_factory, notes):
    law(FORMAT, notes, again(FORMAT, notes, tmp_path_factory.mktemp("gate")))


def test_offsets_are_those_of_java(tmp_path):
    FORMAT.write([example()], tmp_path)
    units = TEXT.encode("utf-16-le")
    (held,) = json.loads((tmp_path / "n1.bdocjs").read_text(encoding="utf-8"))["annotation_sets"].values()
    cut = {units[2 * one["start"] : 2 * one["end"]].decode("utf-16-le") for one in held["annotations"]}
    assert {"chest pain", "pain", "HTN", "mg"} <= cut


def test_the_library_of_gate_reads_the_same_words(tmp_path):
    gatenlp = pytest.importorskip("gatenlp", reason="gatenlp is not installed")
    FORMAT.write([example()], tmp_path)
    document = gatenlp.Document.load(str(tmp_path / "n1.bdocjs"), fmt="json")
    assert document.text == TEXT
    found = {(one.features.get("id"), document[one]) for one in document.annset()}
    assert {("e1", "chest pain"), ("e2", "pain"), ("e4", "HTN"), ("p1", TEXT[:2])} <= found


def changed(change) -> dict:
    document = note_to_bdoc(example())
    change(document, document["annotation_sets"][""]["annotations"])
    return document


def read_back(folder, document):
    (folder / "n1.bdocjs").write_text(json.dumps(document), encoding="utf-8")
    (folder / "n2.bdocjs").write_text(json.dumps(note_to_bdoc(Note("n2", "fine"))), encoding="utf-8")
    first, good = FORMAT.read(folder)
    assert good.id == "n2"
    return first


def test_what_was_changed_in_gate_wins(tmp_path):
    def change(document, annotations):
        one = next(one for one in annotations if one["features"].get("id") == "e1")
        one["type"], one["features"]["codes"] = "Sign", "ICD10CM:R07.9"
        annotations.append({"type": "New", "start": 5, "end": 11, "id": 99, "features": {"kind": "cue"}})
        annotations[:] = [other for other in annotations if other["features"].get("id") != "p1"]

    note = read_back(tmp_path, changed(change))
    assert (note.span("e1").label, list(map(str, note.span("e1").codes))) == ("Sign", ["ICD10CM:R07.9"])
    assert (note.span("a99").at, note.span("a99").x) == (((3, 9),), {"features": {"kind": "cue"}})
    assert "p1" not in [span.id for span in note.spans]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda document, annotations: annotations[0].update(end=900), "does not lie inside"),
        (lambda document, annotations: annotations[0].update(start=1), "in two"),
        (lambda document, annotations: annotations[0].update(start="1"), "does not lie inside"),
        (lambda document, annotations: document.update(text=TEXT + "!"), "sha256"),
        (lambda document, annotations: document.pop("text"), "no document of GATE"),
        (lambda document, annotations: annotations[0].pop("type"), "no document of GATE"),
        (lambda document, annotations: annotations[0]["features"].update(medtext="{Zzz"), "damaged"),
    ],
)
def test_a_broken_document_is_a_problem_and_others_are_read(tmp_path, change, message):
    problem = read_back(tmp_path, changed(change))
    assert isinstance(problem, Problem)
    assert problem.where == str(tmp_path / "n1.bdocjs")
    assert message in problem.message
    assert "chest" not in str(problem)
