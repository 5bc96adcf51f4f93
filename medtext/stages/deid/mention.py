"""A name as its words: where it stands among the tokens of a note, and why it is taken for one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mention:
    """A stretch of tokens `[first, last]` taken for a name, and why."""

    first: int
    last: int
    label: str
    score: float
    rule: str
