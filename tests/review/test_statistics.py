"""Intervals and bounds against values that are known or follow from a formula."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtext.errors import ConfigError
from medtext.review.statistics import Bootstrap, binomial_tail, notes_needed, upper_bound

FEW = settings(max_examples=60, deadline=None)


@given(st.integers(1, 5000), st.floats(0.5, 0.999))
@FEW
def test_a_clean_sample_has_the_bound_of_the_formula(sample, confidence):
    wanted = 1 - (1 - confidence) ** (1 / sample)
    assert upper_bound(0, sample, confidence=confidence) == pytest.approx(wanted, rel=1e-9)


def test_three_hundred_clean_notes():
    assert upper_bound(0, 300) == pytest.approx(0.0099361, abs=1e-7)


@pytest.mark.parametrize(
    ("leaks", "sample", "confidence", "wanted"),
    # The upper ends of two-sided 95 % intervals as tables of Clopper and Pearson give them.
    [(1, 10, 0.975, 0.4450), (5, 10, 0.975, 0.8129), (2, 20, 0.975, 0.3170), (9, 10, 0.975, 0.9975), (4, 4, 0.95, 1.0)],
)
def test_bounds_that_tables_give(leaks, sample, confidence, wanted):
    assert upper_bound(leaks, sample, confidence=confidence) == pytest.approx(wanted, abs=6e-5)


@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n - 1), st.just(n))))
@FEW
def test_the_bound_is_where_the_tail_has_what_confidence_leaves(drawn):
    leaks, sample = drawn
    bound = upper_bound(leaks, sample)
    assert leaks / sample < bound <= 1
    assert binomial_tail(leaks, sample, bound) == pytest.approx(0.05, rel=1e-6)


@given(st.integers(0, 30), st.integers(0, 30), st.floats(0.001, 0.999))
@FEW
def test_the_tail_is_the_sum_of_its_terms(seen, more, share):
    sample = seen + more + 1
    wanted = math.fsum(math.comb(sample, k) * share**k * (1 - share) ** (sample - k) for k in range(seen + 1))
    assert binomial_tail(seen, sample, share) == pytest.approx(wanted, rel=1e-9)


@given(st.floats(0.002, 0.5), st.integers(0, 5))
@FEW
def test_one_note_fewer_would_not_be_enough(wished, leaks):
    needed = notes_needed(wished, leaks=leaks)
    assert upper_bound(leaks, needed) <= wished
    assert needed == leaks + 1 or upper_bound(leaks, needed - 1) > wished


def test_the_rule_of_three():
    assert notes_needed(0.01) == 299
    assert notes_needed(0.05) == 59


@pytest.mark.parametrize(("leaks", "sample", "confidence"), [(2, 1, 0.95), (-1, 3, 0.95), (0, 0, 0.95), (0, 3, 1.0)])
def test_what_cannot_be_is_refused(leaks, sample, confidence):
    with pytest.raises(ConfigError):
        upper_bound(leaks, sample, confidence=confidence)


def test_wishes_that_no_sample_meets_are_refused():
    for wished in (0, 1):
        with pytest.raises(ConfigError):
            notes_needed(wished)
    with pytest.raises(ConfigError):
        Bootstrap([[1]], resamples=0)


def test_the_bootstrap_agrees_with_the_normal_interval_where_that_is_right():
    rows = [[number % 3 == 0, 1] for number in range(3000)]
    figure = Bootstrap(rows, resamples=5000).share([0], [1])
    assert figure.value == pytest.approx(1 / 3)
    half = 1.96 * (2 / 9 / 3000) ** 0.5
    assert figure.low == pytest.approx(1 / 3 - half, abs=half / 10)
    assert figure.high == pytest.approx(1 / 3 + half, abs=half / 10)


@pytest.mark.parametrize("seed", range(5))
def test_an_interval_holds_its_figure_even_where_one_draw_missed_it(seed):
    score = Bootstrap([[number % 3, 1, 3] for number in range(9)], resamples=1, seed=seed).score([2], [0], [2], [1])
    for figure in (score.recall, score.precision, score.f1):
        assert figure.low <= figure.value <= figure.high


def test_nothing_to_divide_by_is_none_and_not_nought():
    figure = Bootstrap([[0, 0], [0, 0]]).share([0], [1])
    assert (figure.value, figure.low, figure.high) == (None, None, None)
    assert Bootstrap([]).share([], []).value is None


def test_many_notes_are_drawn_in_blocks_and_give_what_one_block_gives(monkeypatch):
    rows = [[number % 2, 1] for number in range(50)]
    whole = Bootstrap(rows).share([0], [1])
    monkeypatch.setattr("medtext.review.statistics._BLOCK", 500)
    assert Bootstrap(rows).share([0], [1]) == whole


def test_any_figure_has_the_interval_of_its_resamples():
    rows = [[number % 2, 1] for number in range(400)]
    boot = Bootstrap(rows, resamples=2000)
    share, mean = boot.share([0], [1]), boot.estimate([0, 1], lambda sums: sums[:, 0] / sums[:, 1])
    assert (mean.value, mean.low, mean.high) == (share.value, share.low, share.high)
    assert boot.estimate([0], lambda sums: sums[:, 0] / 0).value is None
    assert boot.total(0) == 200
    assert mean.to_dict()["value"] == 0.5
