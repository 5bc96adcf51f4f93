"""Where a value that is known to identify stands in a text, in whatever spelling: case, order, initials, marks, typos.

Names are compared word by word, without accents and apostrophes, and with one letter wrong from five letters on.
Numbers may hold blanks, hyphens, dots and brackets that the table does not; dates stand in any order, in numbers or in
words; of a telephone number its last seven digits are enough.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from medtext.stages.deid.arbitrate import Finding
from medtext.stages.deid.dates import NUMERIC, numeric_date
from medtext.stages.deid.lexicon import Lexicon
from medtext.stages.deid.persons import NAME_PART, ROLES
from medtext.stages.deid.tokens import Tokens

_SHORTEST_WITH_ERROR = 5
_BETWEEN = r"[-\s.()/]{0,3}"
_PARTED = re.compile(r"[\s,;]+")
_JOINED = (" ", "  ", "-", ", ", ",", ". ", ".", "\n", ".-")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_STREETS = (
    *("street st", "avenue ave av", "road rd", "boulevard blvd", "lane ln", "drive dr", "court ct", "circle cir"),
    *("parkway pkwy", "highway hwy", "terrace ter", "trail trl", "square sq", "place pl", "apartment apt", "suite ste"),
    *("north n", "south s", "east e", "west w", "number no #", "floor fl", "building bldg", "route rte"),
)


@dataclass(frozen=True, slots=True)
class Name:
    """The parts of one person's name, folded; `near` are the longer ones without each of their letters in turn."""

    label: str
    parts: frozenset[str] = field(repr=False)
    near: dict[str, frozenset[str]] = field(repr=False, hash=False)
    initials: frozenset[str] = field(repr=False)

    @classmethod
    def of(cls, value: str, label: str, lexicon: Lexicon) -> Name:
        """The name that a value spells: "Berg, Anna", "anna berg", "Dr. A. Berg"."""
        words = [_fold(part) for part in NAME_PART.findall(value)]
        aside = lexicon.titles.keys() | lexicon.particles | lexicon.generations | lexicon.degrees
        words = [word for word in words if word not in aside] or words
        parts = {word for word in words if len(word) > 1}
        parts |= {_fold(part.replace("-", "")) for part in _PARTED.split(value) if "-" in part}
        parts |= {_fold(tail) for tail in re.findall(r"(?i)\bO['’](\w{4,})", value)}
        near: dict[str, set[str]] = {}
        for part in parts:
            if len(part) >= _SHORTEST_WITH_ERROR:
                for shorter in (part, *_without_one(part)):
                    near.setdefault(shorter, set()).add(part)
        return cls(
            label,
            frozenset(parts),
            {key: frozenset(held) for key, held in near.items()},
            frozenset(word[0] for word in words),
        )

    def has(self, word: str, *, exact: bool) -> bool:
        """Whether a folded word is a part of the name, or one with a letter wrong, missing, doubled or swapped."""
        if exact or word in self.parts or len(word) < _SHORTEST_WITH_ERROR - 1:
            return word in self.parts
        close = {part for key in (word, *_without_one(word)) for part in self.near.get(key, ())}
        return any(_one_error(word, part) for part in close)


def _fold(word: str) -> str:
    bare = unicodedata.normalize("NFD", word.casefold())
    return "".join(one for one in bare if one.isalpha())


def _without_one(word: str) -> list[str]:
    return [word[:at] + word[at + 1 :] for at in range(len(word))]


def _one_error(one: str, other: str) -> bool:
    """Whether one letter is exchanged, left out or put in, or two neighbours are swapped."""
    short, long = sorted((one, other), key=len)
    if len(short) < len(long):
        return short in _without_one(long)
    wrong = [at for at, (a, b) in enumerate(zip(one, other, strict=True)) if a != b]
    swapped = len(wrong) == 2 and wrong[1] == wrong[0] + 1 and one[wrong[0]] == other[wrong[1]]
    return len(wrong) <= 1 or (swapped and one[wrong[1]] == other[wrong[0]])


@dataclass(frozen=True, slots=True)
class Spellings:
    """Everything that is known of one note or patient, ready to be found."""

    names: tuple[Name, ...] = field(repr=False)
    patterns: tuple[tuple[re.Pattern[str], str], ...] = field(repr=False)

    @classmethod
    def of(cls, values: Iterable[tuple[str, str]], lexicon: Lexicon) -> Spellings:
        """From (value, label) pairs."""
        names, patterns = [], []
        for value, label in dict.fromkeys((value.strip(), label) for value, label in values):
            if not any(one.isalnum() for one in value):
                continue
            if label in ROLES and not any(one.isdigit() for one in value):
                names.append(Name.of(value, label, lexicon))
            else:
                patterns += [(re.compile(one, re.IGNORECASE), label) for one in _patterns(value, label)]
        return cls(tuple(names), tuple(patterns))

    def find(self, text: str, lexicon: Lexicon) -> Iterator[Finding]:
        """Every place of every value."""
        for pattern, label in self.patterns:
            for match in pattern.finditer(text):
                yield Finding(match.start(), match.end(), label, 1.0, "known")
        if self.names:
            tokens = Tokens(text)
            folded = [_fold(tokens.core(at)) for at in range(len(tokens))]
            for name in self.names:
                yield from _of_name(name, tokens, folded, lexicon)


def _of_name(name: Name, tokens: Tokens, folded: list[str], lexicon: Lexicon) -> Iterator[Finding]:
    """Runs of parts of a name, an initial beside them included; what is an ordinary word must look like a name."""
    sure = {at for at, word in enumerate(folded) if word and _is_part(name, tokens, at, word, lexicon)}
    held = set(sure)
    for at in sure:
        for beside, gap in ((at - 1, at - 1), (at + 1, at)):
            if 0 <= beside < len(tokens) and tokens.gap(gap) in _JOINED:
                word = folded[beside]
                initial = len(word) == 1 and word in name.initials and tokens.is_capital(beside)
                if initial or (word in name.parts and tokens.is_capital(beside)):
                    held.add(beside)
    held |= set(_initials(name, tokens, folded))
    for at in sorted(held):
        if at - 1 in held and tokens.gap(at - 1) in _JOINED:
            continue
        last = at
        while last + 1 in held and tokens.gap(last) in _JOINED:
            last += 1
        yield Finding(tokens.starts[at], tokens.core_end(last), name.label, 1.0, "known")


def _is_part(name: Name, tokens: Tokens, at: int, word: str, lexicon: Lexicon) -> bool:
    ordinary = word in lexicon.ordinary or word in lexicon.never
    if ordinary:
        return word in name.parts and tokens.is_capital(at) and not tokens.at_sentence_start(at)
    medicine = word in lexicon.brands or word in lexicon.eponyms or word in lexicon.heads
    return name.has(word, exact=medicine or not tokens.is_capital(at))


def _initials(name: Name, tokens: Tokens, folded: list[str]) -> Iterator[int]:
    """J.A. and J. A. for John Abernathy: two initials of the name, each with its dot."""
    for at in range(len(tokens) - 1):
        pair = folded[at : at + 2]
        dotted = tokens.gap(at) in (".", ". ") and tokens.gap(at + 1)[:1] == "."
        capitals = tokens.is_capital(at) and tokens.is_capital(at + 1)
        of_name = pair[0] != pair[1] and all(len(word) == 1 and word in name.initials for word in pair)
        if dotted and capitals and of_name:
            yield from (at, at + 1)


def _patterns(value: str, label: str) -> Iterator[str]:
    """Regular expressions for one value that is no name; every repetition is bounded."""
    day = _day(value) if label == "DATE" else None
    if day:
        yield _date(*day)
    elif label == "ADDRESS":
        yield from _address(value)
    elif label in ("PHONE", "FAX") and sum(map(str.isdigit, value)) >= 7:
        digits = "".join(filter(str.isdigit, value))
        local = _spread(digits[-7:])
        area = f"(?:{_spread(digits[-10:-7])}{_BETWEEN})?" if len(digits) >= 10 else ""
        yield rf"(?<!\d)(?:\+?1[-.\s]{{0,2}})?\(?{area}{local}(?!\d)"
    elif any(map(str.isdigit, value)) and label not in ("EMAIL", "URL"):
        bare = re.sub(r"[\W_]+", "", value)
        yield rf"(?<![^\W_])0{{0,8}}{_spread(bare.lstrip('0') or bare)}(?![^\W_])"
    else:
        yield r"(?<!\w)" + r"[-\s]{1,9}".join(map(re.escape, re.split(r"[-\s]+", value))) + r"(?!\w)"


def _spread(text: str) -> str:
    return _BETWEEN.join(map(re.escape, text))


def _day(value: str) -> tuple[int, int, int] | None:
    """Year, month, day of a date in numbers: 1961-02-03, 02/03/1961, 19610203, with or without a time."""
    head = re.sub(r"^(\d{4})(\d\d)(\d\d)$", r"\1-\2-\3", re.split(r"[T\s]", value.strip())[0])
    match = NUMERIC.match(head)
    known = numeric_date(match) if match and match[4] else None
    return (known[0].year, known[0].month, known[0].day) if known else None


def _date(year: int, month: int, day: int) -> str:
    years, m, d = rf"(?:{year}|[''’]?{year % 100:02d})", f"0?{month}", f"0?{day}"
    sep, gap = r"\s?[-/.\s]\s?", r"[\s,.-]{1,3}"
    word, ordinal = rf"{_MONTHS[month - 1]}[a-z]{{0,6}}\.?", rf"{d}(?:st|nd|rd|th)?"
    forms = (
        *(rf"{m}{sep}{d}{sep}{years}", rf"{d}{sep}{m}{sep}{years}", rf"{year}{sep}{m}{sep}{d}"),
        *(f"{year}{month:02d}{day:02d}", f"{month:02d}{day:02d}{year}"),
        *(rf"{word}{gap}(?:the\s)?{ordinal}{gap}{years}", rf"{ordinal}{gap}(?:of\s)?{word}{gap}{years}"),
    )
    return rf"(?<![\w/])(?:{'|'.join(forms)})(?![\w/])"


def _address(value: str) -> Iterator[str]:
    """Each part of an address between commas; Street is St. as well. A state is no identifier."""
    for part in re.split(r"[,\n]", value):
        words = re.findall(r"[^\W_]+(?:['’-][^\W_]+)*|#", part)
        if words and (len(words) > 1 or len(words[0]) > 3):
            yield r"(?<!\w)" + r"[\s,.#-]{1,4}".join(map(_street, words)) + r"(?!\w)"


def _street(word: str) -> str:
    for held in _STREETS:
        if word.lower() in held.split():
            return "(?:" + "|".join(map(re.escape, held.split())) + ")"
    return re.escape(word)
