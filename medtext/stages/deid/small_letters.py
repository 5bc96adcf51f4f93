"""Names in small letters: mr. cutler; name: john smith; electronically signed by sven mahoney, pa-c."""

from __future__ import annotations

from collections.abc import Iterator

from medtext.stages.deid.cues import Cue, cue_before
from medtext.stages.deid.lexicon import Lexicon
from medtext.stages.deid.mention import Mention
from medtext.stages.deid.words import Words

_WORDS_TOO = frozenset(["do", "pa", "ma", "pt", "ms"])
_COURTESY = frozenset(["mr", "mrs", "ms", "dr", "drs"])


def small_names(words: Words) -> Iterator[Mention]:
    """name: john smith; mr. cutler; signed by sven mahoney — small letters are believed behind a cue only.

    Behind a courtesy title any word that is no ordinary one, elsewhere known names; a hyphen, an initial or a second
    known name goes on it.
    """
    tokens, lexicon = words.tokens, words.lexicon
    for at in range(1, len(tokens)):
        word = tokens.lower[at]
        if tokens.is_capital(at) or not word[0].isalpha():
            continue
        if len(word) == 1 and tokens.gap(at)[:1] == ".":
            yield from _small_initials(words, at)
        if word in lexicon.ordinary or word in lexicon.never:
            continue
        gap, title = tokens.gap(at - 1), tokens.lower[at - 1]
        titled = title in _COURTESY and (gap in (". ", ".  ", ".", ".\n") or (gap == " " and title[:1] == "d"))
        titled = titled or (title in ("and", "&") and _of_two(words, at))
        if not titled and not (word in lexicon.first or word in lexicon.last):
            yield from _small_strangers(words, at)
            continue
        cue = cue_before(words, at)
        if cue is None and _degree_after(words, at):
            yield Mention(at, _small_run(words, at), "PROVIDER", 0.75, "small letters")
        if cue is None or (not titled and not _small_name(words, at, cue)):
            continue
        yield Mention(at, _small_run(words, at), cue.label, 0.8, "small letters")


def _of_two(words: Words, at: int) -> bool:
    """Whether the title of two stands before: drs. bustamante and adler."""
    cue = cue_before(words, at)
    return cue is not None and cue.kind == "title"


def _small_initials(words: Words, at: int) -> Iterator[Mention]:
    """signed: j. senblum rn"""
    tokens, last = words.tokens, at
    cue = cue_before(words, at)
    while last - at < 3 and len(tokens.core(last)) == 1 and tokens.gap(last)[:1] == ".":
        last += 1
    while tokens.core(last) in words.lexicon.particles and last - at < 5:
        last += 1
    word = tokens.core(last)
    if cue and len(word) > 2 and word.isalpha() and word not in words.lexicon.ordinary:
        yield Mention(at, _small_run(words, last), cue.label, 0.8, "small letters")


def _small_strangers(words: Words, at: int) -> Iterator[Mention]:
    """electronically signed by stephana zayal, pa-c; patient name: benniel waldivin and the end of the line."""
    tokens, lexicon, last = words.tokens, words.lexicon, at + 1
    if tokens.gap(at) not in (" ", "  ", ", ") or last >= len(tokens):
        return
    cue = cue_before(words, at)
    if cue is None or any(_plain_word(lexicon, tokens.lower[one]) for one in (at, last)):
        return
    degree = last + 1 < len(tokens) and tokens.lower[last + 1] in lexicon.degrees and "\n" not in tokens.gap(last)
    alone = cue.kind == "field" and (tokens.gap(last)[:1] in ("\n", "\t") or tokens.gap(last)[:2] == "  ")
    if degree or alone:
        yield Mention(at, last, cue.label, 0.75, "small letters")


def _plain_word(lexicon: Lexicon, word: str) -> bool:
    listed = word in lexicon.ordinary or word in lexicon.never or word in lexicon.heads or word in lexicon.brands
    return listed or not word.isalpha() or len(word) < 3 or word.endswith(lexicon.endings)


def _degree_after(words: Words, at: int) -> bool:
    """glenn wolff, np: two known names and a degree, without a cue."""
    tokens, lexicon = words.tokens, words.lexicon
    last = _small_run(words, at)
    both = last > at and tokens.lower[at] in lexicon.first and tokens.gap(last) in (", ", " ", ",")
    return both and last + 1 < len(tokens) and tokens.lower[last + 1] in lexicon.degrees - _WORDS_TOO


def _small_name(words: Words, at: int, cue: Cue) -> bool:
    """Whether a known name in small letters is meant: a second one follows, or it is a first name after a relative."""
    tokens, lexicon = words.tokens, words.lexicon
    follows = tokens.gap(at) in (" ", "  ", ", ", ",", ",  ", "-") and tokens.core(at + 1)
    second = bool(follows) and follows not in lexicon.ordinary and (follows in lexicon.last or follows in lexicon.first)
    sure = tokens.lower[at] in lexicon.first and tokens.lower[at] not in lexicon.weak_first
    return second or (sure and (cue.for_weak or cue.kind == "phrase"))


def _small_run(words: Words, at: int) -> int:
    tokens, lexicon, last = words.tokens, words.lexicon, at
    while last - at < 4 and last + 1 < len(tokens):
        gap, follows = tokens.gap(last), tokens.core(last + 1)
        name = follows in lexicon.first or follows in lexicon.last
        known = gap in (" ", "  ", ", ", ",", ",  ") and name and follows not in lexicon.ordinary
        suffix = last > at and follows in lexicon.generations and gap in (" ", "  ", ", ")
        small = gap in (" ", "  ") and (follows in lexicon.particles or tokens.core(last) in lexicon.particles)
        known = known or suffix or (small and follows not in lexicon.ordinary and follows not in lexicon.never)
        initial = gap in (" ", "  ") and len(follows) == 1 and follows not in "ai" and follows.isalpha()
        if not (
            known
            or initial
            or (gap == "-" and follows.isalpha())
            or (gap[:1] == "." and len(tokens.core(last)) == 1 and _may_follow(lexicon, follows))
        ):
            break
        last += 1
    return last


def _may_follow(lexicon: Lexicon, word: str) -> bool:
    """Whether a word may go on a name behind an initial: in "s. garnett m.d. march 13" march does not."""
    return word.isalpha() and word not in lexicon.ordinary
