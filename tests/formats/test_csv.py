"""Tables of notes as CSV."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtext import Note, read
from medtext.errors import FormatError, Problem
from medtext.formats import without
from medtext.formats.csv import FORMAT
from tests.laws import batches, names, notes, texts


def written(notes: list[Note], **options) -> io.BytesIO:
    stream = io.BytesIO()
    FORMAT.write(notes, stream, **options)
    stream.seek(0)
    return stream


def table(text: str | bytes, **options) -> list[Note | Problem]:
    stream = io.BytesIO(text.encode() if isinstance(text, str) else text)
    return list(FORMAT.read(stream, name="t.csv", **options))


@settings(max_examples=60, deadline=None)
@given(batches())
def test_reading_what_was_written_gives_the_notes_without_what_csv_loses(notes):
    back = [without(note, FORMAT.loses) for note in FORMAT.read(written(notes), name="t.csv", delimiter=",")]
    assert back == [without(note, FORMAT.loses) for note in notes]


@settings(max_examples=60, deadline=None)
@given(batches(notes(meta=st.dictionaries(names, texts.filter(bool), max_size=3))), st.sampled_from([",", "\t", ";"]))
def test_columns_of_text_come_back_exactly(notes, delimiter):
    back = list(FORMAT.read(written(notes, delimiter=delimiter), name="t.csv", delimiter=delimiter))
    kept = [{key: value for key, value in note.meta.items() if key not in ("id", "text")} for note in notes]
    assert [note.meta for note in back] == kept


def test_other_columns_go_to_meta_and_the_columns_can_be_named():
    notes = table("row,note,ward\n7,Pt well.,3B\n8,Pt ill.,\n", text_column="note", id_column="row")
    assert [(note.id, note.text, note.meta) for note in notes] == [
        ("7", "Pt well.", {"ward": "3B"}),
        ("8", "Pt ill.", {}),
    ]


def test_the_delimiter_is_seen_in_the_heading():
    assert [note.text for note in table("id\ttext\n1\ta, b\n")] == ["a, b"]
    assert [note.text for note in table("id;text\n1;a, b\n")] == ["a, b"]


def test_rows_are_numbered_when_there_is_no_id_column():
    assert [note.id for note in table("text\na\nb\n", id_column="")] == ["row-1", "row-2"]


def test_newlines_of_all_kinds_inside_a_field_are_exact():
    assert [note.text for note in table('id,text\r\n1,"a\r\nb\rc\nd\x00\u2028"\r\n')] == ["a\r\nb\rc\nd\x00\u2028"]


def test_a_missing_column_is_refused_with_the_columns_listed():
    with pytest.raises(FormatError, match=r"t\.csv:1: no column 'text'.*Columns: id, note"):
        table("id,note\n1,a\n")
    with pytest.raises(FormatError, match=r"t\.csv:1: no column 'text'.*Columns: none"):
        table("")
    with pytest.raises(FormatError, match="a column stands twice"):
        table("id,text,text\n")


def test_a_heading_that_is_a_note_is_not_shown():
    with pytest.raises(FormatError) as error:
        table("id,Mrs Example was admitted with chest pain and fever\n")
    assert "Example" not in str(error.value)


def test_bad_rows_are_problems_with_their_line_and_the_others_are_read():
    items = table(
        'id,text,ward\n1,"two\nlines",x\n2,short\n3,a,b,c\n4,"bad" quote,x\n,no id,x\n5,good,x\n6,"never closed'
    )
    assert [item.id for item in items if isinstance(item, Note)] == ["1", "5"]
    assert [item.where for item in items if isinstance(item, Problem)] == [f"t.csv:{n}" for n in (4, 5, 6, 7, 9)]
    assert not any(word in str(item) for item in items for word in ("short", "bad", "never", "no id"))


def test_a_wrong_encoding_is_refused_with_its_line():
    with pytest.raises(FormatError, match=r"t\.csv:\d+: not utf-8"):
        table(b"id,text\n1,38\xb0C\n")
    assert [note.text for note in table(b"id,text\n1,38\xb0C\n", encoding="cp1252")] == ["38°C"]


def test_a_field_of_five_megabytes_is_read_and_the_limit_of_the_process_is_left_as_it_was():
    before = csv.field_size_limit(1000)
    try:
        (note,) = FORMAT.read(written([Note("n1", "fever \n" * 700_000)]), name="t.csv")
        assert len(note.text) == 4_900_000
        assert csv.field_size_limit() == 1000
    finally:
        csv.field_size_limit(before)


def test_the_stream_stays_open():
    stream = written([Note("n1", "x")])
    list(FORMAT.read(stream, name="t.csv"))
    assert not stream.closed


def test_a_file_is_told_by_its_extension(tmp_path):
    (tmp_path / "n.tsv").write_text("id\ttext\n1\tPt well.\n")
    assert [note.text for note in read(tmp_path / "n.tsv")] == ["Pt well."]
