"""Note, Span, Code …: what cannot be cannot be built, and adding never loses anything."""

import copy
import dataclasses
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medtext import Assertion, Candidate, Code, Note, Relation, Review, Source, Span
from medtext.errors import MedtextError, NoteError

TEXT = "Pt denies chest pain. HTN on lisinopril 10 mg."


def note(*spans: Span, **fields) -> Note:
    return Note("n1", TEXT, **fields).add(spans)


places = st.integers(0, len(TEXT) - 1).flatmap(lambda a: st.tuples(st.just(a), st.integers(a + 1, len(TEXT))))
new_spans = st.builds(
    lambda at, label, layer: Span((at,), label, layer=layer),
    places,
    st.sampled_from(["PROBLEM", "TEST"]),
    st.sampled_from(["entity", "phi", "section", "other_layer"]),
)


@given(st.lists(new_spans, max_size=8), st.lists(new_spans, max_size=8))
def test_adding_spans_never_loses_any_and_never_changes_an_id(first, second):
    before = note(*first)
    after = before.add(second)
    assert set(before.spans) <= set(after.spans)
    assert len(after.spans) == len(first) + len(second)
    assert len({span.id for span in after.spans}) == len(after.spans)


@given(st.lists(new_spans, max_size=8), st.randoms())
def test_the_order_in_which_spans_are_given_does_not_matter(spans, random):
    shuffled = random.sample(spans, len(spans))
    assert note(*spans) == note(*shuffled)
    built = note(*spans)
    assert Note("n1", TEXT, spans=tuple(random.sample(built.spans, len(built.spans)))) == built


@pytest.mark.parametrize(
    "at",
    [
        (),
        ((3, 3),),
        ((4, 2),),
        ((-1, 2),),
        ((5, 9), (1, 3)),
        ((1, 4), (3, 6)),
        ((0.0, 1),),
        ((True, 2),),
        ((1,),),
        None,
        7,
    ],
)
def test_a_span_in_an_impossible_place_is_refused(at):
    with pytest.raises(NoteError):
        Span(at, "PROBLEM")


def test_fragments_may_touch():
    assert Span(((1, 3), (3, 6)), "PROBLEM").at == ((1, 3), (3, 6))


@pytest.mark.parametrize(
    "change",
    [
        {"label": ""},
        {"label": " PROBLEM"},
        {"label": "A\nB"},
        {"id": "a b"},
        {"id": "x" * 65},
        {"layer": "Entity"},
        {"status": "done"},
        {"score": 1.2},
        {"score": float("nan")},
        {"score": True},
        {"codes": (Code("SNOMED", "1"), Code("SNOMED", "1"))},
        {"codes": ("SNOMED:1",)},
        {"sources": ("rule:x@1",)},
        {"assertion": "absent"},
    ],
)
def test_a_span_with_an_impossible_value_is_refused(change):
    with pytest.raises(NoteError):
        Span(**({"at": ((0, 2),), "label": "PROBLEM"} | change))


@pytest.mark.parametrize("curie", ["SNOMED", "snomed:1", "SNOMED:", "SNOMED:1 2", ":1", "", None, 7])
def test_what_is_no_curie_is_refused(curie):
    with pytest.raises(NoteError):
        Code.parse(curie)


def test_a_code_is_written_as_it_is_read():
    assert str(Code.parse("ICD10CM:R07.9")) == "ICD10CM:R07.9"


@pytest.mark.parametrize("by", ["clinical-mini", "robot:x@1", "model:", "", None])
def test_a_source_of_no_known_kind_is_refused(by):
    with pytest.raises(NoteError):
        Source(by)


def test_an_assertion_that_assesses_nothing_is_none():
    assert Span(((0, 1),), "X", assertion=Assertion()).assertion is None
    with pytest.raises(NoteError, match="present, absent, possible"):
        Assertion("negated")


@pytest.mark.parametrize("identifier", ["", " a", "a\n", "/etc/x", "a/../b", "a\\b", "x" * 201, None])
def test_a_note_id_that_could_not_name_a_file_is_refused(identifier):
    with pytest.raises(NoteError):
        Note(identifier, "text")


def test_a_span_behind_the_end_is_refused_with_ids_and_offsets():
    with pytest.raises(NoteError, match=r"span 'e7' of note 'n1' ends at 129, but the note has 46 characters"):
        note(Span(((100, 129),), "PROBLEM", id="e7"))


def test_half_a_surrogate_pair_is_refused():
    with pytest.raises(NoteError, match="surrogate"):
        Note("n", "a\ud83d")


def test_two_spans_with_one_id_are_refused():
    with pytest.raises(NoteError, match="two spans with the id 'e1'"):
        note(Span(((0, 2),), "X", id="e1"), Span(((3, 5),), "X", id="e1"))


def test_a_relation_to_no_span_is_refused():
    with pytest.raises(NoteError, match="names no span 'e9'"):
        note(Span(((0, 2),), "X", id="e1")).add(relations=[Relation("dose_of", "e1", "e9")])


def test_new_ids_skip_those_that_are_taken():
    made = note(Span(((3, 5),), "X", id="e2")).add(
        [Span(((0, 2),), "X"), Span(((6, 8),), "X"), Span(((0, 1),), "Y", layer="phi")]
    )
    assert [span.id for span in made.spans] == ["e1", "p1", "e2", "e3"]


def test_updating_replaces_by_id_and_refuses_a_new_one():
    made = note(Span(((0, 2),), "X"))
    assert made.update([Span(((0, 2),), "Y", id="e1")]).span("e1").label == "Y"
    with pytest.raises(NoteError, match="no span 'e5'"):
        made.update([Span(((0, 2),), "Y", id="e5")])


@given(st.lists(new_spans, max_size=8), st.lists(new_spans, min_size=8, max_size=8), st.randoms())
def test_adding_and_updating_give_what_building_anew_gives(first, others, random):
    fields = {"deidentified": True, "meta": {"a": 1}, "review": Review("doing"), "x": {"b": 2}}
    before = note(*first, **fields)
    added = before.add(others)
    chosen = random.sample(added.spans, len(added.spans) // 2)
    changed = [Span(one.at, one.label, id=old.id, layer=one.layer) for one, old in zip(others, chosen, strict=False)]
    for made in (added, added.update(changed)):
        assert made == Note("n1", TEXT, spans=made.spans[::-1], **fields)
        assert [span.sort_key for span in made.spans] == sorted(span.sort_key for span in made.spans)
        assert made.id == "n1"
        assert (made.meta, made.x) == ({"a": 1}, {"b": 2})
    assert {span.id: span for span in added.update(changed).spans} == {
        **{span.id: span for span in added.spans},
        **{span.id: span for span in changed},
    }


def test_an_updated_span_may_not_reach_beyond_the_text():
    with pytest.raises(NoteError, match="ends at 400"):
        note(Span(((0, 2),), "X")).update([Span(((0, 400),), "X", id="e1")])


def test_keeping_layers_keeps_the_relations_whose_ends_remain():
    made = note(Span(((0, 2),), "X", id="a"), Span(((3, 4),), "Y", id="b"), Span(((3, 4),), "Z", id="c", layer="phi"))
    made = made.add(relations=[Relation("t", "a", "b"), Relation("t", "a", "c")])
    kept = made.keep(["entity"])
    assert [span.id for span in kept.spans] == ["a", "b"]
    assert [one.target for one in kept.relations] == ["b"]


def test_no_repr_shows_note_text_or_what_people_wrote():
    span = Span(((10, 20),), "PROBLEM", id="e1", comment="SECRET", was={"quote": "SECRET"}, x={"SECRET": 1})
    made = Note("n1", "SECRET" * 5, spans=(span,), meta={"name": "SECRET"}, x={"a": "SECRET"})
    shown = repr(made) + repr(made.spans) + repr(Redacted := made.review) + str(made)
    assert "SECRET" not in shown
    assert Redacted is None


def test_notes_travel_between_processes():
    span = Span(
        ((10, 20),),
        "PROBLEM",
        assertion=Assertion("absent", "current", "patient"),
        codes=(Code("SNOMED", "29857009"),),
        candidates=(Candidate(Code("SNOMED", "29857009"), "Chest pain", 0.9, "exact", "2020"),),
        sources=(Source("dictionary:starter@1", 0.9),),
    )
    made = note(span, meta={"a": [1]}, review=Review("doing", "ann"))
    assert pickle.loads(pickle.dumps(made)) == made
    assert copy.deepcopy(made) == made


def test_every_refusal_is_a_medtext_error_and_a_value_error():
    assert issubclass(NoteError, MedtextError)
    assert issubclass(NoteError, ValueError)


def test_a_linked_span_is_the_same_but_for_candidates_and_codes():
    code = Code("SNOMED", "29857009")
    span = Span(((0, 4),), "PROBLEM", id="e1", score=0.5, assertion=Assertion("absent"), comment="c", x={"k": 1})
    found = (Candidate(code, "Chest pain", 0.9, "exact"),)
    made = span.linked(found, (code,))
    assert made == dataclasses.replace(span, candidates=found, codes=(code,))
    assert (made.x, made.comment, span.codes) == (span.x, span.comment, ())
