"""Batches: every row once, none too large, and the same order for the same seed and epoch."""

from hypothesis import given, settings
from hypothesis import strategies as st

from medtext.training.batches import epoch_order

lengths = st.lists(st.integers(1, 60), min_size=1, max_size=80)


@given(lengths, st.integers(8, 120), st.integers(0, 3), st.integers(0, 3))
@settings(max_examples=60)
def test_every_row_comes_once_an_epoch_in_batches_of_the_budget(held, budget, seed, epoch):
    batches = epoch_order(held, [1.0] * len(held), budget=budget, seed=seed, epoch=epoch)
    assert sorted(row for batch in batches for row in batch) == list(range(len(held)))
    assert all(len(one) == 1 or len(one) * max(held[row] for row in one) <= budget for one in batches)
    assert batches == epoch_order(held, [1.0] * len(held), budget=budget, seed=seed, epoch=epoch)


@given(lengths, st.integers(1, 20))
@settings(max_examples=30)
def test_a_batch_has_at_most_so_many_rows(held, most):
    batches = epoch_order(held, [1.0] * len(held), budget=500, seed=1, epoch=0, most=most)
    assert sorted(row for batch in batches for row in batch) == list(range(len(held)))
    assert max(map(len, batches)) <= most


def test_another_epoch_has_another_order():
    held = list(range(1, 60))
    orders = [epoch_order(held, [1.0] * 59, budget=64, seed=1, epoch=epoch) for epoch in range(2)]
    assert orders[0] != orders[1]


def test_a_row_comes_as_often_as_its_corpus_is_repeated():
    repeats = [2.0] * 50 + [0.0] * 50 + [0.5] * 400
    rows = [row for one in epoch_order([4] * 500, repeats, budget=32, seed=1, epoch=0) for row in one]
    assert all(rows.count(row) == 2 for row in range(50))
    assert not any(50 <= row < 100 for row in rows)
    assert 150 < sum(row >= 100 for row in rows) < 250
