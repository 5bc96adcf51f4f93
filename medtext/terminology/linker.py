"""From words to codes: which concepts a mention may mean, and how surely.

Three ways, tried in this order, and the first that finds a concept ends the search:

* *exact*: a form as written, whatever its case;
* *normalised*: without plural, punctuation, order of the words, British spelling, and words that carry no meaning;
* *spelling*: word for word the same but for one slip of the pen in a word of five letters, two in one of eleven;
* *partial*: many letter trigrams in common (Dice's coefficient); a proposal to a person, never sure enough to choose.

The last two never cross what tells concepts apart: digits, single letters and opposites (type 1 is not type 2).
"""

from __future__ import annotations

import heapq
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from medtext.span import Candidate, Code
from medtext.terminology.concepts import Concept, Concepts
from medtext.terminology.matcher import fold

EXACT, NORMALISED, SPELLING, PARTIAL = 1.0, 0.95, 0.9, 0.6  # the best score of each way
_LEAST = 0.5  # Dice's coefficient below which two names share too little to be proposed
_SLIPS = ((11, 2), (5, 1))  # letters of the shorter word → slips; in a shorter one, another letter is another word
_LONGEST = 200  # characters; what is longer is a sentence, not a name
_WORD = re.compile(r"[^\W_]+")
_POSSESSIVE = re.compile(r"['’][sS](?![^\W_])")


@dataclass(frozen=True, slots=True)
class Wording:
    """What is looked past, and what is not, when two names are compared.

    `empty` words mean nothing anywhere, `modifiers` nothing in a mention (a severe cough is a cough). Of a group of
    `opposites`, in which `hypo-` is a prefix, two members never match. `spellings` are letters written otherwise.
    """

    empty: frozenset[str] = frozenset()
    modifiers: frozenset[str] = frozenset()
    opposites: tuple[tuple[str, ...], ...] = ()
    spellings: Mapping[str, str] = field(default_factory=dict, hash=False)

    def keys(self, text: str) -> Iterator[tuple[str, ...]]:
        """What a name has in common with its other spellings; then the same without its modifiers."""
        plain = fold(_POSSESSIVE.sub("", text))
        for written, spelled in self.spellings.items():
            plain = plain.replace(written, spelled)
        words = [word for word in _WORD.findall(plain) if word not in self.empty]
        yield tuple(sorted(map(stem, words)))
        yield tuple(sorted(stem(word) for word in words if word not in self.modifiers))

    def traits(self, key: Iterable[str]) -> tuple[frozenset[str], ...]:
        """What tells a name apart from all others of its kind: its designators, then its side of each opposition."""
        key = tuple(key)
        designators = frozenset(word for word in key if len(word) == 1 or not word.isalpha())
        sides = (frozenset(one for one in group if _holds(key, one)) for group in self.opposites)
        return designators, *sides


def stem(word: str) -> str:
    """A folded word without its regular plural ending; one stem for the singular and the plural, and no word itself."""
    if word.endswith("ies"):
        return word.removesuffix("ies") + "y"
    if word.endswith("is") and len(word) > 4:
        return word.removesuffix("is")
    if not word.endswith(("ss", "us")):
        word = word.removesuffix("s") if len(word) > 2 else word
    return word.removesuffix("e") if len(word) > 4 else word


def _holds(words: tuple[str, ...], member: str) -> bool:
    if member.endswith("-"):
        return any(word.startswith(member[:-1]) for word in words)
    return stem(member) in words


def _agree(these: tuple[frozenset[str], ...], those: tuple[frozenset[str], ...]) -> bool:
    """Whether no trait that both names have is another in each."""
    return all(one == other or not one or not other for one, other in zip(these, those, strict=True))


def _scored(these: tuple[str, ...], those: tuple[str, ...], dice: float) -> tuple[float, str]:
    """How alike two names are, and in which way; both are sorted."""
    odd = [word for word in these if word not in those]
    even = [word for word in those if word not in these]
    slips = [_slips(word, other) for word, other in zip(odd, even, strict=False)]
    if len(these) == len(those) and None not in slips:
        return round(SPELLING * (1 - sum(slips) / max(len("".join(these)), 1)), 4), "spelling"
    return round(PARTIAL * dice, 4), "partial"


def _slips(word: str, other: str) -> int | None:
    """Letters put in, left out, exchanged or swapped with the next; None where that makes another word."""
    shorter = min(len(word), len(other))
    most = next((slips for length, slips in _SLIPS if shorter >= length), 0)
    if word[0] != other[0] or abs(len(word) - len(other)) > most:
        return None
    before, row = [], list(range(len(other) + 1))
    for y, letter in enumerate(word, start=1):
        earlier, before, row = before, row, [y]
        for x, against in enumerate(other, start=1):
            least = min(before[x] + 1, row[x - 1] + 1, before[x - 1] + (letter != against))
            if y > 1 and x > 1 and letter == other[x - 2] and word[y - 2] == against:
                least = min(least, earlier[x - 2] + 1)
            row.append(least)
    return row[-1] if row[-1] <= most else None


def _trigrams(key: Iterable[str]) -> set[str]:
    padded = (f"^{word}$" for word in key)
    return {word[at : at + 3] for word in padded for at in range(max(1, len(word) - 2))}


class _Index:
    """The concepts of one label, by exact form, by normalised form and by trigrams."""

    def __init__(self, concepts: Sequence[Concept], wording: Wording) -> None:
        self._wording = wording
        self._exact: dict[str, tuple[int, ...]] = {}
        self._normal: dict[tuple[str, ...], tuple[int, ...]] = {}
        for number, concept in enumerate(concepts):
            for form in concept.forms:
                _put(self._exact, _spaced(form), number)
                _put(self._normal, next(wording.keys(form)), number)
        self._keys = list(self._normal)
        self._owners = list(self._normal.values())
        self._sizes: list[int] = []
        self._postings: dict[str, list[int]] = defaultdict(list)
        for number, key in enumerate(self._keys):
            grams = _trigrams(key)
            self._sizes.append(len(grams))
            for gram in grams:
                self._postings[gram].append(number)

    def find(self, text: str, limit: int) -> list[tuple[float, str, int]]:
        """(score, match, number of the concept), best first."""
        if found := self._exact.get(_spaced(text)):
            return [(EXACT, "exact", number) for number in found]
        for key in self._wording.keys(text):
            if key and (found := self._normal.get(key)):
                return [(NORMALISED, "normalised", number) for number in found]
        return self._alike(key, limit)

    def _alike(self, key: tuple[str, ...], limit: int) -> list[tuple[float, str, int]]:
        grams, traits = _trigrams(key), self._wording.traits(key)
        common: Counter[int] = Counter()
        for gram in grams:
            common.update(self._postings.get(gram, ()))
        best: dict[int, tuple[float, str]] = {}
        for number, shared in common.items():
            dice = 2 * shared / (len(grams) + self._sizes[number])
            if dice >= _LEAST and _agree(traits, self._wording.traits(self._keys[number])):
                scored = _scored(key, self._keys[number], dice)
                for owner in self._owners[number]:
                    best[owner] = max(best.get(owner, scored), scored)
        ranked = heapq.nsmallest(limit, best.items(), key=lambda item: (-item[1][0], item[0]))
        return [(*scored, number) for number, scored in ranked]


def _put(index: dict, key: object, number: int) -> None:
    held = index.get(key, ())
    if number not in held:
        index[key] = (*held, number)


def _spaced(text: str) -> str:
    """A form as exact look-up compares it: folded, one blank between words."""
    return " ".join(map(fold, text.split()))


class Linker:
    """Proposes codes for mentions; `systems` says which code systems each label takes, in order.

    A label that the concepts do not know is looked up among all concepts that have a code in its systems.
    """

    def __init__(
        self,
        concepts: Concepts,
        *,
        systems: Mapping[str, Sequence[str]],
        wording: Wording | None = None,
        limit: int = 5,
    ) -> None:
        self._releases = concepts.releases
        self._systems = {label: tuple(held) for label, held in systems.items() if held}
        self._limit = limit
        wording = wording or Wording()
        own = {label: [one for one in concepts.concepts if one.label == label] for label in concepts.labels}
        self._concepts = {label: own.get(label) or _coded(concepts, self._systems[label]) for label in self._systems}
        self._indexes = {label: _Index(held, wording) for label, held in self._concepts.items()}

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels whose mentions are linked."""
        return tuple(self._systems)

    def candidates(self, mention: str, label: str) -> tuple[Candidate, ...]:
        """The codes that a mention may mean, best concept first, at most `limit` concepts; none for another label."""
        index = self._indexes.get(label)
        if index is None or len(mention) > _LONGEST:
            return ()
        found = index.find(mention, self._limit)[: self._limit]
        named = ((score, match, self._concepts[label][number]) for score, match, number in found)
        return tuple(self._candidate(code, *one) for one in named for code in self._codes(one[2], label))

    def _codes(self, concept: Concept, label: str) -> list[Code]:
        return [code for system in self._systems[label] for code in concept.codes if code.system == system]

    def _candidate(self, code: Code, score: float, match: str, concept: Concept) -> Candidate:
        return Candidate(code, concept.name, score, match, self._releases.get(code.system, ""))


def choose(candidates: Sequence[Candidate], threshold: float) -> tuple[Code, ...]:
    """The codes of the best concept, when it is sure enough and no other is as good; otherwise none."""
    if not candidates or (candidates[0].score or 0.0) < threshold:
        return ()
    best = [one for one in candidates if one.score == candidates[0].score]
    if len({one.display for one in best}) > 1:
        return ()
    return tuple(dict.fromkeys(one.code for one in best))


def _coded(concepts: Concepts, systems: Sequence[str]) -> list[Concept]:
    return [one for one in concepts.concepts if any(code.system in systems for code in one.codes)]
