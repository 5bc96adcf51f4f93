"""Towns that no lexicon holds, by what is said: lives in Killoville, moved here from Camdence, PA.

Countries, states and continents stay: the rule asks for places below a state only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from medtext.config import Table
from medtext.errors import ConfigError
from medtext.stages.deid.arbitrate import Finding
from medtext.stages.deid.lexicon import Lexicon, phrase
from medtext.stages.deid.tokens import Tokens
from medtext.stages.deid.words import headed

_LONGEST = 3  # words of a town's name
_BETWEEN = frozenset(["here", "up", "and", "raised", "back", "recently", "away"])
_KEYS = ("verbs", "prefixes", "wide", "after")


@dataclass(frozen=True, slots=True)
class Towns:
    """What is said of towns: `verbs` by the small word that follows them; `wide` are places that stay."""

    lexicon: Lexicon = field(repr=False)
    verbs: Mapping[str, frozenset[str]] = field(repr=False)
    prefixes: frozenset[str] = field(repr=False)
    wide: frozenset[str] = field(repr=False)
    after: frozenset[str] = field(repr=False)
    kinds: frozenset[str] = field(repr=False)

    @classmethod
    def load(cls, table: Table, lexicon: Lexicon, kinds: frozenset[str]) -> Towns:
        """From `towns` of identifiers.yaml; raises ConfigError when a list is missing. `kinds` end institutions."""
        held = table.get_typed("towns", dict, {})
        if not held:
            raise ConfigError(f"{table.where()}: 'towns' is missing.")
        held.allow(_KEYS, "towns")
        verbs = held.get_typed("verbs", dict, {})
        words = {key: frozenset(held.get_typed(key, str, "").split()) for key in _KEYS[1:]}
        said = {key: frozenset(verbs.get_typed(key, str, "").split()) for key in verbs}
        for key, found in {**words, "verbs": said}.items():
            if not found:
                raise ConfigError(f"{held.where(key)}: {key!r} of towns holds no words.")
        return cls(lexicon, said, words["prefixes"], words["wide"], words["after"], kinds)

    def find(self, tokens: Tokens) -> Iterator[Finding]:
        """Every town that something is said of."""
        for at in tokens.capitals:
            if at > 1 and self._said(tokens, at):
                last = self._last(tokens, at)
                if last is not None and self._ends(tokens, last) and not headed(self.lexicon, tokens, last):
                    yield Finding(tokens.starts[at], tokens.core_end(last), "PLACE", 0.65, "town by context")

    def _said(self, tokens: Tokens, at: int) -> bool:
        verbs = self.verbs.get(tokens.lower[at - 1])
        if not verbs or tokens.gap(at - 1) not in (" ", "  ", "\n"):
            return False
        before = at - 2
        while before > 0 and at - before < 5 and tokens.lower[before] in _BETWEEN and tokens.lower[before] not in verbs:
            before -= 1
        return tokens.lower[before] in verbs

    def _last(self, tokens: Tokens, at: int) -> int | None:
        """The last word of the town; None when a word of it is an ordinary one, an institution's or a wide place's."""
        last = at
        while last - at < _LONGEST - 1 and tokens.gap(last) in (" ", "  ", "-") and tokens.is_capital(last + 1):
            last += 1
        words = [tokens.core(one) for one in range(at, last + 1)]
        own = [word for word in words if word not in self.prefixes]
        wide = phrase(" ".join(words))[0] in self.wide or "_".join(words) in self.wide
        plain = any(word in self.lexicon.ordinary or word in self.kinds or len(word) < 3 for word in own)
        return None if wide or plain or not own else last

    def _ends(self, tokens: Tokens, last: int) -> bool:
        gap = tokens.gap(last).lstrip(" ")
        return gap[:1] in (",", ".", ";", ")", "\n") or tokens.core(last + 1) in self.after
