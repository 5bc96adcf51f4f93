"""The forms of a terminology written out, each in all its spellings, as the arrays that a FormIndex is made of.

A *row* is one spelling: words, the edges between them, and the form it stands for. Rows that share all words and edges
are one key. A key stands for a form (ONE), for several (MANY), or for entries with conditions beyond its words (SOME).
"""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from medtext.terminology.hashtable import HashClash
from medtext.terminology.matcher import Entry, by_reach, fold, keeps_case, plurals, spellings
from medtext.terminology.textwords import TextReader, hash_words, join_hashes

Array = np.ndarray

# The value of a key, 32 bits: whether longer keys begin with it; what it stands for; whether all its entries begin with
# a capital letter; and the number of the form, or where its forms or entries lie.
GOES_ON, CAPITAL, NUMBER, KIND = 1 << 31, 1 << 28, (1 << 28) - 1, 3 << 29
ONE, MANY, SOME = 1 << 29, 2 << 29, 3 << 29

_PLAIN = re.compile(r"[A-Za-z0-9]+(?: [A-Za-z0-9]+)*")


@dataclass(slots=True)
class FormRows:
    """Grows form by form: `add` each, then ask for `keys`."""

    words: dict[str, int] = field(default_factory=dict)
    edges: dict[str, int] = field(default_factory=lambda: {" ": 0})
    ids: array = field(default_factory=lambda: array("q"))
    entries: list[Entry] = field(default_factory=list)
    _folded: dict[str, int] = field(default_factory=dict)
    _plurals: dict[str, tuple[int, ...]] = field(default_factory=dict)
    _row_words: array = field(default_factory=lambda: array("i"))
    _row_edges: array = field(default_factory=lambda: array("i"))
    _sizes: array = field(default_factory=lambda: array("i"))
    _forms: array = field(default_factory=lambda: array("i"))
    _entry: array = field(default_factory=lambda: array("i"))  # where in `entries`, -1 for a row without conditions

    def add(self, form: str, form_id: int) -> None:
        """Write out one form; raises ValueError for a form without a letter or digit."""
        number = len(self.ids)
        exact = keeps_case(form)
        if not exact and _PLAIN.fullmatch(form):
            self._add_plain(form, number)
        else:
            self._add_spellings(form, number, exact=exact)
        self.ids.append(form_id)

    def _add_plain(self, form: str, number: int) -> None:
        *front, last = form.split(" ")
        words = array("i", map(self._word, front))
        for word in (self._word(last), *self._plural(last)):
            self._row_words.extend(words)
            self._row_words.append(word)
            self._row_edges.extend([0] * (len(front) + 1))
            self._close(len(front) + 1, number, -1)

    def _add_spellings(self, form: str, number: int, *, exact: bool) -> None:
        for spelling in spellings(form):
            raw = "".join(spelling.words) if exact else ""
            entry = Entry(number, raw, spelling.head, spelling.tail, spelling.possessive[-1])
            self._row_words.extend(map(self._word, spelling.words))
            self._row_edges.extend([self.edges.setdefault(edge, len(self.edges)) for edge in spelling.edges])
            self._row_edges.append(0)
            plain = not (raw or entry.head or entry.tail or entry.possessive)
            self._close(len(spelling.words), number, -1 if plain else len(self.entries))
            if not plain:
                self.entries.append(entry)

    def _close(self, size: int, number: int, entry: int) -> None:
        self._sizes.append(size)
        self._forms.append(number)
        self._entry.append(entry)

    def _word(self, word: str) -> int:
        known = self._folded.get(word)
        if known is None:
            folded = fold(word)
            known = self._folded[word] = self.words.setdefault(folded, len(self.words))
        return known

    def _plural(self, word: str) -> tuple[int, ...]:
        known = self._plurals.get(word)
        if known is None:
            known = self._plurals[word] = tuple(map(self._word, plurals(word)))
        return known

    def keys(self, *, seed: int) -> FormKeys:
        """All keys with their values; raises HashClash when two share one under this seed."""
        words = [word.encode("utf-8", "surrogatepass") for word in self.words]
        longest = max(map(len, words), default=0)
        hashes, others = self._hashes(words, seed), self._hashes(words, seed + 1)
        hashes.check(others)
        values = _Values(np.frombuffer(self._forms, np.int32), np.frombuffer(self._entry, np.int32), self.entries)
        ends, numbers = values.of(hashes.ends())
        return FormKeys(*hashes.nodes(ends, numbers), values=values, longest=longest)

    def _hashes(self, words: list[bytes], seed: int) -> _Prefixes:
        reader = TextReader(self.edges, seed=seed, longest=1 << 62)
        edges = np.array([reader.edges[edge] for edge in self.edges], np.uint64)
        sizes = np.frombuffer(self._sizes, np.int32).astype(np.int64)
        row_words, row_edges = np.frombuffer(self._row_words, np.int32), np.frombuffer(self._row_edges, np.int32)
        return _Prefixes(sizes, row_words, row_edges, hash_words(words, seed=seed), edges)


@dataclass(frozen=True, slots=True, eq=False)
class FormKeys:
    """The hashes and values of first words, the same of longer keys, what values point at, and the longest word."""

    words: Array
    word_values: Array
    rows: Array
    row_values: Array
    values: _Values
    longest: int


class _Prefixes:
    """The hash of every beginning of every row: `steps[d]` of the rows with more than d words, `rows[d]`."""

    def __init__(self, sizes: Array, words: Array, edges: Array, word_hashes: Array, edge_hashes: Array) -> None:
        firsts = np.cumsum(sizes) - sizes
        self.sizes, self.rows, self.steps = sizes, [np.arange(len(sizes))], [word_hashes[words[firsts]]]
        for depth in range(1, int(sizes.max(initial=0))):
            on = np.flatnonzero(sizes[self.rows[-1]] > depth)
            rows = self.rows[-1][on]
            at = firsts[rows] + depth
            before = edge_hashes[edges[at - 1]]
            self.steps.append(join_hashes(self.steps[-1][on], before, word_hashes[words[at]]))
            self.rows.append(rows)

    def ends(self) -> Array:
        """The hash of each whole row."""
        found = np.zeros(len(self.sizes), np.uint64)
        for depth, (rows, step) in enumerate(zip(self.rows, self.steps, strict=True), start=1):
            last = self.sizes[rows] == depth
            found[rows[last]] = step[last]
        return found

    def check(self, others: _Prefixes) -> None:
        """Raises HashClash when two beginnings that differ share a hash; `others` are the same rows' other hashes."""
        pairs = [
            np.unique(np.stack([mine, theirs], axis=1).view("<u8,<u8"))
            for mine, theirs in zip(self.steps, others.steps, strict=True)
        ]
        mine = np.concatenate([pair["f0"].ravel() for pair in pairs])
        if len(np.unique(mine)) < len(mine):
            raise HashClash("Two rows of words share a hash.")

    def nodes(self, ends: Array, values: Array) -> Iterator[Array]:
        """First words and their values, longer beginnings and theirs; `ends` are sorted and distinct."""
        longer = [
            step[self.sizes[rows] > depth + 1]
            for depth, (rows, step) in enumerate(zip(self.rows, self.steps, strict=True))
        ]
        first = np.unique(self.steps[0])
        rest = np.unique(np.concatenate([np.unique(step) for step in self.steps[1:]] or [first[:0]]))
        on = np.unique(np.concatenate([np.unique(step) for step in longer]))
        for keys in (first, rest):
            yield keys
            found = np.zeros(len(keys), np.uint32)
            for known, value in ((ends, values), (on, np.full(len(on), GOES_ON, np.uint32))):
                at = np.minimum(np.searchsorted(known, keys), len(known) - 1)
                found |= np.where(known[at] == keys, value[at], 0).astype(np.uint32) if len(known) else found
            yield found


class _Values:
    """What keys stand for: forms with several numbers in `groups`, entries with conditions as JSON lines in `some`."""

    def __init__(self, forms: Array, entry: Array, entries: list[Entry]) -> None:
        self._forms, self._entry, self._entries = forms, entry, entries
        self.groups = array("i")
        self.some: list[bytes] = []

    def of(self, ends: Array) -> tuple[Array, Array]:
        """The distinct hashes of whole rows, sorted, and what each stands for."""
        order = np.lexsort((self._forms, ends))
        keys, firsts = np.unique(ends[order], return_index=True)
        forms, entry = self._forms[order], self._entry[order]
        bounds = np.append(firsts, len(order))
        values = (forms[firsts] | ONE).astype(np.uint32)
        for key in np.flatnonzero((np.diff(bounds) > 1) | (entry[firsts] >= 0)).tolist():
            rows = slice(bounds[key], bounds[key + 1])
            values[key] = self._value(forms[rows], entry[rows])
        return keys, values

    def _value(self, forms: Array, entry: Array) -> int:
        if (entry < 0).all():
            numbers = sorted(set(forms.tolist()))
            return ONE | numbers[0] if len(numbers) == 1 else self._many(numbers)
        pairs = zip(forms.tolist(), entry.tolist(), strict=True)
        held = {self._entries[one] if one >= 0 else Entry(number, "", "", "", False) for number, one in pairs}
        capital = all(entry.exact[:1].isascii() and entry.exact[:1].isupper() for entry in held)
        rows = [(one.form, one.exact, one.head, one.tail, one.possessive) for one in sorted(held, key=by_reach)]
        self.some.append(json.dumps(rows).encode("ascii"))
        return SOME | (CAPITAL if capital else 0) | (len(self.some) - 1)

    def _many(self, numbers: list[int]) -> int:
        self.groups.append(len(numbers))
        self.groups.extend(numbers)
        return MANY | (len(self.groups) - 1 - len(numbers))


def write_out(forms: Iterable[tuple[str, int]]) -> FormRows:
    """All forms, written out."""
    rows = FormRows()
    for form, form_id in forms:
        rows.add(form, form_id)
    return rows
