"""Which of millions of names a mention may mean: by exact form, by normalised form, and by words in common.

One class for names in memory and for files mapped into it, with the same answers. A form has an *owner*, the concept
whose name it is; all numbers are the caller's.
"""

from __future__ import annotations

import functools
import hashlib
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from medtext.terminology.candidatefiles import digest, joined, load, make_arrays, save, trigrams
from medtext.terminology.wording import TraitReader, Wording, agree, slips, spaced

Array = np.ndarray

_POOL = 40_000  # forms that are weighed at first: those that hold the rarest words of the mention
_LONGEST = 60_000  # forms of one word; of a more common one the shortest count
_RERANKED = 128  # forms whose words are compared one by one
_LIKE = 0.5  # Dice's coefficient of trigrams below which two words share nothing
_NEAR = 12  # words that an unknown word may have been meant for
_SLIPPED, _SIMILAR = 0.9, 0.6  # what a misspelled, and a merely similar word counts


@dataclass(frozen=True, slots=True)
class Hit:
    """A form that a mention may mean.

    `way` is exact, normalised, spelling or partial; `query` and `form` are the shares of the weight of the mention's
    and of the form's words that are in the other; `head` says that it is the name that people are shown. Of the way
    embedding (`vectors`), both shares are the cosine.
    """

    number: int
    owner: int
    way: str
    query: float
    form: float
    head: bool

    @property
    def similarity(self) -> float:
        """Both shares in one number from 0 to 1."""
        return 2 * self.query * self.form / (self.query + self.form) if self.query and self.form else 0.0


class CandidateIndex:
    """Names ready to be asked; `build` in memory, `save` it, `open` what was saved. Never changes."""

    def __init__(self, meta: dict[str, Any], arrays: dict[str, Array], folder: Path | None = None) -> None:
        """Use `build` or `open`."""
        self._meta, self._folder = meta, folder
        self.wording = Wording.from_dict(meta["wording"])
        self.kinds = tuple(map(tuple, meta["kinds"]))
        self._arrays = arrays
        self._traits = TraitReader(self.wording)
        self.owners, self.owner_kinds = arrays["owners"], arrays["kinds"]
        self._vocabulary = _Texts(arrays["words"], arrays["word_places"])
        self._texts = _Texts(arrays["texts"], arrays["places"])
        self._stem = functools.lru_cache(maxsize=1 << 14)(self.wording.stem)
        self._most = float(np.log(1 + max(len(self.owners), 1)))

    def __len__(self) -> int:
        """How many forms there are."""
        return len(self.owners)

    def __reduce__(self) -> tuple[Any, ...]:
        if self._folder is not None:
            return CandidateIndex.open, (self._folder,)
        return CandidateIndex, (self._meta, self._arrays)

    @classmethod
    def build(
        cls,
        names: Iterable[tuple[str, int]],
        *,
        owners: int,
        wording: Wording,
        kinds: Sequence[tuple[str, ...]] = (),
        owner_kinds: Sequence[int] = (),
    ) -> CandidateIndex:
        """An index of (name, owner below `owners`); the first name of an owner is its head.

        `owner_kinds` gives for each owner its place in `kinds`.
        """
        meta = {"wording": wording.to_dict(), "kinds": [list(kind) for kind in kinds]}
        return cls(meta, make_arrays(names, wording, owner_kinds, owners))

    @classmethod
    def open(cls, folder: str | Path) -> CandidateIndex:
        """Map the files of an index; raises FormatError where one is absent, cut short or of another version."""
        return cls(*load(Path(folder)), Path(folder))

    def save(self, folder: str | Path) -> None:
        """Write the files into a new folder."""
        save(Path(folder), {**self._meta, "forms": len(self)}, self._arrays)

    def text(self, form: int) -> str:
        """A form, folded."""
        return self._texts[form].decode("utf-8", "surrogatepass")

    def head(self, owner: int) -> str:
        """The name of an owner that people are shown, folded; empty for one without names."""
        number = int(self._arrays["heads"][owner])
        return self.text(number) if number >= 0 else ""

    def is_head(self, form: int) -> bool:
        """Whether a form is the name of its owner that people are shown."""
        return bool(self._arrays["heads"][self.owners[form]] == form)

    def key(self, text: str) -> tuple[str, ...]:
        """The sorted stems of a text; none where it has no word that means something."""
        return self._keys(text)[0]

    def agrees(self, mention: str, form: int) -> bool:
        """Whether no trait tells a mention and a form apart: digits, single letters, opposites."""
        return agree(self._traits.traits(self.key(mention)), self._traits.traits(self._key(self.text(form))))

    @functools.cached_property
    def sha256(self) -> str:
        """The hash of all forms and their owners."""
        held = hashlib.sha256()
        for name in ("texts", "places", "owners"):
            held.update(np.ascontiguousarray(self._arrays[name]))
        return held.hexdigest()

    def find(self, mention: str, *, allowed: Array | None = None, thorough: bool = False) -> list[Hit]:
        """What a mention may mean, the most alike first; `allowed` is True for the owners that may come.

        The first way that finds anything is the last that is tried; `thorough` tries all.
        """
        if thorough:
            return self.thorough(mention, allowed=allowed)
        return self.same(mention, allowed=allowed) or self.alike(mention, allowed=allowed)

    def thorough(self, mention: str, *, allowed: Array | None = None) -> list[Hit]:
        """What is found in all ways, those as it stands first; here modifiers count."""
        key = self._keys(mention)[0]
        normal = self._same("normal", joined(key), allowed) if key else []
        hits = [*self._same("exact", spaced(mention), allowed), *normal, *self._alike(key, allowed)]
        return list({hit.number: hit for hit in reversed(hits)}.values())[::-1]

    def same(self, mention: str, *, allowed: Array | None = None) -> list[Hit]:
        """The forms that are the mention as it stands; where there is none, those with its key."""
        if exact := self._same("exact", spaced(mention), allowed):
            return exact
        for key in dict.fromkeys(self._keys(mention)):
            if key and (found := self._same("normal", joined(key), allowed)):
                return found
        return []

    def alike(self, mention: str, *, allowed: Array | None = None) -> list[Hit]:
        """The forms with words in common with a mention, misspelled or not; its modifiers count nothing."""
        return self._alike(self._keys(mention)[1], allowed)

    def _keys(self, text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What a name has in common with its other spellings; then the same without its modifiers."""
        words = self.wording.words(text)
        bare = [word for word in words if word not in self.wording.modifiers]
        full, rest = (tuple(sorted(filter(None, map(self._stem, one)))) for one in (words, bare))
        return full, rest

    def _same(self, kind: str, text: str, allowed: Array | None) -> list[Hit]:
        """The forms that are the same as a text, exactly or by their key."""
        hashes, value = self._arrays[kind], np.uint64(digest(text))
        low, high = np.searchsorted(hashes, value), np.searchsorted(hashes, value, side="right")
        hits = []
        for number in self._arrays[f"{kind}_forms"][low:high].tolist():
            owner = int(self.owners[number])
            same = self.text(number) if kind == "exact" else joined(self._key(self.text(number)))
            if same == text and (allowed is None or allowed[owner]):
                hits.append(Hit(number, owner, kind.replace("normal", "normalised"), 1.0, 1.0, self.is_head(number)))
        return hits

    def _alike(self, key: tuple[str, ...], allowed: Array | None) -> list[Hit]:
        """The forms with the most weight of words in common, none with another trait."""
        if not key:
            return []
        near = {word: self._near(word) for word in dict.fromkeys(key)}
        total = sum(self._weight(word, variants) for word, variants in near.items())
        worth = {word: self._worth(variants) for word, variants in near.items()}
        traits, hits = self._traits.traits(key), []
        for number in self._pool(near, total, allowed):
            other = self._key(self.text(number))
            if agree(traits, self._traits.traits(other)):
                hits.append(self._compared(number, key, other, worth, total))
        return sorted(hits, key=lambda hit: (hit.way == "partial", -hit.similarity, not hit.head, hit.number))

    def _pool(self, near: dict[str, list[tuple[int, float]]], total: float, allowed: Array | None) -> list[int]:
        """The forms that share the most weight with a mention, judged by whole words."""
        gained = np.zeros(len(self), np.float32)
        rarest = sorted((variant for variants in near.values() for variant in variants), key=self._rarity)
        pools, size = [], 0
        for word, share in rarest:
            start, stop = self._arrays["starts"][word : word + 2].tolist()
            held = self._arrays["postings"][start : min(stop, start + _LONGEST)]
            gained[held] += np.float32(self._arrays["weights"][word] * share)
            if size < _POOL:
                pools.append(held[: _POOL - size])
                size += len(pools[-1])
        if not pools:
            return []
        pool = np.concatenate(pools)
        if allowed is not None:
            pool = pool[allowed[self.owners[pool]]]
        scores = gained[pool] / (self._arrays["norms"][pool] + np.float32(total))
        if len(pool) > 4 * _RERANKED:
            kept = np.argpartition(-scores, 4 * _RERANKED)[: 4 * _RERANKED]
            pool, scores = pool[kept], scores[kept]
        return list(dict.fromkeys(pool[np.lexsort((pool, -scores))].tolist()))[:_RERANKED]

    def _rarity(self, variant: tuple[int, float]) -> tuple[int, int]:
        start, stop = self._arrays["starts"][variant[0] : variant[0] + 2].tolist()
        return stop - start, variant[0]

    def _compared(
        self,
        number: int,
        key: tuple[str, ...],
        other: tuple[str, ...],
        worth: dict[str, dict[str, float]],
        total: float,
    ) -> Hit:
        """How a form and a mention are alike, word by word."""
        gained = 0.0
        for word, variants in worth.items():
            if word in variants and word in other:
                gained += variants[word]
            elif word not in variants:
                gained += max((value for variant, value in variants.items() if variant in other), default=0.0)
        owner, norm = int(self.owners[number]), float(self._arrays["norms"][number])
        shares = min(1.0, gained / total), min(1.0, gained / norm)
        way = "spelling" if _respelled(key, other) else "partial"
        return Hit(number, owner, way, *shares, self.is_head(number))

    def _worth(self, variants: list[tuple[int, float]]) -> dict[str, float]:
        """What each reading of a word adds when a form holds it."""
        spelled = ((self._vocabulary[one].decode("utf-8", "surrogatepass"), one, share) for one, share in variants)
        return {text: float(self._arrays["weights"][one]) * share for text, one, share in spelled}

    def _key(self, text: str) -> tuple[str, ...]:
        """The key of a stored form."""
        return tuple(sorted(filter(None, map(self._stem, self.wording.words(text)))))

    def _weight(self, word: str, variants: list[tuple[int, float]]) -> float:
        """What a word of the mention weighs: as much as its rarest reading, and the most when it is unknown."""
        return max((float(self._arrays["weights"][one]) for one, _ in variants), default=self._most)

    def _word_number(self, word: str) -> int:
        """The place of a stem in the vocabulary, or -1."""
        spelled = word.encode("utf-8", "surrogatepass")
        at = bisect_left(self._vocabulary, spelled)
        return at if at < len(self._vocabulary) and self._vocabulary[at] == spelled else -1

    def _near(self, word: str) -> list[tuple[int, float]]:
        """The word itself, or those it may be a misspelling of, or some that look like it; each with what it counts."""
        known = self._word_number(word)
        if known >= 0:
            return [(known, 1.0)]
        if len(word) < 4 or not word.isalpha():
            return []
        like = list(self._like(word))
        slipped = [(number, _SLIPPED) for number, text, _ in like if slips(word, text) is not None]
        return slipped or [(number, _SIMILAR * dice) for number, _, dice in like[:3]]

    def _like(self, word: str) -> Iterator[tuple[int, str, float]]:
        """(number, word, Dice's coefficient) of the words of the vocabulary with the most trigrams in common."""
        grams, starts = self._arrays["grams"], self._arrays["gram_starts"]
        wanted = np.array(trigrams(word), np.uint64)
        found = []
        for at, gram in zip(np.searchsorted(grams, wanted).tolist(), wanted.tolist(), strict=True):
            if at < len(grams) and int(grams[at]) == gram:
                found.append(self._arrays["gram_words"][starts[at] : starts[at + 1]])
        if not found:
            return
        numbers, shared = np.unique(np.concatenate(found), return_counts=True)
        dice = 2 * shared / (len(wanted) + self._arrays["gram_counts"][numbers])
        best = np.lexsort((numbers, -dice))[:_NEAR]
        for number, value in zip(numbers[best].tolist(), dice[best].tolist(), strict=True):
            if value >= _LIKE:
                yield number, self._vocabulary[number].decode("utf-8", "surrogatepass"), value


class _Texts(Sequence[bytes]):
    """Texts packed into one array."""

    def __init__(self, blob: Array, places: Array) -> None:
        self._blob, self._places = blob, places

    def __len__(self) -> int:
        return len(self._places) - 1

    def __getitem__(self, number: int) -> bytes:  # type: ignore[override]
        return self._blob[self._places[number] : self._places[number + 1]].tobytes()


def _respelled(these: tuple[str, ...], those: tuple[str, ...]) -> bool:
    """Whether two keys are word for word the same but for slips of the pen."""
    if len(these) != len(those):
        return False
    odd = [word for word in these if word not in those]
    even = [word for word in those if word not in these]
    return len(odd) == len(even) and all(slips(*pair) is not None for pair in zip(odd, even, strict=True))
