"""The progress bar: how many notes and how many a second, on standard error; never anything of a note."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

from medtext.note import Note


def bar(notes: Iterable[Note], *, show: bool | None = None, done: int = 0) -> Iterator[Note]:
    """The same notes, counted on standard error as they pass; `show=None` does so only on a terminal."""
    if show is None:
        show = sys.stderr.isatty()
    if not show:
        yield from notes
        return
    from tqdm import tqdm

    yield from tqdm(notes, initial=done, unit=" notes", file=sys.stderr, mininterval=0.5, dynamic_ncols=True)
