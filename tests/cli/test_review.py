"""The commands evaluate, audit and deid --report: exit status, what goes where, and no text."""

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
