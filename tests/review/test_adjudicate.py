"""Merging the work of several people: laws, votes by hand, and the way through the queue and back."""

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtext import Code, Relation, Review, adjudicate, read, write
from medtext.errors import ConfigError, IdentifiedNoteError, NoteError, WouldOverwriteError
from medtext.span import Assertion, Candidate
from tests.review.people import TEXT, marked, shuffled, sides, span

FEW = settings(max_examples=40, deadline=None)
NAMES = ("anna", "ben", "cleo")


def said(note):
    """What a note says, whoever says it."""
    return sorted((one.at, one.label, str(one.assertion), sorted(map(str, one.codes))) for one in note.layer("entity"))


def asked(done):
    """The questions: what is said, and who says it."""
    return [
        sorted(
            (one.x["question"], one.at, one.label, sorted(source.by for source in one.sources))
            for one in note.spans
            if "question" in one.x
        )
        for note in done.queue
    ]


@FEW
@given(sides(1))
def test_what_all_say_is_the_gold(held):
    done = adjudicate(dict.fromkeys(NAMES, held["anna"]))
    assert [said(note) for note in done.gold] == [said(note) for note in held["anna"]]
    assert (done.open, done.outvoted, done.queue) == (0, 0, ())


@FEW
@given(sides(3))
def test_a_gold_that_is_adjudicated_again_stays_as_it_is(held):
    gold = adjudicate(held).gold
    again = adjudicate(dict.fromkeys(NAMES, gold))
    assert [note.spans for note in again.gold] == [note.spans for note in gold]
    assert not again.queue


@FEW
@given(sides(3))
def test_two_of_three_are_enough(held):
    done = adjudicate(held | {"ben": held["anna"]})
    assert [said(note) for note in done.gold] == [said(note) for note in held["anna"]]
    assert not done.queue


@FEW
@given(sides(3), st.randoms(use_true_random=False))
def test_the_order_of_people_notes_and_spans_never_matters(held, source):
    mixed = adjudicate({name: shuffled(held[name], source) for name in source.sample(sorted(held), len(held))})
    done = adjudicate(held)
    assert [said(note) for note in mixed.gold] == [said(note) for note in done.gold]
    assert (mixed.settled, mixed.open, mixed.outvoted) == (done.settled, done.open, done.outvoted)


@FEW
@given(sides(3))
def test_every_span_of_the_gold_and_of_the_queue_was_said_by_those_it_names(held):
    done = adjudicate(held)
    for note in (*done.gold, *done.queue):
        for one in note.spans:
            for name in (source.by.removeprefix("human:") for source in one.sources):
                (theirs,) = (other for other in held[name] if other.id == note.id)
                assert (one.at, one.label) in {(other.at, other.label) for other in theirs.spans}


@FEW
@given(sides(3))
def test_a_queue_that_is_resolved_leaves_nothing_open(held):
    done = adjudicate(held)
    decided = []
    for note in done.queue:
        firsts = {one.x["question"]: one.id for one in reversed(note.spans) if "question" in one.x}
        kept = [one for one in note.spans if one.x.get("question") not in firsts or one.id in firsts.values()]
        spans = [dataclasses.replace(one, status="accepted") for one in kept]
        decided.append(note.replace(spans=tuple(spans), review=Review("done", "chief")))
    final = adjudicate(held, resolved=decided)
    assert (final.open, final.queue) == (0, ())
    assert final.settled == done.settled + done.open
    assert not [one for note in final.gold for one in note.spans if "question" in one.x]


def merged(*people, **options):
    return adjudicate({name: [marked(spans)] for name, spans in zip(NAMES, people, strict=False)}, **options)


def test_a_majority_of_the_weight_decides():
    two, one = [span(10, 20)], [span(10, 19)]
    assert [one.at for one in merged(two, two, one).gold[0].spans] == [((10, 20),)]
    heavy = merged(two, two, one, weights={"cleo": 3})
    assert [one.at for one in heavy.gold[0].spans] == [((10, 19),)]
    assert merged(two, two, one, majority=0.7).open == 1
    tied = merged(two, one)
    assert (tied.settled, tied.open) == (0, 1)


def test_what_most_people_did_not_mark_is_dropped_and_counted():
    done = merged([span(10, 20), span(22, 25)], [span(10, 20)], [span(10, 20)])
    assert (done.settled, done.outvoted, done.open) == (1, 1, 0)


def test_alternatives_of_one_mention_are_one_question_that_names_who_said_what():
    done = merged([span(10, 20)], [span(14, 20)], [span(3, 20)])
    assert asked(done) == [
        [
            ("q1", ((3, 20),), "PROBLEM", ["human:cleo"]),
            ("q1", ((10, 20),), "PROBLEM", ["human:anna"]),
            ("q1", ((14, 20),), "PROBLEM", ["human:ben"]),
        ]
    ]
    assert {one.status for one in done.queue[0].spans} == {"predicted"}
    assert done.gold[0].review.state == "doing"


def test_each_axis_is_voted_on_by_those_who_marked_the_span():
    def side(presence, temporality):
        return [span(10, 20, assertion=Assertion(presence, temporality))]

    done = merged(side("absent", "past"), side("absent", "current"), side("present", "current"))
    assert done.gold[0].spans[0].assertion == Assertion("absent", "current")
    tied = merged(side("absent", "past"), side("present", "past"))
    assert {one.assertion for one in tied.queue[0].spans} == {Assertion("absent", "past"), Assertion("present", "past")}


def coded(*codes):
    return [span(22, 25, codes=tuple(Code("ICD10CM", code) for code in codes))]


@pytest.mark.parametrize(
    ("people", "wanted"),
    [
        ([["I10"], ["I10"], ["I11.9"]], ["I10"]),
        ([["I10", "Z1"], ["I10"], ["I10", "Z2"]], ["I10"]),
        ([["I10"], ["I11.9"], ["I12"]], None),
        ([["I10"], []], None),
        ([["I10", "Z1"], ["Z1", "I10"]], ["I10", "Z1"]),
        ([[], [], ["I10"]], []),
    ],
)
def test_codes_hold_as_a_set_or_one_by_one_and_are_never_lost_in_silence(people, wanted):
    done = merged(*(coded(*codes) for codes in people))
    if wanted is None:
        assert done.open == 1
        offered = {str(one.code.code) for one in done.queue[0].spans[0].candidates}
        assert offered == {code for codes in people for code in codes}
    else:
        assert [code.code for code in done.gold[0].spans[0].codes] == wanted


def test_the_gold_names_its_people_and_keeps_the_machine():
    machine = span(10, 20, status="accepted", candidates=(Candidate(Code("SNOMED", "1")),))
    done = merged([machine], [machine], [])
    (one,) = done.gold[0].spans
    assert [source.by for source in one.sources] == ["human:anna", "human:ben"]
    assert one.candidates == machine.candidates
    assert one.status == "accepted"


def test_relations_hold_by_majority_between_spans_that_hold():
    def side(*relations):
        drug, dose = span(29, 39, "DRUG", id="a"), span(40, 45, "DOSE", id="b")
        return [marked([drug, dose]).add(relations=[Relation(kind, "b", "a") for kind in relations])]

    held = {"anna": side("dose_of"), "ben": side("dose_of"), "cleo": side("route_of")}
    assert [one.type for one in adjudicate(held).gold[0].relations] == ["dose_of"]


def test_the_queue_goes_to_label_studio_and_comes_back(tmp_path):
    held = {"anna": [marked([span(10, 20), span(22, 25)])], "ben": [marked([span(12, 20), span(22, 25)])]}
    done = adjudicate(held, gold_file=tmp_path / "gold.jsonl", queue_file=tmp_path / "queue.jsonl")
    assert list(read(tmp_path / "queue.jsonl")) == list(done.queue)
    write(done.queue, tmp_path / "queue.json", format="label_studio", taxonomy="clinical")
    assert list(read(tmp_path / "queue.json", format="label_studio")) == list(done.queue)
    with pytest.raises(WouldOverwriteError):
        adjudicate(held, gold_file=tmp_path / "gold.jsonl")


def test_what_nobody_has_decided_stays_open():
    held = {"anna": [marked([span(10, 20)])], "ben": [marked([span(12, 20)])]}
    done = adjudicate(held)
    again = adjudicate(held, resolved=done.queue)
    assert (again.open, again.settled) == (1, 0)
    assert again.gold[0].review.state == "doing"


def test_a_rejected_alternative_is_gone_and_a_drawn_one_is_gold():
    held = {"anna": [marked([span(10, 20)])], "ben": [marked([span(12, 20)])]}
    (note,) = adjudicate(held).queue
    spans = tuple(dataclasses.replace(one, status="rejected") for one in note.spans)
    final = adjudicate(held, resolved=[note.replace(spans=spans).add([span(3, 20)])])
    assert [one.at for one in final.gold[0].spans] == [((3, 20),)]


def test_notes_that_cannot_be_merged_are_told():
    held = {"anna": [marked([]), marked([], "n2"), marked([], "n3")]}
    held["ben"] = [marked([]), marked([], "n2", TEXT + "!")]
    done = adjudicate(held, resolved=[marked([], "n9")])
    assert [one.note_id for one in done.problems] == ["n2", "n3", "n9"]
    assert [note.id for note in done.gold] == ["n1"]
    assert not done.clean
    with pytest.raises(NoteError, match="resolved note 'n1'"):
        adjudicate(held, resolved=[marked([], "n1", "other")])


@pytest.mark.parametrize(
    "options", [{"weights": {"dan": 1}}, {"weights": {"anna": 0}}, {"majority": 0.4}, {"majority": 1}]
)
def test_what_cannot_be_is_refused(options):
    with pytest.raises(ConfigError):
        merged([], [], **options)


def test_an_identified_note_is_not_written(tmp_path):
    held = {name: [marked([]).replace(deidentified=False)] for name in NAMES}
    with pytest.raises(IdentifiedNoteError):
        adjudicate(held, gold_file=tmp_path / "gold.jsonl")
    assert adjudicate(held, gold_file=tmp_path / "gold.jsonl", allow_phi=True).clean


def test_no_word_of_a_note_is_told():
    done = merged([span(10, 20)], [span(12, 20)])
    assert "q1" in done.report().markdown()
    for page in (done.report().markdown(), done.report().html(), str(done.to_dict()), repr(done)):
        assert "chest" not in page
