"""The commands of the way through Label Studio, and serve: exit status, what is told, and no token or text."""

import json

import pytest

import medtext
from medtext import Note, Span
from medtext.cli import main
from tests.studio.server import running

TOKEN, SECRET = "a-secret-token", "Delgado"


def call(*args):
    return main([str(arg) for arg in args])


@pytest.fixture
def spans(tmp_path):
    note = Note("n1", f"{SECRET} has a fever.", deidentified=True).add([Span(((14, 19),), "PROBLEM")])
    medtext.write([note], tmp_path / "spans.jsonl")
    medtext.write([note.replace(id="n2", deidentified=False)], tmp_path / "identified.jsonl", allow_phi=True)
    return tmp_path


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", TOKEN)
    with running() as found:
        yield found


def test_push_sends_and_says_how_many(spans, server, capsys):
    told = ["--url", server[0], "--project", "P"]
    assert call("label-studio", "push", spans / "spans.jsonl", *told) == 0
    assert call("label-studio", "push", spans / "spans.jsonl", *told) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "1 written to project 'P' (no. 1)" in err
    assert "(1 of them before)" in err
    assert TOKEN not in err
    assert len(server[1].tasks) == 1


def test_push_refuses_identified_notes_and_names_the_option(spans, server, capsys):
    told = ["--url", server[0], "--project", "P"]
    assert call("label-studio", "push", spans / "identified.jsonl", *told) == 2
    assert "--allow-phi" in (err := capsys.readouterr().err)
    assert SECRET not in err
    assert server[1].asked == []
    assert call("label-studio", "push", spans / "identified.jsonl", *told, "--allow-phi") == 0


def test_without_a_token_or_with_a_wrong_one_the_command_says_what_to_do(spans, server, monkeypatch, capsys):
    told = [spans / "spans.jsonl", "--url", server[0], "--project", "P"]
    server[1].failures = [(401, {}, SECRET.encode())]
    assert call("label-studio", "push", *told) == 2
    monkeypatch.delenv("LABEL_STUDIO_API_KEY")
    assert call("label-studio", "push", *told) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert "does not accept the token" in first
    assert "LABEL_STUDIO_API_KEY" in second
    assert TOKEN not in first + second


def test_pull_says_which_projects_there_are(server, tmp_path, capsys):
    server[1].projects = [{"id": 1, "title": "Ward 3"}]
    assert call("label-studio", "pull", "--url", server[0], "--project", "Ward", "-o", tmp_path / "o") == 2
    assert "Projects: Ward 3" in capsys.readouterr().err


def test_collect_writes_a_file_an_annotator_and_ends_with_1_for_what_it_cannot_read(spans, tmp_path, capsys):
    record = json.loads((spans / "spans.jsonl").read_text())
    record |= {"review": {"state": "done", "annotator": "7"}}
    record |= {"x": {"label_studio_event": {"id": 1, "action": "ANNOTATION_CREATED"}}}
    (tmp_path / "events.jsonl").write_text(json.dumps(record) + "\n")
    assert call("label-studio", "collect", tmp_path / "events.jsonl", "-o", tmp_path / "out") == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["7.jsonl"]
    assert call("label-studio", "collect", spans / "spans.jsonl", "-o", tmp_path / "none") == 1
    assert SECRET not in capsys.readouterr().err


def test_serve_refuses_to_be_reached_by_others_without_a_token(monkeypatch, capsys):
    monkeypatch.delenv("MEDTEXT_SERVER_TOKEN", raising=False)
    assert call("serve", "--host", "0.0.0.0") == 2
    assert "MEDTEXT_SERVER_TOKEN" in capsys.readouterr().err
