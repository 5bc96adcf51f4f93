"""On public notes: every name of the metadata gone, the medicine whole. The stage is not given the metadata."""

from __future__ import annotations

import json
import re

from medtext.note import Note

_KEYS = ("patient_firstname", "patient_familyname", "doctor_name")


def _records(path):
    with path.open(encoding="utf-8") as stream:
        return [json.loads(line) for line in stream]


def _left(deid, record) -> list[tuple[str, str]]:
    """Names of the metadata that still stand in the text, as whole words in any case."""
    text = deid(Note(record["id"], record["text"])).text
    names = {name for key in _KEYS for name in re.findall(r"\w+", record["meta"][key]) if name.lower() != "dr"}
    return [(record["id"], name.lower()) for name in sorted(names) if re.search(rf"(?i)\b{name}\b", text)]


def test_every_name_of_the_metadata_is_gone_from_the_visit_notes(deid, shared_data):
    records = _records(shared_data / "notes" / "aci_bench.jsonl")
    assert len(records) == 87
    assert [left for record in records for left in _left(deid, record)] == []


def test_clinical_queries_lose_their_identifiers_and_keep_their_medicine(deid, shared_data):
    records = _records(shared_data / "deid" / "asq_phi_half.jsonl")
    found = total = touched = clean = 0
    for record in records:
        text = deid(Note(record["id"], record["text"])).text
        found += sum(value["value"] not in text for value in record["phi"])
        total += len(record["phi"])
        clean += not record["phi"]
        touched += not record["phi"] and text != record["text"]
    assert found / total >= 0.985
    assert touched / clean <= 0.03
