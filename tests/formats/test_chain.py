"""From format to format and back: what all of them can hold comes home unchanged."""

from pathlib import Path

import pytest
from hypothesis import assume, given, settings

from medtext import Note
from medtext.formats import get_format, losses, read, without, write
from medtext.registry import names
from tests.formats.roundtrip import fits_xml, law
from tests.laws import batches

CHAIN = (
    "jsonl",
    "yaml",
    "label_studio",
    "brat",
    "gate",
    "webanno_w3c",
    "doccano",
    "prodigy",
    "argilla",
    "fhir",
    "jsonl",
)
BOTH_WAYS = [name for name in names("format") if get_format(name).read and get_format(name).write]


def suffix(name: str) -> str:
    """How a file of a format is called; folders have no suffix."""
    extensions = get_format(name).extensions
    return extensions[0] if extensions and name != "text" else ""


def holds(name: str, note: Note) -> bool:
    """Whether a format takes a note at all: these refuse what they could not give back."""
    if name in ("bioc", "i2b2_2014"):
        return fits_xml(note)
    if name == "pubtator":
        return "|" not in note.id
    # The ends of a relation are told by their places only.
    places = [span.at for span in without(note, get_format(name).loses).spans]
    return name != "i2b2_2010" or not note.relations or len(places) == len(set(places))


def through(notes: list[Note], folder: Path) -> list[Note]:
    """The notes after a journey through all formats of the chain."""
    for number, name in enumerate(CHAIN):
        path = folder / f"{number}{suffix(name)}"
        written = write(notes, path, format=name, allow_phi=True)
        assert not written.dropped
        notes = list(read(path, format=name))
    return notes


@settings(max_examples=30, deadline=None)
@given(batches())
def test_the_journey_through_the_formats_that_lose_nothing_changes_nothing(tmp_path_factory, notes):
    after = through(notes, tmp_path_factory.mktemp("chain"))
    assert {note.id: note for note in after} == {note.id: note for note in notes}


def test_the_raw_brat_notes_survive_the_journey(shared_data, tmp_path):
    notes = list(read(shared_data / "raw" / "brat"))
    assert through(notes, tmp_path) == notes
    first, last = (tmp_path / f"{number}.jsonl" for number in (0, len(CHAIN) - 1))
    assert first.read_bytes() == last.read_bytes()


@pytest.mark.parametrize("name", BOTH_WAYS)
@settings(max_examples=10, deadline=None)
@given(notes=batches())
def test_from_a_span_file_to_a_format_and_back_only_what_it_says_is_lost(tmp_path_factory, name, notes):
    assume(all(holds(name, note) for note in notes))
    one, folder = get_format(name), tmp_path_factory.mktemp(name)
    needed = {"parquet": "pyarrow", "inception": "cassis", "bioc": "bioc"}
    if name in needed:
        pytest.importorskip(needed[name])
    write(notes, folder / "before.jsonl", allow_phi=True)
    path = folder / f"notes{suffix(name)}"
    written = write(read(folder / "before.jsonl"), path, format=name, allow_phi=True)
    options = {"delimiter": ","} if name == "csv" else {}
    write(read(path, format=name, **options), folder / "after.jsonl", allow_phi=True)
    law(one, notes, list(read(folder / "after.jsonl")))
    assert written.dropped == sum((losses(note, one.loses) for note in notes), start=losses(Note("n", ""), ()))
