"""The example notes ship with the package, and hold what a newcomer should see found."""

import re

import medtext


def test_there_are_six_notes_of_different_kinds_all_identified():
    notes = medtext.examples()
    assert [note.id for note in notes] == [
        "clinic_visit",
        "discharge_summary",
        "emergency_note",
        "letter",
        "nursing_note",
        "radiology_report",
    ]
    assert not any(note.deidentified for note in notes)
    assert all(1200 < len(note.text) < 2600 and note.text.isascii() for note in notes)


def test_invented_telephone_numbers_and_addresses_belong_to_nobody():
    text = "\n".join(note.text for note in medtext.examples())
    numbers = re.findall(r"\d{3}[-.) ]+(\d{3})-(\d{4})", text)
    assert numbers
    assert all(exchange == "555" and line.startswith("01") for exchange, line in numbers)
    assert all(host.endswith(".example") for host in re.findall(r"(?:@|www\.)([\w.-]+\w)", text))
