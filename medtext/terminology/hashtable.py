"""A table that never changes, from 64-bit hashes to 32-bit values: two reads a look-up, hit or miss, and no loop.

Perfect hashing: keys fall into buckets of two or three on average, and each bucket keeps a *pilot*, an odd number that
takes all its keys to cells that nobody else has when they are multiplied by it. Half of a key lies in its cell beside
the value and tells a stranger from the key; sixteen bits more lie apart and settle it. In a large table the place of
the cell stands for the other sixteen: as the pilot is odd, keys that differ in these alone lie in different cells. So
a stranger passes about as often as it shares all 64 bits with a key. All arrays may be memory-mapped files.
"""

from __future__ import annotations

import numpy as np

Array = np.ndarray

_LOAD = 0.87  # of the cells hold a key; fuller saves little space and builds slowly
_BUCKET = 3  # keys a bucket at most, on average; there are 2ⁿ buckets
_PILOTS = 1 << 16
# Arrays of no dimension: numpy takes them in half the time of its scalars, which small texts notice.
_HALF, _LOW = np.array(32, np.uint64), np.array(0xFFFFFFFF, np.uint64)


class HashClash(ValueError):
    """Two keys that should differ share a hash."""


class HashTable:
    """`pilots` uint16 a bucket, `cells` uint64: the value above, the lower half of the key below."""

    __slots__ = ("_mask", "_size", "cells", "pilots")

    def __init__(self, pilots: Array, cells: Array) -> None:
        self.pilots, self.cells = pilots, cells
        self._mask, self._size = (np.array(size, np.uint64) for size in (len(pilots) - 1, len(cells)))

    def lookup(self, keys: Array) -> tuple[Array, Array]:
        """The value of each key (uint32, 0 for a stranger but for one in 2³²) and the cell where it would lie."""
        slots = _slots(keys, self.pilots.take((keys & self._mask).view(np.int64)), self._size)
        halves = self.cells.take(slots).view("<u4")
        return halves[1::2] * (halves[::2] == keys.view("<u4")[::2]), slots


def upper_bits(keys: Array) -> Array:
    """The sixteen bits of a key that its cell does not hold, and that `lookup` has not compared."""
    keys = keys >> _HALF
    return keys.astype(np.uint16)


def build_table(keys: Array, values: Array) -> tuple[HashTable, Array]:
    """The table of distinct hashes (uint64) and values from 1, and by cell the `upper_bits` of its key.

    Raises HashClash when a bucket finds no pilot.
    """
    size = int(len(keys) / _LOAD) + 8
    pilots = np.zeros(1 << max(len(keys) // _BUCKET, 1).bit_length(), np.uint16)
    cells, uppers = np.zeros(size, np.uint64), np.zeros(size, np.uint16)
    taken, claims = np.zeros(size, bool), np.zeros(size, np.int32)
    for buckets, members in _by_size(keys, len(pilots)):
        _settle(buckets, keys[members], pilots, taken, claims)
    slots = _slots(keys, pilots.take(_buckets(keys, len(pilots))), np.array(size, np.uint64))
    cells[slots] = (values.astype(np.uint64) << _HALF) | (keys & _LOW)
    uppers[slots] = upper_bits(keys)
    return HashTable(pilots, cells), uppers


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
    for pilot in range(1, _PILOTS, 2):
        if not len(buckets):
            return
        slots = _slots(keys, np.full(keys.shape, pilot, np.uint16), np.array(len(taken), np.uint64))
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
    return (keys & np.uint64(count - 1)).view(np.int64)


def _slots(keys: Array, pilots: Array, size: Array) -> Array:
    found = keys * pilots
    found >>= _HALF
    found *= size
    found >>= _HALF
    return found.view(np.int64)
