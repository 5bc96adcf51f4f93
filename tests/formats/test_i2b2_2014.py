"""i2b2 2014."""

from xml.etree import ElementTree

import pytest
from hypothesis import assume, given, settings

from medtext import Note, Span, read
from medtext.errors import FormatError, Problem
from medtext.formats.i2b2_2014 import FORMAT
from medtext.taxonomy import Taxonomy
from tests.formats.roundtrip import TEXT, XML, again, example, fits_xml, law
from tests.laws import batches


@settings(max_examples=60, deadline=None)
@given(batches())
def test_reading_what_was_written_gives_the_notes_without_what_i2b2_loses(tmp_path_factory, notes):
    assume(all(map(fits_xml, notes)))
    law(FORMAT, notes, again(FORMAT, notes, tmp_path_factory.mktemp("i2b2")))


@pytest.mark.parametrize("one", XML)
def test_what_xml_cannot_hold_is_refused(tmp_path, one):
    with pytest.raises(FormatError, match=f"'n1' holds U.{ord(one):04X}") as error:
        FORMAT.write([Note("n1", f"fever {one}")], tmp_path)
    assert "fever" not in str(error.value)


def test_it_looks_as_the_challenge_has_it(tmp_path):
    note = Note("n1", "Mr. Smith & co.\n3/2").add([Span(((4, 9),), "PATIENT", layer="phi"), Span(((0, 2),), "X")])
    FORMAT.write([note, example().replace(id="n2")], tmp_path, layers=("phi",))
    text = (tmp_path / "n1.xml").read_text(encoding="utf-8")
    assert "<TEXT><![CDATA[Mr. Smith & co." in text
    assert '<NAME id="p1" start="4" end="9" text="Smith" TYPE="PATIENT" comment="" />' in text
    assert "OTHER" not in text
    assert [next(iter(FORMAT.read(tmp_path / f"{name}.xml"))).text for name in ("n1", "n2")] == [note.text, TEXT]


def test_every_label_of_an_identifier_has_a_category(tmp_path):
    labels = Taxonomy.load("phi").labels
    note = Note("n1", "x").add([Span(((0, 1),), label, layer="phi") for label in labels])
    FORMAT.write([note], tmp_path)
    tags = ElementTree.parse(tmp_path / "n1.xml").getroot().find("TAGS")
    assert "OTHER" not in {tag.tag for tag in tags}
    assert {span.layer for span in next(iter(read(tmp_path))).spans} == {"phi"}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('end="9"', 'end="900"', "does not lie inside"),
        ('end="9"', 'end="x"', "does not lie inside"),
        ('start="4"', 'start="3"', "not what stands"),
        ("</TAGS>", "", "no XML"),
        ("<TEXT>", "<ZZZ>", "no XML"),
        ("deIdi2b2", "Zzz", ""),
    ],
)
def test_a_broken_file_is_a_problem_and_others_are_read(tmp_path, old, new, message):
    FORMAT.write([Note("n1", "Mr. Smith").add([Span(((4, 9),), "PATIENT")]), Note("n2", "fine")], tmp_path)
    file = tmp_path / "n1.xml"
    file.write_text(file.read_text().replace(old, new))
    first, good = FORMAT.read(tmp_path)
    assert good.id == "n2"
    assert isinstance(first, Problem) == bool(message)
    if message:
        assert message in first.message
        assert first.where.startswith(str(file))
    assert "Smith" not in str(first)
