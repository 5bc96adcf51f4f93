"""The way back for whole files: what comes back is what went in, and nothing identified is written unasked."""

import json

import pytest

import medtext
from medtext.errors import ConfigError, IdentifiedNoteError, VaultError, WouldOverwriteError
from tests.tiny import write_lines

TEXTS = {"a": "Mr. John Abernathy has gout.\r\nSeen 03/12/2024.", "b": "No fever.", "c": "MRN: 88123. Dr. Mary Quill"}


@pytest.fixture(autouse=True)
def secret(monkeypatch):
    monkeypatch.setenv("MEDTEXT_KEY", "a secret of more than sixteen bytes")


@pytest.fixture
def notes(tmp_path):
    """A file of three notes, two with identifiers."""
    records = [json.dumps({"id": key, "text": text, "name": "Abernathy"}) for key, text in TEXTS.items()]
    return write_lines(tmp_path / "notes.jsonl", records)


@pytest.fixture
def vault(tmp_path):
    return tmp_path / "keep" / "notes.vault"


@pytest.fixture
def clean(notes, vault, tmp_path):
    """The notes de-identified, with their vault."""
    medtext.deid(notes, tmp_path / "clean.jsonl", vault=vault)
    return tmp_path / "clean.jsonl"


def back(clean, vault, tmp_path, **options):
    problems = []
    options = {"allow_phi": True, "on_problem": problems.append} | options
    report = medtext.reidentify(clean, tmp_path / "back.jsonl", vault=vault, **options)
    return list(medtext.read(tmp_path / "back.jsonl")), report, problems


def test_a_file_comes_back_as_it_was(notes, clean, vault, tmp_path):
    assert "Abernathy" not in clean.read_text()
    came, report, problems = back(clean, vault, tmp_path)
    assert came == list(medtext.read(notes))
    assert (report.read, report.written, report.errors, problems) == (3, 3, 0, [])


def test_a_file_of_another_format_comes_back_too(notes, vault, tmp_path):
    medtext.deid(notes, tmp_path / "clean.csv", vault=vault)
    medtext.reidentify(tmp_path / "clean.csv", tmp_path / "back.csv", vault=vault, allow_phi=True)
    assert {note.id: note.text for note in medtext.read(tmp_path / "back.csv")} == TEXTS


def test_a_folder_of_texts_stays_one(notes, vault, tmp_path):
    medtext.deid(notes, tmp_path / "clean", output_format="text", vault=vault)
    medtext.reidentify(tmp_path / "clean", tmp_path / "back", vault=vault, allow_phi=True)
    assert {note.id: note.text for note in medtext.read(tmp_path / "back")} == TEXTS


def test_the_spans_of_a_whole_pipeline_come_along(notes, vault, tmp_path):
    config = {"name": "own", "stages": [{"deid": {"vault": str(vault)}}, "sentences", "sections", "phrases"]}
    medtext.annotate(notes, tmp_path / "spans.jsonl", pipeline=medtext.load(config))
    first, *_ = back(tmp_path / "spans.jsonl", vault, tmp_path)[0]
    assert [first.quote(span) for span in first.layer("entity")] == [("gout",)]
    assert first.layer("phi") == ()


def test_notes_that_are_unknown_or_edited_are_named_and_the_others_come_back(clean, vault, tmp_path):
    a, b, c = medtext.read(clean)
    medtext.write([a.replace(text=a.text + "!"), b.replace(id="z"), c], tmp_path / "mixed.jsonl")
    came, report, problems = back(tmp_path / "mixed.jsonl", vault, tmp_path)
    assert [note.id for note in came] == ["c"]
    assert [one.note_id for one in problems] == ["a", "z"]
    assert "edited" in problems[0].message
    assert "no record" in problems[1].message
    assert (report.read, report.written, report.errors) == (3, 1, 2)


def test_a_changed_record_costs_its_own_note_only(clean, vault, tmp_path):
    header, first, *rest = vault.read_bytes().splitlines(keepends=True)
    record = json.loads(first)
    record["sealed"] = record["sealed"][::-1].replace("=", "A")
    vault.write_bytes(header + json.dumps(record).encode() + b"\n" + b"".join(rest))
    came, _, problems = back(clean, vault, tmp_path)
    assert [note.id for note in came] == ["b", "c"]
    assert [(one.note_id, "was changed" in one.message) for one in problems] == [("a", True)]


def test_a_torn_line_is_a_warning_with_its_place(clean, vault, tmp_path):
    with vault.open("ab") as stream:
        stream.write(b'{"id":"tor')
    came, report, problems = back(clean, vault, tmp_path)
    assert len(came) == 3
    assert (report.errors, report.warnings) == (0, 1)
    assert problems[0].where == f"{vault}:5"


def test_an_id_used_for_two_notes_is_a_warning(vault, tmp_path):
    for number, name in enumerate(("Abernathy", "Featherstone")):
        notes = write_lines(tmp_path / f"{number}.jsonl", [json.dumps({"id": "n", "text": f"Mr. {name} came."})])
        medtext.deid(notes, tmp_path / f"clean{number}.jsonl", vault=vault)
    came, _, problems = back(tmp_path / "clean1.jsonl", vault, tmp_path)
    assert came[0].text == "Mr. Featherstone came."
    assert [one.severity for one in problems] == ["warning"]
    assert "Are note ids used twice?" in problems[0].message


def test_identified_notes_are_not_written_unasked(clean, vault, tmp_path):
    with pytest.raises(IdentifiedNoteError, match="allow_phi=True"):
        back(clean, vault, tmp_path, allow_phi=False)
    assert not (tmp_path / "back.jsonl").exists()


def test_what_is_there_is_not_overwritten_unasked(clean, vault, tmp_path):
    back(clean, vault, tmp_path)
    with pytest.raises(WouldOverwriteError):
        back(clean, vault, tmp_path)
    assert len(back(clean, vault, tmp_path, overwrite=True)[0]) == 3


@pytest.mark.parametrize("name", ["notes.vault", "."])
def test_a_vault_is_never_overwritten(notes, clean, vault, name):
    held = vault.read_bytes()
    output = vault.parent / name
    for run in (medtext.deid, medtext.annotate, medtext.convert):
        with pytest.raises(WouldOverwriteError, match="never overwritten"):
            run(clean, output, overwrite=True, output_format="text" if name == "." else "jsonl")
    with pytest.raises(WouldOverwriteError, match="never overwritten"):
        medtext.deid(notes, vault, vault=vault, overwrite=True, output_format="jsonl")
    assert vault.read_bytes() == held


def test_another_secret_and_an_absent_vault_are_refused_before_a_note_is_read(clean, vault, tmp_path, monkeypatch):
    with pytest.raises(VaultError, match="cannot be read: No such file"):
        back(clean, tmp_path / "none.vault", tmp_path)
    assert not (tmp_path / "none.vault").exists()
    monkeypatch.setenv("MEDTEXT_KEY", "another secret altogether")
    with pytest.raises(VaultError, match="another secret"):
        back(tmp_path / "nothing.jsonl", vault, tmp_path, input_format="jsonl")
    with pytest.raises(VaultError, match="another secret"):
        medtext.deid(clean, tmp_path / "more.jsonl", vault=vault)
    assert not (tmp_path / "more.jsonl").exists()
    monkeypatch.delenv("MEDTEXT_KEY")
    with pytest.raises(ConfigError, match="vault needs a secret"):
        back(clean, vault, tmp_path)


def test_a_run_into_another_vault_does_not_go_on_where_one_was_cut_off(notes, clean, vault, tmp_path):
    again = medtext.deid(notes, clean, vault=vault, resume=True)
    assert again.kept == 3
    with pytest.raises(WouldOverwriteError):
        medtext.deid(notes, clean, vault=tmp_path / "other.vault", resume=True)


def test_the_command_line_leads_there_and_back(notes, tmp_path, capsys):
    from medtext.cli import main

    clean, came, vault = (str(tmp_path / name) for name in ("clean.jsonl", "back.jsonl", "v"))
    assert main(["deid", str(notes), "-o", clean, "--vault", vault]) == 0
    assert main(["reidentify", clean, "--vault", vault, "-o", came]) == 2
    assert "--allow-phi" in capsys.readouterr().err
    assert main(["reidentify", clean, "--vault", vault, "-o", came, "--allow-phi"]) == 0
    assert list(medtext.read(came)) == list(medtext.read(notes))
    assert main(["reidentify", str(notes), "--vault", vault, "-o", came, "--allow-phi", "--overwrite"]) == 1
    assert "Abernathy" not in capsys.readouterr().err
