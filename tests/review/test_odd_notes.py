"""Whatever a note may hold, the judgements hold: odd text, any layer, old values that say nothing, relations."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from medtext import adjudicate, agreement, compare, evaluate
from medtext.review.report import render
from tests import laws

FEW = settings(max_examples=60, deadline=None)
BATCHES = laws.batches().filter(bool)
LAYERS = st.sampled_from(["entity", "phi", "no"])


def rendered(done):
    """Every spelling of a report; JSON must not hold what JSON has no word for."""
    for kind in (".md", ".html"):
        assert render(done, kind)
    json.loads(render(done, ".json"), parse_constant=None)
    json.dumps(done.to_dict(), allow_nan=False)


@FEW
@given(BATCHES, LAYERS)
def test_any_notes_are_compared_with_themselves(notes, layer):
    done = compare(notes, notes, layer=layer, resamples=5)
    assert not done.counts["added"]
    assert not [one for one in done.changes if set(one.kinds) & {"boundary", "relabelled", "recoded", "assertion"}]
    rendered(done)


@FEW
@given(BATCHES, LAYERS)
def test_any_notes_agree_with_themselves(notes, layer):
    done = agreement({"anna": notes, "ben": notes}, layer=layer, resamples=5)
    assert done.spans["strict"].value in (1.0, None)
    rendered(done)
    rendered(evaluate(notes, notes, layer=layer, resamples=5))


@FEW
@given(BATCHES, LAYERS)
def test_any_notes_are_merged_with_themselves(notes, layer):
    done = adjudicate({"anna": notes, "ben": notes}, layer=layer)
    assert not done.queue
    kept = [
        [one.id for one in note.layer(layer) if one.status != "rejected"] for note in sorted(notes, key=lambda n: n.id)
    ]
    assert [[one.id for one in note.layer(layer)] for note in done.gold] == kept
    again = adjudicate({"anna": done.gold, "ben": done.gold}, layer=layer)
    assert again.gold == done.gold
    rendered(done)
