"""FHIR R4: one Bundle a note and line (NDJSON), its text in a DocumentReference, a resource an entity.

Each resource says where it comes from with the `derivation-reference` extension (offset and length in code points).
What the note says of relatives is never a Condition of the patient; what a person rejected is entered in error. Our
record travels in an extension of the DocumentReference. Which label is which resource stands in fhir.yaml.
"""

from __future__ import annotations

import base64
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, BinaryIO

from medtext.errors import FormatError, NoteError, Problem
from medtext.formats import Format, first_line
from medtext.formats.carried import Mark, carry_shown, new_spans, restore
from medtext.formats.jsonl import dump_line, json_lines
from medtext.formats.offsets import check_place
from medtext.note import Note
from medtext.span import Assertion, Code, Span

DERIVATION = "http://hl7.org/fhir/StructureDefinition/derivation-reference"
_RECORD, _SPAN, _NOTE = "urn:medtext:record", "urn:medtext:span", "urn:medtext:note"
_PATIENT, _LABEL = "urn:medtext:patient", "urn:medtext:label"
_CODES = "urn:medtext:code:"
_HL7 = "http://terminology.hl7.org/CodeSystem/"
_VERIFICATION = {"present": "confirmed", "absent": "refuted", "possible": "provisional"}
_INTERPRETATION = {"present": "POS", "absent": "NEG", "possible": "IND"}


@cache
def _tables() -> Mapping[str, Any]:
    import yaml

    return yaml.safe_load((files("medtext.formats") / "fhir.yaml").read_text(encoding="utf-8"))


def write(notes: Iterable[Note], stream: BinaryIO) -> None:
    """One Bundle a line; resources are made of the layer `entity` only."""
    for note in notes:
        stream.write(dump_line(note_to_bundle(note)))


def note_to_bundle(note: Note) -> dict[str, Any]:
    """A note as a Bundle of type collection: the document first, then a resource an entity."""
    home = f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, _NOTE + ':' + note.id)}"
    patient = note.meta.get("patient")
    patient = patient if isinstance(patient, str) and patient.strip() else note.id
    subject = {"identifier": {"system": _PATIENT, "value": patient}}
    entries = [{"fullUrl": home, "resource": _document(note, subject)}]
    for span in note.layer("entity"):
        url = f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'{home}:{span.id}')}"
        entries.append({"fullUrl": url, "resource": _resource(span, note, subject, home)})
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def _document(note: Note, subject: dict[str, Any]) -> dict[str, Any]:
    attachment: dict[str, Any] = {"contentType": "text/plain; charset=utf-8"}
    if note.text:
        attachment["data"] = base64.b64encode(note.text.encode("utf-8")).decode("ascii")
    return {
        "resourceType": "DocumentReference",
        "extension": [{"url": _RECORD, "valueString": carry_shown(note, {one.id for one in note.layer("entity")})}],
        "identifier": [{"system": _NOTE, "value": note.id}],
        "status": "current",
        "subject": subject,
        "content": [{"attachment": attachment}],
    }


def _resource(span: Span, note: Note, subject: dict[str, Any], home: str) -> dict[str, Any]:
    said = span.assertion or Assertion()
    kind = _tables()["resources"].get(span.label, "Observation")
    if said.subject == "family":
        kind = "FamilyMemberHistory"
    elif said.subject == "other":
        kind = "Observation"
    concept: dict[str, Any] = {"text": " ".join(note.quote(span))}
    if span.codes:
        concept["coding"] = [_coding(code) for code in span.codes]
    return {
        "resourceType": kind,
        "meta": {"tag": [{"system": _LABEL, "code": re.sub(r"\s+", "_", span.label), "display": span.label}]},
        "extension": [_derivation(home, start, end) for start, end in span.at],
        "identifier": [{"system": _SPAN, "value": span.id}],
        **_BUILD[kind](concept, subject, said, span.status == "rejected"),
    }


def _derivation(home: str, start: int, end: int) -> dict[str, Any]:
    parts = [
        {"url": "reference", "valueReference": {"reference": home}},
        {"url": "path", "valueString": "DocumentReference.content[0].attachment.data"},
        {"url": "offset", "valueInteger": start},
        {"url": "length", "valueInteger": end - start},
    ]
    return {"url": DERIVATION, "extension": parts}


def _coding(code: Code) -> dict[str, str]:
    return {"system": _tables()["systems"].get(code.system, f"{_CODES}{code.system}"), "code": code.code}


def _status(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": f"{_HL7}{system}", "code": code}]}


def _condition(concept: Any, subject: Any, said: Assertion, wrong: bool) -> dict[str, Any]:
    verified = "entered-in-error" if wrong else _VERIFICATION.get(said.presence or "", "unconfirmed")
    made = {"code": concept, "subject": subject, "verificationStatus": _status("condition-ver-status", verified)}
    # A clinical status is for conditions that the patient has (con-5: not for those entered in error).
    if said.presence == "present" and not wrong:
        state = "inactive" if said.temporality == "past" else "active"
        made["clinicalStatus"] = _status("condition-clinical", state)
    return made


def _observation(concept: Any, subject: Any, said: Assertion, wrong: bool) -> dict[str, Any]:
    made = {"status": "entered-in-error" if wrong else "preliminary", "code": concept, "subject": subject}
    if said.presence:
        made["interpretation"] = [_status("v3-ObservationInterpretation", _INTERPRETATION[said.presence])]
    return made | ({"focus": [{"display": "somebody else"}]} if said.subject == "other" else {})


def _medication(concept: Any, subject: Any, said: Assertion, wrong: bool) -> dict[str, Any]:
    status = {"past": "completed", "future": "intended", "current": "active"}.get(said.temporality or "", "unknown")
    status = "not-taken" if said.presence == "absent" else status
    return {"status": "entered-in-error" if wrong else status, "medicationCodeableConcept": concept, "subject": subject}


def _procedure(concept: Any, subject: Any, said: Assertion, wrong: bool) -> dict[str, Any]:
    status = {"past": "completed", "future": "preparation"}.get(said.temporality or "", "unknown")
    status = "not-done" if said.presence == "absent" else status
    return {"status": "entered-in-error" if wrong else status, "code": concept, "subject": subject}


def _relative(concept: Any, subject: Any, said: Assertion, wrong: bool) -> dict[str, Any]:
    made = {"status": "entered-in-error" if wrong else "partial", "patient": subject}
    made["relationship"] = {"text": "relative"}
    # The resource cannot say that a relative does not have a condition.
    return made | ({"condition": [{"code": concept}]} if said.presence != "absent" else {"note": [{"text": "absent"}]})


_BUILD = {
    "Condition": _condition,
    "Observation": _observation,
    "MedicationStatement": _medication,
    "Procedure": _procedure,
    "FamilyMemberHistory": _relative,
}


def read(stream: BinaryIO, *, name: str) -> Iterator[Note | Problem]:
    """One note a line: the DocumentReference of a Bundle, and each resource that says where in it it comes from."""
    for where, bundle in json_lines(stream, name):
        if isinstance(bundle, Problem):
            yield bundle
            continue
        try:
            yield bundle_to_note(bundle, where)
        except FormatError as error:
            yield Problem(error.reason, note_id=error.note_id, where=where)
        except NoteError as error:
            yield Problem(str(error), where=where)
        except (TypeError, AttributeError, ValueError, KeyError, IndexError) as error:
            yield Problem(f"the Bundle is malformed ({type(error).__name__}).", where=where)


def bundle_to_note(bundle: Any, where: str = "") -> Note:
    """The note of a Bundle; raises NoteError or FormatError."""
    held = [entry["resource"] for entry in bundle["entry"]]
    document = next((one for one in held if one.get("resourceType") == "DocumentReference"), None)
    if document is None:
        raise NoteError("the Bundle has no DocumentReference.")
    text = base64.b64decode(document["content"][0]["attachment"].get("data", ""), validate=True).decode("utf-8")
    found: list[Mark] = []
    coded: dict[tuple[int, int, str], tuple[Code, ...] | None] = {}
    for number, resource in enumerate(held, 1):
        for mark in _marks(resource, text, f"resource no. {number}"):
            found.append(mark)
            coded[mark.start, mark.end, mark.id] = _codes(resource)
    carried = [one["valueString"] for one in document.get("extension", []) if one["url"] == _RECORD]
    if carried:
        note = restore(carried[0], text, found)
    else:
        number = where.rpartition(":")[2]
        own = next((one["value"] for one in document.get("identifier", [])), document.get("id") or f"line-{number}")
        note = Note(own, text).add(new_spans(found, status="predicted"))
    return note.update([_with_codes(span, coded) for span in note.layer("entity")])


def _with_codes(span: Span, coded: Mapping[tuple[int, int, str], tuple[Code, ...] | None]) -> Span:
    start, end = span.at[0]
    codes = coded.get((start, end, span.id), coded.get((start, end, "")))
    return span if codes is None else replace(span, codes=codes)


def _marks(resource: Mapping[str, Any], text: str, what: str) -> Iterator[Mark]:
    own = [one["value"] for one in resource.get("identifier", []) if one.get("system") == _SPAN]
    tags = [one for one in resource.get("meta", {}).get("tag", []) if one.get("system") == _LABEL]
    label = tags[0]["display"] if tags else resource["resourceType"].upper()
    for extension in resource.get("extension", []):
        if extension["url"] == DERIVATION:
            parts = {one["url"]: one.get("valueInteger") for one in extension["extension"]}
            start, length = parts.get("offset"), parts.get("length")
            end = start + length if type(start) is int and type(length) is int else None
            yield Mark(*check_place(start, end, len(text), what=what), label, own[0] if own else "")


def _codes(resource: Mapping[str, Any]) -> tuple[Code, ...] | None:
    """The codes of a resource; None for one that has no place for them."""
    concept = resource.get("code") or resource.get("medicationCodeableConcept")
    concept = concept or next((one["code"] for one in resource.get("condition", [])), None)
    if concept is None:
        return None
    systems = {url: name for name, url in _tables()["systems"].items()}
    made = []
    for one in concept.get("coding", []):
        system = systems.get(one.get("system"), str(one.get("system", "")).removeprefix(_CODES))
        try:
            made.append(Code(system, one.get("code", "")))
        except NoteError:
            continue  # a code system that we have no name for
    return tuple(dict.fromkeys(made))


def _recognises(path: Path) -> bool:
    return b'"resourceType"' in first_line(path)


FORMAT = Format(
    "fhir",
    "FHIR R4 Bundles, one a line: DocumentReference and a resource an entity",
    extensions=(".ndjson",),
    read=read,
    write=write,
    streams=True,
    recognises=_recognises,
)
