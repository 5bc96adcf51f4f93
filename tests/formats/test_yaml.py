"""The span file that a person edits."""

import io

import pytest
import yaml
from hypothesis import given, settings

from medtext import Assertion, Code, Note, Span
from medtext.errors import Problem
from medtext.formats.yaml import FORMAT, dump
from tests.laws import batches, json_values

TEXT = "Pt denies chest pain. HTN on lisinopril 10 mg."


def parsed(text: str | bytes) -> list[Note | Problem]:
    return list(FORMAT.read(io.BytesIO(text.encode() if isinstance(text, str) else text), name="n.yaml"))


def written(*notes: Note) -> str:
    stream = io.BytesIO()
    FORMAT.write(notes, stream)
    return stream.getvalue().decode()


def doc(*lines: str, text: str = TEXT, head: str = "") -> str:
    return "\n".join([head, "note: n1", "text: |-", f"  {text}", "spans:", *lines, ""]).lstrip("\n")


@settings(max_examples=60, deadline=None)
@given(batches())
def test_reading_what_was_written_gives_the_notes(notes):
    assert parsed(written(*notes)) == notes


@settings(max_examples=60, deadline=None)
@given(json_values)
def test_any_yaml_reader_sees_the_same_values(value):
    note = Note("NO", str(value), meta={"1e5": value, "12:30": "2024-03-02"})
    record = yaml.safe_load(dump(note))
    assert (record["note"], record["text"], record["meta"]) == ("NO", note.text, note.meta)


def test_it_looks_as_a_person_would_write_it():
    span = Span(((10, 20),), "PROBLEM", assertion=Assertion("absent"), codes=(Code("SNOMED", "29857009"),))
    note = Note("note-001", TEXT + "\n", deidentified=True, meta={"date": "2024-03-02"}).add([span])
    assert dump(note) == (
        "note: note-001\ndeidentified: true\nmeta: {date: '2024-03-02'}\ntext: |\n"
        "  Pt denies chest pain. HTN on lisinopril 10 mg.\nspans:\n"
        "- {id: e1, at: [[10, 20]], quote: [chest pain], label: PROBLEM, "
        "codes: ['SNOMED:29857009'], presence: absent}\n"
    )


@pytest.mark.parametrize("text", ["a\n b\n", " a", "\ta\n\n", "\n\na\n \n", "---\n...\n---", "# a", "a: b\n- c", "%x"])
def test_common_texts_are_blocks_and_exact(text):
    assert "text: |" in written(Note("n1", text))
    assert [note.text for note in parsed(written(Note("n1", text), Note("n2", text)))] == [text, text]


@pytest.mark.parametrize("text", ["", "\n", "  ", "a\r\nb", "a\x85b", "a\u2028b", "a\x00b", "\ufeffa", "\x7f"])
def test_other_texts_are_quoted_and_exact(text):
    assert "text: |" not in written(Note("n1", text))
    assert [note.text for note in parsed(written(Note("n1", text)))] == [text]


@pytest.mark.parametrize("label", ["NO", "1e5", "12:30", "null", "~", "2024-03-02", "yes", "007", "1_0", "=", "- a"])
def test_what_yaml_would_take_for_something_else_stays_text(label):
    note = Note("n1", TEXT).add([Span(((0, 2),), label, codes=(Code("A", "1e5"),), comment=label)])
    assert parsed(written(note)) == [note]
    assert yaml.safe_load(dump(note))["spans"][0]["label"] == label


def test_a_line_by_hand_needs_only_a_quote_and_a_label():
    (note,) = parsed(
        doc("- {quote: HTN, label: PROBLEM, presence: present}", "- {quote: 10, label: NO, at: [[40, 42]]}")
    )
    assert note.spans == (
        Span(((22, 25),), "PROBLEM", id="e1", status="added", assertion=Assertion("present")),
        Span(((40, 42),), "NO", id="e2", status="added"),
    )


def test_a_file_saved_with_windows_line_ends_is_read_the_same():
    lines = doc("- {quote: HTN, label: PROBLEM}")
    assert parsed(lines.replace("\n", "\r\n")) == parsed(lines) == parsed(b"\xef\xbb\xbf" + lines.encode())


def test_comments_and_empty_documents_are_no_notes():
    assert parsed("# nothing\n---\n# more\n") == parsed("") == parsed("---\n---\n") == []


@pytest.mark.parametrize(
    ("line", "where", "message"),
    [
        ("- {quote: Zzz, label: A}", 6, "does not stand in the note"),
        ("- {quote: t, label: A}", 6, "more than once"),
        ("- {quote: [Pt, HTN], label: A}", 6, "one `quote`"),
        ("- {quote: HTN, lable: A}", 6, "unknown key 'lable'"),
        ("- {quote: HTN, label: A, label: B}", 6, "stands twice"),
        ("- {quote: HTN, label: A, presence: maybe}", 6, "maybe"),
        ("- {at: [[22, 25]], quote: [BP1], label: A}", 6, "Was the text edited"),
        ("- {at: [[22, 999]], label: A}", 6, "ends at 999"),
        ("- {quote: *Zzz, label: A}", 6, "alias"),
        ("- {quote: !Zzz HTN, label: A}", 6, "tag"),
        ("- {quote: HTN, label: [A]}", 6, "'label'"),
        ("- just a line", 6, "keys with values"),
        ("- {quote: HTN, label: A", 7, "not YAML"),
        ("Zzz went home: today", 6, "unknown key in a note"),
        ("relations: 7", 6, "relations must be a list"),
        ("Patient Zzz: 7", 6, "unknown key in a note"),
    ],
)
def test_a_broken_document_is_a_problem_with_its_line_and_the_others_are_read(line, where, message):
    before, after = written(Note("a", "x")), "---\n" + written(Note("b", "y"))
    first, problem, last = parsed(before + "---\n" + doc("- {quote: Pt, label: A}", line) + after)
    assert (first.id, last.id) == ("a", "b")
    assert (problem.where, message in problem.message) == (f"n.yaml:{before.count(chr(10)) + 1 + where}", True), problem
    assert "Zzz" not in str(problem)


def test_an_aliased_bomb_is_refused():
    (problem,) = parsed("note: n1\ntext: x\nmeta: {a: &a [1], b: [*a, *a]}\n")
    assert (problem.where, "alias" in problem.message) == ("n.yaml:3", True)


def test_bytes_that_are_no_utf8_are_a_problem_of_their_document():
    problem, note = parsed(b"note: a\ntext: 38\xb0C\n---\nnote: b\ntext: x\n")
    assert (problem.where, note.id) == ("n.yaml:2", "b")


def test_another_version_of_the_format_is_refused_by_name():
    (problem,) = parsed("format: medtext/9\nnote: a\ntext: x\n")
    assert "medtext/9" in problem.message
