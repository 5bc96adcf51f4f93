"""From format to format and back: what all of them can hold comes home unchanged."""

from pathlib import Path

import pytest
from hypothesis import given, settings

from medtext import Note
from medtext.formats import Format, get_format, losses, read, without, write
from tests.laws import batches

CHAIN = ("jsonl", "yaml", "label_studio", "brat", "jsonl")
SUFFIX = {"jsonl": ".jsonl", "yaml": ".yaml", "label_studio": ".json", "brat": ""}


def through(notes: list[Note], folder: Path) -> list[Note]:
    """The notes after a journey through all formats of the chain."""
    for number, name in enumerate(CHAIN):
        path = folder / f"{number}{SUFFIX[name]}"
        written = write(notes, path, format=name, allow_phi=True)
        assert not written.dropped
        notes = list(read(path, format=name))
    return notes


@settings(max_examples=40, deadline=None)
@given(batches())
def test_the_journey_through_all_editable_formats_changes_nothing(tmp_path_factory, notes):
    after = through(notes, tmp_path_factory.mktemp("chain"))
    assert {note.id: note for note in after} == {note.id: note for note in notes}


def test_the_raw_brat_notes_survive_the_journey(shared_data, tmp_path):
    notes = list(read(shared_data / "raw" / "brat"))
    assert through(notes, tmp_path) == notes
    first, last = (tmp_path / f"{number}.jsonl" for number in (0, 4))
    assert first.read_bytes() == last.read_bytes()


@pytest.mark.parametrize("name", ["text", "csv", "parquet", "jsonl", "yaml", "label_studio", "brat"])
@settings(max_examples=15, deadline=None)
@given(notes=batches())
def test_a_format_gives_back_all_but_what_it_says_it_loses(tmp_path_factory, name, notes):
    one: Format = get_format(name)
    path = tmp_path_factory.mktemp(name) / f"notes{one.extensions[0] if one.extensions else ''}"
    path = path.with_suffix("") if name == "text" else path
    written = write(notes, path, format=name, allow_phi=True)
    back = {
        note.id: without(note, one.loses)
        for note in read(path, format=name, **({"delimiter": ","} if name == "csv" else {}))
    }
    assert back == {note.id: without(note, one.loses) for note in notes}
    assert written.dropped == sum((losses(note, one.loses) for note in notes), start=losses(Note("n", ""), ()))
