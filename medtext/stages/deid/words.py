"""What a word of a note may be: part of a name, an ordinary word, or medicine that looks like a name.

Everything here looks at one text; the lists it asks are in the lexicon.
"""

from __future__ import annotations

from medtext.stages.deid.lexicon import Lexicon
from medtext.stages.deid.tokens import Tokens

LONGEST = 4  # words of one name
RECORDS = frozenset(["mrn", "dob", "ssn", "npi", "dea"])
_AFTER_INITIAL = ("", ".", ",", " ", ")", "\n", "?", ";", ":", "'", "’")


class Words:
    """The words of one text, asked what they may be. A token is named by its index."""

    def __init__(self, lexicon: Lexicon, text: str, tokens: Tokens) -> None:
        self.lexicon, self.text, self.tokens = lexicon, text, tokens

    def known(self, at: int) -> bool:
        """Whether it is a first or a family name."""
        word = self.tokens.core(at)
        return word in self.lexicon.first or word in self.lexicon.last

    def weak(self, at: int) -> bool:
        """Whether it is no name, or one that is also an ordinary word."""
        word, lexicon = self.tokens.core(at), self.lexicon
        sure_first = word in lexicon.first and word not in lexicon.weak_first
        sure_last = word in lexicon.last and word not in lexicon.weak_last and word not in lexicon.ordinary
        return not (sure_first or sure_last)

    def sure_last(self, at: int) -> bool:
        """Whether it is a family name and nothing else, so that it needs nothing beside it."""
        word, lexicon = self.tokens.core(at), self.lexicon
        if word not in lexicon.last or len(word) < 4 or self.tokens.is_caps(at) or self.tokens.possessive(at):
            return False
        return not any(word in held for held in (lexicon.weak_last, lexicon.eponyms, lexicon.brands, lexicon.places))

    def unknown(self, at: int, *, loose: bool) -> bool:
        """Whether a word of no list may be a name: it ends like no ordinary word and is nowhere in small letters.

        `loose` believes short words and capitals as well.
        """
        word = self.tokens.core(at)
        short = len(word) < (2 if loose else 3)
        if short or (self.tokens.is_caps(at) and (len(word) < 4 or not loose)):
            return False
        return not word.endswith(self.lexicon.endings) and word not in self.tokens.lower_words

    def name_like(self, at: int, *, loose: bool) -> bool:
        """Whether a capitalised word may go on a name."""
        word, lexicon = self.tokens.core(at), self.lexicon
        known = self.known(at) or word in lexicon.generations
        if word in lexicon.ordinary or word in lexicon.heads:
            spoken = word not in lexicon.never and (loose or word in lexicon.last)
            return known and spoken and not headed(lexicon, self.tokens, at)
        plain = word not in lexicon.brands and word not in lexicon.degrees
        return known or (plain and self.unknown(at, loose=loose))

    def may_start(self, at: int, *, strong: bool, titled: bool = False) -> bool:
        """Whether a name may begin here; `strong` when a title or a field stands before it, `titled` when a title."""
        word, lexicon = self.tokens.core(at), self.lexicon
        if word in lexicon.titles or (word in lexicon.particles and not self.particle(at - 1)):
            return strong and word in lexicon.last and word not in lexicon.ordinary
        if len(word) == 1:
            return strong and self.text[self.tokens.ends[at] : self.tokens.ends[at] + 1] == "."
        if word in lexicon.never or word in lexicon.generations or (self._saint(at) and not titled):
            return False
        if strong:
            return self.known(at) or not self._ordinary(word) or self._believed(at, titled=titled)
        return not self.tokens.after_hyphen(at) and (self.known(at) or self.name_like(at, loose=False))

    def invented(self, at: int) -> bool:
        """Whether it is a capitalised word that is no ordinary one, however it ends: Dr. Daving."""
        word, tokens = self.tokens.core(at), self.tokens
        listed = word in self.lexicon.ordinary or word in self.lexicon.brands or word in self.lexicon.heads
        return not listed and tokens.is_capital(at) and tokens.is_plain(at) and word not in tokens.lower_words

    def _believed(self, at: int, *, titled: bool) -> bool:
        """Dr. Daving; Ximent Simont in a field, but not Metoprolol Succinate, where both end like medicine."""
        paired = self._pair(at) and not (self.medicine(at) and self.medicine(at + 1))
        return (titled or paired) and self.invented(at)

    def medicine(self, at: int) -> bool:
        """Whether it ends as words of medicine do and is no known name."""
        return self.tokens.core(at).endswith(self.lexicon.endings) and not self.known(at)

    def pair(self, at: int) -> bool:
        """Whether two capitalised words stand here that are neither ordinary words nor medicine."""
        return self._pair(at) and self.invented(at)

    def _pair(self, at: int) -> bool:
        return self.tokens.gap(at) in (" ", "  ", "-") and at + 1 < len(self.tokens) and self.invented(at + 1)

    def _ordinary(self, word: str) -> bool:
        return word in self.lexicon.ordinary or word in self.lexicon.brands or word.endswith(self.lexicon.endings)

    def _saint(self, at: int) -> bool:
        """Whether St. stands before it, so that it names a place and not a person."""
        tokens = self.tokens
        return at > 0 and tokens.lower[at - 1] in ("st", "saint") and tokens.gap(at - 1).strip() in ("", ".")

    # ---- how far a name goes

    def run(self, at: int, *, loose: bool) -> int:
        """The last token of the name that begins here; `loose` also takes words that no list knows."""
        last = at
        while last - at < LONGEST - 1 and last + 1 < len(self.tokens) and not self.tokens.possessive(last):
            step = self._step(last, loose=loose)
            if not step:
                break
            last += step
        suffix = last + 1 < len(self.tokens) and self.tokens.core(last + 1) in self.lexicon.generations
        return last + int(last > at and suffix and self.tokens.gap(last) in (" ", ", ", "  "))

    def _step(self, last: int, *, loose: bool) -> int:
        """How many tokens behind `last` go on the name."""
        tokens, gap, follower = self.tokens, self.tokens.gap(last), last + 1
        short = len(tokens.core(last)) == 1 or tokens.core(last) in self.lexicon.generations
        if gap == "\n" and self._wrapped(last):
            return 1
        if gap not in (" ", "-", "  ") and not (short and gap in (". ", ".", ".-", ".  ", ".\n")):
            return int(gap == ", " and tokens.core(follower) in ("jr", "sr"))
        initial = len(tokens.core(follower)) == 1 and tokens.is_capital(follower)  # Raya Y. Arndt, not Ortega y Gasset
        if gap != "-" and tokens.core(follower) in self.lexicon.particles and not initial:
            return self.particle(last) or int(self._final(follower))
        return self._capital_step(last, gap, loose=loose) if tokens.is_capital(follower) else 0

    def _capital_step(self, last: int, gap: str, *, loose: bool) -> int:
        if gap == "-":
            return 1
        one_letter = len(self.tokens.core(last + 1)) == 1
        if loose and not one_letter and len(self.tokens.core(last)) == 1:
            label = self.tokens.core(last + 1) in RECORDS or self.tokens.gap(last + 1)[:1] == ":"
            return int(self.invented(last + 1) and not label)  # Dr. S. Reitalling
        return int(self._initial(last + 1) if one_letter else self.name_like(last + 1, loose=loose))

    def _final(self, at: int) -> bool:
        """Whether a small word of names is a family name by itself, the last of its name: Murray Le."""
        named = self.tokens.is_capital(at) and self.tokens.core(at) in self.lexicon.last
        ends = not self.tokens.is_capital(at + 1) or self.tokens.core(at + 1) in self.lexicon.degrees
        return named and (ends or self.tokens.gap(at)[:1] in (",", "\n"))

    def _wrapped(self, last: int) -> bool:
        """Whether the line breaks inside a name: a first name at its end, a family name at the next one's head."""
        tokens, lexicon, follower = self.tokens, self.lexicon, last + 1
        first = tokens.core(last) in lexicon.first or len(tokens.core(last)) == 1
        if first and len(tokens.core(follower)) == 1 and tokens.is_capital(follower):
            return tokens.gap(follower) in (". ", ".  ") and tokens.core(follower + 1) in lexicon.last
        family = tokens.is_capital(follower) and tokens.core(follower) in lexicon.last
        return (
            first and family and tokens.core(follower) not in lexicon.ordinary and not headed(lexicon, tokens, follower)
        )

    def particle(self, last: int) -> int:
        """How many tokens lead over small words to the next part of a name: van der Berg."""
        for target in (last + 2, last + 3):
            if last < -1 or not self.tokens.is_capital(target) or not self._particle_gap(target - 1):
                continue
            if self.tokens.core(target) not in self.lexicon.particles and self.name_like(target, loose=True):
                between = self.tokens.lower[last + 1 : target]
                return target - last if all(word in self.lexicon.particles for word in between) else 0
        return 0

    def _particle_gap(self, at: int) -> bool:
        """Whether a name goes on behind a small word: van⏎Berg, St. John."""
        gap = self.tokens.gap(at)
        return gap in (" ", "  ", "\n") or (self.tokens.core(at) == "st" and gap in (". ", ".", ".  "))

    def _initial(self, at: int) -> bool:
        """Whether a single capital is an initial: John D. and John D was, but not Vitamin D3; an I only at an end."""
        after = self.text[self.tokens.ends[at] : self.tokens.ends[at] + 3]
        ends = after[:1] in ("", "\n") or after[:2] == "  " or (after[:2] == ". " and after[2:].isupper())
        return (self.tokens.core(at) != "i" or ends) and after[:1] in _AFTER_INITIAL

    # ---- the medicine

    def protected(self, at: int, *, alone: bool = True) -> bool:
        """Whether it is an eponym or part of a phrase that stays; when `alone`, also a brand or half of a compound."""
        if headed(self.lexicon, self.tokens, at) or self._in_phrase(at):
            return True
        return alone and (self.tokens.core(at) in self.lexicon.brands or self.tokens.hyphenated(at))

    def _in_phrase(self, at: int) -> bool:
        for first in range(max(0, at - 3), at + 1):
            for words in self.lexicon.phrases.get(self.tokens.lower[first], ()):
                if first + len(words) > at and tuple(self.tokens.lower[first : first + len(words)]) == words:
                    return True
        return False


def headed(lexicon: Lexicon, tokens: Tokens, at: int) -> bool:
    """Whether a medical head follows within two words: Murphy sign, Bell's palsy, Glasgow coma scale.

    A first name's possessive owns what follows ("Karen's disease"), unless it is an eponym ("Addison's disease").
    """
    word = tokens.core(at)
    if tokens.possessive(at) and word in lexicon.first and word not in lexicon.eponyms:
        return False
    for follower in (at + 1, at + 2):
        if follower >= len(tokens) or tokens.gap(follower - 1) not in (" ", "-", "/"):
            return False
        following = tokens.lower[follower]
        if following in lexicon.heads or following.endswith(lexicon.head_endings):
            return True
        if following in lexicon.never:
            return False
    return False
