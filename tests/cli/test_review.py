"""The commands that judge: exit status, what goes where, and no text."""

import json

import pytest

import medtext
from medtext.cli import main
from medtext.note import Note
from medtext.span import Span

SECRET = "Delgado"


def call(*args):
    return main([str(arg) for arg in args])


@pytest.fixture
def sides(tmp_path):
    gold = Note("n1", f"Maria {SECRET} came.").add([Span(((0, 13),), "PATIENT", layer="phi")])
    medtext.write([gold, gold.replace(id="n2")], tmp_path / "gold.jsonl", allow_phi=True)
    medtext.write([gold], tmp_path / "said.jsonl", allow_phi=True)
    return tmp_path / "gold.jsonl", tmp_path / "said.jsonl"


def test_evaluate_prints_a_report_and_ends_with_1_when_notes_are_missing(sides, capsys):
    gold, said = sides
    assert call("evaluate", said, said) == 0
    out, err = capsys.readouterr()
    assert out.startswith("# Evaluation")
    assert err == "medtext: 1 note compared, 0 without a prediction, 0 without gold\n"
    assert call("evaluate", gold, said) == 1
    assert SECRET not in out + err


def test_evaluate_writes_what_the_name_of_the_output_says(sides, tmp_path, capsys):
    gold, _ = sides
    for name in ("a.json", "a.md", "a.html"):
        assert call("evaluate", gold, gold, "-o", tmp_path / name, "--concepts", "starter") == 0
    assert json.loads((tmp_path / "a.json").read_text())["scores"]["strict"]["recall"]["value"] == 1
    assert call("evaluate", gold, gold, "-o", tmp_path / "a.json") == 2
    assert "Pass --overwrite to replace it." in capsys.readouterr().err
    assert call("evaluate", gold, gold, "-o", tmp_path / "a.txt") == 2


def test_audit_lists_places_on_stdout_and_ends_with_1(tmp_path, capsys):
    leaking = Note("n1", f"Maria {SECRET} came.", deidentified=True)
    medtext.write([leaking], tmp_path / "a.jsonl")
    (tmp_path / "known.csv").write_text(f"id,surname\nn1,{SECRET}\n")
    assert call("audit", tmp_path / "a.jsonl", "--known", tmp_path / "known.csv", "--report", tmp_path / "r.html") == 1
    out, err = capsys.readouterr()
    assert out == "n1\t0\t13\tname\nn1\t6\t13\tknown:surname\n"
    assert err.startswith("medtext: 1 note, 1 place to look at, 1 known identifier still there, 0 rows without")
    assert SECRET not in out + err + (tmp_path / "r.html").read_text()


def test_audit_draws_notes_and_reads_the_table_back(tmp_path, capsys):
    notes = [Note(f"n{number}", "No fever.", deidentified=True) for number in range(20)]
    medtext.write(notes, tmp_path / "a.jsonl")
    assert call("audit", tmp_path / "a.jsonl", "--sample", 5, "--seed", 1, "-o", tmp_path / "read.csv") == 0
    assert "5 notes drawn" in capsys.readouterr().err
    assert call("audit", tmp_path / "a.jsonl", "--findings", tmp_path / "read.csv") == 2
    (tmp_path / "read.csv").write_text((tmp_path / "read.csv").read_text().replace(",,,", ",,0,"))
    assert call("audit", tmp_path / "a.jsonl", "--findings", tmp_path / "read.csv") == 0
    assert "0 of 5 notes read leak: with 95% confidence at most 45.07% of all" in capsys.readouterr().err


def test_audit_speaks_in_flags(tmp_path, capsys):
    medtext.write([Note("n1", "No fever.", deidentified=True)], tmp_path / "a.jsonl")
    assert call("audit", tmp_path / "a.jsonl", "--sample", 5) == 2
    assert "--sample says how many notes, -o where their table goes" in capsys.readouterr().err


def test_deid_writes_a_report(sides, tmp_path):
    assert call("deid", sides[0], "-o", tmp_path / "clean.jsonl", "--report", tmp_path / "report.json") == 0
    assert json.loads((tmp_path / "report.json").read_text())["counts"]["written"] == 2
    assert SECRET not in (tmp_path / "report.md").read_text()


@pytest.fixture
def people(tmp_path):
    """The machine's file and what two people made of it."""
    text = "Pt denies chest pain. HTN on lisinopril 10 mg."
    base = Note("n1", text, deidentified=True).add([Span(((10, 20),), "PROBLEM"), Span(((22, 25),), "PROBLEM")])
    anna = base.update([Span(((3, 20),), "PROBLEM", id="e1", status="corrected")])
    for name, notes in {
        "base": [base],
        "anna": [anna, anna.replace(id="n2")],
        "ben": [base, base.replace(id="n2")],
    }.items():
        medtext.write([note.replace(meta={"sex": "F"}) for note in notes], tmp_path / f"{name}.jsonl")
    return [tmp_path / f"{name}.jsonl" for name in ("base", "anna", "ben")]


def test_compare_tells_what_became_of_the_spans(people, tmp_path, capsys):
    base, anna, ben = people
    assert call("compare", base, base, "-o", tmp_path / "same.html") == 0
    assert capsys.readouterr().err == (
        "medtext: 1 note compared: 2 untouched; 0 missing, 0 that the base does not have\n"
    )
    assert call("compare", base, anna, ben, "--cost", "accept=0.5") == 1
    out, err = capsys.readouterr()
    assert out.startswith("# What people made of the pre-annotation")
    assert "1 boundary" in err
    assert "2 that the base does not have" in err
    assert "chest" not in out + err
    assert call("compare", base, anna, "--quotes", "-o", tmp_path / "quoted.md") == 1
    assert "chest pain" in (tmp_path / "quoted.md").read_text()
    assert call("compare", base, anna, "--cost", "look=1") == 2
    assert "Actions: select, label" in capsys.readouterr().err


def test_agreement_is_told_in_one_line_and_in_a_report(people, tmp_path, capsys):
    _, anna, ben = people
    assert call("agreement", anna, ben, "-o", tmp_path / "a.json", "--taxonomy", "clinical") == 0
    assert "2 notes of 2 annotators: strict F1 50.0 %" in capsys.readouterr().err
    assert json.loads((tmp_path / "a.json").read_text())["annotators"] == ["anna", "ben"]
    assert call("agreement", anna) == 2
    assert call("agreement", people[0], anna) == 1


def test_people_are_taken_out_of_one_export(people, tmp_path, capsys):
    medtext.write(medtext.read(people[0]), tmp_path / "tasks.json", format="label_studio")
    (task,) = json.loads((tmp_path / "tasks.json").read_text())
    result = task["predictions"][0]["result"]
    task["annotations"] = [
        {"id": number, "completed_by": {"email": name}, "result": result[: 1 + number]}
        for number, name in enumerate(("anna@x", "ben@x"))
    ]
    (tmp_path / "export.json").write_text(json.dumps([task]))
    options = ("--from", "label_studio", "--annotator", "anna@x", "--annotator", "ben@x")
    assert call("agreement", tmp_path / "export.json", *options) == 0
    assert "1 note of 2 annotators" in capsys.readouterr().err
    assert call("compare", people[0], tmp_path / "export.json", *options, "-o", tmp_path / "c.json") == 0
    told = json.loads((tmp_path / "c.json").read_text())["annotator"]
    assert {name: (held["accepted"], held["rejected"]) for name, held in told.items()} == {
        "anna@x": (1, 1),
        "ben@x": (2, 0),
    }
    assert call("compare", people[0], people[1], people[2], *options) == 2
    assert "--annotator takes annotators out of one file" in capsys.readouterr().err


def test_adjudicate_writes_gold_and_queue_and_ends_when_the_queue_is_decided(people, tmp_path, capsys):
    _, anna, ben = people
    gold, queue = tmp_path / "gold.jsonl", tmp_path / "queue.jsonl"
    assert call("adjudicate", anna, ben, "-o", gold, "--queue", queue, "--report", tmp_path / "r.html") == 1
    assert "2 notes: 2 spans settled, 0 outvoted, 2 questions open in 2 notes" in capsys.readouterr().err
    decided = [note.replace(review=medtext.Review("done", "chief")) for note in medtext.read(queue)]
    medtext.write(decided, tmp_path / "decided.jsonl")
    assert call("adjudicate", anna, ben, "-o", gold, "--resolved", tmp_path / "decided.jsonl") == 2
    again = ("-o", gold, "--resolved", tmp_path / "decided.jsonl", "--overwrite")
    assert call("adjudicate", anna, ben, *again) == 0
    assert call("adjudicate", anna, ben, "-o", tmp_path / "w.jsonl", "--weight", "anna=2") == 0
    assert {one.at for note in medtext.read(tmp_path / "w.jsonl") for one in note.spans} == {((3, 20),), ((22, 25),)}
    with pytest.raises(SystemExit):
        call("adjudicate", anna, ben, "-o", tmp_path / "v.jsonl", "--weight", "anna=much")


def test_evaluate_judges_groups(people, tmp_path):
    _, anna, ben = people
    options = ("--layer", "entity", "--by", "sex", "--bands", "age=18,65", "--criterion", "type", "--quotes")
    assert call("evaluate", anna, ben, *options, "-o", tmp_path / "e.json") == 0
    told = json.loads((tmp_path / "e.json").read_text())
    assert told["subgroups"]["sex"]["F"]["recall"]["value"] == 1
    assert told["mistakes"][0]["quote"] == "denies chest pain"
    with pytest.raises(SystemExit):
        call("evaluate", anna, ben, "--bands", "age=old")
