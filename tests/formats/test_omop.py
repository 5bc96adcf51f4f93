"""The OMOP tables NOTE and NOTE_NLP."""

import csv

import pytest
from hypothesis import given, settings

from medtext import Assertion, Note, read
from medtext.errors import FormatError, Problem
from medtext.formats.omop import FORMAT
from tests.formats.roundtrip import TEXT, again, example, law, told_by_content
from tests.laws import batches


@settings(max_examples=40, deadline=None)
@given(batches())
def test_reading_what_was_written_gives_the_notes_without_what_is_lost(tmp_path_factory, notes):
    law(FORMAT, notes, again(FORMAT, notes, tmp_path_factory.mktemp("omop")))


def test_the_file_is_told_by_what_is_in_it(tmp_path):
    told_by_content(FORMAT, tmp_path)


def rows(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_tables_have_the_columns_of_the_model(tmp_path):
    FORMAT.write([example()], tmp_path, concepts={"SNOMED:0": 77670}, nlp_date="2026-04-01")
    (note,) = rows(tmp_path / "NOTE.csv")
    assert (note["note_id"], note["note_source_value"], note["note_text"]) == ("1", "n1", TEXT)
    found = {row["lexical_variant"]: row for row in rows(tmp_path / "NOTE_NLP.csv")}
    pain = found["chest pain"]
    assert (pain["offset"], pain["note_nlp_concept_id"], pain["nlp_date"]) == ("10", "77670", "2026-04-01")
    assert (pain["term_exists"], pain["term_temporal"]) == ("N", "current")
    assert pain["term_modifiers"].startswith("label=PROBLEM,layer=entity,codes=SNOMED:0 SNOMED:1")
    assert found["pain"]["term_exists"] == ""
    assert not any(row == "nies chest pain" for row in found)


def test_rows_of_another_system_are_read(tmp_path):
    (tmp_path / "NOTE.csv").write_text("note_id,person_id,note_text\n5,9,No fever\n", encoding="utf-8")
    table = 'note_nlp_id,note_id,"offset",lexical_variant,term_exists,term_modifiers\n1,5,3,fever,Y,\n'
    (tmp_path / "NOTE_NLP.csv").write_text(table, encoding="utf-8")
    (note,) = read(tmp_path)
    assert (note.id, note.meta) == ("5", {"person_id": "9"})
    assert [(span.label, span.at, span.assertion) for span in note.spans] == [
        ("UNKNOWN", ((3, 8),), Assertion("present"))
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (",10,chest", ",11,chest", "not what stands"),
        (",10,chest", ",900,chest", "does not lie inside"),
        (",10,chest", ",x,chest", "does not lie inside"),
        ("score=0.5", "score=Zzz", "the form of a value"),
        ("presence=absent", "presence=Zzz", "presence"),
        ("codes=SNOMED:0", "codes=snomed:0", "Code system"),
    ],
)
def test_a_broken_row_is_a_problem_of_its_note_and_others_are_read(tmp_path, old, new, message):
    FORMAT.write([example(), Note("n2", "fine")], tmp_path)
    file = tmp_path / "NOTE_NLP.csv"
    file.write_bytes(file.read_bytes().replace(old.encode(), new.encode(), 1))
    problem, good = FORMAT.read(tmp_path)
    assert isinstance(problem, Problem)
    assert (problem.note_id, problem.where, good.id) == ("n1", str(file), "n2")
    assert message.lower() in problem.message.lower()
    assert "chest" not in str(problem)


def test_rows_without_a_note_and_folders_without_tables_are_told(tmp_path):
    FORMAT.write([example()], tmp_path)
    text = (tmp_path / "NOTE.csv").read_text(encoding="utf-8").split("\n")[0]
    (tmp_path / "NOTE.csv").write_text(text, encoding="utf-8")
    (problem,) = FORMAT.read(tmp_path)
    assert "note_id '1'" in problem.message
    (tmp_path / "NOTE.csv").unlink()
    with pytest.raises(FormatError, match=r"no NOTE\.csv"):
        list(FORMAT.read(tmp_path))
