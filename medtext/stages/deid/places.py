"""Towns by lexicon, hospitals and clinics by the words that end their names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from medtext.config import Table
from medtext.errors import ConfigError
from medtext.stages.deid.arbitrate import Finding
from medtext.stages.deid.lexicon import Lexicon, phrase
from medtext.stages.deid.names import headed
from medtext.stages.deid.tokens import Tokens

_REACH = 7
_JOINTS = frozenset("of the and at for de st saint".split())
_STATE_AFTER = re.compile(
    r",?\s{1,2}(?:A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|P[AR]|RI|S[CD]|T[NX]|UT"
    r"|V[AIT]|W[AIVY])\b"
)
_PLACE_CUES = frozenset(
    "in from near at to of outside visiting downtown moved born lives living lived around our via greater".split()
)
_SAINT = re.compile(r"St\.?\s(?=[A-Z])|Saint\s(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class PlaceFinder:
    """Finds towns and, when `hospitals`, the names of hospitals and clinics."""

    lexicon: Lexicon = field(repr=False)
    institutions: frozenset[str] = field(repr=False)
    pairs: frozenset[str] = field(repr=False)
    generic: frozenset[str] = field(repr=False)
    named: dict[str, tuple[tuple[str, ...], ...]] = field(repr=False)
    hospitals: bool = True

    @classmethod
    def load(cls, table: Table, lexicon: Lexicon, *, hospitals: bool = True) -> PlaceFinder:
        """The words of `identifiers.yaml` about institutions; raises ConfigError when they are missing."""
        held = {
            key: frozenset(table.get_typed(key, str, "").split())
            for key in ("institutions", "institution_pairs", "generic")
        }
        if not all(held.values()):
            raise ConfigError(f"{table.where()}: institutions, institution_pairs and generic must hold words.")
        named: dict[str, list] = {}
        for text in table.get_typed("hospitals", list, []):
            named.setdefault(phrase(text)[0], []).append(phrase(text))
        ordered = {key: tuple(sorted(found, key=len, reverse=True)) for key, found in named.items()}
        return cls(lexicon, held["institutions"], held["institution_pairs"], held["generic"], ordered, hospitals)

    def find(self, text: str, tokens: Tokens) -> Iterator[Finding]:
        """Every town, and every institution."""
        for at in tokens.capitals:
            yield from self._town(text, tokens, at)
            if self.hospitals:
                if tokens.lower[at] in ("county", "city"):
                    yield from self._short_hospital(tokens, at, at)
                yield from self._institution(tokens, at)
                yield from self._named(tokens, at)

    def _town(self, text: str, tokens: Tokens, at: int) -> Iterator[Finding]:
        for words, weak in self.lexicon.places.get(tokens.core(at), ()):
            last = at + len(words) - 1
            if not _stands(tokens, at, words):
                continue
            if tokens.after_hyphen(at) or self._medical(tokens, last):
                return
            yield from self._short_hospital(tokens, at, last)
            state = _STATE_AFTER.match(text[tokens.ends[last] : tokens.ends[last] + 6])
            caps = tokens.is_caps(at) and len(words[0]) > 3 and not tokens.mixed_line(at)
            sure = not weak and (not caps or len(words) > 1)
            if state or sure or (weak and self._after_cue(tokens, at)):
                score = 0.9 if state or len(words) > 1 else 0.6
                yield Finding(tokens.starts[at], tokens.core_end(last), "PLACE", score, "place")
            return

    def _short_hospital(self, tokens: Tokens, at: int, last: int) -> Iterator[Finding]:
        """Brooklyn General: a town and the short form of its hospital."""
        if (
            self.hospitals
            and tokens.core(last + 1) in _SHORT
            and tokens.is_capital(last + 1)
            and tokens.gap(last) == " "
        ):
            yield Finding(tokens.starts[at], tokens.ends[last + 1], "HOSPITAL", 0.8, "town and hospital")

    def _medical(self, tokens: Tokens, last: int) -> bool:
        following = tokens.core(last + 1)
        return headed(self.lexicon, tokens, last) or following in ("scientific", "criteria", "heart")

    def _after_cue(self, tokens: Tokens, at: int) -> bool:
        """in Jackson, from Madison: a place, unless the next word goes on a name."""
        cue = (
            at > 0
            and tokens.lower[at - 1] in ("in", "from", "near", "outside", "downtown")
            and tokens.gap(at - 1) == " "
        )
        return cue and not (tokens.is_capital(at + 1) and tokens.gap(at) == " ")

    def _institution(self, tokens: Tokens, at: int) -> Iterator[Finding]:
        """A run of capitalised words that ends here in Hospital, Medical Center, Clinic …"""
        word = tokens.lower[at]
        if word not in self.institutions or self._goes_on(tokens, at):
            return
        if word not in _ENOUGH and not (at and tokens.lower[at - 1] in self.pairs and tokens.is_capital(at - 1)):
            return
        first = self._first(tokens, at)
        own = [tokens.lower[one] for one in range(first, at + 1) if tokens.lower[one] not in self.generic]
        named = [one for one in own if one not in _JOINTS and one not in self.institutions and one not in _FEW]
        known = self._known_alone(tokens, first, at)
        ordinary = all(
            one in self.lexicon.brands or (one in self.lexicon.ordinary and one not in self.lexicon.last)
            for one in named
        )
        if (named and not ordinary) or known:
            start = tokens.starts[first]
            last = self._last(tokens, at)
            yield Finding(start, tokens.ends[last], "HOSPITAL", 0.85, "institution")

    def _known_alone(self, tokens: Tokens, first: int, at: int) -> bool:
        """Memorial Hospital, City Medical Center: words that name a place only together with its kind."""
        held = {tokens.lower[one] for one in range(first, at)}
        return bool(held & _KNOWN_ALONE) or ("general" in held and tokens.lower[at] in ("hospital", "hosp"))

    def _goes_on(self, tokens: Tokens, at: int) -> bool:
        """Whether a later word ends the same run: only the last one is taken."""
        return tokens.gap(at) == " " and tokens.core(at + 1) in self.institutions and tokens.is_capital(at + 1)

    def _first(self, tokens: Tokens, at: int) -> int:
        """The first word of the run that ends at `at`."""
        first = at
        while first > 0 and at - first < _REACH:
            before, gap = first - 1, tokens.gap(first - 1)
            if gap not in (" ", "-", "/", " & ", "  ") and not (
                gap == ". " and tokens.lower[before] in ("st", "mt", "ft", "med")
            ):
                break
            if tokens.is_capital(before):
                first = before
                continue
            joint = tokens.lower[before] in ("of", "and", "for", "the") and before > 0
            if (
                not joint
                or tokens.lower[before - 1] in _OFFICES
                or not tokens.is_capital(before - 1)
                or tokens.gap(before - 1) != " "
            ):
                break
            first = before
        while first < at and (tokens.lower[first] in _NOT_FIRST or tokens.lower[first] in self.lexicon.titles):
            first += 1
        return first

    def _last(self, tokens: Tokens, at: int) -> int:
        """Hospital of X, Children's Hospital Boston: what belongs to the name behind its word."""
        last = at
        if tokens.gap(last) == " " and tokens.core(last + 1) in ("of", "at", "for") and tokens.gap(last + 1) == " ":
            if tokens.is_capital(last + 2) and tokens.core(last + 2) not in self.lexicon.ordinary:
                last += 2
        elif tokens.gap(last) == " " and tokens.core(last + 1) in self.lexicon.places and tokens.is_capital(last + 1):
            for words, _ in self.lexicon.places[tokens.core(last + 1)]:
                if _stands(tokens, last + 1, words):
                    return last + len(words)
        return last

    def _named(self, tokens: Tokens, at: int) -> Iterator[Finding]:
        for words in self.named.get(tokens.lower[at], ()):
            if _stands(tokens, at, words, exact=True) and not headed(self.lexicon, tokens, at + len(words) - 1):
                last = at + len(words) - 1
                if len(words[0]) < 5 and len(words) == 1 and not tokens.is_caps(at):
                    return
                yield Finding(tokens.starts[at], tokens.ends[last], "HOSPITAL", 0.75, "known hospital")
                return
        saint = tokens.lower[at] in ("st", "saint") and tokens.gap(at) in (". ", " ") and tokens.is_capital(at + 1)
        if (
            saint
            and tokens.possessive(at + 1)
            and tokens.core(at + 1) in self.lexicon.first
            and tokens.core(at + 2) != "wort"
        ):
            yield Finding(tokens.starts[at], tokens.ends[at + 1], "HOSPITAL", 0.75, "saint")


_ENOUGH = frozenset("hospital hospitals clinic clinics infirmary sanatorium hospice healthcare pavilion hosp".split())
_SHORT = frozenset("general gen memorial methodist presbyterian baptist mercy".split())
_FEW = frozenset("dr mr mrs ms seen at from to in".split())
_KNOWN_ALONE = frozenset("central community memorial regional children's county city veterans".split())
_OFFICES = frozenset("department board committee division section service unit chair director".split())
_NOT_FIRST = frozenset(
    "the a an at in of to from and for by seen visited visit since our his her their this that he she is was please call"
    " referred admitted transferred discharged department presented evaluated treated".split()
)


def _stands(tokens: Tokens, at: int, words: tuple[str, ...], *, exact: bool = False) -> bool:
    """Whether these words stand here, capitalised, with nothing but blanks, dots and hyphens between."""
    last = at + len(words) - 1
    if last >= len(tokens) or not tokens.is_capital(last):
        return False
    for offset, word in enumerate(words):
        held = tokens.lower[at + offset] if exact or offset < len(words) - 1 else tokens.core(at + offset)
        if held != word:
            return False
    return all(tokens.gap(one).strip(" .-&") == "" and "\n" not in tokens.gap(one) for one in range(at, last))
