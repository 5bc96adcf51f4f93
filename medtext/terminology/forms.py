"""Millions of forms found in texts at once: the rules of `medtext.terminology.matcher`, on files mapped into memory.

A FormIndex is a folder that never changes once built. Processes that open it share its pages, and pickling one sends
the path alone. Every word of a text is hashed once; a small table says which words begin a form, one large table
whether a row of words goes on, is a form, or both. The build proves that no two keys share a hash. Texts are compared
with forms by 48 bits of it and by its place in the table: in a petabyte of text one false match is to be expected.

Overlaps: leftmost-longest, as in `Matcher`; nothing is reported inside a longer match or across its end.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import tempfile
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from medtext.errors import FormatError, WouldOverwriteError
from medtext.terminology.formfiles import META, PARTS, TABLES, map_file, read_meta, write
from medtext.terminology.formrows import CAPITAL, KIND, MANY, NUMBER, SKIP, SOME, write_out
from medtext.terminology.hashtable import HashTable
from medtext.terminology.matcher import Entry, Words, placed
from medtext.terminology.textwords import TextReader, TextWords

Array = np.ndarray
Match = tuple[int, int, int]

_BATCH = 1 << 18  # characters read at once: arrays stay in the cache, and calls are few
_KIND, _SKIP = np.uint32(KIND), np.uint32(SKIP)
_BREAK = "\n\0\n"  # between two texts of a batch: no form goes on across it


class FormIndex:
    """Forms on disk, ready to be found: `FormIndex.open(folder).find(text)`."""

    def __init__(self, folder: Path, meta: dict[str, Any], arrays: dict[str, Array]) -> None:
        """Use `build` or `open`."""
        self._folder, self._count = folder, meta["forms"]
        self._reader = TextReader(meta["edges"], seed=meta["seed"], longest=meta["longest"])
        self._words, self._rows = (HashTable(*(arrays[f"{name}-{part}"] for part in PARTS)) for name in TABLES)
        self._ids, self._groups = arrays["ids"], arrays["groups"]
        self._some, self._places = arrays["some"], arrays["places"]
        self._entries = functools.lru_cache(maxsize=4096)(self._read_entries)

    def __len__(self) -> int:
        """How many forms there are."""
        return self._count

    def __repr__(self) -> str:
        return f"FormIndex({str(self._folder)!r}, forms={self._count})"

    def __reduce__(self) -> tuple[Any, ...]:
        return FormIndex.open, (self._folder,)

    @classmethod
    def build(cls, forms: Iterable[tuple[str, int]], folder: str | Path) -> FormIndex:
        """Write an index of (form, its number for you) into a new folder, whole or not at all, and open it.

        Raises WouldOverwriteError when the folder exists, ValueError for a form without a letter or digit.
        """
        folder = Path(folder)
        if folder.exists():
            raise WouldOverwriteError(f"{folder} exists. A form index never changes: build it into a new folder.")
        rows = write_out(forms)
        folder.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
        try:
            write(made, rows)
            os.replace(made, folder)
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise
        return cls.open(folder)

    @classmethod
    def open(cls, folder: str | Path) -> FormIndex:
        """Map the files of an index; raises FormatError when one is absent, cut short, or of another version."""
        folder = Path(folder)
        meta = read_meta(folder)
        try:
            return cls(folder, meta, {name: map_file(folder, name, size) for name, size in meta["sizes"].items()})
        except KeyError as error:
            problem = f"the entry {error} is absent. Build the index again."
            raise FormatError(problem, where=str(folder / META)) from None

    def find(self, text: str) -> Iterator[Match]:
        """(start, end, id of the form) of each match, in order; a form given twice is reported twice."""
        return iter(self._matches([text])[0])

    def find_many(self, texts: Iterable[str]) -> Iterator[list[Match]]:
        """The matches of each text, in order; many short texts are read at once, which is several times as fast."""
        batch: list[str] = []
        size = 0
        for text in texts:
            batch.append(text)
            size += len(text)
            if size >= _BATCH:
                yield from self._matches(batch)
                batch, size = [], 0
        if batch:
            yield from self._matches(batch)

    def _matches(self, texts: Sequence[str]) -> list[list[Match]]:
        """The matches of each text, all read at once."""
        text = texts[0] if len(texts) == 1 else _BREAK.join(texts)
        words = self._reader.read(text)
        hits = self._hits(words)
        if len(texts) > 1:
            hits.begins = np.cumsum([0, *(len(one) + len(_BREAK) for one in texts[:-1])])
        return self._choose(text, words, hits)

    def _hits(self, words: TextWords) -> _Hits:
        """Where keys that stand for forms lie: the longest without conditions at each word, and all with them."""
        firsts = lasts = np.arange(len(words.starts))
        table, hashes = self._words, words.hashes
        rounds: list[tuple[Array, Array, Array]] = [(lasts[:0], lasts[:0], np.zeros(0, np.uint32))]
        while len(firsts):
            values, slots = table.lookup(hashes)
            some = (values & _KIND).nonzero()[0]
            if len(some):
                some = some[table.sure(hashes.take(some), slots.take(some))]
                rounds.append((firsts.take(some), lasts.take(some), values.take(some)))
            values >>= _SKIP
            on = values.nonzero()[0]
            firsts, lasts = firsts.take(on), lasts.take(on) + values.take(on)
            table, hashes = self._rows, words.rows(firsts, lasts)
        hits = _Hits.none(len(words.starts))
        hits.add(words, *map(np.concatenate, zip(*rounds, strict=True)))
        return hits

    def _choose(self, text: str, words: TextWords, hits: _Hits) -> list[list[Match]]:
        """Leftmost-longest of what was hit, from left to right; offsets within each text."""
        at = (hits.values | hits.marked).nonzero()[0]
        taken, others = self._greedy(text, words, hits, at)
        at = at[taken]
        values, starts, ends = hits.values.take(at), words.starts.take(at), words.stems.take(hits.lasts.take(at))
        many = ((values & _KIND) == MANY).nonzero()[0]
        for place, value in zip(many.tolist(), (values[many] & NUMBER).tolist(), strict=True):
            if place not in others:
                numbers = self._groups[value + 1 : value + 1 + int(self._groups[value])]
                others[place] = [(int(starts[place]), int(ends[place]), one) for one in self._ids[numbers].tolist()]
        ids = self._ids.take(values & NUMBER, mode="clip")
        cuts = np.searchsorted(starts, hits.begins).tolist() if len(hits.begins) > 1 else [0]
        if len(cuts) > 1:
            shift = np.repeat(hits.begins, np.diff([*cuts, len(at)]))
            starts, ends = starts - shift, ends - shift
        return _by_text([*zip(starts.tolist(), ends.tolist(), ids.tolist(), strict=True)], others, cuts, hits.begins)

    def _greedy(self, text: str, words: TextWords, hits: _Hits, at: Array) -> tuple[list[int], dict[int, list[Match]]]:
        """Which of the words `at` begin a match that counts; and of those with conditions, what they match."""
        nexts = np.searchsorted(at, hits.lasts.take(at) + 1).tolist()
        some = dict(zip(np.searchsorted(at, [*hits.some]).tolist(), hits.some, strict=True)) if hits.some else {}
        taken: list[int] = []
        others: dict[int, list[Match]] = {}
        now = floor = 0
        while now < len(nexts):
            if now in some:
                if taken and len(taken) - 1 not in others:
                    floor = int(words.ends[hits.lasts[at[taken[-1]]]])
                if best := self._some_of(text, words, hits, some[now], floor):
                    start, end, numbers, floor, after = best
                    others[len(taken)] = [(start, end, one) for one in self._ids[list(numbers)].tolist()]
                    taken.append(now)
                    now = int(np.searchsorted(at, after))
                    continue
                if not hits.values[some[now]]:
                    now += 1
                    continue
            taken.append(now)
            now = nexts[now]
        return taken, others

    def _some_of(
        self, text: str, words: TextWords, hits: _Hits, word: int, floor: int
    ) -> tuple[int, int, tuple[int, ...], int, int] | None:
        """The longest match with conditions that begins at a word and is longer than the longest without.

        (start, end, numbers of forms, end of its words and signs, the first word after it)
        """
        for last, number in reversed(hits.some[word]):
            if hits.values[word] and last < hits.lasts[word]:
                return None
            stems = words.stems[word : last + 1].tolist()
            starts = words.starts[word : last + 1].tolist()
            raw = "".join(text[start:stem] for start, stem in zip(starts, stems, strict=True))
            place = Words(starts[0], stems[-1], int(words.ends[last]), raw)
            if best := placed(text, self._entries(number), place, floor=floor):
                return *best, last + 1
        return None

    def _read_entries(self, number: int) -> tuple[Entry, ...]:
        rows = json.loads(self._some[self._places[number] : self._places[number + 1]].tobytes())
        return tuple(Entry(*row) for row in rows)


@dataclass(slots=True, eq=False)
class _Hits:
    """By first word: the last word and the value of the longest key without conditions; `some`: all keys with them."""

    lasts: Array
    values: Array
    marked: Array
    begins: Array = field(default_factory=lambda: np.zeros(1, np.int64))
    some: dict[int, list[tuple[int, int]]] = field(default_factory=dict)

    @classmethod
    def none(cls, count: int) -> _Hits:
        """Nothing hit yet."""
        return cls(np.zeros(count, np.int64), np.zeros(count, np.uint32), np.zeros(count, np.uint32))

    def add(self, words: TextWords, firsts: Array, lasts: Array, values: Array) -> None:
        """Keys that stand for forms, the longer ones of each first word later."""
        kinds = values & KIND
        plain = kinds != SOME
        self.lasts[firsts[plain]] = lasts[plain]
        self.values[firsts[plain]] = values[plain]
        if plain.all():
            return
        signs = words.letters[words.starts[firsts]]
        some = (~plain & (((values & CAPITAL) == 0) | ((signs >= 65) & (signs <= 90)))).nonzero()[0]
        self.marked[firsts[some]] = 1
        rows = (firsts[some], lasts[some], values[some] & NUMBER)
        for first, last, number in zip(*(row.tolist() for row in rows), strict=True):
            self.some.setdefault(first, []).append((last, number))


def _by_text(matches: list[Match], others: dict[int, list[Match]], cuts: list[int], begins: Array) -> list[list[Match]]:
    """The matches of each text from its cut on; in the places of `others`, with offsets in the whole, those."""
    if not others and len(cuts) == 1:
        return [matches]
    places, found = sorted(others), []
    for first, after, begin in zip(cuts, [*cuts[1:], len(matches)], begins.tolist(), strict=True):
        mine: list[Match] = []
        done = first
        for place in places[bisect_left(places, first) : bisect_left(places, after)]:
            mine += matches[done:place]
            mine += [(start - begin, end - begin, form) for start, end, form in others[place]]
            done = place + 1
        found.append(mine + matches[done:after])
    return found
