"""brat's folders: our notes come back exactly, and so do other people's lines."""

import io
import json
from pathlib import Path

import pytest
from hypothesis import given, settings

from medtext import Assertion, Candidate, Code, Note, Relation, Span, read, write
from medtext.errors import FormatError, Problem
from medtext.formats import jsonl
from medtext.formats.brat import FORMAT
from medtext.taxonomy import Taxonomy
from tests.laws import batches

TEXT = "Pt denies chest pain.\r\nHTN on lisinopril 10 mg."


def folder(path: Path, ann: str, text: str = TEXT) -> Path:
    (path / "n1.txt").write_bytes(text.encode())
    (path / "n1.ann").write_bytes(ann.encode())
    return path


def one(path: Path) -> Note:
    (note,) = FORMAT.read(path)
    assert isinstance(note, Note), note
    return note


def rewritten(path: Path, note: Note) -> list[str]:
    FORMAT.write([note], path / "again")
    assert one(path / "again") == note
    return sorted((path / "again" / f"{note.id}.ann").read_text(encoding="utf-8").split("\n"))


@settings(max_examples=60, deadline=None)
@given(batches())
def test_reading_what_was_written_gives_the_notes(tmp_path_factory, notes):
    path = tmp_path_factory.mktemp("brat") / "notes"
    FORMAT.write(notes, path)
    assert {note.id: note for note in FORMAT.read(path)} == {note.id: note for note in notes}


def test_it_looks_as_brat_wants_it(tmp_path):
    problem = Span(
        ((10, 20),),
        "PROBLEM",
        assertion=Assertion("absent"),
        codes=(Code("SNOMED", "29857009"),),
        candidates=(Candidate(Code("SNOMED", "29857009"), "Chest pain", 0.9),),
        comment="see plan",
    )
    note = Note("n1", TEXT, deidentified=True).add([problem, Span(((23, 26), (44, 46)), "DRUG X", status="added")])
    note = note.add(relations=[Relation("dose_of", "e2", "e1", status="added")])
    FORMAT.write([note], tmp_path)
    lines = (tmp_path / "n1.ann").read_text(encoding="utf-8").split("\n")
    assert lines[:4] == [
        "T1\tPROBLEM 10 20\tchest pain",
        "A1\tPresence T1 absent",
        "N1\tReference T1 SNOMED:29857009\tChest pain",
        "#1\tAnnotatorNotes T1\tsee plan",
    ]
    assert json.loads(lines[4].split("\t")[2]) == {
        "id": "e1",
        "status": "predicted",
        "candidates": [{"code": "SNOMED:29857009", "display": "Chest pain", "score": 0.9}],
    }
    assert lines[5] == "T2\tDRUG_X 23 26;44 46\tHTN mg"
    assert json.loads(lines[6].split("\t")[2]) == {"id": "e2", "label": "DRUG X"}
    assert lines[7:] == ["R1\tdose_of Arg1:T2 Arg2:T1", '#4\tMedtext R1\t{"id": "r1"}', ""]


def test_a_span_over_a_line_end_is_split_for_brat_and_exact_for_us(tmp_path):
    note = Note("n1", TEXT).add([Span(((10, 26),), "X"), Span(((22, 23),), "Y")])
    FORMAT.write([note], tmp_path)
    lines = (tmp_path / "n1.ann").read_text(encoding="utf-8").split("\n")
    assert lines[0] == "T1\tX 10 22;23 26\tchest pain.  HTN"
    assert one(tmp_path) == note


def test_the_raw_brat_notes_come_back_line_for_line(shared_data, tmp_path):
    raw = shared_data / "raw" / "brat"
    first = list(read(raw, format="brat"))
    lines = io.BytesIO()
    jsonl.write(first, lines)
    lines.seek(0)
    FORMAT.write(jsonl.read(lines, name="n.jsonl"), tmp_path / "brat")
    again = io.BytesIO()
    jsonl.write(FORMAT.read(tmp_path / "brat"), again)
    assert again.getvalue() == lines.getvalue()
    assert len(first) == 12
    for file in raw.glob("*.ann"):
        assert _without_numbers(tmp_path / "brat" / file.name) == _without_numbers(file)


def _without_numbers(file: Path) -> list[str]:
    """The lines of a file, notes without their own number."""
    lines = [line.rstrip() for line in file.read_text(encoding="utf-8").split("\n")]
    return sorted(line.partition("\t")[2] if line.startswith("#") else line for line in lines if line)


def test_events_attributes_and_sets_of_others_are_kept(tmp_path):
    ann = [
        "#1\tAnnotatorNotes E1\tsure?",
        "A1\tNegation E1",
        "A2\tCertainty T2 low",
        "E1\tSign:T1 Cause:T2 Cause2:E2",
        "E2\tTreat:T3",
        "M1\tSpeculation E2",
        "N1\tReference T1 UMLS:C0008031\tChest Pain",
        "N2\tReference T1 Wikipedia:1\tPain",
        "R1\tCoref Subject:E1 Anaphor:T3",
        "T1\tSign 10 20\tchest pain",
        "T2\tSign 23 26\tHTN",
        "T3\tTreat 30 40;44 46\tlisinopril mg",
        "*\tEquiv T1 T2",
    ]
    note = one(folder(tmp_path, "\n".join(ann)))
    assert [(r.type, r.source, r.target) for r in note.relations] == [
        ("Cause", "T1", "T2"),
        ("Cause2", "T1", "T3"),
        ("Coref", "T1", "T3"),
    ]
    span = note.span("T1")
    assert (span.codes, span.comment, span.status) == ((Code("UMLS", "C0008031"),), "sure?", "added")
    assert rewritten(tmp_path, note) == sorted([*ann, ""])


def test_what_a_person_changed_in_brat_wins_over_our_note(tmp_path):
    span = Span(((10, 20),), "BIG PAIN", comment="one\ntwo", layer="phi", score=0.5)
    FORMAT.write([Note("n1", TEXT).add([span])], tmp_path)
    ann = (tmp_path / "n1.ann").read_text(encoding="utf-8")
    ann = ann.replace("BIG_PAIN 10 20\tchest pain", "PAIN 16 20\tpain").replace("\tone two", "\tthree")
    (tmp_path / "n1.ann").write_text(ann + "T9\tNEW 0 2\tPt\nA9\tSubject T9 family\n", encoding="utf-8")
    new, old = one(tmp_path).spans
    assert old == Span(((16, 20),), "PAIN", id="p1", comment="three", layer="phi", score=0.5)
    assert new == Span(((0, 2),), "NEW", id="T9", status="added", assertion=Assertion(subject="family"))


def test_a_relation_whose_event_is_gone_is_written_as_a_relation(tmp_path):
    note = one(folder(tmp_path, "T1\tA 10 20\nT2\tB 23 26\nE1\tA:T1 Cause:T2\n"))
    bare = note.update([Span(((10, 20),), "A", id="T1")])
    FORMAT.write([bare], tmp_path / "again")
    assert "R1\tCause Arg1:T1 Arg2:T2" in (tmp_path / "again" / "n1.ann").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("T2\tX 5\tZzz", "no places"),
        ("T2\tX 5 900\tZzz", "ends at 900"),
        ("T2\tX 10 20\tZzz", "not what stands"),
        ("T2\tX 20 10\tZzz", "not what stands"),
        ("T2\tX 12 12\t", "empty"),
        ("T1\tX 23 26\tHTN", "stands twice"),
        ("E1\tZzz", "Role:T2"),
        ("E1\tX:T7", "T7"),
        ("R1\tX Arg1:T1", "Arg2"),
        ("R1\tX Arg1:T1 Arg2:T7", "T7"),
        ("A1\tNegation T7", "nothing"),
        ("N1\tReference T1", "SYSTEM:code"),
        ("Zzz", "begins like this"),
        ("#1\tMedtext T1\t{Zzz", "damaged"),
        ('#1\tMedtext T1\t{"status":"Zz"}', "status"),
        ('#1\tMedtext T1\t{"at":7}', "damaged"),
        ('#1\tMedtext T1\t{"id":"a b"}', "id"),
        ('#1\tMedtext T1\t{"Zzz":1}', "unknown key"),
    ],
)
def test_a_broken_line_is_a_problem_with_its_place_and_other_notes_are_read(tmp_path, line, message):
    (tmp_path / "n0.txt").write_text("x")
    folder(tmp_path, f"T1\tA 10 20\tchest pain\n{line}\n")
    good, problem = FORMAT.read(tmp_path)
    assert good.id == "n0"
    number = 1 if "Medtext" in line and "{Zzz" not in line else 2
    assert (problem.where, problem.note_id) == (f"{tmp_path / 'n1.ann'}:{number}", "n1")
    assert message in problem.message
    assert "chest" not in str(problem)


def test_the_text_of_another_version_is_noticed(tmp_path):
    FORMAT.write([Note("n1", TEXT)], tmp_path)
    (tmp_path / "n1.txt").write_text(TEXT + " Edited.")
    (problem,) = FORMAT.read(tmp_path)
    assert "sha256" in problem.message


def test_missing_and_broken_files_are_problems(tmp_path):
    (tmp_path / "a.ann").write_text("")
    (tmp_path / "b.txt").write_bytes(b"38\xb0")
    (tmp_path / "c.txt").write_text("x")
    (tmp_path / "c.medtext.json").write_text("[]")
    problems = list(FORMAT.read(tmp_path))
    assert [(Path(one.where).name, isinstance(one, Problem)) for one in problems] == [
        ("a.ann", True),
        ("b.txt", True),
        ("c.medtext.json", True),
    ]
    with pytest.raises(FormatError, match="Name the folder"):
        list(FORMAT.read(tmp_path / "c.txt"))


def test_a_folder_is_replaced_only_when_told(tmp_path):
    note = Note("a/b", "x", deidentified=True)
    assert write([note], tmp_path / "out", format="brat").notes == 1
    assert list(read(tmp_path / "out")) == [note]
    with pytest.raises(FileExistsError):
        write([note], tmp_path / "out", format="brat")


def test_the_configuration_names_labels_relations_and_axes(tmp_path):
    FORMAT.write([], tmp_path, taxonomy=Taxonomy.load("clinical"))
    annotation = (tmp_path / "annotation.conf").read_text(encoding="utf-8")
    assert "value_of\tArg1:VALUE, Arg2:TEST" in annotation
    assert "Presence\tArg:PROBLEM|" in annotation
    assert "Value:present|absent|possible" in annotation
    assert "PROBLEM\tbgColor:#d9480f" in (tmp_path / "visual.conf").read_text(encoding="utf-8")
