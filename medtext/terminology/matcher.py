"""Finds thousands of forms in a text, with exact offsets.

A text is read word by word; words are compared folded (no case, accents, ligatures or possessive), offsets always come
from the text itself. What stands between two words is an *edge*: a blank run, one line break, or a hyphen are the same
edge; any other punctuation must be as in the form. How forms vary:

* British and American words; "fractures of the femur" and "femur fracture" for fracture of femur, "viral pneumonia" for
  Pneumonia, viral (see `medtext.terminology.variants`);
* the last word also in the plural; `Parkinson's disease` also as Parkinson disease and Parkinsons disease; `X-ray` also
  as X ray and Xray; `H. pylori` also without the stop;
* all-capital forms of up to four letters (MI, COPD) match in capitals only, with a small plural s (MIs);
* other forms of up to two letters match as written, of three letters with inner capitals (IgE) too;
* everything else matches in any case.

Matches are leftmost-longest and never overlap: nothing is reported inside a longer match. Time is linear in the text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from medtext.terminology.variants import shipped_variants

# A word keeps its combining marks; a possessive 's is read with it but is no part of it.
MARKS = "\u0300-\u036f"
QUOTES = "’‘ʼ＇`´"
WORD = re.compile(rf"([^\W_]+(?:[{MARKS}]+[^\W_]*)*)(['{QUOTES}][sS](?![^\W_]|[{MARKS}]))?")
GAP = re.compile(rf"[^\w{MARKS}]{{1,80}}")
HYPHENS = "-‐‑‒–—−﹣－"
_SOFT = re.compile(rf"[^\S\r\n]+|(?:[^\S\r\n]*|[{HYPHENS}])(?:\r\n?|\n)[^\S\r\n]*|[{HYPHENS}]")
_PLAIN = str.maketrans({**dict.fromkeys(HYPHENS, "-"), **dict.fromkeys(QUOTES, "'")})

_LONG = 40  # characters; no longer form is an abbreviation

_PLURALS = (
    ("sis", ("ses",)),
    ("us", ("uses", "i")),
    ("ss", ("sses",)),
    ("s", ()),
    ("x", ("xes",)),
    ("z", ("zes",)),
    ("ch", ("ches",)),
    ("sh", ("shes",)),
    ("um", ("ums", "a")),
    ("a", ("as", "ae")),
)


def fold(word: str) -> str:
    """A word as it is compared: lower case, without accents and ligatures. Its length may differ."""
    if word.isascii():
        return word.lower()
    parts = unicodedata.normalize("NFKD", word.casefold())
    return "".join(part for part in parts if not unicodedata.combining(part)).casefold()


def plurals(word: str) -> tuple[str, ...]:
    """The regular plurals of a word, Latin ones with them; none for what ends in s or a digit, or is one letter."""
    if len(word) < 2 or not word[-1].isalpha():
        return ()
    if word.isupper():
        return (word + "s",)
    if word.endswith("y") and word[-2] not in "aeiou":
        return (word[:-1] + "ies",)
    for ending, becomes in _PLURALS:
        if word.endswith(ending):
            return tuple(word.removesuffix(ending) + one for one in becomes)
    return (word + "s",)


@dataclass(frozen=True, slots=True)
class Spelling:
    """One way to write a form: words and the edges between them, and punctuation before and after."""

    words: tuple[str, ...]
    edges: tuple[str, ...]
    head: str
    tail: str
    possessive: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Words:
    """Words in a row in a text: their place with and without a last possessive, and the words alone, as written."""

    start: int
    stem: int
    end: int
    raw: str


@dataclass(frozen=True, slots=True)
class Entry:
    """What a key stands for: the form, and what beside the folded words must be as it says."""

    form: int
    exact: str
    head: str
    tail: str
    possessive: bool

    def place(self, text: str, words: Words, *, floor: int = 0) -> tuple[int, int] | None:
        """Where the form lies when its words do as said and nothing of it may stand before `floor`, or None."""
        if (self.exact and words.raw != self.exact) or (self.possessive and words.end == words.stem):
            return None
        end = words.end if self.possessive else words.stem
        if not text.startswith(self.tail, end) or not text.endswith(self.head, floor, words.start):
            return None
        return words.start - len(self.head), end + len(self.tail)


_Found = tuple[int, int, tuple[int, ...], int]


class Matcher:
    """The forms, ready to be found: `Matcher(["chest pain", "MI"]).find(text)`. Never changes once built."""

    def __init__(self, forms: Sequence[str]) -> None:
        """Raises ValueError for a form without a letter or digit."""
        # First word → most words of a form that begins with it; words and edges as one string → what they stand for.
        self._longest: dict[str, int] = {}
        self._entries: dict[str, tuple[Entry, ...]] = {}
        for number, form in enumerate(forms):
            exact = keeps_case(form)
            for spelling in spellings(form):
                self._put(spelling, number, exact=exact)

    def _put(self, spelling: Spelling, number: int, *, exact: bool) -> None:
        words = tuple(map(fold, spelling.words))
        key = words[0] + "".join(edge + word for edge, word in zip(spelling.edges, words[1:], strict=True))
        raw = "".join(spelling.words) if exact else ""
        entry = Entry(number, raw, spelling.head, spelling.tail, spelling.possessive[-1])
        held = self._entries.get(key, ())
        if entry not in held:
            # The one that covers more punctuation first: it wins where both match.
            self._entries[key] = tuple(sorted((*held, entry), key=by_reach)) if held else (entry,)
        self._longest[words[0]] = max(self._longest.get(words[0], 0), len(words))

    def find(self, text: str) -> Iterator[tuple[int, int, int]]:
        """(start, end, index of the form) of each match, in order; a form given twice is reported twice."""
        position, longest = 0, self._longest
        while word := WORD.search(text, position):
            floor, position = position, word.end()
            limit = longest.get(fold(word[1]))
            if limit and (found := self._match(text, word, limit, floor)):
                start, end, forms, position = found
                for form in forms:
                    yield start, end, form

    def _match(self, text: str, first: re.Match[str], limit: int, floor: int) -> _Found | None:
        """The longest match that begins at a word, and from where to go on."""
        key, words, last, best = fold(first[1]), first[1], first, None
        for left in range(limit - 1, -1, -1):
            if key in self._entries:
                place = Words(first.start(), last.end(1), last.end(), words)
                best = placed(text, self._entries[key], place, floor=floor) or best
            after = _next(text, last.end()) if left else None
            if after is None:
                break
            edge, last = after
            key, words = f"{key}{edge}{fold(last[1])}", words + last[1]
        return best


def placed(text: str, entries: Iterable[Entry], words: Words, *, floor: int) -> _Found | None:
    """The first entry that lies here, all that lie in the same place, and from where to go on."""
    places = [(entry.place(text, words, floor=floor), entry.form) for entry in entries]
    widest = next((place for place, _ in places if place), None)
    if widest is None:
        return None
    forms = tuple(dict.fromkeys(form for place, form in places if place == widest))
    return *widest, forms, max(widest[1], words.end)


def _next(text: str, end: int) -> tuple[str, re.Match[str]] | None:
    """The edge after `end` and the word behind it; None where no form can go on."""
    gap = GAP.match(text, end)
    word = gap and WORD.match(text, gap.end())
    edge = word and edge_of(gap[0])
    return (edge, word) if edge else None


def edge_of(gap: str) -> str:
    """What stands between two words, the same for all spellings of it; empty where no form may go on."""
    if gap == " " or _SOFT.fullmatch(gap):
        return " "
    core = gap.strip().translate(_PLAIN)
    broken = "\n" in gap or "\r" in gap
    return "" if broken or len(core) > 4 else core


def by_reach(entry: Entry) -> tuple[int, int]:
    return -len(entry.head) - len(entry.tail) - entry.possessive, entry.form


def keeps_case(form: str) -> bool:
    """Whether a form is matched as it is written only: MI, COPD, fx, IgE; not flu, A-fib, CT scan."""
    if len(form) > _LONG:
        return False
    letters = [character for character in form if character.isalpha()]
    if form.upper() == form:
        return 0 < len(letters) <= 4
    characters = [character for character in form if character.isalnum()]
    return len(characters) <= 2 or (len(characters) == 3 and any(one.isupper() for one in characters[1:]))


def spellings(form: str) -> Iterator[Spelling]:
    """Every way to write a form that is matched."""
    base, variants = _spell(form), shipped_variants()
    made = dict.fromkeys((base,) if is_plain(base) else _variants(base))
    given = {other: one.words for one in made for other in ((one,) if keeps_case(form) else _reworded(one))}
    for spelling, words in given.items():
        yield spelling
        if spelling.tail == ".":
            yield replace(spelling, tail="")
        if not (spelling.tail or spelling.possessive[-1]) and variants.takes_plural(spelling.words, words):
            for word in plurals(spelling.words[-1]):
                yield replace(spelling, words=(*spelling.words[:-1], word))


def is_plain(spelling: Spelling) -> bool:
    """Whether nothing but blanks stands between the words."""
    return set(spelling.edges) <= {" "} and not any(spelling.possessive)


def _reworded(spelling: Spelling) -> Iterator[Spelling]:
    """The spelling, then the same in British or American, and with its words in another order where that is safe."""
    variants = shipped_variants()
    if is_plain(spelling):
        for words in variants.wordings(spelling.words):
            yield replace(spelling, words=words, edges=(" ",) * (len(words) - 1), possessive=(False,) * len(words))
        return
    yield spelling
    if len(spelling.words) > variants.longest:
        return
    yield replace(spelling, words=tuple(map(variants.respell, spelling.words)))
    if spelling.edges.count(",") == 1 and not (any(spelling.possessive) or spelling.head or spelling.tail):
        at = spelling.edges.index(",") + 1
        words = variants.inverted(spelling.words[:at], spelling.words[at:])
        if words and set(spelling.edges) <= {" ", ","}:
            yield from _reworded(replace(spelling, words=words, edges=(" ",) * (len(words) - 1)))


def _variants(base: Spelling) -> Iterable[Spelling]:
    made = (base, _without_stops(base), _joined(base), *_without_quotes(base))
    return dict.fromkeys(map(_spaced, made))


def _spell(form: str) -> Spelling:
    """The form as it is given; a hyphen stays one until the variants are made."""
    found = list(WORD.finditer(form))
    if not found:
        raise ValueError(f"The form {form!r} holds no word.")
    gaps = [form[one.end() : other.start()].translate(_PLAIN) for one, other in pairwise(found)]
    edges = tuple("-" if gap == "-" else edge_of(gap) or gap.strip() for gap in gaps)
    words = tuple(one[1] for one in found)
    possessive = tuple(bool(one[2]) for one in found)
    return Spelling(words, edges, form[: found[0].start()], form[found[-1].end() :], possessive)


def _spaced(spelling: Spelling) -> Spelling:
    if "-" not in spelling.edges:
        return spelling
    return replace(spelling, edges=tuple(" " if edge == "-" else edge for edge in spelling.edges))


def _without_stops(spelling: Spelling) -> Spelling:
    if "." not in spelling.edges:
        return spelling
    return replace(spelling, edges=tuple(" " if edge == "." else edge for edge in spelling.edges))


def _joined(spelling: Spelling) -> Spelling:
    """X-ray as Xray, A-fib as Afib; not what would become shorter than four characters."""
    if "-" not in spelling.edges:
        return spelling
    words, edges, possessive = [spelling.words[0]], [], [spelling.possessive[0]]
    for edge, word, owns in zip(spelling.edges, spelling.words[1:], spelling.possessive[1:], strict=True):
        if edge == "-" and len(words[-1] + word) >= 4 and not possessive[-1]:
            words[-1] += word
            possessive[-1] = owns
        else:
            words.append(word)
            edges.append(edge)
            possessive.append(owns)
    return replace(spelling, words=tuple(words), edges=tuple(edges), possessive=tuple(possessive))


def _without_quotes(spelling: Spelling) -> Iterator[Spelling]:
    """Parkinson's disease as Parkinsons disease, Graves' disease as Graves disease."""
    if any(spelling.possessive):
        pairs = zip(spelling.words, spelling.possessive, strict=True)
        words = tuple(word + "s" if owns else word for word, owns in pairs)
        yield replace(spelling, words=words, possessive=(False,) * len(words))
    if "'" in spelling.edges:
        yield replace(spelling, edges=tuple(" " if edge == "'" else edge for edge in spelling.edges))
