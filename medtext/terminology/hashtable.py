"""A table that never changes, from 64-bit hashes to 32-bit values: two reads a look-up, hit or miss, and no loop.

Perfect hashing: keys fall into buckets of three on average, and each bucket keeps a *pilot*, a number under which all
its keys land in cells that nobody else has. Half of a key lies in its cell beside the value and tells a stranger from
the key; sixteen bits more lie apart and settle it. All arrays may be memory-mapped files.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Array = np.ndarray

_LOAD = 0.87  # of the cells hold a key; fuller saves little space and builds slowly
_BUCKET = 3  # keys a bucket, on average
_PILOTS = 1 << 16
_HALF, _TOP = np.uint64(32), np.uint64(48)
_LOW = np.uint64(0xFFFFFFFF)
_ONE = np.uint64(0x9E3779B97F4A7C15)  # any odd number with bits in no order; this one is the golden ratio
_TWO = np.uint64(0xBF58476D1CE4E5B9)


class HashClash(ValueError):
    """Two keys that should differ share a hash."""


@dataclass(frozen=True, slots=True, eq=False)
class HashTable:
    """`pilots` uint16 a bucket, `cells` uint64 (value above, lower half of the key below), `uppers` uint16 a cell."""

    pilots: Array
    cells: Array
    uppers: Array

    def lookup(self, keys: Array) -> tuple[Array, Array]:
        """The value of each key (uint32, 0 for a stranger but for one in 2³²) and the cell where it would lie."""
        slots = _slots(keys, self.pilots.take(_buckets(keys, len(self.pilots))), len(self.cells))
        cells = self.cells.take(slots)
        same = cells.astype(np.uint32) == keys.astype(np.uint32)
        cells >>= _HALF
        return cells.astype(np.uint32) * same, slots

    def sure(self, keys: Array, slots: Array) -> Array:
        """Whether the keys that `lookup` found are those that were put in: a stranger passes once in 2⁴⁸."""
        return self.uppers.take(slots) == (keys >> _TOP).astype(np.uint16)


def build_table(keys: Array, values: Array) -> HashTable:
    """The table of distinct uint64 keys and values from 1; raises HashClash when a bucket finds no pilot."""
    size = int(len(keys) / _LOAD) + 8
    pilots = np.zeros(len(keys) // _BUCKET + 1, np.uint16)
    cells, uppers = np.zeros(size, np.uint64), np.zeros(size, np.uint16)
    taken, claims = np.zeros(size, bool), np.zeros(size, np.int32)
    for buckets, members in _by_size(keys, len(pilots)):
        _settle(buckets, keys[members], pilots, taken, claims)
    slots = _slots(keys, pilots.take(_buckets(keys, len(pilots))), size)
    cells[slots] = (values.astype(np.uint64) << _HALF) | (keys & _LOW)
    uppers[slots] = (keys >> _TOP).astype(np.uint16)
    return HashTable(pilots, cells, uppers)


def _by_size(keys: Array, count: int) -> list[tuple[Array, Array]]:
    """The buckets with n members and a row of these for each, the largest n first: they need the most room."""
    buckets = _buckets(keys, count)
    order = np.argsort(buckets, kind="stable")
    sizes = np.bincount(buckets, minlength=count)
    firsts = np.cumsum(sizes) - sizes
    groups = []
    for size in range(int(sizes.max(initial=0)), 0, -1):
        chosen = np.flatnonzero(sizes == size)
        groups.append((chosen, order[firsts[chosen][:, None] + np.arange(size)]))
    return groups


def _settle(buckets: Array, keys: Array, pilots: Array, taken: Array, claims: Array) -> None:
    """Give each bucket the first pilot that is free for all its keys; changes `pilots`, `taken` and `claims`."""
    for pilot in range(_PILOTS):
        if not len(buckets):
            return
        slots = _slots(keys, np.full(keys.shape, pilot, np.uint16), len(taken))
        ranked = np.sort(slots, axis=1)
        fits = ~taken[slots].any(axis=1) & (ranked[:, 1:] != ranked[:, :-1]).all(axis=1)
        trying = slots[fits]
        claims[trying] = np.arange(len(trying), dtype=np.int32)[:, None]
        won = (claims[trying] == np.arange(len(trying))[:, None]).all(axis=1)
        placed = np.flatnonzero(fits)[won]
        taken[slots[placed]] = True
        pilots[buckets[placed]] = pilot
        left = np.ones(len(buckets), bool)
        left[placed] = False
        buckets, keys = buckets[left], keys[left]
    raise HashClash("The keys fit under no pilot: some are the same.")


def _buckets(keys: Array, count: int) -> Array:
    found = keys >> _HALF
    found *= np.uint64(count)
    found >>= _HALF
    return found.view(np.int64)


def _slots(keys: Array, pilots: Array, count: int) -> Array:
    mixed = pilots * _ONE
    mixed ^= keys
    mixed *= _TWO
    mixed >>= _HALF
    mixed *= np.uint64(count)
    mixed >>= _HALF
    return mixed.view(np.int64)
