"""Sections: disjoint, from the first heading to the end; then headings of every shape."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtext.config import read_yaml
from medtext.errors import ConfigError
from medtext.note import Note
from medtext.stages.sections import Sections
from medtext.taxonomy import Taxonomy

STAGE = Sections()
UNHEADED = Sections(unheaded=0.0)
_FILE = read_yaml(Path(__file__).parents[1] / "cases" / "sections.yaml")
PIECES = st.sampled_from(
    [
        "HPI:",
        "PLAN",
        "Plan",
        "Past Medical History",
        ":",
        "\n",
        "\r\n",
        "  ",
        "- ",
        "1. ",
        ". ",
        "cough",
        "Surgical",
        "\t",
        "**",
    ]
)
TEXTS = st.lists(PIECES | st.text(max_size=8), max_size=40).map("".join)


def found(text: str, stage: Sections = STAGE) -> list[list[str]]:
    return [[span.label, text[slice(*span.x["heading"])]] for span in stage.find(text)]


@settings(max_examples=60, deadline=None)
@given(TEXTS)
def test_sections_are_disjoint_and_hold_all_from_the_first_heading_on(text):
    spans = list(STAGE.find(text))
    last = spans[0].start if spans else len(text)
    for span in spans:
        assert text[last : span.start].isspace() or last == span.start
        start, end = span.x["heading"]
        assert span.start <= start < end <= span.end
        last = span.end
    assert not text[last:].strip()


@settings(max_examples=30, deadline=None)
@given(TEXTS)
def test_the_stage_adds_the_same_sections_each_time_and_changes_nothing_else(text):
    note = Note("n1", text, meta={"k": 1})
    once = STAGE(note)
    assert once == Sections()(note)
    assert once.replace(spans=()) == note


@pytest.mark.parametrize("case", _FILE["cases"], ids=lambda case: repr(case[0]))
def test_the_sections_are_found_as_written(case):
    text, wanted = case
    assert found(text) == wanted


@pytest.mark.parametrize("case", _FILE["known_failures"], ids=lambda case: repr(case["text"]))
def test_a_known_failure_still_comes_out_as_it_did(case):
    assert case["wanted"] != case["now"]
    assert found(case["text"]) == case["now"]


def test_every_class_is_a_label_of_the_taxonomy():
    labels = {label.name for label in Taxonomy.load("clinical").layer("section")}
    rules = read_yaml(Path(__file__).parents[2] / "medtext" / "stages" / "rules" / "sections.yaml")
    classes = set(rules["headings"]) | {one for below in rules["within"].values() for one in below.values()}
    assert classes == labels


def test_every_class_of_a_document_has_its_loinc_code():
    labels = {label.name: label.code for label in Taxonomy.load("clinical").layer("section")}
    assert {name for name, code in labels.items() if code is None} == {
        "other",
        "emergency_course",
        "disposition",
    }  # none in common use
    assert all(code.system == "LOINC" for code in labels.values() if code)


def test_no_heading_stands_under_two_classes():
    rules = read_yaml(Path(__file__).parents[2] / "medtext" / "stages" / "rules" / "sections.yaml")
    counts = Counter(name for names in rules["headings"].values() for name in names)
    assert [name for name, count in counts.items() if count > 1] == []


def test_own_headings_are_added_to_ours_or_stand_alone(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text("headings: {chief_complaint: [why here]}\n")
    assert found("WHY HERE: cough\nPLAN: rest", Sections(rules=path)) == [
        ["chief_complaint", "WHY HERE"],
        ["plan", "PLAN"],
    ]
    path.write_text("extends: false\nheadings: {chief_complaint: [why here]}\n")
    assert found("WHY HERE: cough\nPLAN: rest", Sections(rules=path)) == [["chief_complaint", "WHY HERE"]]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("headings: {plan: todo}", "own.yaml:1: the headings of 'plan' must be a list"),
        ("headings: {' plan': [todo]}", "own.yaml:1"),
        ("titles: {}", "unknown key 'titles'"),
    ],
)
def test_a_rule_file_that_cannot_be_right_is_refused_with_its_line(tmp_path, text, said):
    path = tmp_path / "own.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=said):
        Sections(rules=path)


def test_medspacy_finds_headings_through_the_same_door():
    pytest.importorskip("medspacy")
    stage = Sections(engine="medspacy")
    text = "PAST MEDICAL HISTORY:\nGout.\n\nFamily History: none."
    assert found(text, stage) == [
        ["past_medical_history", "PAST MEDICAL HISTORY"],
        ["family_history", "Family History"],
    ]
    assert next(stage.find(text)).sources[0].by.startswith("rule:medspacy-sections@")


def test_text_in_front_of_the_first_heading_is_read_only_when_asked():
    text = "She is allergic to penicillin.\n\nNo known drug allergies.\n\nPLAN: rest."
    assert [span.label for span in Sections().find(text)] == ["plan"]
    first, last = Sections(unheaded=0.3).find(text)
    assert (first.label, last.label) == ("allergies", "plan")
    assert text[first.start : first.end].endswith("drug allergies.")
    assert first.sources[0].by == "model:section-classes@1"
    assert 0.3 <= first.score <= 1
    assert "heading" not in first.x


@settings(max_examples=30, deadline=None)
@given(TEXTS)
def test_with_the_classifier_sections_are_disjoint_and_those_with_a_heading_the_same(text):
    spans = list(UNHEADED.find(text))
    assert [span for span in spans if "heading" in span.x] == list(STAGE.find(text))
    assert all(one.end <= two.start for one, two in pairwise(spans))
    assert all(text[span.start : span.end] == text[span.start : span.end].strip() for span in spans)


@pytest.mark.parametrize("options", [{"engine": "magic"}, {"unheaded": 1.5}])
def test_options_that_cannot_be_right_are_refused(options):
    with pytest.raises(ConfigError):
        Sections(**options)


@pytest.mark.parametrize("piece", [" ", "-", "A", "A ", "* ", ". A", "A  ", "A  :", "\r", "\t", "#", "1. "])
def test_long_texts_without_a_heading_are_read_in_linear_time(piece):
    assert len(list(STAGE.find(piece * (200_000 // len(piece))))) <= 1


def test_real_visits_have_their_main_sections(shared_data):
    import medtext

    notes = list(medtext.read(shared_data / "notes" / "aci_bench.jsonl"))
    labels = [{span.label for span in STAGE.find(note.text)} for note in notes]
    assert all(len(one) >= 3 for one in labels)
    counts = Counter(label for one in labels for label in one)
    assert counts["chief_complaint"] >= 80
    assert counts["physical_exam"] >= 80
    assert counts["plan"] + counts["assessment_and_plan"] >= 80
