"""A note cut into words and runs of digits, once for every recogniser, with what they ask about a word."""

from __future__ import annotations

import re
from functools import cached_property

_TOKEN = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*|\d+")
_OPENS = re.compile(r"[\n\t.?!:•*;|]|   ")  # what a line, a column or a sentence begins behind
_ADDRESS = ("@", "_", "/", "\\")
_POSSESSIVE = ("'s", "’s", "'S", "’S")


class Tokens:
    """The words of one text: parallel lists of starts, ends and lower-case forms; offsets are code points."""

    def __init__(self, text: str) -> None:
        self.text = text
        found = [(match.start(), match.end()) for match in _TOKEN.finditer(text)]
        self.starts = [start for start, _ in found]
        self.ends = [end for _, end in found]
        self.words = [text[start:end] for start, end in found]
        self.lower = [word.lower().replace("’", "'") for word in self.words]

    def __len__(self) -> int:
        return len(self.starts)

    @cached_property
    def capitals(self) -> list[int]:
        """The tokens that begin with a capital letter."""
        return [at for at, word in enumerate(self.words) if word[0].isupper()]

    @cached_property
    def lower_words(self) -> frozenset[str]:
        """The words that stand somewhere in small letters: they are ordinary words of this note.

        Parts of addresses do not count (abernathy@example.org says nothing of the word), nor does a sentence that is
        typed without capitals: there names stand in small letters as well.
        """
        found = set()
        for at, word in enumerate(self.words):
            if word[0].islower() and at not in self.careless and not self._of_address(self.starts[at], self.ends[at]):
                found.add(word)
        return frozenset(found)

    @cached_property
    def careless(self) -> frozenset[int]:
        """The tokens of sentences that begin with a small letter, where a small letter says nothing of a word."""
        careless, found = False, []
        for at, word in enumerate(self.words):
            if self.at_sentence_start(at) and not (word[0].islower() and self._wrapped(at)):
                careless = word[0].islower()
            if careless:
                found.append(at)
        return frozenset(found)

    def _wrapped(self, at: int) -> bool:
        """Whether one line break alone stands before a word, so that its sentence may go on from the line before."""
        return at > 0 and self.text[self.ends[at - 1] : self.starts[at]] in ("\n", " \n")

    def _of_address(self, start: int, end: int) -> bool:
        before, after = self.text[max(0, start - 1) : start], self.text[end : end + 2]
        return before in _ADDRESS or after[:1] in _ADDRESS or (after[:1] == "." and after[1:].isalnum())

    @cached_property
    def after_colon(self) -> list[int]:
        """The tokens right after a colon on the same line."""
        return [at for at in range(1, len(self)) if self.gap(at - 1).strip(" \t") == ":"]

    def gap(self, at: int) -> str:
        """What stands between a token and the next; a line break after the last."""
        return self.text[self.ends[at] : self.starts[at + 1]] if at + 1 < len(self) else "\n"

    def core(self, at: int) -> str:
        """The lower-case word without a possessive ending; "" beyond the last."""
        word = self.lower[at] if at < len(self) else ""
        return word[:-2] if word.endswith("'s") else word

    def core_end(self, at: int) -> int:
        """Where the word ends without a possessive ending."""
        return self.ends[at] - 2 if self.possessive(at) else self.ends[at]

    def possessive(self, at: int) -> bool:
        """Whether the word ends in 's."""
        return self.words[at].endswith(_POSSESSIVE)

    def is_capital(self, at: int) -> bool:
        """Whether the word begins with a capital letter; false beyond the last."""
        return at < len(self) and self.words[at][0].isupper()

    def is_caps(self, at: int) -> bool:
        """Whether the word is all capitals, of two letters or more."""
        word = self.words[at]
        return len(word) > 1 and word.isupper()

    def is_plain(self, at: int) -> bool:
        """Whether a word has capitals only where names have them (Anna, ANNA, McKay; not rBBB)."""
        word = self.words[at]
        return word.isupper() or word[1:].islower() or word[:2] in ("Mc", "Ma", "De", "La", "O'", "D'", "O’", "D’")

    def at_line_start(self, at: int) -> bool:
        """Whether no word stands before it on its line."""
        return at == 0 or "\n" in self.text[self.ends[at - 1] : self.starts[at]]

    def at_sentence_start(self, at: int) -> bool:
        """Whether it begins a line, a column or a sentence, so that its capital says nothing."""
        return self._sentence_starts[at]

    @cached_property
    def _sentence_starts(self) -> list[bool]:
        """For each token what `at_sentence_start` says, by the gap before it."""
        opens, text = _OPENS.search, self.text
        gaps = zip(self.ends, self.starts[1:], strict=False)
        return [True, *(opens(text, end, start) is not None for end, start in gaps)] if self.starts else []

    def after_hyphen(self, at: int) -> bool:
        """Whether a letter and a hyphen stand right before it."""
        start = self.starts[at]
        return start > 1 and self.text[start - 1] in "-‐–" and self.text[start - 2].isalnum()

    def hyphenated(self, at: int) -> bool:
        """Whether a hyphen joins it to a word before or behind it."""
        return self.after_hyphen(at) or self.text[self.ends[at] : self.ends[at] + 1] in ("-", "‐", "–", "/")

    def mixed_line(self, at: int) -> bool:
        """Whether small letters stand within 40 characters, so that capitals mean something."""
        around = self.text[max(0, self.starts[at] - 40) : self.ends[at] + 40]
        return any(letter.islower() for letter in around)

    def words_to(self, at: int, count: int) -> list[str]:
        """The `count` lower-case words that end with this one, on its line."""
        return self.lower[max(0, at - count + 1) : at + 1]
