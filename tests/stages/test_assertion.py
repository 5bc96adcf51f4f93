"""Assertions: laws over any note, then sentences of our own, then rule files that cannot be right."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtext.config import read_yaml
from medtext.errors import ConfigError
from medtext.note import Note
from medtext.span import Assertion, Span
from medtext.stages.assertion import Assertions
from medtext.stages.sections import Sections
from medtext.stages.sentences import Sentences
from tests.markup import parse, render

USUAL = Assertion("present", "current", "patient")
_FILE = read_yaml(Path(__file__).parents[1] / "cases" / "assertion.yaml")
_PHRASES = read_yaml(Path(__file__).parents[1] / "cases" / "negation.yaml")
CASES = [case for group in _FILE["cases"].values() for case in group]
STAGES = Sentences(), Sections(), Assertions()

WORDS = st.sampled_from(
    [
        "no",
        "denies",
        "fever",
        "cough",
        "but",
        "history of",
        "mother had",
        "if",
        ",",
        ".",
        "and",
        ":",
        "\n- ",
        "\n",
        "é",
        "(-)",
    ]
)


def annotated(note: Note, stages=STAGES) -> Note:
    for stage in stages:
        note = stage(note)
    return note


@st.composite
def notes(draw):
    text = " ".join(draw(st.lists(WORDS | st.text(max_size=6), max_size=30))) or "x"
    spans = []
    for _ in range(draw(st.integers(0, 8))):
        start = draw(st.integers(0, len(text) - 1))
        end = draw(st.integers(start + 1, min(len(text), start + 12)))
        spans.append(Span(((start, end),), draw(st.sampled_from(["PROBLEM", "TEST", "DOSE", "OWN"]))))
    return Note("n1", text).add(spans)


def unasserted(note: Note) -> Note:
    return Note(note.id, note.text).add(Span(span.at, span.label) for span in note.layer("entity"))


@settings(max_examples=60, deadline=None)
@given(notes())
def test_nothing_but_assertion_sources_and_x_changes(note):
    before = STAGES[1](STAGES[0](note))
    after = STAGES[2](before)
    bare = [Span(span.at, span.label, id=span.id, layer=span.layer) for span in after.spans]
    assert bare == [Span(span.at, span.label, id=span.id, layer=span.layer) for span in before.spans]
    assert after.keep(["sentence", "section"]) == before.keep(["sentence", "section"])
    assert (after.text, after.meta, after.relations) == (before.text, before.meta, before.relations)


@settings(max_examples=60, deadline=None)
@given(notes())
def test_every_axis_that_a_label_takes_is_assessed_and_no_other(note):
    for span in annotated(note).layer("entity"):
        if span.label in ("PROBLEM", "TEST"):
            assert None not in (span.assertion.presence, span.assertion.temporality, span.assertion.subject)
        else:
            assert span.assertion is None


@settings(max_examples=40, deadline=None)
@given(notes())
def test_a_second_run_changes_nothing_and_a_fresh_one_says_the_same(note):
    once = annotated(note)
    assert STAGES[2](once) == once
    assert annotated(note, (Sentences(), Sections(), STAGES[2])) == once


@settings(max_examples=40, deadline=None)
@given(notes())
def test_what_decided_lies_outside_the_entity_and_inside_the_note(note):
    for span in annotated(note).layer("entity"):
        for why in [*span.x.get("assertion", {}).values(), *span.x.get("qualifiers", {}).values()]:
            start, end = why["at"]
            assert 0 <= start < end <= len(note.text)
            assert not (span.start <= start and end <= span.end)


@pytest.mark.parametrize("case", CASES)
def test_the_case_comes_out_as_written(case):
    wanted = parse(case)
    assert render(annotated(unasserted(wanted)), omit=USUAL) == case


@pytest.mark.parametrize("case", _FILE["known_failures"], ids=lambda case: case["wanted"])
def test_a_known_failure_still_comes_out_as_it_did(case):
    assert case["wanted"] != case["now"]
    assert parse(case["wanted"]).text == parse(case["now"]).text
    assert render(annotated(unasserted(parse(case["wanted"]))), omit=USUAL) == case["now"]


@pytest.mark.parametrize("phrase", _PHRASES["before"])
def test_a_negation_in_front_makes_a_finding_absent(phrase):
    note = annotated(parse(f"She {phrase} <PROBLEM>effusion</PROBLEM>."))
    assert note.layer("entity")[0].assertion.presence == "absent"


@pytest.mark.parametrize("phrase", _PHRASES["after"])
def test_a_negation_behind_makes_a_finding_absent(phrase):
    note = annotated(parse(f"The <PROBLEM>effusion</PROBLEM> {phrase}."))
    assert note.layer("entity")[0].assertion.presence == "absent"


def test_an_assertion_says_which_words_decided():
    span = annotated(parse("She denies <PROBLEM>chest pain</PROBLEM>.")).layer("entity")[0]
    assert span.x["assertion"] == {"presence": {"rule": "denies", "at": [4, 10]}}
    assert span.sources[-1].by == "rule:assertion@1"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "Severe <PROBLEM>headache</PROBLEM> and mild <PROBLEM>nausea</PROBLEM>.",
            [("severity", "severe"), ("severity", "mild")],
        ),
        ("<PROBLEM>Pain</PROBLEM> is moderate.", [("severity", "moderate")]),
        ("No <PROBLEM>pain</PROBLEM>.", []),
        ("Moderate to severe <PROBLEM>stenosis</PROBLEM>.", [("severity", "severe")]),
        ("<PROBLEM>Dyspnea</PROBLEM> on exertion.", [("conditional", "exertion")]),
        ("<PROBLEM>Chest pain</PROBLEM> with deep inspiration.", [("conditional", "breathing")]),
        ("<PROBLEM>Bloating</PROBLEM> after meals.", [("conditional", "eating")]),
        ("<PROBLEM>Knee pain</PROBLEM> when climbing stairs.", [("conditional", "exertion")]),
        (
            "Allergic to <MEDICATION>penicillin</MEDICATION> and <MEDICATION>sulfa</MEDICATION>.",
            [("allergy", "stated")] * 2,
        ),
        ("<MEDICATION>Penicillin</MEDICATION> allergy.", [("allergy", "stated")]),
        ("Allergies:\n<MEDICATION>Codeine</MEDICATION>", [("allergy", "stated")]),
        ("Takes <MEDICATION>codeine</MEDICATION> for severe <PROBLEM>pain</PROBLEM>.", [("severity", "severe")]),
    ],
)
def test_qualifiers_are_kept_beside_the_assertion(text, said):
    spans = annotated(parse(text)).layer("entity")
    found = [(name, one["value"]) for span in spans for name, one in span.x.get("qualifiers", {}).items()]
    assert found == said


def test_a_qualifier_says_which_words_decided():
    span = annotated(parse("Mild <PROBLEM>pain</PROBLEM>.")).layer("entity")[0]
    assert span.x["qualifiers"] == {"severity": {"value": "mild", "rule": "mild", "at": [0, 4]}}
    assert "severity" not in span.x.get("assertion", {})


@pytest.mark.parametrize("status", ["accepted", "corrected", "rejected", "added"])
def test_what_a_person_touched_is_left_alone(status):
    note = Note("n1", "No fever.").add([Span(((3, 8),), "PROBLEM", status=status)])
    assert annotated(note).layer("entity") == note.spans


def test_own_rules_are_added_to_ours(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text("rules:\n  nope: {phrases: ['nope to'], sets: {presence: absent}}\n")
    stages = Sentences(), Sections(), Assertions(rules=path)
    note = annotated(parse("Nope to <PROBLEM>fever</PROBLEM>. No <PROBLEM>cough</PROBLEM>."), stages)
    assert [span.assertion.presence for span in note.layer("entity")] == ["absent", "absent"]
    assert note.layer("entity")[0].sources[-1].by == "rule:assertion@1+own"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rules: {x: {phrases: [a], sets: {mood: bad}}}", "own.yaml:1: unknown axis 'mood'"),
        ("rules: {x: {phrases: [a], sets: {presence: gone}}}", "Presence 'gone' is not one of"),
        ("rules: {x: {phrases: [a], sets: {presence: absent}, direction: up}}", "direction 'up' is not one of"),
        ("rules: {x: {phrases: [a], sets: {presence: absent}, scope: 3}}", "unknown key 'scope' in rule x"),
        ("rules: {x: {phrases: [$nobody had], sets: {subject: family}}}", "unknown list \\$nobody"),
        ("rules: {x: {phrases: [no], sets: {presence: absent}}}", "must be in quotes"),
        ("triggers: []", "unknown key 'triggers'"),
    ],
)
def test_a_rule_file_that_cannot_be_right_is_refused_with_its_line(tmp_path, text, said):
    path = tmp_path / "own.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=said):
        Assertions(rules=path)


def test_options_that_cannot_be_right_are_refused():
    with pytest.raises(ConfigError, match="Unknown engine 'magic'"):
        Assertions(engine="magic")
    with pytest.raises(ConfigError, match="Label 'DOSE' takes no assertion"):
        Assertions(labels=["DOSE"])


def test_medspacy_answers_through_the_same_door():
    pytest.importorskip("medspacy")
    stages = Sentences(), Sections(), Assertions(engine="medspacy")
    note = annotated(parse("No <PROBLEM>fever</PROBLEM>. <PROBLEM>Cough</PROBLEM>."), stages)
    assert [span.assertion.presence for span in note.layer("entity")] == ["absent", "present"]
    assert note.layer("entity")[0].x["assertion"] == {"presence": {"rule": "medspacy:NEGATED_EXISTENCE", "at": [0, 2]}}


@pytest.mark.parametrize(
    "text", ["\x00no\x00fever", "אין no fever", "no\r\nfe\u0301ver", "🤒 no 🤒 fever", "İ no fever", "x" * 100_000]
)
def test_odd_texts_are_read(text):
    note = annotated(Note("n1", text).add([Span(((len(text) - 5, len(text)),), "PROBLEM")]))
    assert note.layer("entity")[0].assertion.presence in ("absent", "present")


def test_an_entity_outside_every_sentence_is_still_assessed():
    note = Note("n1", " fever").add([Span(((0, 1),), "PROBLEM"), Span(((1, 6),), "PROBLEM")])
    assert [span.assertion for span in annotated(note).layer("entity")] == [USUAL, USUAL]


def test_a_sentence_of_half_a_megabyte_is_read():
    piece = "no fever , cough "
    text = piece * (500_000 // len(piece))
    spans = [Span(((at + 3, at + 8),), "PROBLEM") for at in range(0, len(text), len(piece))]
    note = annotated(Note("n1", text).add(spans[:2000]))
    assert all(span.assertion.presence == "absent" for span in note.layer("entity"))
