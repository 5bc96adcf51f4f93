"""The masking law: a corpus teaches nothing of labels that it does not annotate."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from medtext.training.loss import Mean, distilled_loss, of_texts, possible_loss  # noqa: E402

TAGS = 5
numbers = st.floats(-6, 6)
rows_of_logits = st.lists(st.lists(numbers, min_size=TAGS, max_size=TAGS), min_size=1, max_size=4)
tag_sets = st.frozensets(st.integers(0, TAGS - 1), min_size=1)


def loss_and_gradient(logits, possible, **options):
    z = torch.tensor(logits, dtype=torch.float32, requires_grad=True)
    table = torch.tensor([[tag in possible for tag in range(TAGS)]])
    loss = possible_loss(z, torch.zeros(len(logits), dtype=torch.long), table, **options)
    loss.backward()
    return loss.item(), z.grad


@given(rows_of_logits, tag_sets)
@settings(max_examples=60)
def test_the_loss_is_minus_the_logarithm_of_the_mass_of_the_possible_tags(logits, possible):
    loss, _ = loss_and_gradient(logits, possible)
    wanted = 0.0
    for row in logits:
        whole = sum(math.exp(one) for one in row)
        wanted -= math.log(sum(math.exp(row[tag]) for tag in possible) / whole)
    assert loss == pytest.approx(wanted, abs=1e-4, rel=1e-4)


@given(rows_of_logits)
@settings(max_examples=20)
def test_where_everything_is_possible_loss_and_gradient_are_zero(logits):
    loss, gradient = loss_and_gradient(logits, frozenset(range(TAGS)))
    assert loss == pytest.approx(0, abs=1e-4)
    assert gradient.abs().max() < 1e-5
    assert loss_and_gradient(logits, frozenset(range(TAGS)), smoothing=0.1)[1].abs().max() < 1e-5


@given(rows_of_logits, tag_sets)
@settings(max_examples=60)
def test_the_possible_tags_keep_their_shares_whatever_the_gradient_says(logits, possible):
    """dL/dz_t = p_t (1 - [t possible] / P(A)): among the possible tags it is the same for each, but for its own share.

    So no possible tag is pushed against another: dL/dp_t, the derivative by the probability itself, is one number.
    """
    _, gradient = loss_and_gradient(logits, possible)
    shares = torch.tensor(logits).softmax(-1)
    slopes = (gradient / shares)[:, sorted(possible)]
    assert torch.allclose(slopes, slopes[:, :1].expand_as(slopes), atol=1e-2, rtol=1e-2)
    assert (slopes <= 1e-3).all()


@given(rows_of_logits, st.integers(0, TAGS - 1))
@settings(max_examples=20)
def test_with_one_possible_tag_it_is_cross_entropy(logits, tag):
    wanted = torch.nn.functional.cross_entropy(
        torch.tensor(logits), torch.full((len(logits),), tag), reduction="sum", label_smoothing=0.2
    )
    loss, _ = loss_and_gradient(logits, frozenset([tag]), smoothing=0.2)
    assert loss == pytest.approx(wanted.item(), abs=1e-3, rel=1e-3)


@given(rows_of_logits, st.sampled_from([1.0, 2.0, 4.0]))
@settings(max_examples=20)
def test_a_student_that_says_what_its_teacher_says_has_nothing_to_learn(logits, temperature):
    z = torch.tensor(logits, requires_grad=True)
    loss = distilled_loss(z, torch.tensor(logits) + 3.0, temperature)
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-3)
    assert z.grad.abs().max() < 1e-3


def test_a_student_that_says_otherwise_is_moved_towards_its_teacher():
    z = torch.zeros((1, 3), requires_grad=True)
    distilled_loss(z, torch.tensor([[5.0, 0.0, 0.0]]), 2.0).backward()
    assert z.grad[0, 0] < 0 < z.grad[0, 1]


@given(st.lists(rows_of_logits, min_size=1, max_size=4), st.integers(1, 3), st.data())
@settings(max_examples=40)
def test_a_text_counts_once_however_often_it_says_the_same(texts, times, data):
    """Tokens that nothing is told of, and rows that are no texts, have no part in it."""
    whole = data.draw(st.lists(st.booleans(), min_size=len(texts), max_size=len(texts)))
    width = times * max(map(len, texts)) + 1
    logits, targets = torch.full((len(texts), width, TAGS), 99.0), torch.zeros((len(texts), width), dtype=torch.long)
    for at, text in enumerate(texts):
        logits[at, 1 : 1 + times * len(text)] = torch.tensor(text * times)
        targets[at, 1 : 1 + times * len(text)] = at + 1
    pooled, rows = of_texts(logits, targets, torch.tensor(whole))
    held = [at for at, one in enumerate(whole) if one]
    assert rows.tolist() == [at + 1 for at in held]
    wanted = [torch.tensor(texts[at]).mean(0) for at in held]
    assert all(torch.allclose(one, two, atol=1e-4) for one, two in zip(pooled, wanted, strict=True))


def test_the_mean_of_nothing_is_nothing():
    assert Mean().value == 0
    held = Mean()
    held.add(3.0, 2)
    held.add(5.0, 2)
    assert held.value == 2
