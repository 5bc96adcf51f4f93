"""Choices from a secret: draws, and permutations that never send two values to one.

Each is an HMAC-SHA256, so that no table is needed and nobody without the secret can go back. The permutations are
Feistel networks as in NIST SP 800-38G, with HMAC as the round function; they hide values, they are no encryption to
rely on for the way back.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field

_ROUNDS = 6
_DIGITS = "0123456789"
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Keyed:
    """Choices of one secret."""

    key: bytes = field(repr=False)

    def draw(self, *parts: object) -> int:
        """A number of 64 bits that only the secret and these parts decide."""
        message = "\x1f".join(map(str, parts)).encode("utf-8", "surrogatepass")
        return int.from_bytes(hmac.digest(self.key, message, "sha256")[:8], "big")

    def place(self, at: int, count: int, *tweak: object) -> int:
        """Where a permutation of `range(count)` sends `at`; each `tweak` is another permutation."""
        half = max(1, ((count - 1).bit_length() + 1) // 2)
        mask = (1 << half) - 1
        while True:  # the network permutes a power of four; what lies beyond the range goes through again
            left, right = at >> half, at & mask
            for one in range(_ROUNDS):
                left, right = right, left ^ (self.draw("place", count, one, right, *tweak) & mask)
            at = left << half | right
            if at < count:
                return at

    def shape(self, text: str, *tweak: object) -> str | None:
        """Other digits for the digits and other letters for the letters; no two texts of one shape become the same.

        Case counts for nothing and is kept. None when the text has a letter or digit outside ASCII, or none at all.
        """
        low = text.lower()
        places = [at for at, one in enumerate(low) if one.isalnum()]
        if not places or len(low) != len(text) or not all(low[at] in _DIGITS + _LETTERS for at in places):
            return None
        sizes = [10 if low[at] in _DIGITS else 26 for at in places]
        values = [(_DIGITS if size == 10 else _LETTERS).index(low[at]) for at, size in zip(places, sizes, strict=True)]
        form = "".join("0" if one.isdigit() else "a" if one.isalpha() else one for one in low)
        out = list(text)
        for at, size, value in zip(places, sizes, self._mixed(values, sizes, (form, *tweak)), strict=True):
            new = (_DIGITS if size == 10 else _LETTERS)[value]
            out[at] = new.upper() if text[at].isupper() else new
        return "".join(out)

    def _mixed(self, values: list[int], sizes: Sequence[int], tweak: tuple) -> list[int]:
        """Each half in turn moved by what the other half holds."""
        middle = len(values) // 2
        halves = (range(middle), range(middle, len(values)))
        for one in range(_ROUNDS):
            moved, other = halves[one % 2], halves[1 - one % 2]
            told = ".".join(str(values[at]) for at in other)
            for at in moved:
                values[at] = (values[at] + self.draw("shape", one, at, told, *tweak)) % sizes[at]
        return values
