"""Entities of several stages become one set."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtext.merging import OVERRULED, merge_entities, noisy_or
from medtext.note import Note, Relation
from medtext.overlap import Cover
from medtext.span import Assertion, Candidate, Code, Source, Span

TEXT = "x" * 24
MODEL, WORDS = "model:m@1", "dictionary:d@1"


def claim(start, end, label="PROBLEM", by=MODEL, score=0.8, **fields):
    return Span(((start, end),), label, score=score, sources=(Source(by, score),), **fields)


@st.composite
def stages(draw):
    """What up to four stages find, each from a source of its own."""
    scores = st.sampled_from([None, 0.25, 0.5, 0.9])
    labels = st.sampled_from(["PROBLEM", "TEST", "DOSE", "ROUTE"])
    place = st.tuples(st.integers(0, 18), st.integers(1, 6), labels, scores)
    return [
        [claim(at, at + size, label, f"model:m{number}@1", score) for at, size, label, score in held]
        for number, held in enumerate(draw(st.lists(st.lists(place, max_size=4), max_size=4)))
    ]


def merged(found):
    note = Note("n", TEXT)
    for one in found:
        note = merge_entities(note, one)
    return note


def bare(note):
    return {(span.at, span.label, span.score, span.sources, repr(span.x)) for span in note.spans}


def test_what_nobody_contests_is_taken_as_it_was_found():
    alone, both = claim(0, 4), Span(((6, 9),), "TEST", score=0.98, sources=(Source(WORDS, 0.9), Source(MODEL, 0.8)))
    assert [one.sources for one in merged([[alone, both]]).spans] == [alone.sources, both.sources]
    unsure, unsorted = Span(both.at, "TEST", score=0.5, sources=both.sources), both.sources[::-1]
    for odd in (unsure, Span(both.at, "TEST", score=0.98, sources=unsorted)):
        assert bare(merged([[odd]])) == bare(merged([[both]]))


def test_of_one_source_the_score_is_that_of_the_entity_whichever_of_the_two_says_it():
    said = Span(((0, 4),), "PROBLEM", score=0.5, sources=(Source(MODEL, 0.8),))
    silent = Span(((6, 9),), "PROBLEM", score=0.8, sources=(Source(MODEL),))
    assert [(one.score, one.sources) for one in merged([[said, silent]]).spans] == [(0.8, (Source(MODEL, 0.8),))] * 2


def test_what_overruled_a_claim_that_is_hidden_now_no_longer_names_it():
    note = merge_entities(merged([[claim(0, 9)], [claim(6, 12, "TEST", score=0.1)]]), [])
    assert OVERRULED in note.spans[0].x
    hidden = merge_entities(note.add([Span(((10, 12),), "NAME", layer="phi")]), [])
    assert [one.x for one in hidden.layer("entity")] == [{}]


@settings(max_examples=60)
@given(stages(), st.data())
def test_the_order_of_the_stages_does_not_matter(found, data):
    assert bare(merged(found)) == bare(merged(data.draw(st.permutations(found))))


@settings(max_examples=60)
@given(stages())
def test_entities_do_not_overlap_and_no_claim_is_lost(found):
    note = merged(found)
    for at, span in enumerate(note.spans):
        assert not Cover(part for one in note.spans[:at] for part in one.at).overlaps(span.start, span.end)
    said = {(span.at, span.label, source.by) for span in note.spans for source in span.sources if source.score != 0}
    said |= {
        (tuple(map(tuple, one["at"])), one["label"], one["by"])
        for span in note.spans
        for one in span.x.get(OVERRULED, ())
    }
    assert said == {(span.at, span.label, span.sources[0].by) for held in found for span in held}


@settings(max_examples=60)
@given(stages())
def test_a_second_run_changes_nothing(found):
    note = merged(found)
    for one in found:
        assert merge_entities(note, one) == note


@given(st.lists(st.none() | st.floats(0, 1), max_size=4))
def test_agreement_never_lowers_a_score(scores):
    known = [score for score in scores if score is not None]
    assert noisy_or(scores) is None if not known else noisy_or(scores) >= max(known) - 5e-5


def test_the_same_place_and_label_has_both_sources_and_a_higher_score():
    (span,) = merged([[claim(0, 4)], [claim(0, 4, by=WORDS, score=0.9)]]).spans
    assert span.sources == (Source(WORDS, 0.9), Source(MODEL, 0.8))
    assert span.score == 0.98


@pytest.mark.parametrize(
    ("loser", "winner"),
    [
        (claim(0, 4), claim(0, 5, by=WORDS, score=0.1)),
        (claim(0, 4), claim(0, 4, "TEST", by=WORDS, score=0.9)),
        (claim(1, 5), claim(0, 4, by=WORDS)),
        (claim(0, 4, "TEST"), claim(0, 4, by=WORDS)),
    ],
    ids=["longer", "surer", "earlier", "alphabet"],
)
def test_of_claims_that_differ_one_stands_and_names_the_other(loser, winner):
    (span,) = merged([[loser], [winner]]).spans
    assert (span.at, span.label, span.score) == (winner.at, winner.label, winner.score)
    assert Source(MODEL, 0.0) in span.sources
    told = {"at": [list(loser.at[0])], "label": loser.label, "by": MODEL, "score": 0.8}
    assert span.x[OVERRULED] == [told]


def test_a_part_of_a_prescription_yields_to_the_parts_that_fill_it():
    """500 mg PO BID"""
    whole = claim(0, 13, "DOSE", score=0.99)
    parts = [claim(0, 6, "DOSE", by=WORDS), claim(7, 9, "ROUTE", by=WORDS), claim(10, 13, "FREQUENCY", by=WORDS)]
    note = merged([[whole], parts])
    assert [(one.start, one.end, one.label) for one in note.spans] == [
        (0, 6, "DOSE"), (7, 9, "ROUTE"), (10, 13, "FREQUENCY"),
    ]  # fmt: skip
    assert all(one.x[OVERRULED][0]["at"] == [[0, 13]] for one in note.spans)


@pytest.mark.parametrize(
    "parts",
    [
        [claim(0, 6, "DOSE", by=WORDS)],
        [claim(0, 6, "DOSE", by=WORDS), claim(10, 13, "ROUTE", by=WORDS)],
        [claim(0, 6, "DOSE", by=WORDS), claim(7, 13, "DOSE", by=WORDS)],
        [claim(0, 6, "PROBLEM", by=WORDS), claim(7, 13, "ROUTE", by=WORDS)],
    ],
    ids=["one part", "a hole", "one label", "no part"],
)
def test_what_is_not_filled_with_parts_stands(parts):
    assert [one.at for one in merged([[claim(0, 13, "DOSE")], parts]).spans] == [((0, 13),)]


def test_what_was_overruled_stands_again_when_that_falls():
    """7 to 12 yields to 4 to 10, which yields to 0 to 7."""
    found = [claim(7, 12, by="model:a@1"), claim(4, 10, by="model:b@1"), claim(0, 7, by="model:c@1")]
    assert [span.at for span in merged([[one] for one in found]).spans] == [((0, 7),), ((7, 12),)]


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "accepted"},
        {"status": "rejected"},
        {"assertion": Assertion(presence="absent")},
        {"sources": ()},
    ],
    ids=str,
)
def test_what_others_have_worked_on_stays(fields):
    note = Note("n", TEXT).add([Span(((2, 4),), "TEST", **{"sources": (Source(WORDS),), **fields})])
    assert merge_entities(note, [claim(0, 8)]) == note


def test_what_has_a_relation_stays_and_still_gains_a_source():
    note = Note("n", TEXT).add([claim(0, 4, by=WORDS, score=0.9), claim(6, 8, "VALUE", by=WORDS)])
    note = note.add(relations=[Relation("value_of", "e2", "e1")])
    done = merge_entities(note, [claim(0, 4), claim(5, 12)])
    assert [(span.at, span.score) for span in done.spans] == [(((0, 4),), 0.98), (((6, 8),), 0.8)]


def test_an_identifier_is_nobodys_entity():
    note = Note("n", TEXT).add([Span(((0, 4),), "PATIENT", layer="phi")])
    assert merge_entities(note, [claim(2, 6)]) == note


def test_what_one_stage_says_beyond_place_and_label_stays_in_either_order():
    told = claim(0, 4, by=WORDS, candidates=(Candidate(Code("SNOMED", "1")),), x={"expansion": "pain"})
    for found in ([[told], [claim(0, 4)]], [[claim(0, 4)], [told]]):
        (span,) = merged(found).spans
        assert (span.candidates, span.x) == (told.candidates, told.x)
