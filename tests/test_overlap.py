import pytest
from hypothesis import given
from hypothesis import strategies as st

from medtext.note import Note
from medtext.overlap import Cover, headings, identifiers
from medtext.span import Span

FRAGMENT = st.tuples(st.integers(0, 30), st.integers(1, 6)).map(lambda pair: (pair[0], pair[0] + pair[1]))
TEXT = "x" * 40


@given(st.lists(FRAGMENT, max_size=8), FRAGMENT)
def test_a_cover_overlaps_what_shares_a_character(fragments, asked):
    taken = {at for start, end in fragments for at in range(start, end)}
    assert Cover(fragments).overlaps(*asked) == bool(taken & set(range(*asked)))


@pytest.mark.parametrize(
    "text", ["[PATIENT-1] pain", "[**Known pain 12**] x", "**NAME[pain] x", "[HEALTH_PLAN-12] pain"]
)
def test_tags_that_stand_for_identifiers_are_covered(text):
    hidden = identifiers(Note("n", text))
    assert hidden.overlaps(0, 1)
    assert hidden.overlaps(8, 9)
    assert not hidden.overlaps(len(text) - 1, len(text))


def test_replaced_identifiers_are_covered():
    hidden = identifiers(Note("n", "Pain, Anna").add([Span(((0, 4),), "PATIENT", layer="phi")]))
    assert hidden.places() == [(0, 4)]


def test_headings_of_a_known_class_are_covered():
    known = Span(((0, 20),), "plan", layer="section", x={"heading": [0, 5]})
    other = Span(((22, 30),), "other", layer="section", x={"heading": [22, 26]})
    bare = Span(((31, 39),), "labs", layer="section")
    assert headings(Note("n", TEXT).add([known, other, bare])).places() == [(0, 5)]


def test_what_lies_inside_and_between_stretches():
    cover = Cover([(2, 4), (4, 6), (9, 10)])
    assert cover.places() == [(2, 6), (9, 10)]
    assert list(cover.inside([(0, 3), (5, 12), (6, 9)])) == [(2, 3), (5, 6), (9, 10)]
    assert list(cover.gaps(10)) == [(0, 2), (6, 9)]
    assert list(cover.gaps(12)) == [(0, 2), (6, 9), (10, 12)]
