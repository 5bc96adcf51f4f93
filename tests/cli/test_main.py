"""The command line: data on stdout, talk on stderr, exit 0, 1 or 2, and never a word of a note or a traceback."""

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
import yaml

import medtext
from medtext import registry
from medtext.cli import main
from tests.tiny import SECRET, STAGES

ROOT = Path(__file__).resolve().parent.parent.parent
COMMANDS = [
    *("annotate", "deid", "reidentify", "convert", "check", "describe"),
    *("generate", "show", "evaluate", "audit", "train"),
]


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    """The tiny stages under the names of the real ones."""
    for name, place in STAGES.items():
        monkeypatch.setitem(registry.STAGES, name, place)
    registry._places.cache_clear()
    yield
    registry._places.cache_clear()


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text("stages: [deid, phrases]\n")
    return path


def call(*args):
    return main([str(arg) for arg in args])


def process(*args, module="medtext", **options):
    command = [sys.executable, "-m", module, *map(str, args)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, **options)


def test_a_run_that_goes_well_ends_with_0_and_one_line(plain_notes, config, tmp_path, capsys):
    assert call("annotate", plain_notes, "-p", config, "-o", tmp_path / "out.jsonl") == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"medtext: 4 notes read, 4 written to {tmp_path / 'out.jsonl'}, 0 errors, 0 warnings, ")
    assert err.count("\n") == 1


def test_a_run_with_problems_ends_with_1_and_names_each(troubled_notes, config, tmp_path, capsys):
    assert call("annotate", troubled_notes, "-p", config, "-o", tmp_path / "out.jsonl") == 1
    err = capsys.readouterr().err
    assert f"error: {troubled_notes}:2: not JSON" in err
    assert "error: note 'breaks': Stage 'deid' broke on note 'breaks': KeyError at tiny.py" in err
    assert f"error: {troubled_notes}:4: no text under 'text'" in err
    assert "warning: note 'empty': the note is empty." in err
    assert "3 notes read" not in err
    assert "3 written" in err
    assert SECRET not in err


def test_pipes_carry_notes_in_and_out(plain_notes, config):
    done = process("annotate", "-", "--from", "records", "-p", config, "-o", "-", module="tests.tiny",
                   input=plain_notes.read_text())  # fmt: skip
    assert done.returncode == 0
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert [record["id"] for record in records] == ["a", "b", "c", "d"]
    assert "4 written to standard output" in done.stderr


def test_deid_writes_the_kind_of_file_that_came_in(plain_notes, tmp_path):
    medtext.write(medtext.read(plain_notes), tmp_path / "notes", format="text", allow_phi=True)
    assert call("deid", tmp_path / "notes", "-o", tmp_path / "clean") == 0
    assert (tmp_path / "clean" / "a.txt").read_text() == "[NAME-1] has a fever."
    assert (tmp_path / "clean" / "c.txt").read_bytes() == b"A line\r\nand a NUL \0 and a fever."
    assert call("deid", plain_notes, "-o", tmp_path / "clean.jsonl") == 0
    assert all(note.deidentified for note in medtext.read(tmp_path / "clean.jsonl"))


def test_deid_drops_columns_but_those_it_is_told_to_keep(tmp_path):
    (tmp_path / "in.csv").write_text(f"id,text,ward,name\nn1,{SECRET} has a fever.,7,{SECRET}\n")
    assert call("deid", tmp_path / "in.csv", "-o", tmp_path / "out.csv", "--keep", "ward") == 0
    (note,) = medtext.read(tmp_path / "out.csv")
    assert note.meta == {"ward": "7"}
    assert note.text == "[NAME-1] has a fever."


def test_convert_refuses_identified_notes_in_the_words_of_the_command_line(plain_notes, tmp_path, capsys):
    assert call("convert", plain_notes, "-o", tmp_path / "out.jsonl") == 2
    assert "Add a deid stage, or pass --allow-phi." in capsys.readouterr().err
    assert call("convert", plain_notes, "-o", tmp_path / "out.jsonl", "--deidentified") == 0
    assert call("convert", plain_notes, "-o", tmp_path / "out.jsonl", "--allow-phi") == 2
    assert "Pass --overwrite to replace it." in capsys.readouterr().err
    assert call("convert", plain_notes, "-o", tmp_path / "out.jsonl", "--allow-phi", "--overwrite", "--limit", 2) == 0
    assert len(list(medtext.read(tmp_path / "out.jsonl"))) == 2


def test_check_lists_problems_on_stdout(tmp_path, capsys):
    note = medtext.Note("n1", "fever", deidentified=True).add([medtext.Span(((0, 5),), "ILLNESS")])
    medtext.write([note], tmp_path / "a.jsonl")
    assert call("check", tmp_path / "a.jsonl") == 1
    out, err = capsys.readouterr()
    assert out.startswith(f"error: {tmp_path / 'a.jsonl'}:1, note 'n1': span 'e1': unknown label 'ILLNESS'")
    assert err == f"medtext: {tmp_path / 'a.jsonl'}: 1 error, 0 warnings\n"


def test_warnings_alone_leave_the_exit_status_at_0(tmp_path):
    medtext.write([medtext.Note("n1", "")], tmp_path / "a.jsonl", allow_phi=True)
    assert call("check", tmp_path / "a.jsonl") == 0


def test_describe_prints_yaml_that_names_what_each_stage_relies_on(config, capsys):
    assert call("describe", config) == 0
    told = yaml.safe_load(capsys.readouterr().out)
    assert [(step["stage"], step.get("policy")) for step in told["stages"]] == [
        ("deid", "safe-harbor"),
        ("phrases", None),
    ]


def test_show_writes_one_page_named_after_the_input(plain_notes, config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert call("annotate", plain_notes, "-p", config, "-o", "spans.jsonl") == 0
    assert call("show", "spans.jsonl") == 0
    page = (tmp_path / "spans.html").read_text()
    assert page.count("<article") == 4
    assert call("show", plain_notes, "-o", "raw.html") == 2


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["annotate", "gone.jsonl", "-o", "out.jsonl"], "medtext: gone.jsonl: there is no such file."),
        (["check", "gone.jsonl"], "medtext: gone.jsonl: there is no such file."),
        (["describe", "nothing"], "medtext: Unknown pipeline 'nothing'. Pipelines: "),
        (["convert", "in.jsonl", "-o", "out.jsonl", "--from", "bart"], "medtext: Unknown format 'bart'. Formats: "),
        (["convert", "in.jsonl", "-o", "out"], "medtext: out: cannot tell the format from the name. Name it with --"),
        (["check", "in.jsonl", "-t", "nothing"], "medtext: Unknown taxonomy 'nothing'. Taxonomies: "),
        (["convert", "in.jsonl", "-o", "o.jsonl", "--encoding", "latin-1"], "'records' is not read with 'encoding'"),
    ],
)
def test_what_cannot_run_ends_with_2_and_one_line(args, told, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.jsonl").write_text('{"id": "a", "text": "x"}\n')
    assert call(*args) == 2
    err = capsys.readouterr().err
    assert told in err
    assert err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]


def test_a_missing_column_is_told_with_those_there_are(tmp_path, capsys):
    (tmp_path / "in.csv").write_text(f"note_id,body\nn1,{SECRET}\n")
    assert call("annotate", tmp_path / "in.csv", "-o", tmp_path / "out.jsonl", "-p", "deid") == 2
    err = capsys.readouterr().err
    assert f"{tmp_path / 'in.csv'}:1" in err
    assert "note_id, body" in err
    assert "--text-column" in err
    columns = ["--text-column", "body", "--id-column", "note_id"]
    assert call("annotate", tmp_path / "in.csv", "-o", tmp_path / "out.jsonl", "-p", "deid", *columns) == 0


def test_a_file_in_another_encoding_is_named_and_the_others_are_read(tmp_path, capsys):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_bytes("fièvre".encode("latin-1"))
    (tmp_path / "notes" / "b.txt").write_bytes("fièvre".encode())
    assert call("annotate", tmp_path / "notes", "-o", tmp_path / "out.jsonl", "-p", "deid") == 1
    err = capsys.readouterr().err
    assert "a.txt" in err
    assert "byte 2" in err
    assert [note.id for note in medtext.read(tmp_path / "out.jsonl")] == ["b"]
    options = ["--encoding", "latin-1", "--overwrite"]
    assert call("annotate", tmp_path / "notes", "-o", tmp_path / "out.jsonl", "-p", "deid", *options) == 0


@pytest.mark.parametrize("args", [[], ["annotate"], ["convert", "a", "-o", "b", "--limit", "0"], ["fly"]])
def test_wrong_usage_ends_with_2(args, capsys):
    with pytest.raises(SystemExit) as error:
        call(*args)
    assert error.value.code == 2
    assert "usage: medtext" in capsys.readouterr().err


def test_an_unexpected_error_tells_its_place_and_quotes_nothing(monkeypatch, capsys):
    def broken(*args, **options):
        raise ValueError(SECRET)

    monkeypatch.setattr("medtext.runs.check", broken)
    assert call("check", "a.jsonl") == 2
    err = capsys.readouterr().err
    assert "medtext: unexpected ValueError at test_main.py:" in err
    assert SECRET not in err
    assert call("check", "a.jsonl", "--debug") == 2
    assert "Traceback" in capsys.readouterr().err


def test_the_warning_of_a_library_that_quotes_a_note_is_not_shown(tmp_path, config, capsys):
    (tmp_path / "in.jsonl").write_text(json.dumps({"id": "a", "text": f"WARN {SECRET}"}) + "\n")
    assert call("annotate", tmp_path / "in.jsonl", "-o", tmp_path / "out.jsonl", "-p", config) == 0
    assert SECRET not in capsys.readouterr().err


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_every_command_holds_an_example(command, capsys):
    with pytest.raises(SystemExit) as error:
        call(command, "--help")
    assert error.value.code == 0
    assert f"example: medtext {command} " in " ".join(capsys.readouterr().out.split())


def test_the_version_is_told(capsys):
    with pytest.raises(SystemExit):
        call("--version")
    assert capsys.readouterr().out == f"medtext {medtext.__version__}\n"


def test_help_loads_nothing_heavy():
    code = "import sys, medtext.cli as c; c._parser().format_help(); print(*{n.partition('.')[0] for n in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"yaml", "spacy", "tqdm", "jsonlines", "presidio_analyzer", "numpy"} & set(loaded)


def test_a_reader_that_goes_away_is_no_error(plain_notes, tmp_path):
    medtext.write((note.replace(id=f"n{number}", text="x" * 5000) for number in range(200)
                   for note in [medtext.Note("a", "x")]), tmp_path / "long.jsonl", allow_phi=True)  # fmt: skip
    command = f"{sys.executable} -m medtext convert {tmp_path}/long.jsonl -o - --allow-phi | head -c 10"
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 0
    assert done.stderr == b""


def test_an_interrupted_run_says_how_to_go_on(tmp_path):
    lines = [json.dumps({"id": f"n{number}", "text": "x"}) for number in range(2000)]
    (tmp_path / "in.jsonl").write_text("\n".join(lines) + "\n")
    (tmp_path / "slow.yaml").write_text("stages:\n  - deid: {pause: 0.005}\n")
    command = ["annotate", tmp_path / "in.jsonl", "-o", tmp_path / "out.jsonl", "-p", tmp_path / "slow.yaml"]
    running = subprocess.Popen(
        [sys.executable, "-m", "tests.tiny", *map(str, command)],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        # A shell in the background makes its children deaf to it.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )
    journal = tmp_path / "out.jsonl.part" / "notes.jsonl"
    deadline = time.monotonic() + 30
    while not (journal.exists() and os.path.getsize(journal)) and time.monotonic() < deadline:
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=30)
    assert running.returncode == 130
    assert err == b"medtext: interrupted. Finished notes are kept: go on with --resume.\n"
    assert os.path.getsize(journal) > 0
