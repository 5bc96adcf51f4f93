"""The inline markup of tests: what it shows is what is tested."""

from __future__ import annotations

import pytest

from medtext.errors import NoteError
from medtext.span import Assertion
from tests.markup import MarkupError, parse, render

SHOWN = "No <PROBLEM presence=absent>fever</PROBLEM>, BP &lt; 120 &amp; <TEST>A<ANATOMY>B</ANATOMY></TEST>."


def test_what_is_parsed_is_rendered_again():
    assert render(parse(SHOWN)) == SHOWN


def test_places_and_assertions_are_read():
    note = parse(SHOWN)
    span = note.spans[0]
    assert note.text == "No fever, BP < 120 & AB."
    assert note.quote(span) == ("fever",)
    assert span.assertion == Assertion(presence="absent")


@pytest.mark.parametrize(
    "broken",
    [
        "<PROBLEM>fever",
        "fever</PROBLEM>",
        "<A>x<B>y</A></B>",
        "a < b",
        "a & b",
        "<PROBLEM presence=maybe>fever</PROBLEM>",
        "<PROBLEM mood=bad>fever</PROBLEM>",
        "<PROBLEM presence=absent presence=absent>fever</PROBLEM>",
        "<PROBLEM presence = absent>fever</PROBLEM>",
        "<PROBLEM></PROBLEM>",
    ],
)
def test_what_cannot_be_read_is_refused(broken):
    with pytest.raises((MarkupError, NoteError)):
        parse(broken)


def test_a_crossing_names_its_tag():
    with pytest.raises(MarkupError, match="closes no <A>"):
        parse("<A>x<B>y</A></B>")
