"""BioC, XML and JSON."""

import json
import sys

import pytest
from hypothesis import assume, given, settings

from medtext import Note, read
from medtext.errors import ConfigError, FormatError, MissingExtraError, Problem
from medtext.formats.bioc import FORMAT
from tests.formats.roundtrip import XML, example, fits_xml, law
from tests.laws import batches

bioc = pytest.importorskip("bioc", reason="bioc is not installed (the extra bioc)")


def through(notes, path):
    FORMAT.write(notes, path)
    return list(FORMAT.read(path))


@settings(max_examples=40, deadline=None)
@given(batches())
def test_reading_json_that_was_written_gives_the_notes(tmp_path_factory, notes):
    law(FORMAT, notes, through(notes, tmp_path_factory.mktemp("bioc") / "n.json"))


@settings(max_examples=40, deadline=None)
@given(batches())
def test_reading_xml_that_was_written_gives_the_notes(tmp_path_factory, notes):
    assume(all(map(fits_xml, notes)))
    law(FORMAT, notes, through(notes, tmp_path_factory.mktemp("bioc") / "n.xml"))


@pytest.mark.parametrize("one", XML)
def test_xml_refuses_what_it_cannot_hold_and_names_the_note(tmp_path, one):
    with pytest.raises(FormatError, match=r"'n1'.*variant='json'") as error:
        FORMAT.write([Note("n1", f"fever {one}")], tmp_path / "n.xml")
    assert "fever" not in str(error.value)
    assert through([Note("n1", f"fever {one}")], tmp_path / "n.json") == [Note("n1", f"fever {one}")]


def test_it_is_bioc_as_its_library_reads_it(tmp_path):
    FORMAT.write([example()], tmp_path / "n.xml")
    with (tmp_path / "n.xml").open() as stream:
        (document,) = bioc.load(stream).documents
    (passage,) = document.passages
    assert (document.id, passage.offset, passage.text) == ("n1", 0, example().text)
    drug = next(one for one in passage.annotations if one.id == "e4")
    assert ([(place.offset, place.length) for place in drug.locations], drug.text) == ([(23, 3), (44, 2)], "HTN mg")
    assert next(one for one in passage.annotations if one.id == "e1").infons["presence"] == "absent"
    assert [(node.refid, node.role) for node in passage.relations[0].nodes] == [("e4", "source"), ("e1", "target")]
    with pytest.raises(ConfigError, match="xml, json"):
        FORMAT.write([], tmp_path / "n.xml", variant="yaml")


def collection(**passage):
    first = {
        "offset": 0,
        "infons": {"type": "title"},
        "text": "A title",
        "sentences": [],
        "annotations": [],
        "relations": [],
    }
    one = {
        "id": "T1",
        "infons": {"type": "Disease", "MESH": "D1"},
        "text": "fever",
        "locations": [{"offset": 8, "length": 5}],
    }
    second = {
        "offset": 8,
        "infons": {},
        "text": "fever.",
        "sentences": [],
        "annotations": [one],
        "relations": [],
    } | passage
    document = {"id": "7", "infons": {"year": "2013"}, "passages": [first, second], "relations": [], "annotations": []}
    return {"source": "x", "date": "", "key": "", "infons": {}, "documents": [document]}


def test_documents_of_others_are_read_and_written_back(tmp_path):
    (tmp_path / "n.json").write_text(json.dumps(collection()))
    (note,) = read(tmp_path / "n.json")
    assert (note.id, note.text, note.meta) == ("7", "A title\nfever.", {"year": "2013"})
    (span,) = note.spans
    assert (span.id, span.label, span.status, span.x) == ("T1", "Disease", "added", {"features": {"MESH": "D1"}})
    law(FORMAT, [note], through([note], tmp_path / "n.xml"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"offset": 3}, "stand before it"),
        ({"offset": 99999}, "stand before it"),
        ({"text": "chill."}, "not what stands"),
        ({"text": "fe"}, "does not lie inside"),
        ({"relations": [{"id": "R", "infons": {}, "nodes": [{"refid": "T1", "role": "a"}]}]}, "1 nodes"),
        ({"relations": [{"id": "R", "infons": {}, "nodes": [{"refid": "T9", "role": ""}] * 2}]}, "not there"),
    ],
)
def test_a_broken_document_is_a_problem_and_others_are_read(tmp_path, change, message):
    both = collection(**change)
    both["documents"] += collection()["documents"]
    (tmp_path / "n.json").write_text(json.dumps(both))
    problem, good = FORMAT.read(tmp_path / "n.json")
    assert isinstance(problem, Problem)
    assert (problem.where.rpartition(": ")[2], good.id) == ("document 1", "7")
    assert message in problem.message
    assert "fever" not in str(problem)


def test_what_is_none_is_refused(tmp_path):
    for text in ("{Zzz", "<collection><Zzz", "Zzz"):
        (tmp_path / "n.xml").write_text(text)
        with pytest.raises(FormatError, match="no BioC") as error:
            list(FORMAT.read(tmp_path / "n.xml"))
        assert "Zzz" not in str(error.value)


def test_without_the_library_the_error_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "bioc", None)
    with pytest.raises(MissingExtraError, match=r"medtext-annotate\[bioc\]"):
        FORMAT.write([], tmp_path / "n.xml")
