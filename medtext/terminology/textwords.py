"""A text as arrays: where its words lie, a 64-bit hash of each as it is compared, and of what stands between two.

The words and edges are those of `medtext.terminology.matcher`, whose functions decide wherever a character is not ASCII
or a gap is longer than two characters; the rest, nearly all of a note, is read by numpy without a loop over words.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from medtext.terminology.matcher import GAP, HYPHENS, MARKS, QUOTES, WORD, edge_of, fold

Array = np.ndarray

_PAD = bytes(32)
_MARGIN = 16  # words that a row may reach beyond the last, and no more
_LETTER, _MARK, _ODD, _HYPHEN, _QUOTE = 0x80, 0x81, 0x01, ord("-"), ord("'")  # what stands for a sign beyond ASCII
_INSIDE = bytes(chr(byte).isalnum() if byte < 0x80 else byte == _LETTER for byte in range(256))
_LOWER = bytes(byte + 32 if 65 <= byte <= 90 else ord("'") if byte == ord("`") else byte for byte in range(256))
_WITHIN = b"[" + re.escape(bytes(byte for byte in range(256) if _INSIDE[byte])) + b"]"
_OWNER = re.compile(b"'s(?!%b)" % _WITHIN)
_LONGEST_GAP = 81  # characters; where there are so many, no form goes on
_SLOW = 1  # in a table of edges: ask `edge_of`; 0 is no edge
# Constants are arrays of no dimension: numpy takes them in half the time of its scalars, which small texts notice.
_ODDS = tuple(np.array(odd, np.uint64) for odd in (0x9E3779B97F4A7C15, 0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53))
_SHIFTS = np.array(32, np.uint64), np.array(29, np.uint64)
_ONE, _TWO, _EIGHT = (np.array(number) for number in (1, 2, 8))
BASE = 0xD1342543DE82EF95  # odd, so that it has an inverse
_BACK = pow(BASE, -1, 1 << 64)
_MASKS = np.array([(1 << 8 * size) - 1 for size in range(9)], np.uint64)


@dataclass(frozen=True, slots=True, eq=False)
class TextWords:
    """The words of a text, offsets in code points: `stems` end a word, `ends` its possessive s too.

    The hash of a row of words is a sum: each word, and each edge, times the power of its place.

    `letters` are the bytes of the text, beyond ASCII a stand-in. `before` sums up all words and edges ahead of a word,
    `through` the word too, `back` takes a sum back to the front of the text. Where no form goes on the edge counts
    nothing, and beyond the last word lies what is no word: no row across either has the hash of a form.
    """

    starts: Array
    stems: Array
    ends: Array
    hashes: Array
    letters: Array
    before: Array
    through: Array
    back: Array

    def rows(self, firsts: Array, lasts: Array) -> Array:
        """The hash of the row of words from each first to its last."""
        sums = self.through.take(lasts, mode="clip")
        sums -= self.before.take(firsts)
        sums *= self.back.take(firsts)
        return sums


class TextReader:
    """Reads texts with one seed for all hashes; `edges` are those that matter, `longest` the bytes of a word."""

    def __init__(self, edges: Iterable[str], *, seed: int, longest: int) -> None:
        self._seed, self._longest = seed, longest
        names = tuple(edges)
        hashes = hash_words([name.encode("utf-8") for name in names], seed=~seed & 0xFFFFFFFF)
        self.edges = dict(zip(names, (hashes | np.uint64(2)).tolist(), strict=True))
        self._gap_edge = functools.lru_cache(maxsize=4096)(self._any_edge)
        self._by_pair = self._pairs()
        self._ahead, self._back = powers(BASE, 0), powers(_BACK, 0)

    def read(self, text: str) -> TextWords:
        """The words of a text."""
        raw = (text.encode("ascii") if text.isascii() else _patched(text)) + _PAD
        small = raw.translate(_LOWER)
        lower = np.frombuffer(small, np.uint8)
        starts, ends = _bounds(raw)
        hashes = _hashes(lower, starts, ends - starts, seed=self._seed, longest=self._longest)
        if not text.isascii():
            self._rehash(text, raw, starts, ends, hashes)
        starts, stems, ends, hashes = _owned(small, starts, ends, hashes)
        ahead, back = self._powers(len(starts))
        own = np.empty(len(starts) + _MARGIN, np.uint64)
        own[len(starts) :] = _ODDS[0]
        np.multiply(hashes, ahead, out=own[: len(starts)])
        sums = self._edges(text, lower, starts, ends)
        sums *= ahead
        before = np.zeros(len(own), np.uint64)
        sums += own[: len(starts)]
        sums.cumsum(out=before[1 : len(starts) + 1])
        own += before
        return TextWords(starts, stems, ends, hashes, np.frombuffer(raw, np.uint8), before, own, back)

    def _powers(self, count: int) -> tuple[Array, Array]:
        """The powers of the base and of its inverse; made once for the longest text so far."""
        if count > len(self._ahead):
            self._ahead, self._back = powers(BASE, 2 * count), powers(_BACK, 2 * count)
        return self._ahead[:count], self._back[:count]

    def _pairs(self) -> Array:
        """The edge of each gap of one or two ASCII characters, by the two characters that follow a word."""
        plain = [chr(byte) for byte in range(128) if not (chr(byte).isalnum() or byte in (_ODD, ord("_")))]
        inside = np.array([byte for byte in range(256) if _INSIDE[byte]]) << 8
        pairs = np.zeros(1 << 16, np.uint64)
        for first in plain:
            pairs[inside | ord(first)] = self._edge(first)
            pairs[[ord(second) << 8 | ord(first) for second in plain]] = [self._edge(first + last) for last in plain]
        pairs[_ODD::256] = pairs[_ODD << 8 : (_ODD + 1) << 8] = _SLOW
        return pairs

    def _edge(self, gap: str) -> int:
        return self.edges.get(edge_of(gap), 0)

    def _any_edge(self, gap: str) -> int:
        return self._edge(gap) if GAP.fullmatch(gap) else 0

    def _edges(self, text: str, lower: Array, starts: Array, ends: Array) -> Array:
        """The hash of the edge after each word; 0 after the last."""
        edges = np.zeros(len(starts), np.uint64)
        if not len(edges):
            return edges
        pairs = np.ndarray((len(lower) - 1,), "<u2", buffer=lower, strides=(1,))
        self._by_pair.take(pairs.take(ends[:-1]), out=edges[:-1])
        edges[:-1][starts[1:] - ends[:-1] > _TWO] = _SLOW
        slow = (edges == _SLOW).nonzero()[0]
        if len(slow):
            begins, stops = ends.take(slow), starts.take(slow + _ONE)
            stops = np.minimum(stops, begins + _LONGEST_GAP)
            gaps = map(text.__getitem__, map(slice, begins.tolist(), stops.tolist()))
            edges[slow] = np.fromiter(map(self._gap_edge, gaps), np.uint64, len(slow))
        return edges

    def _rehash(self, text: str, raw: bytes, starts: Array, ends: Array, hashes: Array) -> None:
        """Put right the hashes of words with a letter beyond ASCII."""
        if bytes([_LETTER]) not in raw:
            return
        letters = (np.frombuffer(raw, np.uint8) == _LETTER).nonzero()[0]
        odd = np.array(sorted({*(starts.searchsorted(letters, side="right") - 1).tolist()}))
        places = zip(starts[odd].tolist(), ends[odd].tolist(), strict=True)
        words = [fold(text[start:end]).encode("utf-8", "surrogatepass") for start, end in places]
        hashes[odd] = hash_words(words, seed=self._seed, longest=self._longest)


def hash_words(words: Sequence[bytes], *, seed: int, longest: int = 1 << 62) -> Array:
    """A uint64 hash of each word, as it is compared; of one with more than `longest` bytes, some number."""
    sizes = np.fromiter(map(len, words), np.int64, len(words))
    blob = np.frombuffer(b"".join(words) + _PAD, np.uint8)
    return _hashes(blob, np.cumsum(sizes) - sizes, sizes, seed=seed, longest=longest)


def powers(base: int, count: int) -> Array:
    """`count` powers of a number modulo 2⁶⁴, from the zeroth on."""
    found = np.full(count, base, np.uint64)
    found[:1] = 1
    return np.cumprod(found)


def _hashes(blob: Array, starts: Array, sizes: Array, *, seed: int, longest: int) -> Array:
    """Eight bytes at a time, two times after the first; the blob goes on for 24 bytes after the last word."""
    eights = np.ndarray((len(blob) - 7,), "<u8", buffer=blob, strides=(1,))
    found = sizes * _ODDS[0].view(np.int64)
    found = found.view(np.uint64)
    found ^= np.array(seed, np.uint64)
    found ^= eights[starts] & _MASKS.take(sizes, mode="clip")
    left, done = (sizes > _EIGHT).nonzero()[0], 8
    while len(left) and done < longest:
        more, at, over = found.take(left), starts.take(left) + done, sizes.take(left) - done
        for step in (0, 8):
            more *= _ODDS[0]
            more ^= more >> _SHIFTS[0]
            more ^= eights[at + step] & _MASKS.take(over - step, mode="clip")
        found[left] = more
        done += 16
        left = left[sizes.take(left) > done]
    found *= _ODDS[1]
    found ^= found >> _SHIFTS[0]
    found *= _ODDS[2]
    found ^= found >> _SHIFTS[1]
    return found


def _bounds(raw: bytes) -> tuple[Array, Array]:
    """Where words start and end, possessives not yet told apart."""
    inside = np.frombuffer(raw.translate(_INSIDE), np.uint8)
    turns = (inside[1:] != inside[:-1]).nonzero()[0] + _ONE
    if inside[0]:
        turns = np.concatenate(([0], turns))
    return turns[0::2], turns[1::2]


def _owned(lower: bytes, starts: Array, ends: Array, hashes: Array) -> tuple[Array, Array, Array, Array]:
    """Starts, stems, ends and hashes of the words; a possessive s belongs to the word before it."""
    quotes = [place.start() for place in _OWNER.finditer(lower)]
    lone = [quote + 1 for quote in quotes if quote and _INSIDE[lower[quote - 1]]]
    if not lone:
        return starts, ends, ends, hashes
    one = _alone(starts.searchsorted(lone))
    keep = np.ones(len(starts), bool)
    keep[one] = False
    whole = ends.copy()
    whole[one - 1] = ends[one]
    kept = keep.nonzero()[0]
    return starts.take(kept), ends.take(kept), whole.take(kept), hashes.take(kept)


def _alone(one: Array) -> Array:
    """Of the words that may be a possessive s those that are: one that follows another is not."""
    if not (one[1:] - one[:-1] == 1).any():
        return one
    taken: list[int] = []
    for word in one.tolist():
        if not taken or taken[-1] != word - 1:
            taken.append(word)
    return np.array(taken)


def _patched(text: str) -> bytes:
    """One byte a character: ASCII as it is, what lies beyond as the sign of what it does to words."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
    places = (codes > 127).nonzero()[0]
    raw = codes.astype(np.uint8)
    raw[places] = [*map(_sign, codes[places].tolist())]
    patched = bytearray(raw.tobytes())
    for place in places[raw[places] == _MARK].tolist():
        patched[place] = _LETTER if place and _INSIDE[patched[place - 1]] else _ODD
    return bytes(patched)


@functools.lru_cache(maxsize=1 << 14)
def _sign(code: int) -> int:
    character = chr(code)
    if "\u0300" <= character <= MARKS[-1]:
        return _MARK
    if WORD.match(character):
        return _LETTER
    if character in HYPHENS:
        return _HYPHEN
    return _QUOTE if character in QUOTES else _ODD
