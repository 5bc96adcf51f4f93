"""Agreement: laws, then the reference implementations, then examples worked by hand."""

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtext import Code, Span, Terminology, agreement, write
from medtext.errors import ConfigError, FormatError, IdentifiedNoteError
from medtext.note import Review
from medtext.review.kappa import cohen, count_item, count_pair, fleiss
from medtext.review.kinship import Kinship
from medtext.review.statistics import Bootstrap
from medtext.span import Assertion
from medtext.terminology.build import Edition, build_terminology
from tests.releases import TABULAR
from tests.releases import write as write_text
from tests.review.people import TEXT, marked, shuffled, sides, span

FEW = settings(max_examples=40, deadline=None)


def measure(held, **options):
    return agreement(held, resamples=20, **options)


def plain(done):
    """All figures, without the disputes, whose spans have ids."""
    told = done.to_dict()
    return {key: told[key] for key in told if key != "disputes"}


@FEW
@given(sides(1))
def test_everybody_agrees_with_himself(held):
    notes = held["anna"]
    done = measure({"anna": notes, "ben": notes, "cleo": notes})
    assert {one.value for one in done.spans.values()} <= {1.0, None}
    assert {one.value for one in done.alpha.values()} <= {1.0, None}
    assert {one.value for one in done.fleiss.values()} <= {1.0, None}
    assert {one.same.value for one in done.codes.values()} <= {1.0}
    assert not [one for one in done.disputes if one.kinds != ("number",)]


@FEW
@given(sides(3), st.randoms(use_true_random=False))
def test_the_order_of_notes_spans_and_people_never_matters(held, source):
    names = source.sample(sorted(held), len(held))
    assert plain(measure({name: shuffled(held[name], source) for name in names})) == plain(measure(held))


@FEW
@given(sides(3))
def test_a_looser_criterion_never_agrees_less(held):
    done = measure(held)
    for scores in (done.spans, *done.labels.values(), *done.pairs.values()):
        hits = {name: one.part for name, one in scores.items()}
        assert hits["strict"] <= hits["tolerant"] <= hits["type"]
        assert hits["strict"] <= hits["exact"] <= hits["partial"]


@FEW
@given(sides(2))
def test_intervals_hold_their_figures_and_alpha_never_exceeds_one(held):
    done = measure(held)
    for one in (*done.spans.values(), *done.alpha.values(), *done.fleiss.values()):
        if one.value is not None:
            assert one.low <= one.value <= one.high <= 1


def boot_of(counts):
    keys = list(counts)
    return Bootstrap([[counts[key] for key in keys]], resamples=2), {key: at for at, key in enumerate(keys)}


@pytest.mark.parametrize("seed", range(4))
def test_kappa_of_two_is_that_of_scikit_learn(seed):
    metrics = pytest.importorskip("sklearn.metrics")
    source, counts = random.Random(seed), Counter()
    values = [tuple(source.choices(["present", "absent", "possible"], weights=[4, 2, 1], k=2)) for _ in range(200)]
    for pair in values:
        count_pair("presence", ("a", "b"), pair, counts)
    wanted = metrics.cohen_kappa_score(*zip(*values, strict=True))
    assert cohen(*boot_of(counts), "presence", ("a", "b")).value == pytest.approx(wanted)


def test_kappa_of_several_is_that_of_the_worked_example():
    # Fourteen raters, ten subjects, five categories: the example of Fleiss's kappa in most textbooks, 0.210.
    rows = ["0 0 0 0 14", "0 2 6 4 2", "0 0 3 5 6", "0 3 9 2 0", "2 2 8 1 1"]
    rows += ["7 7 0 0 0", "3 2 6 3 0", "2 5 3 2 2", "6 5 2 1 0", "0 2 2 3 7"]
    counts = Counter()
    for row in rows:
        count_item("x", [f"v{kind}" for kind, number in enumerate(row.split()) for _ in range(int(number))], counts)
    assert fleiss(*boot_of(counts), "x", 14).value == pytest.approx(0.210, abs=5e-4)


def test_alpha_is_that_of_krippendorff():
    # Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", section C: four observers, twelve units, with
    # missing values; nominal alpha 0.743. Here a unit is a note of one character, a value its label.
    rows = {"A": "123321412...", "B": "1233224125.3", "C": ".3332342251.", "D": "12332441251."}
    held = {
        name: [marked([span(0, 1, f"L{value}")], f"n{unit:02}", "x") for unit, value in enumerate(row) if value != "."]
        for name, row in rows.items()
    }
    done = agreement(held, resamples=5)
    assert done.alpha[""].value == pytest.approx(0.743, abs=5e-4)
    assert done.notes == 11


def test_alpha_counts_characters_by_hand():
    # Ten characters; anna marks four, ben three of them and one more: coincidences 2·3 in, 2·5 out, 2·2 apart.
    held = {"anna": [marked([span(0, 4)], text="0123456789")], "ben": [marked([span(1, 5)], text="0123456789")]}
    expected = 1 - (20 - 1) * 4 / (20**2 - 8**2 - 12**2)
    done = measure(held)
    assert done.alpha["PROBLEM"].value == pytest.approx(expected)
    assert done.alpha[""].value == pytest.approx(expected)


def test_labels_that_cover_one_character_together_are_one_value():
    text = "0123456789"
    both = [marked([span(0, 4), span(0, 4, "DRUG")], text=text)]
    done = measure({"anna": both, "ben": both})
    assert done.alpha[""].value == 1
    apart = measure({"anna": both, "ben": [marked([span(0, 4)], text=text)]})
    assert apart.alpha["PROBLEM"].value == 1
    assert apart.alpha[""].value < apart.alpha["PROBLEM"].value


def test_an_example_worked_by_hand():
    anna = [span(10, 20), span(22, 25), span(29, 39, "DRUG"), span(59, 72)]
    ben = [span(10, 20), span(22, 26), span(29, 39, "TEST"), span(40, 45, "DOSE")]
    done = measure({"anna": [marked(anna)], "ben": [marked(ben)]}, tolerance=1)
    whole = 8
    hits = {"strict": 2, "tolerant": 4, "type": 4, "exact": 4, "partial": 5}
    assert {name: one.part / one.whole * whole for name, one in done.spans.items()} == hits
    assert [(one.start, one.end, one.kinds) for one in done.disputes] == [
        (22, 26, ("boundary",)),
        (29, 39, ("label",)),
        (40, 45, ("missing",)),
        (59, 72, ("missing",)),
    ]
    assert done.disputes[3].said == {"anna": ("e4 PROBLEM 59–72",), "ben": ()}
    assert done.labels["DRUG"]["strict"].value == 0


def test_sections_and_pairs_are_told_apart():
    section = Span(((22, 47),), "MEDICATIONS", layer="section")
    anna = marked([section, span(22, 25), span(59, 72)])
    ben, cleo = marked([span(22, 25)]), marked([span(59, 72)])
    done = measure({"anna": [anna], "ben": [ben], "cleo": [cleo]})
    assert done.sections["MEDICATIONS"]["strict"].value == pytest.approx(2 / 4)
    assert done.pairs["anna", "ben"]["strict"].value == pytest.approx(2 / 3)
    assert done.pairs["ben", "cleo"]["strict"].value == 0
    assert done.sections["(none)"]["strict"].whole == done.sections["MEDICATIONS"]["strict"].whole


def test_attributes_are_compared_over_matched_spans():
    def side(*values):
        spans = [
            span(n, n + 1, assertion=None if value is None else Assertion(value)) for n, value in enumerate(values)
        ]
        return [marked(spans)]

    done = measure(
        {"anna": side("present", "absent", "absent", None), "ben": side("present", "absent", "present", None)}
    )
    assert done.cohen["presence"]["anna", "ben"].value == pytest.approx((2 / 3 - 4 / 9) / (1 - 4 / 9))
    assert done.cohen["subject"]["anna", "ben"].value is None


@pytest.fixture
def icd(tmp_path):
    build_terminology(Edition("icd10cm", write_text(tmp_path / "icd10cm-tabular-2030.xml", TABULAR)), tmp_path / "icd")
    return Terminology(tmp_path / "icd")


def code(text):
    return Code("ICD10CM", text)


def test_codes_are_as_near_as_their_place_in_the_hierarchy(icd):
    kin = Kinship(icd)
    assert kin.compare(code("S00.1"), code("S00.1")) == ("same", 0, 1.0)
    parent = kin.compare(code("S00.1XXA"), code("S00.1"))
    siblings = kin.compare(code("S00.1XXA"), code("S00.1XXD"))
    assert (parent[:2], siblings[:2]) == (("above or below", 1), ("siblings", 2))
    # S00-T88, S00-S09, S00, S00.1 and the code itself: depths 4 and 5, the common ancestor at 4; then 5, 5 and 4.
    depth = len(icd["ICD10CM:S00.1"].ancestors) + 1
    assert parent[2] == pytest.approx(2 * depth / (2 * depth + 1))
    assert siblings[2] == pytest.approx(2 * depth / (2 * depth + 2))
    assert kin.compare(code("S00.1"), code("B20"))[0] == "apart"
    assert kin.compare(code("S00.1XXD"), code("S00.1XXA")) == siblings
    assert Kinship().compare(code("S00.1XXD"), code("S00.1XXA")) == ("apart", None, 0.0)
    assert kin.compare(code("S00.1"), Code("SNOMED", "1")) == ("apart", None, 0.0)


# The frame of chapter 9 as ICD-10-CM has it; the names are ours.
CIRCULATION = """<?xml version="1.0" encoding="utf-8"?>
<ICD10CM.tabular><version>2030</version>
<chapter><name>9</name><desc>Circulation (I00-I99)</desc>
<section id="I10-I1A"><desc>Pressure (I10-I1A)</desc>
<diag><name>I10</name><desc>High pressure</desc></diag>
<diag><name>I11</name><desc>Heart by pressure</desc>
 <diag><name>I11.0</name><desc>failing</desc></diag><diag><name>I11.9</name><desc>not failing</desc></diag></diag>
</section></chapter></ICD10CM.tabular>
"""


def test_codes_of_one_family_are_nearer_than_strangers_and_farther_than_parents(tmp_path):
    path = write_text(tmp_path / "icd10cm-tabular-2030.xml", CIRCULATION)
    build_terminology(Edition("icd10cm", path), tmp_path / "icd")
    kin = Kinship(tmp_path / "icd")
    # I00-I99, I10-I1A, I10 beside I00-I99, I10-I1A, I11, I11.9: depths 3 and 4, the common ancestor at 2
    assert kin.compare(code("I10"), code("I11.9")) == ("related", 3, pytest.approx(2 * 2 / (3 + 4)))
    assert kin.compare(code("I10"), code("I11")) == ("siblings", 2, pytest.approx(2 * 2 / (3 + 3)))
    assert kin.compare(code("I11"), code("I11.9")) == ("above or below", 1, pytest.approx(2 * 3 / (3 + 4)))
    assert kin.compare(code("I10"), code("J18.9")) == ("apart", None, 0.0)


def test_codes_of_matched_spans_are_compared_by_system(icd):
    anna = [span(10, 20, codes=(code("S00.1XXA"),)), span(22, 25, codes=(code("B20"),)), span(59, 72)]
    ben = [
        span(10, 20, codes=(code("S00.1XXD"),)),
        span(22, 25, codes=(code("B20"),)),
        span(59, 72, codes=(code("B20"),)),
    ]
    done = measure({"anna": [marked(anna)], "ben": [marked(ben)]}, terminology=icd).codes["ICD10CM"]
    assert done.same.value == pytest.approx(1 / 3)
    assert done.relations == {"same": 1, "siblings": 1, "one side": 1}
    assert 1 / 3 < done.score.value < 2 / 3


def test_sets_of_codes_are_the_mean_of_their_best():
    assert Kinship().alike([code("I10"), code("E11")], [code("I10")]) == ("partly", pytest.approx(2 / 3))
    assert Kinship().alike([code("I10")], []) == ("one side", 0.0)


def test_files_are_called_by_their_annotator_or_their_name(tmp_path):
    write([marked([span(0, 2)], review=Review("done", "anna@x"))], tmp_path / "one.jsonl")
    write([marked([span(0, 2)])], tmp_path / "two.jsonl")
    assert measure([tmp_path / "one.jsonl", tmp_path / "two.jsonl"]).annotators == ("anna@x", "two")
    with pytest.raises(ConfigError, match="by 'two'"):
        measure([tmp_path / "two.jsonl", tmp_path / "two.jsonl"])


def test_notes_that_cannot_be_compared_are_told_and_left_out():
    mine = [marked([span(0, 2)]), marked([span(0, 2)], "n2"), marked([], "n3")]
    others = [marked([span(0, 2)]), marked([], "n2", TEXT + " edited"), marked([], "n4")]
    done = measure({"anna": mine, "ben": others})
    assert done.notes == 1
    assert [(one.note_id, one.severity) for one in done.problems] == [
        ("n2", "error"),
        ("n3", "warning"),
        ("n4", "warning"),
    ]
    with pytest.raises(FormatError, match="no note in common"):
        measure({"anna": mine, "ben": [marked([], "x")]})
    with pytest.raises(ConfigError, match="two people"):
        measure({"anna": mine})


def test_unknown_labels_are_told_by_span():
    done = measure({"anna": [marked([span(0, 2, "PROBLME")])], "ben": [marked([span(0, 2)])]}, taxonomy="clinical")
    (problem,) = done.problems
    assert "span 'e1': unknown label 'PROBLME'" in problem.message


def test_no_word_of_a_note_is_told_unless_it_is_asked_for():
    held = {"anna": [marked([span(10, 20)])], "ben": [marked([])]}
    done = measure(held)
    for page in (done.report().markdown(), done.report().html(), str(done.to_dict()), repr(done)):
        assert "chest" not in page
    quoted = measure(held, quotes=True)
    assert "chest pain" in quoted.report().html()
    assert "chest" not in repr(quoted)
    with pytest.raises(IdentifiedNoteError):
        measure(
            {name: [note.replace(deidentified=False) for note in notes] for name, notes in held.items()}, quotes=True
        )
