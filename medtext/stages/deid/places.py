"""Towns by lexicon, hospitals, clinics and schools by the words that end their names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from medtext.config import Table
from medtext.errors import ConfigError
from medtext.stages.deid.arbitrate import Finding
from medtext.stages.deid.lexicon import Lexicon, Phrases, phrase
from medtext.stages.deid.tokens import Tokens
from medtext.stages.deid.towns import Towns
from medtext.stages.deid.words import headed

_REACH = 7  # words before the one that ends an institution's name
_WORDS = ("ends", "schools", "enough", "pairs", "generic", "with_kind", "short", "offices", "before")
_KINDS = ("ends", "schools", "pairs", "generic", "with_kind", "short")
_JOINTS = frozenset(["of", "the", "and", "at", "for", "de", "st", "saint"])
_ABBREVIATED = ("st", "mt", "ft", "med")
_SMALL_CUES = ("from", "at", "to", "in", "of")
_TOWN_CUES = ("in", "from", "near", "outside", "downtown")
_STATE_AFTER = re.compile(
    r",?\s{1,2}(?:A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|P[AR]|RI|S[CD]|T[NX]|UT"
    r"|V[AIT]|W[AIVY])\b"
)


@dataclass(frozen=True, slots=True)
class PlaceFinder:
    """Finds towns and, when `hospitals`, the names of hospitals and clinics."""

    lexicon: Lexicon = field(repr=False)
    words: Mapping[str, frozenset[str]] = field(repr=False)
    named: Phrases = field(repr=False)
    towns: Towns = field(repr=False)
    hospitals: bool = True

    @classmethod
    def load(cls, table: Table, lexicon: Lexicon, *, hospitals: bool = True) -> PlaceFinder:
        """With the institutions of `identifiers.yaml`; raises ConfigError when a list of words is missing."""
        held = table.get_typed("institutions", dict, {})
        if not held:
            raise ConfigError(f"{table.where()}: 'institutions' is missing.")
        held.allow((*_WORDS, "named"), "institutions")
        words = {key: frozenset(held.get_typed(key, str, "").split()) for key in _WORDS}
        for key, found in words.items():
            if not found:
                raise ConfigError(f"{held.where(key)}: {key!r} of institutions holds no words.")
        named: dict[str, list[tuple[str, ...]]] = {}
        for text in held.get_typed("named", list, []):
            named.setdefault(phrase(text)[0], []).append(phrase(text))
        ordered = {key: tuple(sorted(found, key=len, reverse=True)) for key, found in named.items()}
        towns = Towns.load(table, lexicon, words["ends"] | words["schools"])
        return cls(lexicon, words, ordered, towns, hospitals)

    def find(self, text: str, tokens: Tokens) -> Iterator[Finding]:
        """Every town, and every institution."""
        yield from self.towns.find(tokens)
        if self.hospitals:
            yield from self._small(tokens)
        for at in tokens.capitals:
            yield from self._town(text, tokens, at)
            yield from self._school(tokens, at)
            if self.hospitals:
                yield from self._institution(tokens, at)
                yield from self._named(tokens, at)
                yield from self._saint(tokens, at)

    def kinds(self, table: Table) -> frozenset[str]:
        """The words that say what an institution or a street is, in names and addresses alike."""
        streets = re.findall(r"\w+", table.get_typed("parts", dict, {}).get("street", ""))
        return frozenset(streets).union(*(self.words[key] for key in _KINDS))

    # ---- towns

    def _town(self, text: str, tokens: Tokens, at: int) -> Iterator[Finding]:
        for words, weak in self.lexicon.places.get(tokens.core(at), ()):
            if not _stands(tokens, at, words):
                continue
            last = at + len(words) - 1
            if tokens.after_hyphen(at) or headed(self.lexicon, tokens, last) or tokens.core(last + 1) == "heart":
                return
            yield from self._short_hospital(tokens, at, last)
            state = _STATE_AFTER.match(text, tokens.ends[last])
            if state or self._sure_town(tokens, at, words, weak=weak):
                score = 0.9 if state or len(words) > 1 else 0.6
                yield Finding(tokens.starts[at], tokens.core_end(last), "PLACE", score, "place")
            return

    def _sure_town(self, tokens: Tokens, at: int, words: tuple[str, ...], *, weak: bool) -> bool:
        """Whether it needs no state: no other word looks like it, or a word such as "in" stands before it."""
        if weak:
            cue = at > 0 and tokens.lower[at - 1] in _TOWN_CUES and tokens.gap(at - 1) == " "
            return cue and not (tokens.is_capital(at + 1) and tokens.gap(at) == " ")
        shouted = tokens.is_caps(at) and len(words[0]) > 3 and not tokens.mixed_line(at)
        return len(words) > 1 or not shouted

    def _short_hospital(self, tokens: Tokens, at: int, last: int) -> Iterator[Finding]:
        """Brooklyn General: a town and the short form of its hospital."""
        follows = tokens.core(last + 1) in self.words["short"] and tokens.is_capital(last + 1)
        if self.hospitals and follows and tokens.gap(last) == " ":
            yield Finding(tokens.starts[at], tokens.ends[last + 1], "HOSPITAL", 0.8, "town and hospital")

    # ---- institutions

    def _institution(self, tokens: Tokens, at: int) -> Iterator[Finding]:
        """A run of capitalised words that ends here in Hospital, Medical Center, Clinic …"""
        word = tokens.lower[at]
        if word in ("county", "city"):
            yield from self._short_hospital(tokens, at, at)
        if word not in self.words["ends"] or self._goes_on(tokens, at):
            return
        paired = at > 0 and tokens.lower[at - 1] in self.words["pairs"] and tokens.is_capital(at - 1)
        if word in self.words["enough"] or paired:
            first = self._first(tokens, at)
            if self._names(tokens, first, at):
                last = self._last(tokens, at)
                yield Finding(tokens.starts[first], tokens.ends[last], "HOSPITAL", 0.85, "institution")

    def _school(self, tokens: Tokens, at: int) -> Iterator[Finding]:
        """A school, college or church by its last word: it tells the place where somebody lives or works."""
        word = tokens.lower[at]
        if word not in self.words["schools"] or at == 0 or not tokens.is_capital(at - 1):
            return
        if headed(self.lexicon, tokens, at) or self._goes_on(tokens, at):
            return
        first = self._first(tokens, at)
        if self._names(tokens, first, at):
            yield Finding(tokens.starts[first], tokens.ends[at], "PLACE", 0.75, "school")

    def _goes_on(self, tokens: Tokens, at: int) -> bool:
        """Whether a later word ends the same run: only the last one is taken."""
        return tokens.gap(at) == " " and tokens.core(at + 1) in self.words["ends"] and tokens.is_capital(at + 1)

    def _names(self, tokens: Tokens, first: int, at: int) -> bool:
        """Whether the run holds more than words that every hospital may bear."""
        held = set(tokens.lower[first:at])
        if held & self.words["with_kind"] or ("general" in held and tokens.lower[at] in ("hospital", "hosp")):
            return True
        lexicon, own = self.lexicon, held - self.words["generic"] - self.words["ends"] - _JOINTS
        plain = {word for word in own if word in lexicon.ordinary and word not in lexicon.last}
        return bool(own - plain - lexicon.brands)

    def _first(self, tokens: Tokens, at: int) -> int:
        """The first word of the run that ends at `at`."""
        first = at
        while first > 0 and at - first < _REACH:
            step = self._step_back(tokens, first - 1)
            if not step:
                break
            first -= step
        while first < at and (
            tokens.lower[first] in self.words["before"] or tokens.lower[first] in self.lexicon.titles
        ):
            first += 1
        return first

    def _step_back(self, tokens: Tokens, before: int) -> int:
        """How many words go on the run towards the left: 1 for a capital, 2 for "of" behind one."""
        gap = tokens.gap(before)
        if gap == "\n" and tokens.is_capital(before):
            return int(self._two_follow(tokens, before + 1))
        if gap not in (" ", "-", "/", " & ", "  ") and not (gap == ". " and tokens.lower[before] in _ABBREVIATED):
            return 0
        if tokens.is_capital(before) or (tokens.lower[before] in self.lexicon.particles and gap == " "):
            return 1
        joint = before > 0 and tokens.lower[before] in ("of", "and", "for", "the") and tokens.is_capital(before - 1)
        office = before > 0 and tokens.lower[before - 1] in self.words["offices"]
        return 2 if joint and not office and tokens.gap(before - 1) == " " else 0

    def _two_follow(self, tokens: Tokens, at: int) -> bool:
        """Whether a line begins with the rest of an institution's name, "Memorial Hospital", and not with a heading."""
        kind = tokens.lower[at] in self.words["pairs"] and tokens.core(at + 1) in self.words["ends"]
        return kind and tokens.gap(at) == " " and tokens.is_capital(at + 1)

    def _small(self, tokens: Tokens) -> Iterator[Finding]:
        """transferred to underwood memorial hospital: small letters are believed where a sentence has no capitals."""
        for at, word in enumerate(tokens.lower):
            if word not in self.words["enough"] and not (
                word in self.words["ends"] and at and tokens.lower[at - 1] in self.words["pairs"]
            ):
                continue
            if tokens.is_capital(at) or at not in tokens.careless:
                continue
            first = at
            while first and at - first < 5 and tokens.gap(first - 1) in (" ", "  ", "-", "\n", ". "):
                if tokens.lower[first - 1] in self.words["before"] | self.lexicon.never or not self._nameable(
                    tokens, first - 1
                ):
                    break
                first -= 1
            cue = tokens.at_line_start(first) or tokens.lower[first - 1] in _SMALL_CUES
            if cue and first < at and self._names(tokens, first, at):
                yield Finding(tokens.starts[first], tokens.ends[at], "HOSPITAL", 0.7, "institution, small letters")

    def _nameable(self, tokens: Tokens, at: int) -> bool:
        word = tokens.lower[at]
        kind = word in self.words["pairs"] or word in self.words["ends"] or word in self.words["with_kind"]
        return word.replace("'", "").isalpha() and (
            kind or word not in self.lexicon.ordinary or word in self.lexicon.last
        )

    def _last(self, tokens: Tokens, at: int) -> int:
        """Hospital of X, Children's Hospital Boston: what belongs to the name behind its word."""
        if tokens.gap(at) != " ":
            return at
        following = tokens.core(at + 1)
        if following in ("of", "at", "for") and tokens.gap(at + 1) == " " and tokens.is_capital(at + 2):
            return at if tokens.core(at + 2) in self.lexicon.ordinary else at + 2
        for words, _ in self.lexicon.places.get(following, ()):
            if _stands(tokens, at + 1, words):
                return at + len(words)
        return at

    def _named(self, tokens: Tokens, at: int) -> Iterator[Finding]:
        """Johns Hopkins, UCSF: hospitals known by a name of their own."""
        for words in self.named.get(tokens.lower[at], ()):
            last = at + len(words) - 1
            if _stands(tokens, at, words) and not headed(self.lexicon, tokens, last):
                short = len(words) == 1 and len(words[0]) < 5
                if tokens.is_caps(at) or not short:
                    yield Finding(tokens.starts[at], tokens.core_end(last), "HOSPITAL", 0.75, "known hospital")
                return

    def _saint(self, tokens: Tokens, at: int) -> Iterator[Finding]:
        """St. Mary's, without a word that says hospital; not St. John's wort."""
        if (
            tokens.lower[at] not in ("st", "saint")
            or tokens.gap(at) not in (". ", " ")
            or not tokens.is_capital(at + 1)
        ):
            return
        saint = tokens.possessive(at + 1) and tokens.core(at + 1) in self.lexicon.first
        if saint and tokens.core(at + 2) != "wort":
            yield Finding(tokens.starts[at], tokens.ends[at + 1], "HOSPITAL", 0.75, "saint")


def _stands(tokens: Tokens, at: int, words: tuple[str, ...]) -> bool:
    """Whether these words stand here, capitalised, with nothing but blanks, dots and hyphens between."""
    last = at + len(words) - 1
    if last >= len(tokens) or not tokens.is_capital(last):
        return False
    held = (*tokens.lower[at:last], words[-1] if tokens.core(last) == words[-1] else tokens.lower[last])
    gaps = [tokens.gap(one) for one in range(at, last)]
    return held == words and all(not gap.strip(" .-&") and "\n" not in gap for gap in gaps)
