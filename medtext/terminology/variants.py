"""Other ways to write the words of a form: British and American, "fractures of the femur", "femur fracture".

They are made when forms are read, so that texts are compared as they stand and offsets stay exact.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from importlib.resources import files

from medtext.config import Table, read_yaml

Wording = tuple[str, ...]
_OF, _THE = "of", "the"


class Variants:
    """Rules for other wordings, read from a table with the keys of `terminology/rules/spellings.yaml`."""

    def __init__(self, top: Table) -> None:
        pairs = [tuple(pair) for pair in top.get_typed("spellings", list, [])]
        # The British first: many a British part holds the American one (oesophag, esophag).
        self._american, self._british = _Parts({one: other for other, one in pairs}), _Parts(dict(pairs))
        self._heads = frozenset(top.get_typed("heads", list, []))
        self._joining = frozenset(top.get_typed("joining", list, []))
        self._fixed = frozenset(top.get_typed("fixed", list, [])) | self._joining
        self.longest = top.get_typed("longest", int, 1 << 30)
        self._most = top.get_typed("most", int, 0)
        self.respell = functools.lru_cache(maxsize=1 << 16)(self._respell)

    def _respell(self, word: str) -> str:
        """A word as it is written across the ocean, in lower case; the word itself where both write it alike."""
        low = word.lower()
        other = self._american.replace(low)
        if other == low:
            other = self._british.replace(low)
        return word if other == low else other

    def wordings(self, words: Wording) -> tuple[Wording, ...]:
        """The words of a form with nothing but blanks between them, then its other wordings, each once."""
        if len(words) > self.longest:
            return (words,)
        other = tuple(map(self.respell, words))
        if _OF not in words:
            return (words,) if other == words else (words, other)
        found = dict.fromkeys(self._around_of(words))
        if other != words:
            found |= dict.fromkeys(self._around_of(other))
        return tuple(found)

    def takes_plural(self, words: Wording, given: Wording) -> bool:
        """Whether the last word of a wording also stands in the plural; not behind an "of" that was written anew."""
        return _OF not in words or words == given

    def inverted(self, first: Wording, second: Wording) -> Wording | None:
        """ "Pneumonia, viral" as viral pneumonia: what stands before and behind its comma; None where it is unsafe."""
        if len(second) > 2 or len(first) > self._most or not all(map(str.isalpha, second)):
            return None
        low = [word.lower() for word in second]
        return None if any(word in self._fixed for word in low) else second + first

    def _around_of(self, words: Wording) -> Iterator[Wording]:
        yield words
        at = words.index(_OF) if _OF in words else 0
        behind = words[at + 2 :] if words[at + 1 : at + 2] == (_THE,) else words[at + 1 :]
        if not at or not behind or not self._is_head(words[at - 1]):
            return
        before, head = words[: at - 1], words[at - 1]
        for one in (head, *_plurals(head)):
            yield (*before, one, _OF, *behind)
            yield (*before, one, _OF, _THE, *behind)
        if len(behind) <= self._most and self._joining.isdisjoint(map(str.lower, behind)):
            yield (*before, *behind, head)

    def _is_head(self, word: str) -> bool:
        low = word.lower()
        return low in self._heads or self.respell(low) in self._heads


class _Parts:
    """Parts of words and what stands for them elsewhere."""

    def __init__(self, pairs: Mapping[str, str]) -> None:
        self._to = {part.strip("^$"): other.strip("^$") for part, other in pairs.items()}
        ordered = sorted(pairs, key=len, reverse=True)
        self._found = re.compile("|".join(map(_pattern, ordered)) or "(?!)")

    def replace(self, word: str) -> str:
        """The word with every part replaced."""
        return self._found.sub(lambda found: self._to[found[0]], word)


def _pattern(part: str) -> str:
    return re.sub(r"^\\\^", "^", re.sub(r"\\\$$", "$", re.escape(part)))


def _plurals(word: str) -> tuple[str, ...]:
    from medtext.terminology.matcher import plurals

    return plurals(word)


@functools.cache
def shipped_variants() -> Variants:
    """The rules that come with the package; read once, never changed."""
    top = read_yaml(files("medtext.terminology.rules").joinpath("spellings.yaml"))
    keys = ("version", "spellings", "heads", "joining", "fixed", "most", "longest")
    return Variants(top.allow(keys, "the spelling rules"))
