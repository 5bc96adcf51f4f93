"""Plain text, one note a file: the exact characters, and nothing else."""

import pytest
from hypothesis import given, settings

from medtext import Note, read, write
from medtext.errors import ConfigError, FormatError, Problem
from medtext.formats import without
from medtext.formats.text import FORMAT
from tests.laws import batches


@settings(max_examples=40, deadline=None)
@given(batches())
def test_reading_what_was_written_gives_the_notes_without_what_text_loses(tmp_path_factory, notes):
    folder = tmp_path_factory.mktemp("text") / "notes"
    FORMAT.write(notes, folder)
    back = {note.id: note for note in FORMAT.read(folder)}
    assert back == {note.id: without(note, FORMAT.loses) for note in notes}


def test_folders_become_part_of_the_id(tmp_path):
    (tmp_path / "ward 3").mkdir()
    (tmp_path / "ward 3" / "a.txt").write_bytes(b"one\r\ntwo\r")
    (tmp_path / "b.txt").write_bytes(b"\xef\xbb\xbfthree")
    assert [(note.id, note.text) for note in read(tmp_path)] == [("b", "three"), ("ward 3/a", "one\r\ntwo\r")]


def test_one_file_is_one_note(tmp_path):
    write([Note("n1", "Pt well.")], tmp_path / "n1.txt", allow_phi=True)
    assert [note.text for note in read(tmp_path / "n1.txt")] == ["Pt well."]
    with pytest.raises(FormatError, match="Name a folder"):
        write([Note("a", "x"), Note("b", "y")], tmp_path / "two.txt", allow_phi=True)
    assert not (tmp_path / "two.txt").exists()


def test_a_wrong_encoding_is_a_problem_that_names_the_byte_and_the_others_are_read(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"temp 38\xb0C")
    (tmp_path / "b.txt").write_bytes(b"well")
    problems: list[Problem] = []
    assert [note.id for note in read(tmp_path, on_problem=problems.append)] == ["b"]
    assert [(one.where, one.message[:19]) for one in problems] == [(str(tmp_path / "a.txt"), "not utf-8 at byte 7")]
    assert [note.text for note in read(tmp_path, encoding="cp1252")] == ["temp 38°C", "well"]


def test_an_unknown_encoding_is_refused(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"x")
    with pytest.raises(ConfigError, match="Unknown encoding 'utf-9'"):
        list(read(tmp_path, encoding="utf-9"))
