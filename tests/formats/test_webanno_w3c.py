"""W3C Web Annotation."""

import json

import pytest
from hypothesis import given, settings

from medtext.errors import FormatError, Problem
from medtext.formats.webanno_w3c import CONTEXT, FORMAT, note_to_page
from tests.formats.roundtrip import TEXT, again, example, from_bytes, law, told_by_content
from tests.laws import batches


@settings(max_examples=40, deadline=None)
@given(batches())
def test_reading_what_was_written_gives_the_notes_without_what_is_lost(tmp_path_factory, notes):
    law(FORMAT, notes, again(FORMAT, notes, tmp_path_factory.mktemp("webanno_w3c")))


def test_the_file_is_told_by_what_is_in_it(tmp_path):
    told_by_content(FORMAT, tmp_path)


def test_targets_select_by_position_and_by_quote():
    items = {one["id"].rpartition("#")[2]: one for one in note_to_page(example())["items"]}
    position, words = items["e1"]["target"][0]["selector"]
    assert (position["start"], position["end"], words["exact"]) == (10, 20, "chest pain")
    assert TEXT.startswith(words["prefix"] + words["exact"])
    assert len(items["e4"]["target"]) == 2
    assert [one["value"] for one in items["e1"]["body"]][:2] == ["PROBLEM", "SNOMED:0"]
    assert items["relation-r1"]["motivation"] == "linking"


def page(*items) -> bytes:
    return json.dumps({"@context": CONTEXT, "medtext:text": "No fever, no cough", "items": items}).encode()


def item(*selectors, label="SIGN") -> dict:
    return {"id": "x#1", "body": {"type": "TextualBody", "value": label}, "target": {"selector": list(selectors)}}


def test_annotations_of_others_are_read_by_position_or_quote():
    quote, position = (
        {"type": "TextQuoteSelector", "exact": "cough"},
        {"type": "TextPositionSelector", "start": 3, "end": 8},
    )
    (note,) = from_bytes(FORMAT, page(item(quote), item(position)))
    assert [(span.label, *note.quote(span)) for span in note.spans] == [("SIGN", "fever"), ("SIGN", "cough")]
    assert [span.status for span in note.spans] == ["added", "added"]


@pytest.mark.parametrize(
    ("selectors", "message"),
    [
        ([{"type": "TextQuoteSelector", "exact": "o"}], "exactly once"),
        ([{"type": "TextPositionSelector", "start": 3, "end": 900}], "does not lie inside"),
        ([{"type": "TextPositionSelector", "start": 3}], "malformed"),
        (
            [{"type": "TextPositionSelector", "start": 3, "end": 8}, {"type": "TextQuoteSelector", "exact": "x"}],
            "not what",
        ),
        ([], "exactly once"),
    ],
)
def test_a_broken_page_is_a_problem_with_its_number(selectors, message):
    (problem,) = from_bytes(FORMAT, page(item(*selectors)))
    assert isinstance(problem, Problem)
    assert problem.where == "f: page 1"
    assert message in problem.message
    assert "fever" not in str(problem)


def test_what_has_no_text_or_is_no_json_is_told():
    (problem,) = from_bytes(FORMAT, b'{"items": []}')
    assert "medtext:text" in problem.message
    for broken in (b"{Zzz", b"7"):
        with pytest.raises(FormatError):
            from_bytes(FORMAT, broken)
