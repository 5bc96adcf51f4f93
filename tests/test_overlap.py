import pytest
from hypothesis import given
from hypothesis import strategies as st

from medtext.note import Note
from medtext.overlap import Cover, identifiers, join_entities
from medtext.span import Source, Span

FRAGMENT = st.tuples(st.integers(0, 30), st.integers(1, 6)).map(lambda pair: (pair[0], pair[0] + pair[1]))
TEXT = "x" * 40


def entity(start, end, label="PROBLEM", **fields):
    return Span(((start, end),), label, **{"sources": (Source("dictionary:a@1"),), **fields})


@given(st.lists(FRAGMENT, max_size=8), FRAGMENT)
def test_a_cover_overlaps_what_shares_a_character(fragments, asked):
    taken = {at for start, end in fragments for at in range(start, end)}
    assert Cover(fragments).overlaps(*asked) == bool(taken & set(range(*asked)))


@given(st.lists(FRAGMENT, max_size=4), st.lists(FRAGMENT, max_size=4))
def test_what_is_there_stays_and_what_is_added_overlaps_nothing(held, found):
    note = Note("n", TEXT).add(entity(*one) for one in held)
    disjoint = [one for at, one in enumerate(found) if not Cover(found[:at]).overlaps(*one)]
    joined = join_entities(note, [entity(*one) for one in disjoint])
    added = [span for span in joined.spans if span.id not in {one.id for one in note.spans}]
    assert set(note.spans) <= set(joined.spans)
    assert all(not Cover(held).overlaps(span.start, span.end) for span in added)
    assert join_entities(joined, [entity(*one) for one in disjoint]) == joined


def test_the_same_place_and_label_gains_the_source():
    model = Source("model:m@1", 0.7)
    note = Note("n", TEXT).add([entity(0, 4, sources=(model,))])
    (span,) = join_entities(note, [entity(0, 4)]).spans
    assert span.sources == (model, Source("dictionary:a@1"))


@pytest.mark.parametrize("status", ["accepted", "corrected", "rejected", "added"])
def test_what_a_person_has_touched_never_changes(status):
    note = Note("n", TEXT).add([entity(0, 4, status=status, sources=())])
    assert join_entities(note, [entity(0, 4), entity(2, 6)]) == note


@pytest.mark.parametrize(
    "text", ["[PATIENT-1] pain", "[**Known pain 12**] x", "**NAME[pain] x", "[HEALTH_PLAN-12] pain"]
)
def test_tags_that_stand_for_identifiers_are_covered(text):
    hidden = identifiers(Note("n", text))
    assert hidden.overlaps(0, 1)
    assert hidden.overlaps(8, 9)
    assert not hidden.overlaps(len(text) - 1, len(text))


def test_replaced_identifiers_are_covered():
    note = Note("n", "Pain, Anna").add([Span(((0, 4),), "PATIENT", layer="phi")])
    assert join_entities(note, [entity(0, 4)]) == note


def test_what_lies_inside_and_between_stretches():
    cover = Cover([(2, 4), (4, 6), (9, 10)])
    assert cover.places() == [(2, 6), (9, 10)]
    assert list(cover.inside([(0, 3), (5, 12), (6, 9)])) == [(2, 3), (5, 6), (9, 10)]
    assert list(cover.gaps(10)) == [(0, 2), (6, 9)]
    assert list(cover.gaps(12)) == [(0, 2), (6, 9), (10, 12)]
