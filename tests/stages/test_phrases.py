from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtext.errors import UnknownNameError
from medtext.note import Note
from medtext.span import Source, Span
from medtext.stages.phrases import Phrases

ODD = ["\0", "\r\n", "🙂", "e\u0301", "\u202e", "\u2028", "İ", "ﬁ", "x" * 200, " " * 200]


@cache
def stage():
    return Phrases()


@pytest.fixture(scope="module")
def phrases():
    return stage()


def found(note):
    return [(span.label, *note.quote(span)) for span in note.layer("entity")]


def test_concepts_are_marked_under_their_labels(phrases):
    note = phrases(Note("n", "Pt denies chest pain. HTN on lisinopril; A1c pending, echo next week."))
    assert found(note)[:3] == [("PROBLEM", "chest pain"), ("PROBLEM", "HTN"), ("MEDICATION", "lisinopril")]
    assert ("TEST", "A1c") in found(note)


def test_spans_name_the_table_and_how_sure_it_is(phrases):
    (span,) = phrases(Note("n", "chest pain")).spans
    (source,) = span.sources
    assert source.by == "dictionary:" + phrases.describe()["concepts"]
    assert 0.5 < source.score == span.score <= 1


def test_everyday_phrases_are_no_concepts(phrases):
    assert found(phrases(Note("n", "Take by mouth. On the other hand, head of bed up."))) == []


def test_the_name_of_a_replaced_identifier_is_no_concept(phrases):
    tagged = Note("n", "[PATIENT-1] Pain has pain.")
    note = tagged.add([Span(((0, 11),), "PATIENT", layer="phi"), Span(((12, 16),), "PATIENT", layer="phi")])
    assert [span.start for span in phrases(note).layer("entity")] == [21]


def test_a_heading_is_no_mention_but_a_diagnosis_above_its_plan_is(phrases):
    note = Note("n", "ALLERGIES\nPenicillin\nHYPERTENSION\nstable").add(
        [
            Span(((0, 20),), "allergies", layer="section", x={"heading": [0, 9]}),
            Span(((21, 40),), "other", layer="section", x={"heading": [21, 33]}),
        ]
    )
    assert [quote for _, quote in found(phrases(note))] == ["Penicillin", "HYPERTENSION"]


def test_a_span_that_is_there_stays_and_gains_the_source(phrases):
    model = Source("model:m@1", 0.6)
    note = Note("n", "chest pain and cough").add(
        [Span(((0, 10),), "PROBLEM", sources=(model,)), Span(((11, 20),), "TEST", sources=(model,))]
    )
    done = phrases(note)
    assert [model in span.sources for span in done.spans] == [True, True]
    assert len(done.spans[0].sources) == 2
    assert (done.spans[1].at, done.spans[1].label, done.spans[1].score) == (((11, 20),), "TEST", 0.6)
    assert [one["label"] for one in done.spans[1].x["overruled"]] == ["PROBLEM"]


def test_a_table_of_ones_own_is_read(tmp_path):
    path = tmp_path / "own.tsv"
    path.write_text("label\tname\tsynonyms\tcodes\nDEVICE\tWidget pump\tWGP\t\n")
    note = Phrases(concepts=path)(Note("n", "widget pumps and WGP, chest pain"))
    assert found(note) == [("DEVICE", "widget pumps"), ("DEVICE", "WGP")]


def test_an_unknown_table_is_refused():
    with pytest.raises(UnknownNameError):
        Phrases(concepts="no-such-table")


@settings(deadline=None)
@given(st.lists(st.sampled_from(["chest pain", "HTN", "Lasix", " ", "\n", ".", "[PATIENT-1]", *ODD])).map("".join))
def test_running_twice_changes_nothing_and_text_stays(text):
    once = stage()(Note("n", text))
    assert once.text == text
    assert stage()(once) == once
