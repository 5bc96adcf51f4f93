"""UIMA CAS, as INCEpTION reads and writes it."""

import json
import sys

import pytest
from hypothesis import assume, given, settings

from medtext import Note, read
from medtext.errors import ConfigError, FormatError, MissingExtraError, Problem
from medtext.formats.inception import FORMAT, SPAN
from tests.formats.roundtrip import XML, again, example, fits_xml, law
from tests.laws import batches

cassis = pytest.importorskip("cassis", reason="dkpro-cassis is not installed (the extra inception)")


@settings(max_examples=40, deadline=None)
@given(batches())
def test_reading_json_that_was_written_gives_the_notes(tmp_path_factory, notes):
    law(FORMAT, notes, again(FORMAT, notes, tmp_path_factory.mktemp("cas")))


@settings(max_examples=40, deadline=None)
@given(batches())
def test_reading_xmi_that_was_written_gives_the_notes(tmp_path_factory, notes):
    assume(all(map(fits_xml, notes)))
    law(FORMAT, notes, again(FORMAT, notes, tmp_path_factory.mktemp("cas"), variant="xmi"))


@pytest.mark.parametrize("one", XML)
def test_xmi_refuses_what_it_cannot_hold_and_json_takes_it(tmp_path, one):
    note = Note("n1", f"fever {one} cough")
    with pytest.raises(FormatError, match=r"'n1'.*variant='json'") as error:
        FORMAT.write([note], tmp_path / "xmi", variant="xmi")
    assert "fever" not in str(error.value)
    assert again(FORMAT, [note], tmp_path) == [note]
    with pytest.raises(ConfigError, match="json, xmi"):
        FORMAT.write([note], tmp_path / "x", variant="tsv")


def test_uima_counts_utf16_and_fragments_are_annotations(tmp_path):
    FORMAT.write([example()], tmp_path)
    cas = json.loads((tmp_path / "n1.json").read_text(encoding="utf-8"))
    spans = [one for one in cas["%FEATURE_STRUCTURES"] if one["%TYPE"] == SPAN]
    assert sorted((one["begin"], one["end"]) for one in spans if one["label"] == "PROBLEM") == [
        (7, 22),
        (12, 22),
        (18, 22),
    ]
    assert [one.get("part_of") for one in spans if one["label"] == "DRUG"] == [None, "e4"]


def edited(folder, change):
    """The note of a file in which a program has changed the CAS."""
    FORMAT.write([example()], folder)
    with (folder / "n1.json").open("rb") as stream:
        cas = cassis.load_cas_from_json(stream)
    change(cas)
    (folder / "n1.json").write_text(cas.to_json(), encoding="utf-8")
    (note,) = FORMAT.read(folder)
    return note


def test_what_a_person_changes_in_the_layer_wins(tmp_path):
    def change(cas):
        by_id = {one.id: one for one in cas.select(SPAN)}
        by_id["e1"].label, by_id["e1"].codes, by_id["e1"].presence = "SIGN", "ICD10CM:R07.9", "possible"
        by_id["e1"].begin = 3
        cas.remove(by_id["p1"])
        cas.add(cas.typesystem.get_type(SPAN)(begin=23, end=26, label="NEW"))

    note = edited(tmp_path, change)
    one = note.span("e1")
    assert (one.label, one.at, one.assertion.presence, one.score) == ("SIGN", ((3, 20),), "possible", 0.5)
    assert list(map(str, one.codes)) == ["ICD10CM:R07.9"]
    assert [(span.at, span.status) for span in note.spans if span.label == "NEW"] == [(((23, 26),), "added")]
    assert "p1" not in [span.id for span in note.spans]


def test_layers_of_others_are_read(tmp_path):
    types = cassis.TypeSystem()
    token = types.create_type("de.tudarmstadt.ukp.dkpro.core.api.segmentation.type.Token", "uima.tcas.Annotation")
    entity = types.create_type("de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity", "uima.tcas.Annotation")
    types.create_feature(entity, "value", "uima.cas.String")
    own = types.create_type("webanno.custom.Finding", "uima.tcas.Annotation")
    types.create_feature(own, "value", "uima.cas.String")
    types.create_feature(own, "severity", "uima.cas.String")
    link = types.create_type("webanno.custom.Of", "uima.tcas.Annotation")
    for end in ("Governor", "Dependent"):
        types.create_feature(link, end, "webanno.custom.Finding")
    cas = cassis.Cas(types)
    cas.sofa_string = "👩 fever, cough"
    first, second = own(begin=2, end=7, value="SIGN", severity="mild"), own(begin=9, end=14)
    links = [link(begin=9, end=14, Governor=first, Dependent=second)]
    cas.add_all([first, second, *links, token(begin=2, end=7), entity(begin=0, end=1, value="PER")])
    (tmp_path / "doc.xmi").write_text(cas.to_xmi(), encoding="utf-8")
    with pytest.raises(FormatError, match="no TypeSystem"):
        list(read(tmp_path))
    (tmp_path / "TypeSystem.xml").write_text(types.to_xml(), encoding="utf-8")
    (note,) = read(tmp_path)
    assert note.id == "doc"
    assert [(span.label, *note.quote(span)) for span in note.spans] == [
        ("PER", "👩"),
        ("SIGN", "fever"),
        ("Finding", "cough"),
    ]
    assert note.spans[1].x == {"features": {"severity": "mild"}}
    assert [one.type for one in note.relations] == ["Of"]
    law(FORMAT, [note], again(FORMAT, [note], tmp_path / "again"))


def test_broken_files_are_problems_and_the_others_are_read(tmp_path):
    FORMAT.write([example()], tmp_path)
    text = (tmp_path / "n1.json").read_text(encoding="utf-8")
    (tmp_path / "a.json").write_text("{Zzz", encoding="utf-8")
    (tmp_path / "b.json").write_text(text.replace('"end": 22', '"end": 2200', 1), encoding="utf-8")
    (tmp_path / "c.json").write_text(text.replace("denies", "DENIES"), encoding="utf-8")
    items = list(FORMAT.read(tmp_path))
    assert [item.id for item in items if isinstance(item, Note)] == ["n1"]
    problems = [item for item in items if isinstance(item, Problem)]
    assert [one.where.rpartition("/")[2] for one in problems] == ["a.json", "b.json", "c.json"]
    assert "sha256" in problems[2].message
    assert not any("chest" in str(one) or "Zzz" in str(one) for one in problems)


def test_without_the_library_the_error_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "cassis", None)
    with pytest.raises(MissingExtraError, match=r"medtext-annotate\[inception\]"):
        FORMAT.write([], tmp_path)
