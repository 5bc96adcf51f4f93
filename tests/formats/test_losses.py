"""What is taken from a note to say what a format gives back."""

import pytest

from medtext import Note, Relation, Span
from medtext.formats import losses, without
from medtext.formats.losses import Words, blank_breaks


@pytest.mark.parametrize(
    ("place", "widened"),
    [((0, 2), (0, 2)), ((1, 2), (0, 2)), ((2, 5), (3, 5)), ((1, 4), (0, 5)), ((5, 7), None), ((2, 3), None)],
)
def test_a_place_is_widened_to_the_words_that_it_touches(place, widened):
    assert Words("ab cd \n").widen(*place) == widened


def test_line_ends_become_blanks_of_the_same_length():
    assert blank_breaks("a\r\nb\u2028c\x85d\te") == "a  b c d\te"


def test_what_was_rejected_is_left_out_where_the_status_is_lost():
    spans = (Span(((0, 1),), "A", id="a", status="rejected"), Span(((0, 1),), "B", id="b"))
    note = Note("n1", "x y", spans=spans, relations=(Relation("of", "a", "b", id="r1"),))
    assert without(note, ["spans.status"]) == note.replace(spans=spans[1:], relations=())
    assert losses(note, ["spans.status", "text.newlines", "spans.edges"]) == {"spans.status": 1}
