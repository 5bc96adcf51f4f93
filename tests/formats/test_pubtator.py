"""PubTator."""

import pytest
from hypothesis import assume, given, settings

from medtext import Code, Note, Span, read
from medtext.errors import FormatError, Problem
from medtext.formats.pubtator import FORMAT
from tests.formats.roundtrip import again, from_bytes, law, to_bytes
from tests.laws import batches


@settings(max_examples=60, deadline=None)
@given(batches())
def test_reading_what_was_written_gives_the_notes_without_what_pubtator_loses(notes):
    assume(not any("|" in note.id for note in notes))
    law(FORMAT, notes, again(FORMAT, notes, None))


def test_it_looks_as_pubtator_wants_it():
    span = Span(((6, 16),), "Disease", codes=(Code("MESH", "D002637"), Code("SNOMED", "29857009")))
    note = Note("7", "Title\nchest\r\npain.").add([Span(((6, 17),), "Disease", codes=span.codes)])
    assert to_bytes(FORMAT, [note]).decode().split("\n") == [
        "7|t|Title",
        "7|a|chest  pain.",
        "7\t6\t17\tchest  pain\tDisease\tD002637|SNOMED:29857009",
        *("", ""),
    ]


def test_real_abstracts_come_back_as_they_are(shared_data):
    file = shared_data / "raw" / "pubtator" / "bc5cdr_dev_first50.txt"
    notes = list(read(file, format="pubtator"))
    assert len(notes) == 50
    assert sum(len(note.spans) for note in notes) == 812
    written = to_bytes(FORMAT, notes).decode("utf-8")
    assert blocks(written) == blocks(file.read_text(encoding="utf-8"))


def blocks(text: str) -> list[list[str]]:
    """The lines of each abstract, those below the text in alphabetical order, concepts without what no code says."""
    found = []
    for block in text.strip().split("\n\n"):
        lines = block.split("\n")
        found.append(lines[:2] + sorted("\t".join(line.split("\t")[:6]).replace("\t-1", "\t") for line in lines[2:]))
    return found


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("7\t0\t5\tfever\tX\tD1", "not what stands"),
        ("7\t0\t900\tfever\tX\tD1", "ends at 900"),
        ("7\t5\t5\t\tX\tD1", "empty"),
        ("Zzz", "neither"),
    ],
)
def test_a_broken_line_is_a_problem_with_its_place_and_others_are_read(line, message):
    problem, good = from_bytes(FORMAT, f"7|t|No fever\n7|a|x\n{line}\n\n8|t|fine\n".encode())
    assert isinstance(problem, Problem)
    assert (problem.where, problem.note_id, good.id) == ("f:3", "7", "8")
    assert message in problem.message
    assert "fever" not in str(problem)


def test_what_is_no_block_is_a_problem_and_what_an_id_cannot_hold_is_refused():
    (problem,) = from_bytes(FORMAT, b"Zzz\n")
    assert problem.where == "f:1"
    with pytest.raises(FormatError, match="not UTF-8"):
        from_bytes(FORMAT, b"7|t|38\xb0\n")
    with pytest.raises(FormatError, match=r"holds \|"):
        to_bytes(FORMAT, [Note("a|b", "x")])
    with pytest.raises(FormatError, match=r"holds \|"):
        to_bytes(FORMAT, [Note("a", "x").add([Span(((0, 1),), "X", codes=(Code("A", "b|c"),))])])
