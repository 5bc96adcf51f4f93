"""The second pass: what it must see, what it must leave alone, and that replacements are invisible to it."""

from itertools import pairwise

import pytest
from hypothesis import given, settings

from medtext import Note, Span
from medtext.review.second_pass import HIDDEN, SecondPass, hidden, merged
from tests import laws


@pytest.fixture(scope="module")
def second_pass():
    return SecondPass()


def kinds(second_pass, text):
    return {kind for one in second_pass.find(Note("n1", text)) for kind in one.kinds}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Pt Maria Delgado was seen.", "name"),
        ("Delgado, Maria", "name"),
        ("SEEN BY MARIA DELGADO", "name"),
        ("per Dr. Okonkwo", "title"),
        ("Mrs Xiquan called", "title"),
        ("MRN 448120 in chart", "digits"),
        ("call 555-1234", "digits"),
        ("call 312 555 0187", "digits"),
        ("pump SN 7H-448120 exchanged", "code"),
        ("write m.b@clinic", "at"),
        ("see www.x-clinic.org", "web"),
        ("seen March 4", "date"),
        ("seen 4th of march", "date"),
        ("DOB 3/4/50", "date"),
        ("since 3/4", "date"),
        ("on Tuesday", "date"),
        ("a 94-year-old woman", "age"),
        ("age: 101", "age"),
        ("12 Old Oak Street", "street"),
        ("SSN 536-90-4399", "US_SSN"),
        ("from 10.20.30.40", "IP_ADDRESS"),
        ("mail to maria.d@clinic.org", "EMAIL_ADDRESS"),
    ],
)
def test_what_may_be_an_identifier_is_seen(second_pass, text, kind):
    assert kind in kinds(second_pass, text)


@pytest.mark.parametrize(
    "text",
    [
        "BP 120/80, HR 72, O2 98 % on 2 L",
        "1/2 tab lisinopril 10 mg PO BID, pain 4/5",
        "Foley catheter placed; Lewy body dementia; Babinski negative.",
        "L4-5 stenosis, T2DM, COVID-19, HbA1c 7.2",
        "May Follow Up; Will Return",  # names that are words too say nothing
        "An 85-year-old man may march on.",
        "Na 140 K 4.1 Cl 102 glucose 1100",
        "[PATIENT-1] was seen by Dr. [PROVIDER-1] on [DATE-2]; call [PHONE-1].",
    ],
)
def test_the_medicine_and_our_own_tags_are_left_alone(second_pass, text):
    assert kinds(second_pass, text) == set()


def test_what_stands_in_place_of_an_identifier_is_invisible_and_its_neighbours_are_not(second_pass):
    text = "Maria Delgado of Oak, MRN 448120"
    surrogates = [Span(((0, 13),), "PATIENT", layer="phi"), Span(((26, 32),), "MRN", layer="phi")]
    assert second_pass.find(Note("n1", text).add(surrogates)) == []
    (found,) = second_pass.find(Note("n1", text).add(surrogates[:1]))
    assert (found.note, found.start, found.end) == ("n1", 26, 32)


def test_finds_that_overlap_are_one_place(second_pass):
    (found,) = second_pass.find(Note("n1", "SSN 536-90-4399"))
    assert (found.start, found.end) == (4, 15)
    assert {"US_SSN", "digits"} <= set(found.kinds)


def test_finds_that_only_touch_are_two_places():
    assert list(merged([(2, 4, "b"), (0, 2, "a"), (3, 9, "a")])) == [(0, 2, ("a",)), (2, 9, ("a", "b"))]


@settings(max_examples=60, deadline=None)
@given(laws.notes())
def test_any_note_is_read_and_places_lie_inside_it_in_order(second_pass, note):
    found = second_pass.find(note)
    assert all(0 <= one.start < one.end <= len(note.text) for one in found)
    assert all(one.end <= other.start for one, other in pairwise(found))
    assert len(hidden(note)) == len(note.text)
    for one in found:
        assert hidden(note)[one.start : one.end].strip(HIDDEN)


def test_no_recogniser_reaches_for_the_network(monkeypatch, second_pass):
    import socket

    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("reached for the network"))
    assert second_pass.find(Note("n1", "maria.d@clinic.org"))
