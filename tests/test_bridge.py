"""The bridge to spaCy keeps exact offsets, also of spans that cut a token."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtext import Note, Span

TEXT = "Pt denies chest-pain (HTN). Lisinopril 10mg.\n\nNo  change 😀."


@pytest.fixture(scope="module")
def nlp():
    import spacy

    return spacy.blank("en")


places = st.integers(0, len(TEXT) - 1).flatmap(lambda a: st.tuples(st.just(a), st.integers(a + 1, len(TEXT))))
spans = st.builds(
    lambda at, layer: Span((at,), "PROBLEM", layer=layer), places, st.sampled_from(["entity", "phi", "section"])
)


@given(st.lists(spans, max_size=6))
@settings(max_examples=50, deadline=None)
def test_places_labels_layers_and_ids_come_back(nlp, found):
    note = Note("n", TEXT).add(found)
    assert Note.from_doc(note.to_doc(nlp), id="n") == note


def test_discontinuous_spans_come_back(nlp):
    note = Note("n", TEXT).add([Span(((0, 2), (10, 15)), "PROBLEM")])
    assert Note.from_doc(note.to_doc(nlp), id="n") == note


def test_entities_that_a_spacy_component_set_become_spans(nlp):
    doc = nlp("Pt has HTN today")
    doc.ents = [doc.char_span(7, 10, label="DISEASE")]
    (span,) = Note.from_doc(doc, deidentified=True).spans
    assert (span.at, span.label, span.layer) == (((7, 10),), "DISEASE", "entity")
