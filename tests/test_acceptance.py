"""The whole line on real visit notes: in, de-identified, coded, out, through every format and back."""

import re
from pathlib import Path

import pytest

import medtext
from medtext.formats import get_format, without

# Metadata values that are ordinary words too: only their capitalised form is a name.
ORDINARY = {"young", "white", "brown", "good", "hill", "ward", "cook", "king", "long"}


@pytest.fixture(scope="module")
def raw(shared_data):
    return {note.id: note for note in medtext.read(shared_data / "notes" / "aci_bench.jsonl")}


@pytest.fixture(scope="module")
def annotated(shared_data, tmp_path_factory):
    """The span file that one call makes of all 87 notes."""
    path = tmp_path_factory.mktemp("run") / "out.jsonl"
    medtext.annotate(shared_data / "notes" / "aci_bench.jsonl", path)
    return path


@pytest.fixture(scope="module")
def notes(annotated):
    return list(medtext.read(annotated))


def names_of(note):
    for key in ("patient_firstname", "patient_familyname", "doctor_name"):
        for word in note.meta[key].replace("Dr.", "").split():
            yield word.strip(" .")


def test_all_notes_come_out_in_order_and_de_identified(raw, notes):
    assert [note.id for note in notes] == list(raw)
    assert all(note.deidentified for note in notes)
    assert len(notes) == 87


def test_no_name_of_the_metadata_is_left_in_text_or_meta(raw, notes):
    left = []
    for note in notes:
        for name in names_of(raw[note.id]):
            flags = 0 if name.lower() in ORDINARY else re.IGNORECASE
            if re.search(rf"\b{re.escape(name.title() if not flags else name)}\b", note.text, flags):
                left.append((note.id, len(name)))
        assert "patient_firstname" not in note.meta
    assert left == []


def test_every_quote_is_what_stands_at_its_place(annotated, notes):
    import json

    records = [json.loads(line) for line in annotated.read_text("utf-8").split("\n") if line]
    for note, record in zip(notes, records, strict=True):
        for span in record["spans"]:
            assert span["quote"] == [note.text[start:end] for start, end in span["at"]]
    assert sum(len(note.layer("entity")) for note in notes) > 2000


def test_a_second_run_is_the_same_byte_for_byte(shared_data, annotated, tmp_path):
    again = tmp_path / "again.jsonl"
    medtext.annotate(shared_data / "notes" / "aci_bench.jsonl", again)
    assert again.read_bytes() == annotated.read_bytes()


def test_check_finds_nothing(annotated):
    assert medtext.check(annotated) == []


def test_the_medicine_is_left_whole(raw, notes):
    """What was replaced is short: nearly all characters of the notes are still there."""
    kept = sum(len(note.text) - sum(span.end - span.start for span in note.layer("phi")) for note in notes)
    assert kept / sum(len(note.text) for note in raw.values()) > 0.985


CHAIN = [("yaml", "a.yaml"), ("label_studio", "b.json"), ("brat", "c"), ("jsonl", "d.jsonl")]


def through(notes, folder: Path):
    """The notes after each format of the chain in turn."""
    for name, file in CHAIN:
        medtext.write(notes, folder / file, format=name, allow_phi=True)
        notes = list(medtext.read(folder / file, format=name))
    return notes


def lost_on_the_way():
    return frozenset().union(*(get_format(name).loses for name, _ in CHAIN))


def test_span_files_go_through_every_format_and_come_back(notes, tmp_path):
    wanted = [without(note, lost_on_the_way()) for note in notes]
    assert through(notes, tmp_path) == wanted


def test_raw_brat_notes_go_through_every_format_and_come_back(shared_data, tmp_path):
    notes = list(medtext.read(shared_data / "raw" / "brat"))
    assert len(notes) == 12
    assert sum(len(note.spans) for note in notes) == 1458
    wanted = [without(note, lost_on_the_way()) for note in notes]
    assert through(notes, tmp_path) == wanted
