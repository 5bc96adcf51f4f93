"""From logits to spans."""

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtext.inference.decode import Decoder, Odds, trimmed
from medtext.inference.windows import Stretch

LABELS = ("O", "B-A", "I-A", "B-B", "I-B")
BILOU = ("O", "B-A", "I-A", "L-A", "U-A")
logit = st.floats(-4, 4, width=32)


def sentence(rows, *, at=0, follows=False):
    """A stretch of words "w w w" with these logits."""
    count = len(rows)
    places = tuple((at + 2 * number, at + 2 * number + 1) for number in range(count))
    return Stretch((1,) * count, places, (True,) * count, (0, count), follows), np.array(rows, np.float32)


def decode(rows, labels=LABELS, **more):
    names = {label[2:]: label[2:] for label in labels if label != "O"}
    return Decoder(labels, ours=names, **more).find(["w " * 40], [[sentence(rows)]])[0]


def legal(path, labels):
    """Whether a sequence of labels may stand."""
    closed, last = labels is BILOU, "O"
    for label in [*path, "O"]:
        inner, opened = label[0] in "IL", last[0] in "BI"
        if inner and not (opened and last[2:] == label[2:]):
            return False
        if closed and opened and not inner:
            return False
        last = label
    return True


def spans_of(path):
    found = []
    for at, label in enumerate(path):
        if label[0] in "BU":
            found.append([at, at + 1, label[2:]])
        elif label != "O":
            found[-1][1] = at + 1
    return [(2 * start, 2 * end - 1, kind) for start, end, kind in found]


@settings(max_examples=60)
@given(st.lists(st.lists(logit, min_size=5, max_size=5), min_size=1, max_size=4), st.sampled_from([LABELS, BILOU]))
def test_the_spans_are_those_of_the_likeliest_legal_sequence(rows, labels):
    scores = np.array(rows, np.float64)
    scores -= np.log(np.exp(scores).sum(-1, keepdims=True))
    ways = [way for way in product(range(5), repeat=len(rows)) if legal([labels[one] for one in way], labels)]
    total = {way: sum(scores[at, one] for at, one in enumerate(way)) for way in ways}
    best = max(total.values())
    likeliest = [spans_of([labels[one] for one in way]) for way in ways if total[way] > best - 1e-9]
    assert [(one.start, one.end, one.label) for one in decode(rows, labels)] in likeliest


@given(st.lists(st.lists(st.lists(logit, min_size=5, max_size=5), min_size=1, max_size=4), max_size=4))
def test_texts_are_decoded_together_as_alone(held):
    decoder = Decoder(LABELS, ours={"A": "A", "B": "B"})
    read = [[sentence(rows)] for rows in held]
    assert decoder.find(["w " * 9] * len(held), read) == [decoder.find(["w " * 9], [one])[0] for one in read]


def test_no_span_crosses_stretches_but_one_crosses_the_windows_of_a_sentence():
    rows = [[0, 9, 0, 0, 0], [0, 1, 9, 0, 0]]
    decoder = Decoder(LABELS, ours={"A": "A"})
    for follows, ends in ((True, [3]), (False, [1, 3])):
        read = [sentence(rows[:1]), sentence(rows[1:], at=2, follows=follows)]
        assert [one.end for one in decoder.find(["w w w"], [read])[0]] == ends


def test_what_is_not_mapped_is_left_out_and_what_becomes_one_label_stays_two_spans():
    rows = [[0, 9, 0, 0, 0], [0, 0, 0, 9, 0]]
    one = Decoder(LABELS, ours={"B": "X"}).find(["w w"], [[sentence(rows)]])[0]
    both = Decoder(LABELS, ours={"A": "X", "B": "X"}).find(["w w"], [[sentence(rows)]])[0]
    assert [(span.start, span.label) for span in one] == [(2, "X")]
    assert [(span.start, span.end) for span in both] == [(0, 1), (2, 3)]


def test_a_score_is_the_mean_probability_and_a_temperature_cools_it():
    rows = [[0, 2, 0, 0, 0], [0, 0, 3, 0, 0]]
    sure = [np.exp(2) / (np.exp(2) + 4), np.exp(3) / (np.exp(3) + 4)]
    assert decode(rows)[0].score == round(sum(sure) / 2, 4)
    cooled = [np.exp(1) / (np.exp(1) + 4), np.exp(1.5) / (np.exp(1.5) + 4)]
    assert decode(rows, temperature=2.0)[0].score == round(sum(cooled) / 2, 4)


def test_the_log_odds_of_a_score_are_stretched_and_moved_by_label():
    rows = [[0, 2, 0, 0, 0], [0, 0, 3, 0, 0]]
    plain = decode(rows)[0].score
    moved = decode(rows, odds=Odds(0.5, {"A": -1.0, "B": 9.0}))[0].score
    assert np.log(moved / (1 - moved)) == pytest.approx(0.5 * np.log(plain / (1 - plain)) - 1.0, abs=0.01)
    assert decode(rows, odds=Odds(0.5, {"B": 9.0}))[0].score == decode(rows, odds=Odds(0.5))[0].score


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0.1, 5), st.floats(-5, 5))
def test_of_two_scores_of_a_label_the_higher_stays_the_higher(one, two, slope, offset):
    odds = Odds(slope, {"A": offset})
    assert (odds.adjusted(one, "A") <= odds.adjusted(two, "A")) or one >= two
    assert 0 <= odds.adjusted(one, "A") <= 1


@given(st.lists(st.lists(logit, min_size=5, max_size=5), min_size=1, max_size=4), st.floats(0.25, 4))
def test_a_temperature_changes_no_span(rows, temperature):
    def places(found):
        return [(one.start, one.end, one.label) for one in found]

    scores = sorted({round(float(value), 3) for row in rows for value in row})
    if all(two - one > 0.01 for one, two in pairwise(scores)):
        assert len(places(decode(rows))) == len(places(decode(rows, temperature=temperature)))


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (" pain,", "pain"),
        ("p.o.", "p.o."),
        ("b.i.d. .", "b.i.d."),
        ("pain.", "pain"),
        ("(pain", "pain"),
        ("pain)", "pain"),
        ("(pain)", "(pain)"),
        ("vitamin B (12)", "vitamin B (12)"),
        ("“pain”\r\n", "pain"),
        ("2+", "2+"),
        ("50 %", "50 %"),
        ("St. Pain.", "St. Pain"),
        (".", ""),
        (" \u2028", ""),
        ("]pain[", "pain"),
        ("10 mg 👩🏽\u200d⚕️", "10 mg"),
        ("❤️ pain ☹", "pain"),
        ("turned 45°", "turned 45°"),
        ("Ménière™", "Ménière™"),
        ("cafe\u0301", "cafe\u0301"),
        ("👩🏽\u200d⚕️", ""),
    ],
)
def test_edges_lose_what_belongs_to_no_span(text, left):
    start, end = trimmed(text, 0, len(text))
    assert text[start:end] == left


@pytest.mark.parametrize(
    ("text", "end", "left"),
    [
        ("twice b.i.d., with food", 11, "twice b.i.d."),
        ("taken p.o.", 9, "taken p.o."),
        ("an A1c of 7.9.", 13, "an A1c of 7.9"),
        ("see example.org.", 15, "see example.org"),
        ("fever.", 5, "fever"),
        ("a b.i.d", 7, "a b.i.d"),
    ],
)
def test_what_is_spaced_out_by_stops_has_its_last_stop(text, end, left):
    start, end = trimmed(text, 0, end)
    assert text[start:end] == left
