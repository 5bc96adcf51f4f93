import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtext.terminology.hashtable import HashClash, build_table, upper_bits

# Keys are hashes: bits in no order, which the multiplication sees to here.
keys = st.lists(st.integers(0, 2**64 - 1), unique=True, max_size=300).map(
    lambda held: np.array(held, np.uint64) * np.uint64(0x9E3779B97F4A7C15)
)


@settings(max_examples=60)
@given(keys, keys)
def test_what_was_put_in_is_found_and_nothing_else(held, strangers):
    values = np.arange(1, len(held) + 1).astype(np.uint32)
    table, uppers = build_table(held, values)
    found, slots = table.lookup(held)
    assert found.tolist() == values.tolist()
    assert (uppers[slots] == upper_bits(held)).all()
    other = np.setdiff1d(strangers, held)
    found, slots = table.lookup(other)
    assert not (found.astype(bool) & (uppers[slots] == upper_bits(other))).any()


@settings(max_examples=60)
@given(st.integers(0, 2**64 - 1), st.integers(0, 47))
def test_a_key_that_differs_in_one_of_the_48_bits_that_are_kept_is_a_stranger(chosen, bit):
    held = np.unique(np.random.default_rng(chosen).integers(0, 2**64, 5_000, dtype=np.uint64))
    table, uppers = build_table(held, np.ones(len(held), np.uint32))
    other = np.setdiff1d(held ^ (np.uint64(1) << np.uint64(bit)), held)
    found, slots = table.lookup(other)
    assert not (found.astype(bool) & (uppers[slots] == upper_bits(other))).any()


def test_a_key_that_stands_twice_is_refused():
    with pytest.raises(HashClash):
        build_table(np.array([5, 7, 5], np.uint64), np.ones(3, np.uint32))


def test_random_keys_fill_a_table_to_seven_eighths():
    held = np.unique(np.random.default_rng(3).integers(0, 2**63, 20_000, dtype=np.uint64))
    table, _ = build_table(held, np.ones(len(held), np.uint32))
    assert (table.cells != 0).mean() > 0.86
