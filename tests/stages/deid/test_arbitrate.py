"""How overlapping findings become disjoint ones."""

from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from medtext.overlap import Cover
from medtext.stages.deid.arbitrate import Finding, arbitrate, beside, whole

LABELS = ("DATE", "NAME", "ID")
findings = st.lists(
    st.builds(
        lambda start, length, label, score: Finding(start, start + length, label, score, "rule"),
        st.integers(0, 40),
        st.integers(1, 12),
        st.sampled_from(LABELS),
        st.sampled_from([0.5, 0.9]),
    ),
    max_size=12,
)


def places(found):
    return Cover((one.start, one.end) for one in found).places()


@given(findings)
def test_nothing_found_is_let_go_and_nothing_overlaps(found):
    kept = arbitrate(found, LABELS)
    assert places(kept) == places(found)
    assert all(one.end <= other.start for one, other in pairwise(kept))


@given(findings)
def test_overlapping_dates_become_one_and_the_others_stay(found):
    done = list(whole(found, "DATE"))
    dates, others = ([one for one in done if (one.label == "DATE") == is_date] for is_date in (True, False))
    assert [(one.start, one.end) for one in dates] == sorted((one.start, one.end) for one in dates)
    assert places(dates) == places(one for one in found if one.label == "DATE")
    assert all(one.end <= other.start for one, other in pairwise(dates))
    assert sorted(map(str, others)) == sorted(str(one) for one in found if one.label != "DATE")


def test_a_model_says_of_a_date_only_what_no_rule_says():
    rule, model = Finding(4, 14, "DATE", 0.9, "date"), Finding(0, 20, "DATE", 0.9, "model:m@1")
    apart, name = Finding(30, 34, "DATE", 0.5, "model:m@1"), Finding(6, 16, "NAME", 0.5, "model:m@1")
    left, right = replace(model, end=4), replace(model, start=14)
    assert list(beside([model, rule, apart, name], "DATE")) == [left, right, rule, apart, replace(name, start=14)]
    assert list(beside([replace(model, start=5, end=14), rule], "DATE")) == [rule]
