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
from medtext.terminology.textwords import BASE, TextReader, hash_words, powers
from medtext.terminology.variants import Variants, shipped_variants

Array = np.ndarray

# The value of a key, 32 bits: how many words on the next key lies that begins with this one, 0 when there is none; what
# it stands for; whether all its entries begin with a capital letter; and the number of the form, or where its forms or
# entries lie. No key is kept for the words between: most forms are alone after two or three words.
SKIP, KIND, CAPITAL, NUMBER = 28, 3 << 26, 1 << 25, (1 << 25) - 1
ONE, MANY, SOME = 1 << 26, 2 << 26, 3 << 26
_FARTHEST = 15

_PLAIN = re.compile(r"[A-Za-z0-9]+(?: [A-Za-z0-9]+)*")


@dataclass(slots=True)
class FormRows:
    """Grows form by form: `add` each, then ask for `keys`."""

    words: dict[str, int] = field(default_factory=dict)
    edges: dict[str, int] = field(default_factory=lambda: {" ": 0})
    ids: array = field(default_factory=lambda: array("q"))
    entries: list[Entry] = field(default_factory=list)
    _variants: Variants = field(default_factory=shipped_variants)
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
        given = tuple(form.split(" "))
        for wording in self._variants.wordings(given):
            words = array("i", map(self._word, wording[:-1]))
            ends = self._plural(wording[-1]) if self._variants.takes_plural(wording, given) else ()
            for word in (self._word(wording[-1]), *ends):
                self._row_words.extend(words)
                self._row_words.append(word)
                self._row_edges.extend([0] * len(wording))
                self._close(len(wording), number, -1)

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
        """All keys with their values; raises HashClash when two share a hash under this seed."""
        if len(self.ids) > NUMBER or len(self._forms) >= 1 << 31:
            raise ValueError(f"{len(self.ids)} forms are too many for one index; {NUMBER} is the most.")
        words = [word.encode("utf-8", "surrogatepass") for word in self.words]
        sizes, values = _numbers(self._sizes), _Values(_numbers(self._forms), _numbers(self._entry), self.entries)
        ends = np.zeros(len(sizes), np.uint64)
        steps = list(_steps(sizes, self._states(words, seed), self._states(words, seed + 1), ends))
        keys, skips = (np.concatenate([step[part] for step in steps]) for part in (0, 1))
        if len(np.unique(keys)) < len(keys):
            raise HashClash("Two rows of words share a hash.")
        found = skips << np.uint32(SKIP) | _looked_up(*values.of(ends), keys)
        first = len(steps[0][0])
        longest = max(map(len, words), default=0)
        return FormKeys(keys[:first], found[:first], keys[first:], found[first:], values, longest)

    def _states(self, words: list[bytes], seed: int) -> Iterator[tuple[Array, Array]]:
        """The rows with more than 0, 1, 2 … words, and the hash of each up to there."""
        reader = TextReader(self.edges, seed=seed, longest=1 << 62)
        edge_hashes = np.array([reader.edges[edge] for edge in self.edges], np.uint64)
        word_hashes = hash_words(words, seed=seed)
        sizes, row_words, row_edges = _numbers(self._sizes), _numbers(self._row_words), _numbers(self._row_edges)
        firsts = np.cumsum(sizes) - sizes
        rows, sums = np.arange(len(sizes)), word_hashes[row_words[firsts]]
        yield rows, sums
        ahead = powers(BASE, int(sizes.max(initial=0)))
        for depth in range(1, len(ahead)):
            on = np.flatnonzero(sizes[rows] > depth)
            rows = rows[on]
            at = firsts[rows] + depth
            sums = (
                sums[on] + edge_hashes[row_edges[at - 1]] * ahead[depth - 1] + word_hashes[row_words[at]] * ahead[depth]
            )
            yield rows, sums


@dataclass(frozen=True, slots=True, eq=False)
class FormKeys:
    """The hashes and values of first words, the same of longer keys, what values point at, and the longest word."""

    words: Array
    word_values: Array
    rows: Array
    row_values: Array
    values: _Values
    longest: int


def _steps(
    sizes: Array, states: Iterator[tuple[Array, Array]], others: Iterator[tuple[Array, Array]], ends: Array
) -> Iterator[tuple[Array, Array]]:
    """Depth by depth the keys that are kept and how far on the next lies; fills `ends`, the hash of each whole row.

    After a key the next is kept where the first of the rows that begin with it ends. `others` are hashes under another
    seed: raises HashClash where two of them share one here.
    """
    turn = np.ones(len(sizes), np.int64)  # the depth at which a row's next key is kept
    for depth, ((alive, found), (_, checks)) in enumerate(zip(states, others, strict=True), start=1):
        now = np.flatnonzero(turn[alive] == depth)
        rows, hashes = alive[now], found[now]
        ends[rows[sizes[rows] == depth]] = hashes[sizes[rows] == depth]
        keys, firsts, which = np.unique(hashes, return_index=True, return_inverse=True)
        if (checks[now] != checks[now][firsts][which]).any():
            raise HashClash("Two rows of words share a hash.")
        nearest = np.full(len(keys), np.iinfo(np.int32).max)
        longer = sizes[rows] > depth
        np.minimum.at(nearest, which[longer], sizes[rows[longer]])
        skips = np.where(nearest < np.iinfo(np.int32).max, np.minimum(nearest - depth, _FARTHEST), 0)
        turn[rows] = depth + skips[which]
        yield keys, skips.astype(np.uint32)


def _looked_up(known: Array, values: Array, keys: Array) -> Array:
    """The value of each key, 0 where it is not known; `known` is sorted."""
    if not len(known):
        return np.zeros(len(keys), np.uint32)
    at = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    return np.where(known[at] == keys, values[at], np.uint32(0))


def _numbers(held: array) -> Array:
    """An array of C ints as numpy sees it."""
    return np.array(held, np.int64)


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
