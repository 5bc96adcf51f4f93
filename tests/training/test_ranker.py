import pytest

from medtext.errors import ConfigError
from medtext.terminology.ranking import Ranker
from medtext.training.ranker import fit_ranker


def chances(weights, candidates):
    return Ranker({"other": weights}).probabilities("ANY", candidates)


def test_what_is_right_more_often_becomes_likelier():
    good, bad = {"bias": 1.0, "good": 1.0}, {"bias": 1.0}
    weights = fit_ranker([([good, bad], [0]), ([bad, good], [1])] * 20)
    first, second = chances(weights, [good, bad])
    assert first > 0.8 > second


def test_scores_are_as_honest_as_the_examples():
    one = {"bias": 1.0}
    weights = fit_ranker([([one], [0])] * 60 + [([one], [])] * 40, ridge=1e-6)
    assert chances(weights, [one])[0] == pytest.approx(0.6, abs=0.001)


def test_several_may_be_right():
    one = {"bias": 1.0}
    weights = fit_ranker([([one, one], [0, 1])] * 50)
    assert sum(chances(weights, [one, one])) > 0.9


def test_rare_features_are_left_out():
    assert fit_ranker([([{"bias": 1.0, "rare": 1.0}], [0])] * 3 + [([{"bias": 1.0}], [0])] * 9).keys() == {"bias"}


def test_the_weights_are_the_same_each_time():
    held = [([{"bias": 1.0, "a": 0.3}, {"bias": 1.0, "a": 0.1}], [0]), ([{"bias": 1.0, "a": 0.2}], [])] * 9
    assert fit_ranker(held) == fit_ranker(held)


def test_nothing_to_learn_from_is_refused():
    with pytest.raises(ConfigError, match="No mention"):
        fit_ranker([([], [])])
