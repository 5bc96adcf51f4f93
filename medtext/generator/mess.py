"""How people type: all capitals, no capitals, no colons, doubled blanks, tabs, broken lines."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

from medtext.generator.pieces import Piece

_WORDED = frozenset(
    ["PATIENT", "RELATIVE", "PROVIDER", "NAME", "ADDRESS", "PLACE", "DATE", "AGE", "HOSPITAL", "PROFESSION"]
)
_CASES = frozenset(["capitals", "lower"])
_COLON = re.compile(r":(?=[ \t])")


def messy(pieces: Sequence[Piece], rng: random.Random) -> list[Piece]:
    """The pieces in one or two bad habits of typing. Codes and numbers keep their letters."""
    habits = rng.sample(sorted(_HABITS), 1 if rng.random() < 0.75 else 2)
    if len(set(habits) & _CASES) == 2:
        habits = habits[:1]
    for habit in habits:
        pieces = [_HABITS[habit](piece, habit, rng) for piece in pieces]
    return list(pieces)


def _capitals(piece: Piece, habit: str, rng: random.Random) -> Piece:
    return _recased(piece, habit, str.upper)


def _lower(piece: Piece, habit: str, rng: random.Random) -> Piece:
    return _recased(piece, habit, str.lower)


def _recased(piece: Piece, habit: str, change: Callable[[str], str]) -> Piece:
    if piece.label and piece.label not in _WORDED:
        return piece
    return piece.retyped(change(piece.text), habit)


def _colons(piece: Piece, habit: str, rng: random.Random) -> Piece:
    return piece.retyped(piece.text if piece.label else _COLON.sub("", piece.text), habit)


def _tabs(piece: Piece, habit: str, rng: random.Random) -> Piece:
    return piece.retyped(piece.text if piece.label else _COLON.sub(":\t", piece.text), habit)


def _doubled(piece: Piece, habit: str, rng: random.Random) -> Piece:
    """As a scanner reads: some blanks are two, inside names as well."""
    return piece.retyped(re.sub(" ", lambda _: " " if rng.random() < 0.7 else "  ", piece.text), habit)


def _broken(piece: Piece, habit: str, rng: random.Random) -> Piece:
    """As an export with narrow lines: some blanks are line breaks, inside names as well."""
    return piece.retyped(re.sub(" ", lambda _: " " if rng.random() < 0.88 else "\n", piece.text), habit)


_HABITS: dict[str, Callable[[Piece, str, random.Random], Piece]] = {
    "capitals": _capitals,
    "lower": _lower,
    "no_colons": _colons,
    "tabs": _tabs,
    "doubled": _doubled,
    "broken": _broken,
}
