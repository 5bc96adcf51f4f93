"""A run that is cut off anywhere goes on where it stopped: no note is lost, none is written twice."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import medtext
from medtext.errors import ConfigError, WouldOverwriteError
from medtext.runs.journal import Journal
from tests.tiny import Censor, Finder, write_lines

ROOT = Path(__file__).resolve().parents[2]


class Cut(Censor):
    """Censor that is interrupted when it meets its nth note."""

    def __init__(self, after):
        super().__init__()
        self.left = after

    def __call__(self, note):
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt
        return super().__call__(note)


def many(tmp_path, count):
    lines = [json.dumps({"id": f"n{number}", "text": f"fever — note {number} \u2028 é"}) for number in range(count)]
    return write_lines(tmp_path / "in.jsonl", lines)


def whole(source, output):
    medtext.annotate(source, output, pipeline=medtext.Pipeline([Censor(), Finder()]))
    return output.read_bytes(), output.with_name(f"{output.name}.manifest.json").read_bytes()


def cut(source, output, after):
    with pytest.raises(KeyboardInterrupt):
        medtext.annotate(source, output, pipeline=medtext.Pipeline([Cut(after), Finder()]), batch_size=1)


@settings(max_examples=25, deadline=None)
@given(after=st.integers(1, 5), torn=st.integers(0, 2000))
def test_a_journal_cut_at_any_byte_leads_to_the_same_bytes(tmp_path_factory, after, torn):
    tmp_path = tmp_path_factory.mktemp("run")
    source, output = many(tmp_path, 6), tmp_path / "out.jsonl"
    cut(source, output, after)
    with (tmp_path / "out.jsonl.part" / "notes.jsonl").open("rb+") as stream:
        stream.truncate(min(torn, stream.seek(0, os.SEEK_END)))
    pipeline = medtext.Pipeline([Censor(), Finder()])
    report = medtext.annotate(source, output, pipeline=pipeline, resume=True)
    assert (output.read_bytes(), (tmp_path / "out.jsonl.manifest.json").read_bytes()) == whole(
        source, tmp_path / "whole.jsonl"
    )
    assert report.written == 6
    assert report.kept <= after
    assert not (tmp_path / "out.jsonl.part").exists()


def test_a_run_that_was_cut_off_is_not_thrown_away_unasked(tmp_path):
    source, output = many(tmp_path, 4), tmp_path / "out.jsonl"
    cut(source, output, 2)
    pipeline = medtext.Pipeline([Censor(), Finder()])
    with pytest.raises(WouldOverwriteError, match=r"holds 2 notes of a run that was cut off.*resume=True"):
        medtext.annotate(source, output, pipeline=pipeline)
    report = medtext.annotate(source, output, pipeline=pipeline, overwrite=True)
    assert (report.written, report.kept) == (4, 0)


def test_a_finished_note_is_in_the_file_before_the_next_is_begun(tmp_path):
    with Journal(tmp_path / "out.jsonl", {}, resume=False, overwrite=False) as journal:
        for count in (1, 2):
            journal.add(medtext.Note(f"n{count}", "x"))
            assert len(journal.notes.read_bytes().splitlines()) == count


def test_two_runs_never_write_the_same_file_at_once(tmp_path):
    source, output = many(tmp_path, 3), tmp_path / "out.jsonl"
    pipeline = medtext.Pipeline([Censor()])
    held = Journal(output, {}, resume=False, overwrite=False)
    for options in ({}, {"resume": True}, {"overwrite": True}):
        with pytest.raises(WouldOverwriteError, match="Another run is writing"):
            medtext.annotate(source, output, pipeline=pipeline, **options)
    with held:
        pass
    assert medtext.annotate(source, output, pipeline=pipeline).written == 3


def test_a_folder_of_someone_else_is_left_alone(tmp_path):
    source, output = many(tmp_path, 3), tmp_path / "out.jsonl"
    other = tmp_path / "out.jsonl.part" / "thesis.txt"
    other.parent.mkdir()
    other.write_text("years of work")
    medtext.annotate(source, output, pipeline=medtext.Pipeline([Censor()]))
    assert other.read_text() == "years of work"


def test_other_settings_or_another_input_are_refused_by_name(tmp_path):
    source, output = many(tmp_path, 4), tmp_path / "out.jsonl"
    cut(source, output, 2)
    pipeline = medtext.Pipeline([Censor(), Finder()])
    with pytest.raises(ConfigError, match=r"differs in: settings\."):
        medtext.annotate(source, output, pipeline=pipeline, resume=True, limit=3)
    other = medtext.Pipeline([Censor(policy="mask-all"), Finder()])
    with pytest.raises(ConfigError, match=r"differs in: pipeline\."):
        medtext.annotate(source, output, pipeline=other, resume=True)
    source.write_bytes(source.read_bytes().replace(b"fever", b"cough", 1))
    with pytest.raises(ConfigError, match=r"differs in: input\."):
        medtext.annotate(source, output, pipeline=pipeline, resume=True)
    assert len((tmp_path / "out.jsonl.part" / "notes.jsonl").read_bytes().splitlines()) >= 2


def test_resuming_a_finished_run_does_nothing(tmp_path):
    source, output = many(tmp_path, 3), tmp_path / "out.jsonl"
    whole(source, output)
    before = output.stat().st_mtime_ns
    report = medtext.annotate(source, output, pipeline=medtext.Pipeline([Cut(0), Finder()]), resume=True)
    assert (report.written, report.kept) == (3, 3)
    assert output.stat().st_mtime_ns == before
    with pytest.raises(WouldOverwriteError):
        medtext.annotate(source, output, pipeline=medtext.Pipeline([Censor(), Finder()]), resume=True, limit=2)


def test_resuming_never_replaces_another_file(tmp_path):
    source, output = many(tmp_path, 3), tmp_path / "out.jsonl"
    output.write_text("a person's work\n")
    with pytest.raises(WouldOverwriteError):
        medtext.annotate(source, output, pipeline=medtext.Pipeline([Censor()]), resume=True)
    assert output.read_text() == "a person's work\n"


def test_a_run_resumes_whatever_its_output_format_is(tmp_path):
    source = many(tmp_path, 4)
    pipeline = medtext.Pipeline([Censor(), Finder()])
    cutting = medtext.Pipeline([Cut(2), Finder()])
    with pytest.raises(KeyboardInterrupt):
        medtext.annotate(source, tmp_path / "out.html", pipeline=cutting, batch_size=1, output_format="html")
    report = medtext.annotate(source, tmp_path / "out.html", pipeline=pipeline, resume=True, output_format="html")
    assert (report.written, report.kept) == (4, 2)
    medtext.annotate(source, tmp_path / "whole.html", pipeline=pipeline, output_format="html")
    assert (tmp_path / "out.html").read_bytes() == (tmp_path / "whole.html").read_bytes()


def test_the_problems_of_a_resumed_run_are_those_of_a_whole_one(troubled_notes, tmp_path):
    def problems(output):
        return sorted((tmp_path / f"{output}.problems.jsonl").read_text().splitlines())

    cut(troubled_notes, tmp_path / "out.jsonl", 2)
    pipeline = medtext.Pipeline([Censor(), Finder()])
    report = medtext.annotate(troubled_notes, tmp_path / "out.jsonl", pipeline=pipeline, resume=True)
    medtext.annotate(troubled_notes, tmp_path / "whole.jsonl", pipeline=pipeline)
    assert problems("out.jsonl") == problems("whole.jsonl")
    assert (report.read, report.written, report.errors) == (4, 3, 4)


def test_a_killed_process_loses_nothing(tmp_path):
    source, output = many(tmp_path, 200), tmp_path / "out.jsonl"
    config = tmp_path / "slow.yaml"
    config.write_text("stages:\n  - deid: {pause: 0.004}\n  - phrases\n")
    command = [sys.executable, "-m", "tests.tiny", "annotate", str(source), "-o", str(output), "-p", str(config)]
    journal = tmp_path / "out.jsonl.part" / "notes.jsonl"
    kept = []
    for _ in range(2):
        process = subprocess.Popen([*command, "--resume"], cwd=ROOT, stderr=subprocess.DEVNULL)
        wanted = (kept[-1] if kept else 0) + 1
        deadline = time.monotonic() + 30
        while len(journal.read_bytes().splitlines() if journal.exists() else []) < wanted:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        kept.append(len(journal.read_bytes().splitlines()))
        assert not output.exists()
    done = subprocess.run([*command, "--resume"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "of them before" in done.stderr
    assert [note.id for note in medtext.read(output)] == [f"n{number}" for number in range(200)]
