"""Sentences: every character that is not blank is in exactly one, whatever the text; then layouts of our own."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtext.config import read_yaml
from medtext.note import Note
from medtext.stages.sentences import Sentences

STAGE = Sentences()
_FILE = read_yaml(Path(__file__).parents[1] / "cases" / "sentences.yaml")
PIECES = st.sampled_from(
    [
        "Dr. ",
        "q.d. ",
        "No. 2 ",
        "1. ",
        "- ",
        "•",
        "\n",
        "\n\n",
        "\r\n",
        "\r",
        "HPI:",
        "a.m.",
        "?",
        "! ",
        "x",
        "The ",
        ".",
        " ",
    ]
)
TEXTS = st.lists(PIECES | st.text(max_size=8), max_size=40).map("".join)


def cut(text: str) -> list[str]:
    return [text[start:end] for start, end in STAGE.split(text)]


@settings(max_examples=60, deadline=None)
@given(TEXTS)
def test_sentences_hold_every_character_that_is_not_blank_and_never_overlap(text):
    places = list(STAGE.split(text))
    held = set()
    last = 0
    for start, end in places:
        assert last <= start < end
        assert text[start:end] == text[start:end].strip()
        held.update(range(start, end))
        last = end
    assert all(text[at].isspace() for at in range(len(text)) if at not in held)


@settings(max_examples=30, deadline=None)
@given(TEXTS)
def test_the_stage_adds_the_same_sentences_each_time_and_changes_nothing_else(text):
    note = Note("n1", text, meta={"k": 1})
    once = STAGE(note)
    assert once == Sentences()(note)
    assert once.replace(spans=()) == note
    assert [span.at[0] for span in once.layer("sentence")] == list(STAGE.split(text))


@pytest.mark.parametrize("case", _FILE["cases"], ids=lambda case: repr(case[0]))
def test_the_text_is_cut_as_written(case):
    text, wanted = case
    assert cut(text) == wanted


@pytest.mark.parametrize("case", _FILE["known_failures"], ids=lambda case: repr(case["text"]))
def test_a_known_failure_still_comes_out_as_it_did(case):
    assert case["wanted"] != case["now"]
    assert cut(case["text"]) == case["now"]


def test_wrapped_lines_are_one_sentence():
    text = (
        "The patient is a man of middle age who was brought to the clinic with\n"
        "COPD and a cough that had been there for two weeks before the visit on\n"
        "Monday and who has since been taking a course of antibiotics without a\n"
        "change. He is well."
    )
    assert len(cut(text)) == 2


@pytest.mark.parametrize("piece", [".", "a", " ", "A. ", "\n", "1. A ", ".)", '."', "x.Y", "?!", "\x00", "- "])
def test_long_texts_without_an_end_are_cut_in_linear_time(piece):
    text = piece * (200_000 // len(piece))
    assert sum(map(len, cut(text))) <= len(text)


def test_every_note_of_the_real_visits_is_cut_into_sentences_of_sane_length(shared_data):
    import medtext

    for note in medtext.read(shared_data / "notes" / "aci_bench.jsonl"):
        lengths = [end - start for start, end in STAGE.split(note.text)]
        assert max(lengths) < 900
        assert sum(lengths) / len(lengths) < 150
