"""Temperatures and the calibration error."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

np = pytest.importorskip("numpy")

from medtext.inference.decode import Odds  # noqa: E402
from medtext.training.calibrate import calibration_error, fit_odds, fit_temperature, likelihood  # noqa: E402


def drawn(temperature, *, count=6000, seed=1):
    """A loss by temperature: log-odds that are too sure by this one, of events drawn from the honest ones."""
    rng = np.random.default_rng(seed)
    honest = rng.normal(size=count) * 2
    right = rng.random(count) < 1 / (1 + np.exp(-honest))
    return lambda at: likelihood(1 / (1 + np.exp(-honest * temperature / at)), right)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_that_made_scores_too_sure_is_found(temperature):
    assert fit_temperature(drawn(temperature)) == pytest.approx(temperature, rel=0.08)


def test_no_other_temperature_is_likelier():
    loss = drawn(2.0, count=500)
    least = loss(fit_temperature(loss))
    assert all(least <= loss(one) + 1e-6 for one in (0.5, 1.0, 1.7, 2.4, 5.0))


def test_without_a_case_there_is_no_error():
    assert calibration_error([], []) is None
    assert likelihood([], []) == 0


def test_scores_that_keep_their_word_have_no_error():
    assert calibration_error([0.5] * 10, [True, False] * 5) == pytest.approx(0)
    assert calibration_error([1.0] * 4, [True] * 4) == pytest.approx(0)


def test_scores_that_promise_too_much_err_by_what_they_promise():
    assert calibration_error([0.9] * 10, [True] * 6 + [False] * 4) == pytest.approx(0.3)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=30))
@settings(max_examples=40)
def test_the_error_lies_between_0_and_1_and_knows_no_order(held):
    said, right = zip(*held, strict=True)
    error = calibration_error(said, right)
    assert 0 <= error <= 1
    assert calibration_error(said[::-1], right[::-1]) == pytest.approx(error)


def labelled(*, count=8000, seed=2):
    """Scores that are twice too sure, of events of which those labelled B are rarer than said; a few are labelled C."""
    rng = np.random.default_rng(seed)
    honest = rng.normal(0.5, 1.5, count)
    labels = np.where(rng.random(count) < 0.5, "A", "B")
    labels[:4] = "C"
    right = rng.random(count) < 1 / (1 + np.exp(-honest + 1.0 * (labels == "B")))
    return 1 / (1 + np.exp(-2 * honest)), right, labels


def test_the_slope_and_the_offset_of_each_label_are_found():
    slope, offsets = fit_odds(*labelled())
    assert slope == pytest.approx(0.5, abs=0.05)
    assert offsets["A"] == pytest.approx(0.0, abs=0.12)
    assert offsets["B"] == pytest.approx(-1.0, abs=0.12)


def test_a_rare_label_stays_near_the_others():
    _, offsets = fit_odds(*labelled())
    assert min(offsets["A"], offsets["B"]) - 1 < offsets["C"] < max(offsets["A"], offsets["B"]) + 1


def test_adjusted_scores_are_more_honest():
    said, right, labels = labelled()
    odds = Odds(*fit_odds(said, right, labels))
    assert calibration_error([odds.adjusted(*one) for one in zip(said, labels, strict=True)], right) < 0.03
    assert calibration_error(said, right) > 0.08


def test_without_a_case_nothing_is_adjusted():
    assert Odds(*fit_odds([], [], [])).adjusted(0.3, "A") == 0.3
