"""Where ours and medSpaCy's ConText differ on real sentences: each time for a reason, as often as is known."""

from __future__ import annotations

from collections import Counter
from importlib.metadata import version

import pytest

from medtext.span import SUBJECT
from tests.benchmarks.parity import differences

KNOWN = {
    ("presence", "a drug, test or procedure that was not"): 34,
    ("presence", "a finding's negation says nothing of a test"): 83,
    ("presence", "a reason for a test is no negation"): 4,
    ("presence", "more words for what is absent"): 26,
    ("presence", "more words for what is possible"): 58,
    ("presence", "ours ends the reach at a new clause"): 67,
    ("presence", "ours finds a nearer word that affirms"): 34,
    ("presence", "the words lie inside the entity"): 12,
    ("presence", "theirs reads ': no' backwards only"): 1,
    ("presence", "they read what is possible farther"): 13,
    ("presence", "what may come: risks, conditions, precautions"): 20,
    ("presence", "what was is gone"): 58,
    ("subject", "any word for a relative is theirs"): 27,
    ("subject", "more words for relatives"): 1,
    ("temporality", "a drug, test or procedure that was not"): 4,
    ("temporality", "any history is past to them"): 65,
    ("temporality", "dates, years and past events"): 121,
    ("temporality", "their hypothetical reaches farther"): 1,
    ("temporality", "theirs knows no future"): 23,
    ("temporality", "what may come: risks, conditions, precautions"): 13,
}


@pytest.fixture(scope="module")
def found(shared_data):
    pytest.importorskip("medspacy")
    if version("medspacy") != "1.3.1":
        pytest.skip("the counts are those of medspacy 1.3.1")
    return list(differences(shared_data))


def test_every_difference_has_its_reason_as_often_as_is_known(found):
    assert Counter((one.axis, one.reason) for one in found) == KNOWN


def test_whoever_decided_names_a_rule_and_its_words(found):
    for one in found:
        assert any(one.rules)
        assert bool(one.trigger) == bool(one.rules[1])
        assert one.values[0] not in SUBJECT or one.axis == "subject"
