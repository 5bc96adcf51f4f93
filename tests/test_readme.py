"""The examples of the README and of docs/ run as they stand."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import medtext
from medtext.taxonomy import Policy, Taxonomy
from tests.formats.table import table

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))


def page(name):
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def blocks(language, text=README):
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_the_python_example_runs_and_shows_what_it_promises(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (code,) = blocks("python")
    assert len(code.splitlines()) <= 25
    exec(compile(code, "README.md", "exec"), {})
    shown = capsys.readouterr().out
    for name in ("Delgado", "Okafor", "03/14"):
        assert name not in shown
    lines = {line[:20].strip(): line[20:].split() for line in shown.splitlines()}
    assert lines["type 2 diabetes"][-1] == "ICD10CM:E11.9"
    assert lines["chest pain"][1] == "absent"
    assert lines["breast cancer"][2] == "family"
    assert "RXNORM:6809" in lines["metformin"]


def test_the_command_line_example_runs(tmp_path):
    (tmp_path / "notes").mkdir()
    for note in medtext.examples():
        (tmp_path / "notes" / f"{note.id}.txt").write_bytes(note.text.encode("utf-8"))
    (tmp_path / "notes.key").write_text("0123456789abcdef" * 4)  # openssl need not be here
    shown = "".join([README, page("deidentification.md"), page("terminology.md")])
    lines = [line for block in blocks("console", shown) for line in block.splitlines() if line.startswith("$ medtext ")]
    assert len(lines) >= 11
    bin_folder = str(Path(sys.executable).parent)
    environment = {**os.environ, "PATH": bin_folder + os.pathsep + os.environ["PATH"]}
    for line in lines:
        command = shlex.split(line.removeprefix("$ "), comments=True)
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{line}: {done.stderr}"
    assert (tmp_path / "spans.html").stat().st_size > 10_000
    assert any((tmp_path / "brat").rglob("*.ann"))
    for before in (tmp_path / "notes").iterdir():
        assert (tmp_path / "again" / before.name).read_bytes() == before.read_bytes()


def test_every_file_that_the_documents_link_to_is_there():
    for document in DOCUMENTS:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", document.read_text(encoding="utf-8")):
            assert (document.parent / target).exists(), f"{document.name} links to {target}"


@pytest.mark.parametrize("command", ["make demo", "make test"])
def test_the_two_commands_are_what_ci_runs(command):
    assert f"$ {command}" in README
    assert command in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()


def test_the_table_of_formats_is_what_the_formats_say():
    assert table() in page("formats.md")


def test_the_table_of_identifiers_says_what_the_taxonomy_and_the_policy_say():
    identifiers, policy = Taxonomy.load("phi").labels, Policy.load("safe-harbor")
    identified = page("deidentification.md").partition("## What is found")[2]
    seen = {}
    for row in re.findall(r"^\| ([A-R]|beyond) .*?\| ([A-Z_ ]+) \|[^|]*\| (\w+)", identified, re.MULTILINE):
        letter, labels, action = row
        for label in labels.split():
            seen[label] = ("" if letter == "beyond" else letter, action)
    assert seen == {name: (one.safe_harbor, policy.action(name)) for name, one in identifiers.items()}
    assert {letter for letter, _ in seen.values() if letter} == set("ABCDEFGHIJKLMNOPQR")
