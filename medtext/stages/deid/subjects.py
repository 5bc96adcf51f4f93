"""Names by what is said of them: who says, denies or arrives is a person, whatever the name.

Small letters are read as well where a sentence is typed without capitals. An ordinary word, a relative or a role that
does the same ("mother denies", "Radiology says") is none, nor is medicine.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from medtext.stages.deid.mention import Mention
from medtext.stages.deid.words import Words

AGE_AFTER = re.compile(
    r"(?:,?\s{1,2}(?:is|was)\s{1,2}|,\s{1,2}|\s{1,2}(?=[(\d]))(?:(?:an?|the|our)\s{1,2})?(?:[a-z-]{3,14},?\s{1,2}){0,3}\(?"
    r"(?:\d{1,3}|(?:twen|thir|for|fif|six|seven|eigh|nine)ty(?:-[a-z]{3,5})?|[a-z]{3,6}teen)"
    r"[\s-]{0,2}(?:y(?:ea)?rs?\b|y\.?/?o\b|y\.\s?o\.|(?:months?|weeks?|days?)[\s-]old|[mf]\b)",
    re.IGNORECASE,
)
RECORD_AFTER = re.compile(r",?\s{1,3}[(\[]?(?:DOB|MRN|D\.O\.B|SSN|date of birth|medical record)\b", re.IGNORECASE)
_PATIENTS = ("pt", "patient", "client")
_GAPS = (" ", "  ", "\n", ", ")
_RUN = 5


def subjects(words: Words) -> Iterator[Mention]:
    """Rocionne says it hurts; his neighbor SEMARIO called; pt Jerman c/o nausea; gavin berg is a 58-year-old."""
    tokens, lexicon = words.tokens, words.lexicon
    for at in range(len(tokens)):
        label = _announced(words, at)
        if label:
            yield from _acting(words, at, label, lexicon.deeds, strict=False)
        elif tokens.lower[at][0].isalpha() and tokens.at_sentence_start(at):
            yield from _acting(words, at, "PATIENT", lexicon.sayings, strict=True)


def _announced(words: Words, at: int) -> str:
    """The label of the person whom a relative, "patient" or a title right before it announces."""
    tokens, lexicon = words.tokens, words.lexicon
    if at == 0 or tokens.gap(at - 1) not in _GAPS or tokens.possessive(at - 1):
        return ""
    before = tokens.lower[at - 1]
    if before in lexicon.relatives:
        return "RELATIVE"
    return "PATIENT" if before in _PATIENTS else lexicon.titles.get(before, "")


def _acting(words: Words, at: int, label: str, verbs: frozenset[str], *, strict: bool) -> Iterator[Mention]:
    """A run of words that are no ordinary ones, and behind it a verb that only people do, or an age."""
    tokens, last = words.tokens, at
    while last - at < _RUN and last + 1 < len(tokens) and _stranger(words, last, strict=strict):
        gap = tokens.gap(last)
        if gap in (", ", ",\n") and not strict and tokens.lower[last + 1] in ("who", "will"):
            yield Mention(at, last, label, 0.7, "subject")
        if gap not in (" ", "  ", "-", "\n") and not (len(tokens.core(last)) < 3 and gap in (". ", ".  ", ".")):
            return
        if gap != "-" and (_acts(words, at, last, verbs) or _aged(words, at, last)):
            yield Mention(at, last, label, 0.7, "subject")
            return
        last += 1


def _acts(words: Words, first: int, last: int, verbs: frozenset[str]) -> bool:
    """Whether a verb follows; in small letters words that no list knows need one that only people do."""
    tokens, follower = words.tokens, last + 1
    held = [one for one in range(first, last + 1) if len(tokens.core(one)) > 2]
    shown = all(tokens.is_capital(one) for one in held) or any(words.known(one) for one in held)
    verb = tokens.lower[follower] in (verbs if shown else words.lexicon.sayings | {"called"})
    return bool(held) and (verb or words.text.startswith(("c/o", "C/O"), tokens.starts[follower]))


def _aged(words: Words, first: int, last: int) -> bool:
    """Whether an age follows a known name of two words."""
    held = range(first, last + 1)
    sure = any(words.known(one) and not words.weak(one) for one in held) or all(words.known(one) for one in held)
    return sure and last > first and AGE_AFTER.match(words.text, words.tokens.ends[last]) is not None


def _stranger(words: Words, at: int, *, strict: bool) -> bool:
    """Whether a word is in none of the lists of ordinary words and medicine; `strict` also looks at how it ends."""
    tokens, lexicon, word = words.tokens, words.lexicon, words.tokens.core(at)
    if (
        not word.replace("'", "").isalpha()
        or tokens.possessive(at)
        or (strict and tokens.is_caps(at) and len(word) < 5)
    ):
        return False
    if len(word) == 1 or word in lexicon.particles:
        return len(word) > 1 or tokens.gap(at)[:1] == "."
    lists = (lexicon.ordinary, lexicon.never, lexicon.heads, lexicon.brands, lexicon.relatives, lexicon.degrees)
    if any(word in held for held in lists) or word in lexicon.titles or word in lexicon.deeds or word in lexicon.fields:
        return False
    if words.known(at):
        return word not in tokens.lower_words or tokens.is_capital(at)
    small = not tokens.is_capital(at)
    plain = word in tokens.lower_words or (strict and (small or word.endswith(lexicon.endings)))
    return not plain and not word.endswith(("ly", "ed", "ing")) and (not strict or tokens.is_plain(at))
