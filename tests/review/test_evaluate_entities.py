"""What evaluate says beside recall and precision: types, mistakes, calibration, subgroups, assertion and codes."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtext import Code, Span, evaluate
from medtext.errors import ConfigError, IdentifiedNoteError
from medtext.span import Assertion, Candidate
from tests.review.people import marked, shuffled, sides, span

FEW = settings(max_examples=40, deadline=None)
LABELS = ("PROBLEM", "DRUG", "TEST")


def measure(gold, predicted, **options):
    return evaluate(gold, predicted, layer="entity", resamples=20, **options)


@FEW
@given(sides(2))
def test_every_span_that_is_not_right_is_a_mistake(held):
    done = measure(held["anna"], held["ben"])
    strict = done.scores["strict"]
    kinds = [one.kind for one in done.mistakes]
    both = sum(kind not in ("missed", "spurious") for kind in kinds)
    assert strict.recall.whole - strict.recall.part == kinds.count("missed") + both
    assert strict.precision.whole - strict.precision.part == kinds.count("spurious") + both
    assert done.scores["type"].recall.part == strict.recall.part + kinds.count("boundary")
    assert done.scores["exact"].recall.part == strict.recall.part + kinds.count("label")
    inexact = kinds.count("boundary") + kinds.count("both")
    assert done.scores["partial"].recall.part == done.scores["exact"].recall.part + inexact / 2


@FEW
@given(sides(2), st.randoms(use_true_random=False))
def test_the_order_of_notes_and_spans_never_matters(held, source):
    one = measure(held["anna"], held["ben"]).to_dict()
    other = measure(shuffled(held["anna"], source), shuffled(held["ben"], source)).to_dict()
    del one["mistakes"], other["mistakes"]  # they name spans by their ids
    assert one == other


def flat(source):
    """Gold and predicted spans of one note, each touching at most one of the other side."""
    gold, said = [], []
    for start in range(0, 300, 20):
        label = source.choice(LABELS)
        if source.random() < 0.8:
            gold.append((start + 4, start + 10, label))
        if source.random() < 0.8:
            shift = source.choice([0, 0, 0, -2, 3])
            said.append(
                (start + 4 + shift, start + 10 + source.choice([0, shift]), source.choice([label, label, "TEST"]))
            )
    return gold, said


@pytest.mark.parametrize("seed", range(3))
def test_the_four_schemas_are_those_of_nervaluate(seed):
    nervaluate = pytest.importorskip("nervaluate")
    source = random.Random(seed)
    notes = [flat(source) for _ in range(8)]
    # nervaluate's ends are inclusive
    given_ = [[[{"start": a, "end": b - 1, "label": c} for a, b, c in side] for side in both] for both in notes]
    theirs = nervaluate.Evaluator(*map(list, zip(*given_, strict=True)), tags=list(LABELS), loader="dict").evaluate()
    text = "x" * 320
    gold = [marked([span(*one) for one in ours], f"n{at}", text) for at, (ours, _) in enumerate(notes)]
    said = [
        marked([span(*one, status="predicted") for one in held], f"n{at}", text) for at, (_, held) in enumerate(notes)
    ]
    done = measure(gold, said)
    for name, other in {"strict": "strict", "exact": "exact", "partial": "partial", "type": "ent_type"}.items():
        wanted = theirs["overall"][other]
        score = done.scores[name]
        assert (score.recall.value, score.precision.value, score.f1.value) == pytest.approx(
            (wanted.recall, wanted.precision, wanted.f1)
        )


def test_mistakes_are_told_by_kind():
    gold = [span(0, 2), span(10, 20), span(22, 25), span(29, 39, "DRUG")]
    said = [span(10, 18), span(22, 25, "TEST"), span(28, 39), span(40, 45), span(66, 72)]
    done = measure([marked(gold)], [marked([Span(one.at, one.label) for one in said])])
    assert [(one.kind, (one.gold or one.predicted).start) for one in done.mistakes] == [
        ("missed", 0),
        ("boundary", 10),
        ("label", 22),
        ("both", 29),
        ("spurious", 40),
        ("spurious", 66),
    ]
    assert done.mistakes[1].to_dict()["predicted"] == {"span": "e1", "label": "PROBLEM", "at": [[10, 18]]}


def test_scores_that_hold_what_they_claim_have_no_error():
    gold = [marked([span(n, n + 1) for n in range(0, 40, 4)])]
    said = [Span(((n, n + 1),), "PROBLEM", score=0.5) for n in range(0, 40, 2)]
    done = measure(gold, [marked(said)]).calibration
    assert done.ece.value == pytest.approx(0)
    assert done.brier.value == pytest.approx(0.25)
    assert done.bins == ((0.5, 0.5, 20),)


def test_scores_that_claim_too_much_are_told():
    gold = [marked([span(0, 2), span(10, 20)])]
    said = [
        Span(((0, 2),), "PROBLEM", score=0.95),
        Span(((22, 25),), "PROBLEM", score=0.9),
        Span(((3, 9),), "X", score=1),
    ]
    done = measure(gold, [marked(said)]).calibration
    # all in the last bin: |0.95 + 0.9 + 1 - 1| / 3
    assert done.ece.value == pytest.approx(1.85 / 3)
    assert done.brier.value == pytest.approx((0.05**2 + 0.9**2 + 1) / 3)
    assert measure(gold, gold).calibration is None


def people(number, sex, age, found):
    gold = marked([span(0, 2), span(10, 20)], f"n{number:03}", meta={"sex": sex, "age": age})
    return gold, marked([Span(((0, 2),), "PROBLEM"), *([Span(((10, 20),), "PROBLEM")] * found)], gold.id)


def test_groups_that_are_served_worse_are_told_with_intervals():
    pairs = [people(n, "F" if n % 2 else "M", 20 + n, found=n % 2 == 0 or n % 6 == 1) for n in range(60)]
    done = measure(*zip(*pairs, strict=True), by=["sex", "age"])
    groups = done.subgroups["sex"]
    assert (groups["F"].notes, groups["M"].notes) == (30, 30)
    assert groups["M"].score.recall.value == 1
    gap = groups["F"].recall_gap
    assert gap.value == pytest.approx(-1 / 3)
    assert gap.low < gap.value < gap.high < 0
    assert groups["F"].worse
    assert not groups["M"].worse
    assert groups["F"].f1_gap.value == pytest.approx(-0.2)
    assert list(done.subgroups["age"]) == ["18 to <40", "40 to <65", "65 to <80"]
    assert "worse" in done.report().markdown()


def test_bands_are_those_that_are_given_else_quartiles():
    pairs = [people(n, "F", 20, found=True) for n in range(12)]
    gold = [note.replace(meta={"beds": str(n), "age": None if n else "81"}) for n, (note, _) in enumerate(pairs)]
    said = [other for _, other in pairs]
    done = measure(gold, said, by=["beds", "age"])
    assert {name: one.notes for name, one in done.subgroups["beds"].items()} == {
        "3 to <6": 3,
        "6 to <9": 3,
        "9 and more": 3,
        "below 3": 3,
    }
    assert {name: one.notes for name, one in done.subgroups["age"].items()} == {"(none)": 11, "80 and more": 1}
    banded = measure(gold, said, by=["beds"], bands={"beds": [6]}).subgroups["beds"]
    assert {name: one.notes for name, one in banded.items()} == {"6 and more": 6, "below 6": 6}


def test_sections_are_a_subgroup_of_spans():
    section = Span(((22, 47),), "MEDICATIONS", layer="section")
    gold = [marked([section, span(22, 25), span(29, 39, "DRUG"), span(59, 72)])]
    done = measure(gold, [marked([Span(((22, 25),), "PROBLEM"), Span(((40, 45),), "DOSE")])], by=["section"])
    score = done.subgroups["section"]["MEDICATIONS"].score
    assert (score.recall.part, score.recall.whole, score.precision.part, score.precision.whole) == (1, 2, 1, 2)
    assert done.subgroups["section"]["(none)"].score.recall.value == 0


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"by": ["site"]}, "Columns: age, sex"),
        ({"criterion": "loose"}, "Criteria: strict"),
        ({"by": ["section"], "criterion": "covered"}, "Sections are judged by"),
    ],
)
def test_unknown_columns_and_criteria_are_refused(options, told):
    gold, said = people(1, "F", 20, found=True)
    with pytest.raises(ConfigError, match=told):
        measure([gold], [said], **options)


def test_a_group_is_judged_by_the_criterion_that_is_named():
    gold, _ = people(1, "F", 20, found=True)
    said = marked([Span(((0, 2),), "TEST"), Span(((10, 18),), "PROBLEM")], gold.id)
    found = {
        name: measure([gold], [said], by=["sex"], criterion=name).subgroups["sex"]["F"].score.recall.value
        for name in ("strict", "exact", "type", "covered")
    }
    assert found == {"strict": 0, "exact": 0.5, "type": 0.5, "covered": 0.5}


def test_assertion_is_judged_where_the_gold_says_something():
    def side(*values):
        return [
            marked([Span(((n, n + 1),), "PROBLEM", assertion=one and Assertion(one)) for n, one in enumerate(values)])
        ]

    done = measure(side("present", "absent", "absent", None), side("present", "absent", "present", "absent"))
    absent, present = done.assertion["presence: absent"], done.assertion["presence: present"]
    assert (absent.recall.part, absent.recall.whole, absent.precision.part, absent.precision.whole) == (1, 2, 1, 1)
    assert (present.recall.part, present.recall.whole, present.precision.part, present.precision.whole) == (1, 1, 1, 2)


def test_codes_are_judged_by_system_and_candidates_count_as_offered():
    first, second = Code("ICD10CM", "I10"), Code("ICD10CM", "I11.9")
    gold = [marked([span(0, 2, codes=(first,)), span(10, 20, codes=(second,)), span(22, 25)])]
    said = [
        Span(((0, 2),), "PROBLEM", codes=(first,)),
        Span(((10, 19),), "PROBLEM", codes=(first,), candidates=(Candidate(second),)),
        Span(((22, 25),), "PROBLEM", codes=(Code("SNOMED", "1"),)),
    ]
    done = measure(gold, [marked(said)])
    icd = done.codes["ICD10CM"]
    assert (icd.codes.recall.part, icd.codes.recall.whole, icd.codes.precision.whole) == (1, 2, 2)
    assert (icd.near.value, icd.offered.value) == (0.5, 1)
    assert done.codes["SNOMED"].codes.precision.value == 0


def test_no_word_of_a_note_is_told_unless_it_is_asked_for():
    gold, said = [marked([span(10, 20)])], [marked([])]
    done = measure(gold, said)
    for page in (done.report().markdown(), done.report().html(), str(done.to_dict()), repr(done)):
        assert "chest" not in page
    assert "chest pain" in measure(gold, said, quotes=True).report().html()
    with pytest.raises(IdentifiedNoteError):
        measure([gold[0].replace(deidentified=False)], said, quotes=True)
