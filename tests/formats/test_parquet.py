"""Tables of notes as Parquet."""

import datetime
import sys

import pytest
from hypothesis import given, settings

from medtext import Note
from medtext.errors import FormatError, MissingExtraError, Problem
from medtext.formats import without
from medtext.formats.parquet import FORMAT
from tests.laws import batches

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")


@settings(max_examples=30, deadline=None)
@given(batches())
def test_reading_what_was_written_gives_the_notes_without_what_parquet_loses(tmp_path_factory, notes):
    path = tmp_path_factory.mktemp("parquet") / "n.parquet"
    FORMAT.write(notes, path)
    back = [without(note, FORMAT.loses) for note in FORMAT.read(path)]
    assert back == [without(note, FORMAT.loses) for note in notes]


def test_columns_keep_their_type_where_all_notes_agree(tmp_path):
    metas = [{"age": 70, "w": 1.5, "f": True, "k": 1}, {"age": 71, "w": 2.5, "f": False, "k": "x"}]
    FORMAT.write([Note(f"n{i}", "x", meta=meta) for i, meta in enumerate(metas)], tmp_path / "n.parquet")
    metas[0]["k"] = "1"
    assert [note.meta for note in FORMAT.read(tmp_path / "n.parquet")] == metas


def test_named_columns_are_written_without_holding_all_notes(tmp_path):
    FORMAT.write((Note(f"n{i}", "x", meta={"a": i, "b": 1}) for i in range(600)), tmp_path / "n.parquet", columns=["a"])
    assert [note.meta for note in FORMAT.read(tmp_path / "n.parquet")] == [{"a": str(i)} for i in range(600)]


def test_meta_holds_only_what_json_can_hold(tmp_path):
    day = datetime.date(2024, 3, 2)
    row = {"id": 7, "text": "x", "nan": float("nan"), "day": day, "list": [1.5], "none": None, "raw": b"\x01"}
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "n.parquet")
    (note,) = FORMAT.read(tmp_path / "n.parquet")
    assert (note.id, note.meta) == ("7", {"day": "2024-03-02", "list": [1.5], "raw": "01"})


def test_a_null_text_is_a_problem_with_its_row(tmp_path):
    rows = [{"id": "a", "text": None}, {"id": "b", "text": "x"}, {"id": None, "text": "x"}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "n.parquet")
    items = list(FORMAT.read(tmp_path / "n.parquet"))
    assert [item.where.rpartition(":")[2] for item in items if isinstance(item, Problem)] == ["row 1", "row 3"]


def test_a_missing_column_and_a_file_that_is_none_are_refused(tmp_path):
    pq.write_table(pa.Table.from_pylist([{"a": 1}]), tmp_path / "n.parquet")
    with pytest.raises(FormatError, match=r"no column 'text'.*Columns: a"):
        list(FORMAT.read(tmp_path / "n.parquet"))
    (tmp_path / "bad.parquet").write_bytes(b"not parquet at all")
    with pytest.raises(FormatError, match="no Parquet file"):
        list(FORMAT.read(tmp_path / "bad.parquet"))


def test_without_pyarrow_the_error_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"medtext-annotate\[parquet\]"):
        list(FORMAT.read(tmp_path / "n.parquet"))
