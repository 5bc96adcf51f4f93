"""Names of people by lexicon and context: titles, fields, relatives, degrees, known names side by side.

One pass over the capitalised words of a note gathers evidence; a second finds every other place of the names found.
A word that medicine or plain English also uses counts as a name only with a cue beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from medtext.stages.deid.arbitrate import Finding
from medtext.stages.deid.cues import Cue, cue_before
from medtext.stages.deid.lexicon import Lexicon
from medtext.stages.deid.mention import Mention
from medtext.stages.deid.persons import ROLES
from medtext.stages.deid.small_letters import small_names
from medtext.stages.deid.subjects import AGE_AFTER, RECORD_AFTER, subjects
from medtext.stages.deid.tokens import Tokens
from medtext.stages.deid.values import placed_names
from medtext.stages.deid.words import Words, headed

_DOTTED_DEGREE = re.compile(r",?\s?(?:M\.\s?D\.|D\.\s?O\.|R\.\s?N\.|Ph\.\s?D)")
_DEGREES_WITHOUT_COMMA = frozenset(["md", "rn", "np", "do", "phd", "dds", "pa", "lpn", "pharmd"])


_BETWEEN = (" ", "  ", "-", "\u00a0")


@dataclass(frozen=True, slots=True)
class NameFinder:
    """Finds names with one lexicon; holds no state of any note."""

    lexicon: Lexicon = field(repr=False)

    def find(self, text: str, tokens: Tokens) -> Iterator[Finding]:
        """Every name in the text, the same name's other places included."""
        mentions = _with_roles(tokens, list(_mentions(Words(self.lexicon, text, tokens))))
        found = [
            Finding(tokens.starts[one.first], tokens.core_end(one.last), one.label, one.score, one.rule)
            for one in mentions
        ]
        found += _others(self.lexicon, tokens, mentions)
        yield from found
        yield from _joined(text, found)


def _mentions(words: Words) -> Iterator[Mention]:
    """Names in order; what one mention took no later one takes again."""
    done = -1
    for at in words.tokens.capitals:
        if at > done:
            found = _with_cue(words, at) or _by_itself(words, at)
            if found:
                done = found.last
                yield found
    yield from small_names(words)
    yield from placed_names(words)
    yield from subjects(words)


def _with_cue(words: Words, at: int) -> Mention | None:
    """Dr. Berg, Attending: Berg, her sister Ida."""
    start = _before_particles(words, at)
    cue = cue_before(words, start)
    if cue is None or (cue.label == "RELATIVE" and headed(words.lexicon, words.tokens, at)):
        return None  # "Father: Parkinson disease"
    invented = "phrase" in cue.kind and words.pair(at)
    titled = (cue.kind == "title" and not _scan(words, start)) or (cue.strong and start < at)
    if not invented and not words.may_start(at, strong=cue.strong, titled=titled):
        return None
    last = _with_second(words, at, cue, max(words.run(at, loose=True), at + invented))
    if last == at and words.weak(at) and not cue.for_weak:
        return None
    return Mention(start, last, cue.label, 0.95 if cue.strong else 0.85, cue.kind)


def _with_second(words: Words, at: int, cue: Cue, last: int) -> int:
    """Berg, Anna behind a field or before a degree; the last word of a field's line, whatever it is: Cleve Bard."""
    tokens, degrees, second = words.tokens, words.lexicon.degrees, last + 1
    if tokens.gap(last) in (", ", ",", ",  ") and tokens.is_capital(second) and tokens.core(second) not in degrees:
        degree = tokens.gap(second) in (", ", ",") and tokens.core(second + 1) in degrees
        degree = degree or bool(_DOTTED_DEGREE.match(words.text, tokens.ends[second]))
        given = (degree or cue.kind == "field") and _given(words, second)
        if given or (cue.kind == "field" and words.invented(second)):
            return words.run(second, loose=True)
    if cue.kind == "field" and last - at < 3 and (last > at or words.known(at) or words.invented(at)):
        return _to_end_of_line(words, last)
    return last


def _to_end_of_line(words: Words, last: int) -> int:
    """One word more, hyphens included, when the line or column ends behind it."""
    tokens, follower = words.tokens, last + 1
    while tokens.gap(follower) == "-" and tokens.is_capital(follower + 1):
        follower += 1
    gap = tokens.gap(follower)
    ends = tokens.is_capital(follower) and (gap[:1] in ("\n", "\t") or gap[:2] == "  ")
    named = tokens.core(follower) not in words.lexicon.degrees and not words.medicine(follower)
    return follower if ends and named and tokens.gap(last) in (" ", "  ", ". ") else last


def _scan(words: Words, at: int) -> bool:
    """MR angiography, MS relapse: in capitals these are no sure titles."""
    return words.tokens.words[at - 1] in ("MR", "MS", "DR")


def _before_particles(words: Words, at: int) -> int:
    """Where a name begins that has small words before its capital: van der Berg."""
    start, tokens = at, words.tokens
    if at and tokens.words[at - 1] in ("St", "ST") and tokens.gap(at - 1) in (". ", " ", ".  "):
        return at - 1
    while start and at - start < 3 and words.tokens.words[start - 1] in words.lexicon.particles:
        if words.tokens.gap(start - 1) != " ":
            break
        start -= 1
    return start


def _given(words: Words, at: int) -> bool:
    """Whether a first name stands here, behind the family name of a field."""
    known = words.tokens.core(at) in words.lexicon.first
    return words.tokens.is_capital(at) and (known or words.unknown(at, loose=True))


def _by_itself(words: Words, at: int) -> Mention | None:
    """A name that no cue announces."""
    if len(words.tokens.core(at)) == 1:
        return _initials_first(words, at)
    if not words.may_start(at, strong=False):
        return _invented(words, at)
    last = words.run(at, loose=False)
    found = _last_first(words, at) or _degree(words, at) or _patient(words, at, last)
    return found or (_several(words, at, last) if last > at else _single(words, at))


def _single(words: Words, at: int) -> Mention | None:
    """One word: a first or a family name that is nothing else."""
    tokens, lexicon, word = words.tokens, words.lexicon, words.tokens.core(at)
    if words.protected(at) or not tokens.is_plain(at):
        return None
    if word in lexicon.first and word not in lexicon.weak_first and (not tokens.is_caps(at) or len(word) > 4):
        return Mention(at, at, "NAME", 0.75, "first name")
    return Mention(at, at, "NAME", 0.6, "family name") if words.sure_last(at) else None


def _invented(words: Words, at: int) -> Mention | None:
    """Two capitalised words of no list, with a degree or an age behind them: Deving Jobert, DO."""
    if not words.pair(at):
        return None
    last, tokens = at + 1, words.tokens
    follows = words.text[tokens.ends[last] : tokens.ends[last] + 90]
    degree = last + 1 < len(tokens) and tokens.lower[last + 1] in words.lexicon.degrees and tokens.is_caps(last + 1)
    if degree and tokens.gap(last) in (", ", ",", ",  "):
        return Mention(at, last, "PROVIDER", 0.8, "degree")
    aged = RECORD_AFTER.match(follows) or (AGE_AFTER.match(follows) and not tokens.is_caps(at))
    return Mention(at, last, "PATIENT", 0.75, "name and age") if aged else None


def _several(words: Words, at: int, last: int) -> Mention | None:
    """Two to four name-like words: taken when at least one of them is surely of a name."""
    tokens, lexicon = words.tokens, words.lexicon
    first, final = tokens.core(at), tokens.core(last)
    brand = first in lexicon.brands and first not in lexicon.first
    if brand or words.protected(last, alone=False):
        return None
    if first in lexicon.first and (words.known(last) or len(final) == 1):
        return None if _weak_pair(words, at, last) else Mention(at, last, "NAME", 0.9, "known names")
    if tokens.is_caps(at) and not tokens.mixed_line(at):
        return None
    surely = [
        ("first name and more", 0.8, first in lexicon.first and not words.weak(at)),
        ("more and family name", 0.7, words.sure_last(last) and not tokens.at_sentence_start(at)),
        ("family name first", 0.7, words.sure_last(at) and final in lexicon.first and not words.weak(last)),
    ]
    return next((Mention(at, last, "NAME", score, rule) for rule, score, sure in surely if sure), None)


def _weak_pair(words: Words, at: int, last: int) -> bool:
    """Whether first and last are both ordinary words in a place where capitals say nothing: Will Power, MAY COLE."""
    tokens, ordinary = words.tokens, words.lexicon.ordinary
    first, final = tokens.core(at), tokens.core(last)
    if len(final) == 1:
        return first in ordinary or (words.weak(at) and tokens.at_sentence_start(at))
    plain = tokens.at_sentence_start(at) and (first in ordinary or final in ordinary)
    return words.weak(at) and words.weak(last) and (plain or tokens.is_caps(at))


def _initials_first(words: Words, at: int) -> Mention | None:
    """J. Smith, J. R. Smith, J.R. Smith, E. van der Berg, S. Berg-Holm."""
    tokens, lexicon, last = words.tokens, words.lexicon, at
    while last - at < 3 and len(tokens.core(last)) == 1 and tokens.gap(last) in (". ", ".", ".  ", ".\n"):
        last += 1
    initials = last - at
    if initials and tokens.core(last) in lexicon.particles:
        last += max(0, words.particle(last - 1) - 1)
    word = tokens.core(last)
    family = initials > 0 and len(word) > 2 and tokens.is_capital(last) and word in lexicon.last
    if not family or word in lexicon.ordinary or words.protected(last, alone=False):
        return None
    while tokens.gap(last) == "-" and tokens.is_capital(last + 1):
        last += 1
    degree = tokens.gap(last) in (", ", ",") and tokens.core(last + 1) in lexicon.degrees
    return Mention(at, last, "PROVIDER" if degree else "NAME", 0.75, "initial and family name")


def _last_first(words: Words, at: int) -> Mention | None:
    """Smith, John Q."""
    tokens, lexicon, second = words.tokens, words.lexicon, at + 1
    if tokens.core(at) not in lexicon.last or tokens.gap(at) not in (", ", ","):
        return None
    given = tokens.is_capital(second) and tokens.core(second) in lexicon.first
    listed = tokens.core(second) in lexicon.weak_first and tokens.gap(second)[:1] == ","
    if not given or listed or (words.weak(at) and words.weak(second)):
        return None
    if tokens.core(at) in lexicon.first and not tokens.is_caps(at) and not tokens.at_line_start(at):
        return None  # "Martha, John and Karen" is a list
    last = words.run(second, loose=False)
    return Mention(at, min(last, second + 2), "NAME", 0.85, "family name, first name")


def _degree(words: Words, at: int) -> Mention | None:
    """Anna Berg, RN; Anna Berg MD; Berg, M.D."""
    tokens, last = words.tokens, words.run(at, loose=True)
    gap, degree = tokens.gap(last), tokens.lower[last + 1] if last + 1 < len(tokens) else ""
    if last > at and _DOTTED_DEGREE.match(words.text, tokens.ends[last]):
        return Mention(at, last, "PROVIDER", 0.95, "degree")
    written = degree in words.lexicon.degrees and (tokens.is_caps(last + 1) or degree in ("pharmd", "phd"))
    if not written or gap not in (", ", ",", " ", " ("):
        return None
    if gap[0] != "," and not (last > at and degree in _DEGREES_WITHOUT_COMMA):
        return None
    if last == at and (words.weak(at) or tokens.core(at) not in words.lexicon.last):
        return None
    return Mention(at, last, "PROVIDER", 0.95, "degree")


def _patient(words: Words, at: int, last: int) -> Mention | None:
    """Martha Collins is a 50-year-old …, Collins (DOB …"""
    tokens = words.tokens
    run = max(last, words.run(at, loose=True))
    follows = words.text[tokens.ends[run] : tokens.ends[run] + 90]
    if not (AGE_AFTER.match(follows) or RECORD_AFTER.match(follows)):
        return None
    known = tokens.core(run) in words.lexicon.last or any(
        tokens.core(one) in words.lexicon.first for one in range(at, run + 1)
    )
    plain = run == at and tokens.core(at) in words.lexicon.ordinary
    if not known:
        return _invented(words, at)
    return None if plain or words.protected(run) else Mention(at, run, "PATIENT", 0.9, "name and age")


def _with_roles(tokens: Tokens, mentions: list[Mention]) -> list[Mention]:
    """A name without a role takes that of the person whose parts it repeats."""
    roles = _roles(tokens, (one for one in mentions if one.label != "NAME"))
    return [_with_role(tokens, one, roles) if one.label == "NAME" else one for one in mentions]


def _with_role(tokens: Tokens, one: Mention, roles: dict[str, str]) -> Mention:
    held = {roles.get(tokens.core(at)) for at in range(one.first, one.last + 1)}
    role = held.pop() if len(held) == 1 else None
    return Mention(one.first, one.last, role, one.score, one.rule) if role else one


def _roles(tokens: Tokens, mentions: Iterator[Mention]) -> dict[str, str]:
    """Each part of these names → the surest role of who bears it."""
    roles: dict[str, str] = {}
    for one in mentions:
        for at in range(one.first, one.last + 1):
            word = tokens.core(at)
            roles[word] = min(roles.get(word, "NAME"), one.label, key=ROLES.index)
    return roles


def _joined(text: str, found: list[Finding]) -> Iterator[Finding]:
    """Names with nothing but a blank or a hyphen between them are one: what was found of Ette and of Higgs."""
    last: Finding | None = None
    for one in sorted(found, key=lambda one: (one.start, -one.end)):
        if last and one.start >= last.end and text[last.end : one.start] in _BETWEEN:
            label = min(last.label, one.label, key=ROLES.index)
            last = Finding(last.start, one.end, label, min(last.score, one.score), one.rule)
            yield last
        elif last is None or one.end > last.end:
            last = one


def _others(lexicon: Lexicon, tokens: Tokens, mentions: list[Mention]) -> Iterator[Finding]:
    """The other places of every part of the names found, capitalised or in capitals."""
    small = lexicon.particles | lexicon.generations
    roles = _roles(tokens, (one for one in mentions if one.score >= 0.6))
    taken = {at for one in mentions for at in range(one.first, one.last + 1)}
    for at in tokens.capitals:
        word = tokens.core(at)
        if word not in roles or at in taken or len(word) < 3 or word in small:
            continue
        if word in lexicon.eponyms and headed(lexicon, tokens, at):
            continue
        plain = word in lexicon.ordinary or word in tokens.lower_words
        if not (plain and (tokens.at_sentence_start(at) or tokens.is_caps(at))):
            yield Finding(tokens.starts[at], tokens.core_end(at), roles[word], 0.7, "seen before")
