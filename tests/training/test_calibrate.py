"""Temperatures and the calibration error."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

np = pytest.importorskip("numpy")

from medtext.training.calibrate import calibration_error, fit_temperature, likelihood  # noqa: E402


def drawn(temperature, *, words=4000, tags=4, seed=1):
    """Logits that are too sure by this temperature, and the tags drawn from the honest ones."""
    rng = np.random.default_rng(seed)
    honest = rng.normal(size=(words, tags)) * 2
    shares = np.exp(honest) / np.exp(honest).sum(-1, keepdims=True)
    gold = np.array([rng.choice(tags, p=one) for one in shares])
    return honest * temperature, np.eye(tags, dtype=bool)[gold]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_that_made_scores_too_sure_is_found(temperature):
    assert fit_temperature(*drawn(temperature)) == pytest.approx(temperature, rel=0.08)


def test_no_other_temperature_is_likelier():
    logits, possible = drawn(2.0, words=500)
    best = fit_temperature(logits, possible)
    least = likelihood(logits, possible, best)
    assert all(least <= likelihood(logits, possible, one) + 1e-9 for one in (0.5, 1.0, 1.9, 2.2, 5.0))


def test_without_a_word_nothing_is_changed():
    assert fit_temperature(np.zeros((0, 3)), np.zeros((0, 3), dtype=bool)) == 1.0
    assert calibration_error([], []) is None


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
