"""Millions of forms found in texts at once: the rules of `medtext.terminology.matcher`, on files mapped into memory.

A FormIndex is a folder that never changes once built. Processes that open it share its pages, and pickling one sends
the path alone. Every word of a text is hashed once; a small table says which words begin a form, one large table
whether a row of words goes on, is a form, or both. The build proves that no two keys share a hash. Texts are compared
with forms by 48 bits of it and its place in the table, which say what its 64 bits say. With 1.7 million keys a row of
words that is no form passes once in 10¹³, so in thirty terabytes of text one false match is to be expected.

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
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from medtext.errors import FormatError, WouldOverwriteError
from medtext.terminology.formfiles import META, PARTS, TABLES, arrays_of, map_file, read_meta, write
from medtext.terminology.formrows import CAPITAL, KIND, MANY, NUMBER, SKIP, SOME, write_out
from medtext.terminology.hashtable import HashTable, upper_bits
from medtext.terminology.matcher import Entry, Words, placed
from medtext.terminology.textwords import TextReader, TextWords

Array = np.ndarray
Match = tuple[int, int, int]

_BATCH = 1 << 17  # characters read at once: arrays stay in the cache, and calls are few
_FEW = 1 << 11  # words from which on it pays to leave out at once what is no form
# Arrays of no dimension: numpy takes them in half the time of its scalars, which small texts notice.
_KIND, _SKIP, _MANY, _SOME, _NUMBER, _CAPITAL = (
    np.array(bits, np.uint32) for bits in (KIND, SKIP, MANY, SOME, NUMBER, CAPITAL)
)
_ONE = np.array(1)
_A, _LETTERS = np.array(ord("A"), np.uint8), np.array(26, np.uint8)
_BREAK = "\n\0\n"  # between two texts of a batch: no form goes on across it


class FormIndex:
    """Forms on disk or in memory, ready to be found: `FormIndex.open(folder).find(text)`."""

    def __init__(self, folder: Path | None, meta: dict[str, Any], arrays: dict[str, Array]) -> None:
        """Use `build`, `open` or `of`."""
        self._folder, self._count, self._told = folder, meta["forms"], (meta, arrays)
        self._reader = TextReader(meta["edges"], seed=meta["seed"], longest=meta["longest"])
        self._words, self._rows = (HashTable(*(arrays[f"{name}-{part}"] for part in PARTS)) for name in TABLES)
        self._uppers, self._base = arrays["uppers"], np.array(len(self._words.cells))
        self._ids, self._groups = arrays["ids"], arrays["groups"]
        self._some, self._places = arrays["some"], arrays["places"]
        self._entries = functools.lru_cache(maxsize=4096)(self._read_entries)

    def __len__(self) -> int:
        """How many forms there are."""
        return self._count

    def __repr__(self) -> str:
        place = str(self._folder) if self._folder else "in memory"
        return f"FormIndex({place!r}, forms={self._count})"

    def __reduce__(self) -> tuple[Any, ...]:
        return (FormIndex.open, (self._folder,)) if self._folder else (FormIndex, (None, *self._told))

    @classmethod
    def of(cls, forms: Iterable[tuple[str, int]]) -> FormIndex:
        """An index of (form, its number for you) in memory: for tables of thousands of forms, which take no second.

        Raises ValueError for a form without a letter or digit.
        """
        return cls(None, *arrays_of(write_out(forms)))

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
        begins = [*accumulate((len(one) + len(_BREAK) for one in texts[:-1]), initial=0)]
        return self._choose(text, words, self._hits(words), begins)

    def _hits(self, words: TextWords) -> _Hits:
        """What begins at each word: the longest form without conditions, and all that have some."""
        firsts = lasts = np.arange(len(words.starts))
        table, hashes, base = self._words, words.hashes, None
        rounds: list[Sequence[Array]] = []
        while len(firsts):
            values, slots = table.lookup(hashes)
            if base is not None:
                slots += base
            found = (firsts, lasts, values, hashes, slots)
            rounds.append(found if len(firsts) < _FEW else _standing(found))
            skips = values >> _SKIP
            on = skips.nonzero()[0]
            if not len(on):
                break
            firsts, lasts = firsts.take(on), lasts.take(on) + skips.take(on)
            table, hashes, base = self._rows, words.rows(firsts, lasts), self._base
        return self._checked(words, *map(np.concatenate, zip(*rounds, strict=True))) if rounds else _Hits.none()

    def _checked(self, words: TextWords, *found: Array) -> _Hits:
        """Of the keys in a text those that stand for forms, whose other bits are right too."""
        firsts, lasts, values, hashes, slots = _standing(found)
        right = (self._uppers.take(slots) == upper_bits(hashes)).nonzero()[0]
        if len(right) < len(firsts):
            firsts, lasts, values = firsts.take(right), lasts.take(right), values.take(right)
        return _Hits.of(words, firsts, lasts, values)

    def _choose(self, text: str, words: TextWords, hits: _Hits, begins: list[int]) -> list[list[Match]]:
        """Leftmost-longest of what was hit, from left to right; offsets within each text."""
        chosen, others = self._greedy(text, words, hits)
        taken = np.array(chosen, np.int64)
        values, starts = hits.values.take(taken), words.starts.take(hits.firsts.take(taken))
        ends = words.stems.take(hits.lasts.take(taken))
        many = ((values & _KIND) == _MANY).nonzero()[0]
        for place, value in zip(many.tolist(), (values[many] & NUMBER).tolist(), strict=True):
            if place not in others:
                numbers = self._groups[value + 1 : value + 1 + int(self._groups[value])]
                others[place] = [(int(starts[place]), int(ends[place]), one) for one in self._ids[numbers].tolist()]
        ids = self._ids.take(values & _NUMBER, mode="clip")
        cuts = [0]
        if len(begins) > 1:
            cuts = starts.searchsorted(begins).tolist()
            shift = np.repeat(begins, np.diff([*cuts, len(starts)]))
            starts, ends = starts - shift, ends - shift
        return _by_text([*zip(starts.tolist(), ends.tolist(), ids.tolist(), strict=True)], others, cuts, begins)

    def _greedy(self, text: str, words: TextWords, hits: _Hits) -> tuple[list[int], dict[int, list[Match]]]:
        """Which hits count; and of those with conditions, what they match."""
        nexts = hits.firsts.searchsorted(hits.lasts + _ONE).tolist()
        taken: list[int] = []
        others: dict[int, list[Match]] = {}
        now = floor = 0
        for stop in (*sorted(hits.some), len(nexts)):
            while now < stop:
                taken.append(now)
                now = nexts[now]
            if now > stop or stop == len(nexts):
                continue
            if taken and len(taken) - 1 not in others:
                floor = int(words.ends[hits.lasts[taken[-1]]])
            if best := self._some_of(text, words, hits, now, floor):
                start, end, numbers, floor, after = best
                others[len(taken)] = [(start, end, one) for one in self._ids[list(numbers)].tolist()]
                taken.append(now)
                now = int(hits.firsts.searchsorted(after))
            elif not hits.values[now]:
                now += 1
        return taken, others

    def _some_of(
        self, text: str, words: TextWords, hits: _Hits, at: int, floor: int
    ) -> tuple[int, int, tuple[int, ...], int, int] | None:
        """The longest match with conditions that begins where a hit does and is longer than that without.

        (start, end, numbers of forms, end of its words and signs, the first word after it)
        """
        word, longest = int(hits.firsts[at]), int(hits.lasts[at]) if hits.values[at] else -1
        for last, number in reversed(hits.some[at]):
            if last < longest:
                return None
            start, stem = int(words.starts[word]), int(words.stems[last])
            places = zip(words.starts[word : last + 1].tolist(), words.stems[word : last + 1].tolist(), strict=True)
            raw = text[start:stem] if last == word else "".join(text[one:other] for one, other in places)
            place = Words(start, stem, int(words.ends[last]), raw)
            if best := placed(text, self._entries(number), place, floor=floor):
                return *best, last + 1
        return None

    def _read_entries(self, number: int) -> tuple[Entry, ...]:
        rows = json.loads(self._some[self._places[number] : self._places[number + 1]].tobytes())
        return tuple(Entry(*row) for row in rows)


@dataclass(frozen=True, slots=True, eq=False)
class _Hits:
    """Words at which a form may begin, in order; the last word and value of the longest form without conditions there.

    `some`: by place in these arrays, the last word and number of each key with conditions, the longer ones later; where
    there is nothing but such, the value is 0.
    """

    firsts: Array
    lasts: Array
    values: Array
    some: dict[int, list[tuple[int, int]]]

    @classmethod
    def none(cls) -> _Hits:
        """Nothing was hit."""
        return cls(*(np.zeros(0, kind) for kind in (np.int64, np.int64, np.uint32)), {})

    @classmethod
    def of(cls, words: TextWords, firsts: Array, lasts: Array, values: Array) -> _Hits:
        """Keys that stand for forms, the longer ones of each first word later."""
        conditional = (values & _KIND) == _SOME
        some = conditional.nonzero()[0]
        rows: list[tuple[int, int, int]] = []
        best = np.zeros(len(words.starts), np.int64)  # by first word: 1 + where its last and longest key stands
        if len(some):
            some, plain = _possible(words, firsts, values, some), (~conditional).nonzero()[0]
            rows = [*zip(*(one.take(some).tolist() for one in (firsts, lasts, values & _NUMBER)), strict=True)]
            values[some] = 0
            best[firsts.take(some)] = some + _ONE
            best[firsts.take(plain)] = plain + _ONE
        else:
            best[firsts] = np.arange(1, len(firsts) + 1)
        firsts = best.nonzero()[0]
        order = best.take(firsts) - _ONE
        places = firsts.searchsorted([first for first, _, _ in rows]).tolist() if rows else []
        held: dict[int, list[tuple[int, int]]] = {}
        for place, (_, last, number) in zip(places, rows, strict=True):
            held.setdefault(place, []).append((last, number))
        return cls(firsts, lasts.take(order), values.take(order), held)


def _standing(found: Sequence[Array]) -> list[Array]:
    """Of keys those that stand for forms; the third array holds the values."""
    some = (found[2] & _KIND).nonzero()[0]
    return [one.take(some) for one in found]


def _possible(words: TextWords, firsts: Array, values: Array, some: Array) -> Array:
    """Of keys with conditions those that do not ask for a capital letter where there is none."""
    letters = words.letters.take(words.starts.take(firsts.take(some)))
    capital = letters - _A < _LETTERS  # what comes before A is beyond Z, for bytes begin again
    return some[capital | ((values.take(some) & _CAPITAL) == 0)]


def _by_text(
    matches: list[Match], others: dict[int, list[Match]], cuts: list[int], begins: list[int]
) -> list[list[Match]]:
    """The matches of each text from its cut on; in the places of `others`, with offsets in the whole, those."""
    if not others and len(cuts) == 1:
        return [matches]
    places, found = sorted(others), []
    for first, after, begin in zip(cuts, [*cuts[1:], len(matches)], begins, strict=True):
        mine: list[Match] = []
        done = first
        for place in places[bisect_left(places, first) : bisect_left(places, after)]:
            mine += matches[done:place]
            mine += [(start - begin, end - begin, form) for start, end, form in others[place]]
            done = place + 1
        found.append(mine + matches[done:after])
    return found
