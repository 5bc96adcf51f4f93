"""How a text is cut for a model, in training and in use alike: stretches of whole sentences that fit its window.

Cuts depend on the text beside them, never on what stands elsewhere: always at blank lines; within a paragraph,
sentences and lines are packed up to the budget, and early where a hash of the last one says so. So a replaced name or a
copied-forward paragraph leaves the other stretches word for word as they were. Offsets are code points.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

from medtext.errors import ConfigError, StageError

RULE = "paragraphs/1"
_BLANKS = re.compile(r"\s+")
_SHORTENED = re.compile(r"\b(?:[A-Za-z]|Dr|Drs|Mr|Mrs|Ms|Prof|St|Mt|Ft|No|vs|approx|Jr|Sr|e\.g|i\.e|cf|Fig)\.$")
_LONGEST_SHORTENED = 8
_CLOSING = frozenset("\"')]”’")


@dataclass(frozen=True, slots=True)
class Unit:
    """What a model reads at once: at most `tokens`, special ones not counted; a longer sentence in windows.

    `overlap` is how many tokens neighbouring windows share.
    """

    tokens: int = 126
    overlap: int = 32
    rule: str = RULE

    def __post_init__(self) -> None:
        whole = all(isinstance(one, int) and not isinstance(one, bool) for one in (self.tokens, self.overlap))
        if not whole or self.tokens < 4:
            raise ConfigError(f"A window of {self.tokens!r} tokens is not a whole number of at least 4.")
        if not 0 <= self.overlap < self.tokens:
            raise ConfigError(f"The overlap {self.overlap} must be less than the window of {self.tokens} tokens.")
        if self.rule != RULE:
            raise ConfigError(f"Text is cut by the rule {RULE} here, not by {self.rule!r}")


@dataclass(frozen=True, slots=True)
class Stretch:
    """What goes through the model in one row: ids without the special ones, and each token's place in the text.

    `first[i]` says that token i begins a word. Only tokens `[own[0], own[1])` take their labels from this stretch; the
    others are context that a neighbour owns. `follows` says that the one before is a window of the same sentence.
    """

    ids: tuple[int, ...]
    offsets: tuple[tuple[int, int], ...]
    first: tuple[bool, ...]
    own: tuple[int, int]
    follows: bool = False


@dataclass(slots=True)
class _Run:
    """Tokens that follow each other; `sound` is the hash of the text of the last piece."""

    ids: list[int]
    offsets: list[tuple[int, int]]
    first: list[bool]
    sound: int = 0


def open_tokenizer(file: str | Path) -> Any:
    """The tokenizer of a `tokenizer.json`, without the truncation and padding that packaged ones have built in."""
    from tokenizers import Tokenizer

    try:
        made = Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises nothing narrower
        raise StageError(f"{file} is no tokenizer ({type(error).__name__}). Copy the model folder again.") from None
    made.no_truncation()
    made.no_padding()
    return made


def special_ids(tokenizer: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The ids that the model wants before and after a stretch, such as [CLS] and [SEP]."""
    tokens = tokenizer.encode("a", add_special_tokens=True)
    own = [at for at, special in enumerate(tokens.special_tokens_mask) if not special]
    return (tuple(tokens.ids[: own[0]]), tuple(tokens.ids[own[-1] + 1 :])) if own else ((), ())


def cut(texts: Sequence[str], tokenizer: Any, unit: Unit) -> list[list[Stretch]]:
    """The stretches of each text, in order; together they own every token once."""
    borders = [list(_pieces(text)) for text in texts]
    pieces = [text[start:end] for text, held in zip(texts, borders, strict=True) for start, end, _ in held]
    encoded = zip(tokenizer.encode_batch(pieces, add_special_tokens=False), pieces, strict=True)
    return [list(_stretches(held, encoded, unit)) for held in borders]


def _pieces(text: str) -> Iterator[tuple[int, int, bool]]:
    """Sentences and lines that cover the text, and whether a paragraph ends with each."""
    begun = 0
    for match in _BLANKS.finditer(text):
        start, end = match.span()
        if start == 0 or end == len(text):
            continue
        run = match.group()
        breaks = 0 if run == " " else len((run + "x").splitlines()) - 1
        if breaks > 1 or (not text[end].islower() and (breaks or _ends_sentence(text, start))):
            yield begun, end, breaks > 1
            begun = end
    if begun < len(text):
        yield begun, len(text), True


def _ends_sentence(text: str, end: int) -> bool:
    last = end - 1
    while last > 0 and text[last] in _CLOSING:
        last -= 1
    if text[last] not in ".!?":
        return False
    return not _SHORTENED.search(text[max(0, last + 1 - _LONGEST_SHORTENED) : last + 1])


def _stretches(
    borders: Iterable[tuple[int, int, bool]], encoded: Iterator[tuple[Any, str]], unit: Unit
) -> Iterator[Stretch]:
    """Pieces packed into stretches; `encoded` gives the tokens of one piece after the other."""
    held = _Run([], [], [])
    for start, _, ends in borders:
        new = _run(*next(encoded), start)
        early = len(held.ids) * 2 >= unit.tokens and held.sound % 2 == 0
        if held.ids and (early or len(held.ids) + len(new.ids) > unit.tokens):
            yield from _windows(held, unit)
            held = new
        else:
            held = _Run(held.ids + new.ids, held.offsets + new.offsets, held.first + new.first, new.sound)
        if ends:
            yield from _windows(held, unit)
            held = _Run([], [], [])


def _run(encoding: Any, piece: str, shift: int) -> _Run:
    words = encoding.word_ids
    before = [None, *words]
    first = [word is None or word != last for word, last in zip(words, before, strict=False)]
    offsets = [(start + shift, end + shift) for start, end in encoding.offsets]
    return _Run(encoding.ids, offsets, first, crc32(piece.strip().encode()))


def _windows(run: _Run, unit: Unit) -> Iterator[Stretch]:
    """A run that fits as one stretch; a longer one as windows that overlap, cut between words where words are short.

    What two windows share belongs half to each, so that every token is read where it stands most central.
    """
    size, start, owned, slack = len(run.ids), 0, 0, unit.tokens // 4
    while owned < size:
        end, following, border = size, size, size
        if size - start > unit.tokens:
            end = _word_start(run.first, start + unit.tokens, max(owned + 1, start + unit.tokens - slack))
            following = max(start + 1, _word_start(run.first, end - unit.overlap, end - unit.overlap - slack))
            border = max(owned + 1, (following + end + 1) // 2)
            border = _word_start(run.first, border, max(following, owned + 1))
        yield Stretch(
            tuple(run.ids[start:end]),
            tuple(run.offsets[start:end]),
            tuple(run.first[start:end]),
            (owned - start, border - start),
            follows=owned > 0,
        )
        start, owned = following, border


def _word_start(first: list[bool], at: int, least: int) -> int:
    """The last place from `least` to `at` where a word begins; `at` itself where none does."""
    for place in range(at, max(least, 0) - 1, -1):
        if first[place]:
            return place
    return at
