"""FHIR R4 Bundles, validated by fhir.resources."""

import base64
import json
import warnings

import pytest
from hypothesis import given, settings

from medtext import Assertion, Code, Note, Span, read
from medtext.errors import Problem
from medtext.formats.fhir import FORMAT, note_to_bundle
from tests.formats.roundtrip import again, example, from_bytes, law, to_bytes
from tests.laws import batches


@pytest.fixture(scope="module")
def bundle_model():
    """The R4 model of a Bundle (R4B, which has these resources as R4 has them)."""
    pytest.importorskip("fhir.resources", reason="fhir.resources is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from fhir.resources.R4B.bundle import Bundle
    return Bundle


@settings(max_examples=60, deadline=None)
@given(batches())
def test_reading_what_was_written_gives_the_notes(notes):
    law(FORMAT, notes, again(FORMAT, notes, None))


def note(label: str, **told) -> Note:
    code = Code("SNOMED", "29857009")
    return Note("n1", "No chest pain.", meta={"patient": "p7"}).add([Span(((3, 13),), label, codes=(code,), **told)])


def resource(made: Note) -> dict:
    return note_to_bundle(made)["entry"][1]["resource"]


LABELS = ("PROBLEM", "MEDICATION", "PROCEDURE", "TEST", "ANATOMY", "a b")
SAID = [
    None,
    *(Assertion(presence) for presence in ("present", "absent", "possible")),
    *(Assertion("present", temporality) for temporality in ("current", "past", "future", "hypothetical")),
    *(Assertion(presence, subject=subject) for presence in ("present", "absent") for subject in ("family", "other")),
]


@pytest.mark.parametrize("status", ["predicted", "rejected"])
@pytest.mark.parametrize("said", SAID, ids=str)
def test_every_bundle_is_valid_and_comes_back(bundle_model, said, status):
    for label in LABELS:
        made = note(label, assertion=said, status=status)
        bundle = note_to_bundle(made)
        assert len(bundle_model.model_validate(bundle).entry) == 2
        assert from_bytes(FORMAT, json.dumps(bundle).encode()) == [made]
    bundle_model.model_validate(note_to_bundle(example()))
    bundle_model.model_validate(note_to_bundle(Note("n1", "")))


def test_a_resource_says_where_it_comes_from():
    bundle = note_to_bundle(example())
    home, drug = bundle["entry"][0]["fullUrl"], bundle["entry"][-1]["resource"]
    parts = [{one["url"]: one for one in extension["extension"]} for extension in drug["extension"]]
    assert [(one["offset"]["valueInteger"], one["length"]["valueInteger"]) for one in parts] == [(23, 3), (44, 2)]
    assert parts[0]["reference"]["valueReference"] == {"reference": home}
    text = base64.b64decode(bundle["entry"][0]["resource"]["content"][0]["attachment"]["data"]).decode()
    assert text == example().text


def test_what_is_not_the_patients_is_no_condition_and_what_is_absent_is_refuted():
    family = resource(note("PROBLEM", assertion=Assertion("present", subject="family")))
    assert (family["resourceType"], family["patient"]["identifier"]["value"]) == ("FamilyMemberHistory", "p7")
    absent = resource(note("PROBLEM", assertion=Assertion("absent")))
    assert absent["verificationStatus"]["coding"][0]["code"] == "refuted"
    assert "clinicalStatus" not in absent
    rejected = resource(note("MEDICATION", status="rejected"))
    assert rejected["status"] == "entered-in-error"
    assert absent["code"]["coding"] == [{"system": "http://snomed.info/sct", "code": "29857009"}]


def test_a_code_that_was_changed_elsewhere_wins():
    bundle = note_to_bundle(example())
    coded = bundle["entry"][2]["resource"]
    coded["code"]["coding"] = [
        {"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "R07.9"},
        {"system": "?", "code": "1"},
    ]
    (back,) = from_bytes(FORMAT, json.dumps(bundle).encode())
    assert back.span(coded["identifier"][0]["value"]).codes == (Code("ICD10CM", "R07.9"),)


def test_bundles_of_others_are_read(tmp_path):
    bundle = note_to_bundle(note("PROBLEM"))
    document, condition = (entry["resource"] for entry in bundle["entry"])
    for key in ("extension", "identifier"):
        del document[key]
    del condition["identifier"], condition["meta"]
    (tmp_path / "n.ndjson").write_text(json.dumps(bundle) + "\n")
    (back,) = read(tmp_path / "n.ndjson")
    assert (back.id, [(span.label, span.at) for span in back.spans]) == ("line-1", [("CONDITION", ((3, 13),))])
    assert back.spans[0].codes == (Code("SNOMED", "29857009"),)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda entry: entry.pop(0), "no DocumentReference"),
        (lambda entry: entry[0]["resource"].pop("content"), "malformed"),
        (lambda entry: entry[0]["resource"]["content"][0]["attachment"].update(data="?"), "malformed"),
        (lambda entry: entry[0]["resource"]["content"][0]["attachment"].update(data="eA=="), "does not lie inside"),
        (lambda entry: entry[0]["resource"]["extension"][0].update(valueString="{Zzz"), "damaged"),
        (lambda entry: entry[1]["resource"]["extension"][0]["extension"][3].update(valueInteger=900), "does not lie"),
    ],
)
def test_a_broken_bundle_is_a_problem_and_others_are_read(change, message):
    bundle = note_to_bundle(note("PROBLEM"))
    change(bundle["entry"])
    problem, good = from_bytes(FORMAT, json.dumps(bundle).encode() + b"\n" + to_bytes(FORMAT, [Note("n2", "fine")]))
    assert isinstance(problem, Problem)
    assert (problem.where, good.id) == ("f:1", "n2")
    assert message in problem.message
    assert "chest" not in str(problem)
