"""Runs over files: nothing is lost, nothing is overwritten, one bad note never stops the others."""

import json
import logging

import pytest

import medtext
from medtext.errors import ConfigError, FormatError, IdentifiedNoteError, WouldOverwriteError
from tests.tiny import SECRET


def ids(path):
    return [note.id for note in medtext.read(path)]


def test_every_note_is_written_in_order_with_its_exact_text(plain_notes, pipeline, tmp_path):
    report = medtext.annotate(plain_notes, tmp_path / "out.jsonl", pipeline=pipeline)
    notes = list(medtext.read(tmp_path / "out.jsonl"))
    assert [note.id for note in notes] == ["a", "b", "c", "d"]
    assert notes[2].text == "A line\r\nand a NUL \0 and a fever."
    assert (report.read, report.written, report.errors, report.warnings) == (4, 4, 0, 0)
    assert report.spans == {"entity": {"PROBLEM": 3}, "phi": {"NAME": 1}}


def test_one_bad_note_does_not_stop_the_others_and_each_is_named(troubled_notes, pipeline, tmp_path):
    problems = []
    report = medtext.annotate(troubled_notes, tmp_path / "out.jsonl", pipeline=pipeline, on_problem=problems.append)
    assert ids(tmp_path / "out.jsonl") == ["good", "empty", "last"]
    assert {(one.where.rpartition(":")[2], one.note_id, one.severity) for one in problems} == {
        ("2", "", "error"),
        ("", "breaks", "error"),
        ("4", "", "error"),
        ("", "empty", "warning"),
        ("", "good", "error"),
    }
    assert (report.read, report.written, report.errors, report.warnings) == (4, 3, 4, 1)


def test_problems_are_kept_beside_the_output(troubled_notes, pipeline, tmp_path):
    problems = []
    medtext.annotate(troubled_notes, tmp_path / "out.jsonl", pipeline=pipeline, on_problem=problems.append)
    kept = [json.loads(line) for line in (tmp_path / "out.jsonl.problems.jsonl").read_text().splitlines()]
    assert [one["message"] for one in kept] == [one.message for one in problems]


def test_a_clean_run_leaves_the_output_and_its_manifest_and_nothing_else(plain_notes, pipeline, tmp_path):
    medtext.annotate(plain_notes, tmp_path / "run" / "out.jsonl", pipeline=pipeline)
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["out.jsonl", "out.jsonl.manifest.json"]


def test_the_same_run_gives_the_same_bytes_wherever_it_writes(troubled_notes, pipeline, tmp_path):
    made = []
    for name in ("one", "two"):
        medtext.annotate(troubled_notes, tmp_path / name / "out.jsonl", pipeline=pipeline, batch_size=1 + len(made) * 3)
        files = sorted((tmp_path / name).iterdir())
        made.append([(path.name, path.read_bytes()) for path in files if "problems" not in path.name])
    assert len(made[0]) == 2
    assert made[0] == made[1]


def test_no_note_text_is_in_anything_but_the_output(troubled_notes, pipeline, tmp_path, capfd, caplog):
    caplog.set_level(logging.DEBUG)
    report = medtext.annotate(
        troubled_notes, tmp_path / "out.jsonl", pipeline=pipeline, on_problem=print, progress=True
    )
    print(report, report.table())
    told = "".join(capfd.readouterr()) + caplog.text
    told += "".join(path.read_text() for path in tmp_path.glob("out.jsonl.*"))
    assert "out.jsonl" in told
    assert SECRET not in told
    assert SECRET not in (tmp_path / "out.jsonl").read_text()


def test_the_manifest_says_what_made_the_file_and_names_no_path(plain_notes, pipeline, tmp_path):
    medtext.annotate(plain_notes, tmp_path / "out.jsonl", pipeline=pipeline, limit=3)
    text = (tmp_path / "out.jsonl.manifest.json").read_text()
    held = json.loads(text)
    assert held["medtext"] == medtext.__version__
    assert held["pipeline"] == pipeline.describe()
    assert len(held["input"]["sha256"]) == 64
    assert held["settings"]["limit"] == 3
    assert held["counts"]["written"] == 3
    assert str(tmp_path) not in text
    assert plain_notes.name not in text


def test_an_output_that_exists_is_left_alone(plain_notes, pipeline, tmp_path):
    output = tmp_path / "out.jsonl"
    output.write_text("a person's work\n")
    with pytest.raises(WouldOverwriteError, match="overwrite=True"):
        medtext.annotate(plain_notes, output, pipeline=pipeline)
    assert output.read_text() == "a person's work\n"
    medtext.annotate(plain_notes, output, pipeline=pipeline, overwrite=True)
    assert len(ids(output)) == 4


def test_a_note_that_is_still_identified_at_the_end_is_refused(plain_notes, pipeline, tmp_path):
    bare = medtext.Pipeline(pipeline.stages[1:])
    with pytest.raises(IdentifiedNoteError, match="'a'"):
        medtext.annotate(plain_notes, tmp_path / "out.jsonl", pipeline=bare)
    assert sorted(path.name for path in tmp_path.iterdir()) == [plain_notes.name]
    report = medtext.annotate(plain_notes, tmp_path / "out.jsonl", pipeline=bare, allow_phi=True)
    assert report.written == 4


def test_an_unknown_reader_option_is_refused_with_those_there_are(plain_notes, pipeline, tmp_path):
    with pytest.raises(ConfigError, match=r"'records' is not read with 'columm'\. Options: text_column, id_column"):
        medtext.annotate(plain_notes, tmp_path / "out.jsonl", pipeline=pipeline, columm="x")


@pytest.mark.parametrize("numbers", [{"limit": 0}, {"batch_size": 0}])
def test_numbers_below_one_are_refused(plain_notes, pipeline, tmp_path, numbers):
    with pytest.raises(ConfigError, match="must be at least 1"):
        medtext.annotate(plain_notes, tmp_path / "out.jsonl", pipeline=pipeline, **numbers)


def test_an_input_that_is_not_there_is_said(pipeline, tmp_path):
    with pytest.raises(FormatError, match="no such file"):
        medtext.annotate(tmp_path / "gone.jsonl", tmp_path / "out.jsonl", pipeline=pipeline)
    assert list(tmp_path.iterdir()) == []


def test_an_input_without_notes_is_a_warning(pipeline, tmp_path):
    (tmp_path / "in.jsonl").write_text("")
    report = medtext.annotate(tmp_path / "in.jsonl", tmp_path / "out.jsonl", pipeline=pipeline, input_format="records")
    assert (report.read, report.written, report.warnings) == (0, 0, 1)
    assert (tmp_path / "out.jsonl").read_bytes() == b""


def test_a_note_of_five_megabytes_goes_through(pipeline, tmp_path):
    text = "word " * 1_000_000 + "fever"
    (tmp_path / "in.jsonl").write_text(json.dumps({"id": "long", "text": text}) + "\n")
    medtext.annotate(tmp_path / "in.jsonl", tmp_path / "out.jsonl", pipeline=pipeline)
    (note,) = medtext.read(tmp_path / "out.jsonl")
    assert note.text == text
    assert note.spans[0].end == len(text)


@pytest.mark.parametrize(("name", "file"), [("yaml", "out.yaml"), ("html", "out.html")])
def test_any_format_can_be_the_output(plain_notes, pipeline, tmp_path, name, file):
    report = medtext.annotate(plain_notes, tmp_path / file, pipeline=pipeline, output_format=name)
    assert report.written == 4
    assert sorted(path.name for path in tmp_path.iterdir()) == [plain_notes.name, file, f"{file}.manifest.json"]


def test_what_a_format_cannot_hold_is_counted(plain_notes, pipeline, tmp_path):
    report = medtext.annotate(plain_notes, tmp_path / "out", pipeline=pipeline, output_format="text")
    assert report.dropped["spans"] == 4


def test_the_shipped_pipelines_run_on_the_examples(tmp_path):
    medtext.write(medtext.examples(), tmp_path / "in.jsonl", allow_phi=True)
    report = medtext.annotate(tmp_path / "in.jsonl", tmp_path / "out.jsonl")
    assert (report.written, report.errors) == (6, 0)
    assert report.spans["phi"]["PATIENT"] >= 6
    assert report.spans["entity"]["PROBLEM"] >= 60
    assert medtext.check(tmp_path / "out.jsonl") == []
    identified = medtext.deid(tmp_path / "in.jsonl", tmp_path / "clean.jsonl")
    assert identified.written == 6
