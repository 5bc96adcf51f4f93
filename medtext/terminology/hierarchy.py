"""Who is above and below whom: is-a links as integer arrays on disk, shared by all processes that map them.

Concepts are numbered from 0. An array of starts says where a concept's neighbours begin in an array of neighbours
(compressed sparse rows); the ancestors of each are worked out once, when the terminology is compiled, and are sorted.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from medtext.errors import FormatError

if TYPE_CHECKING:
    import numpy

_SIDES = ("parents", "children", "ancestors")


class Hierarchy:
    """The arrays of a compiled terminology, mapped into memory and never changed."""

    def __init__(self, folder: Path) -> None:
        import numpy

        def load(name: str) -> numpy.ndarray:
            # A plain view: numpy's memmap class takes microseconds for each slice.
            return numpy.load(folder / f"{name}.npy", mmap_mode="r").view(numpy.ndarray)

        self._arrays = {side: (load(f"{side}_starts"), load(side)) for side in _SIDES}

    def _row(self, side: str, number: int) -> list[int]:
        starts, neighbours = self._arrays[side]
        return neighbours[starts[number] : starts[number + 1]].tolist()

    def parents(self, number: int) -> list[int]:
        """The concepts right above."""
        return self._row("parents", number)

    def children(self, number: int) -> list[int]:
        """The concepts right below."""
        return self._row("children", number)

    def ancestors(self, number: int) -> list[int]:
        """All concepts above, by number."""
        return self._row("ancestors", number)

    def is_a(self, number: int, other: int) -> bool:
        """Whether a concept is another or lies below it."""
        above = self._row("ancestors", number)
        at = bisect_left(above, other)
        return number == other or (at < len(above) and above[at] == other)

    def descendants(self, number: int) -> list[int]:
        """All concepts below, by number."""
        found, front = set(), [number]
        while front:
            front = [below for one in front for below in self.children(one) if below not in found]
            found.update(front)
        return sorted(found)


def write_hierarchy(folder: Path, children: Sequence[int], parents: Sequence[int], size: int, *, what: str) -> None:
    """Write the arrays for `size` concepts, where `children[i]` is a `parents[i]`; repeated links count once.

    Raises FormatError for a circle: `what` says in which terminology.
    """
    import numpy

    folder.mkdir()
    pairs = numpy.empty((len(children), 2), dtype=numpy.int32)
    pairs[:, 0], pairs[:, 1] = children, parents
    pairs = numpy.unique(pairs, axis=0) if len(pairs) else pairs
    up = _rows_of(pairs[:, 0], pairs[:, 1], size)
    down = _rows_of(pairs[:, 1], pairs[:, 0], size)
    for side, (starts, neighbours) in {"parents": up, "children": down, "ancestors": _closure(up, down, what)}.items():
        numpy.save(folder / f"{side}_starts.npy", starts)
        numpy.save(folder / f"{side}.npy", neighbours)


def _rows_of(keys: numpy.ndarray, values: numpy.ndarray, size: int) -> tuple[numpy.ndarray, numpy.ndarray]:
    import numpy

    order = numpy.lexsort((values, keys))
    starts = numpy.searchsorted(keys[order], numpy.arange(size + 1)).astype(numpy.int64)
    return starts, values[order].astype(numpy.int32)


def _closure(
    up: tuple[numpy.ndarray, numpy.ndarray], down: tuple[numpy.ndarray, numpy.ndarray], what: str
) -> tuple[numpy.ndarray, numpy.ndarray]:
    """The ancestors of each concept: those of its parents, which are done before it, and its parents."""
    import numpy

    size = len(up[0]) - 1
    waiting = numpy.diff(up[0]).tolist()
    found: list[numpy.ndarray] = [numpy.empty(0, numpy.int32)] * size
    ready = [number for number in range(size) if not waiting[number]]
    for number in ready:
        above = up[1][up[0][number] : up[0][number + 1]]
        if len(above):
            found[number] = numpy.unique(numpy.concatenate([above, *(found[parent] for parent in above)]))
        for below in down[1][down[0][number] : down[0][number + 1]].tolist():
            waiting[below] -= 1
            if not waiting[below]:
                ready.append(below)
    if len(ready) < size:
        raise FormatError(f"{size - len(ready)} concepts lie in or below a circle of is-a links.", where=what)
    starts = numpy.zeros(size + 1, numpy.int64)
    numpy.cumsum([len(one) for one in found], out=starts[1:])
    return starts, numpy.concatenate(found) if found else numpy.empty(0, numpy.int32)
