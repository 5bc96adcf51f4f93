"""Plain text through a pipe: one note in, its text out."""

from __future__ import annotations

import io

import pytest

from medtext.errors import FormatError
from medtext.formats.text import read_stream, write_stream
from medtext.note import Note


@pytest.mark.parametrize("text", ["", "Dr. Berg saw her.\r\n", "\ufeffé\u2028x"])
def test_a_note_goes_through_a_pipe_unchanged(text):
    out = io.BytesIO()
    write_stream([Note("n", text)], out)
    (note,) = read_stream(io.BytesIO(out.getvalue()), name="<stdin>")
    assert (note.id, note.text) == ("stdin", text)


def test_two_notes_do_not_fit_in_one_pipe_of_text():
    with pytest.raises(FormatError, match="holds one note"):
        write_stream([Note("a", "x"), Note("b", "y")], io.BytesIO())


def test_bytes_that_are_no_text_are_a_problem_that_names_the_place():
    (problem,) = read_stream(io.BytesIO(b"ab\xff"), name="<stdin>")
    assert "at byte 2" in problem.message
