"""The application with a token, asked as Label Studio asks it."""

import pytest

from medtext import Assertion, Note, Span, load
from medtext.formats.label_studio import note_to_task

pytest.importorskip("fastapi", reason="the extra serve is not installed")

SECRET = "Delgado"
TEXT = f"Pt {SECRET} denies chest pain. HTN on lisinopril 10 mg daily."


@pytest.fixture(scope="session")
def pipeline():
    return load("preannotate")


@pytest.fixture
def bare():
    """A note that is marked as de-identified, without spans."""
    return Note("n1", TEXT, deidentified=True)


@pytest.fixture
def task(bare):
    """Its task, as Label Studio sends it."""
    return {"id": 7, "project": 2, **note_to_task(bare), "predictions": [], "annotations": []}


@pytest.fixture
def hidden(bare):
    """The same note with spans that the page does not show, one with an id that a prediction will want."""
    spans = [
        Span(((0, 2),), "PATIENT", layer="phi", status="rejected", id="e1"),
        Span(((0, 30),), "HPI", layer="section", assertion=Assertion()),
    ]
    return bare.add(spans)
