"""Names that the page sets apart, in any case of letters: the value of a field, a line that ends in a degree, a list.

A field such as "Attending:" holds a name and nothing else, so that its whole value is believed, known or not; so is a
line of two to four words with a degree behind them. Ordinary words and medicine end a value or refuse it.
"""

from __future__ import annotations

from collections.abc import Iterator

from medtext.stages.deid.cues import Cue, cue_before, ending
from medtext.stages.deid.mention import Mention
from medtext.stages.deid.words import RECORDS, Words

_LONGEST = 6  # words of a value, particles and halves of double names included
_WORDS_TOO = frozenset(["do", "pa", "ma", "pt", "ms", "np", "od", "dc", "ot", "pas", "cna"])
_DOTTED = ("m.d", "d.o", "r.n", "ph.d", "m. d", "d. o", "r. n")


def placed_names(words: Words) -> Iterator[Mention]:
    """The names that stand where only names stand."""
    yield from _values(words)
    yield from _before_degrees(words)
    yield from _before_records(words)


# ---- the value of a field


def _values(words: Words) -> Iterator[Mention]:
    """Attending: santhon parist, do; Patient Name Jeanita Kramehta at the head of a line; cc: Ida Berg, Tom Varg."""
    tokens, fields = words.tokens, words.lexicon.fields
    for at in range(len(tokens) - 1):
        if tokens.lower[at] not in fields:
            continue
        name = ending(words, at, fields)
        if name not in words.lexicon.sure_fields or not _opens(words, at, name):
            continue
        if ":" in tokens.gap(at) or "\t" in tokens.gap(at) or _two(words, at + 1):
            yield from _listed(words, at + 1, Cue(words.lexicon.field_labels[name], "field"))


def _opens(words: Words, at: int, name: str) -> bool:
    """Whether a value begins behind the field: a colon, a tab, a column, or a blank where the field begins its line."""
    gap, tokens = words.tokens.gap(at), words.tokens
    first = at - name.count(" ")
    if ":" in gap or "\t" in gap:
        return not gap.strip(" \t:*_\n") and gap.count("\n") < 2
    head = tokens.at_line_start(first) or "   " in words.text[tokens.ends[first - 1] : tokens.starts[first]]
    return head and not gap.strip(" ")


def _two(words: Words, at: int) -> bool:
    """Whether two words that are not ordinary follow a field without a colon: cc Guinez Murt."""
    found = _value(words, at, Cue("NAME", "field"))
    held = range(at, at if found is None else found.last + 1)
    own = [one for one in held if words.tokens.core(one) not in words.lexicon.ordinary and not _small_word(words, one)]
    return len(own) > 1 or (len(own) == 1 and _degree(words, own[0] + 1))


def _listed(words: Words, at: int, cue: Cue) -> Iterator[Mention]:
    """The name that is the value, and those that a comma or "and" puts behind it."""
    tokens = words.tokens
    for _ in range(4):
        found = _value(words, at, cue)
        if found is None:
            return
        yield found
        gap, follower = tokens.gap(found.last), found.last + 1
        if tokens.core(follower) in ("and", "&") and gap == " ":
            at = follower + 1
        elif gap in (", ", ",", ",  ", ",\n", "; "):
            at = follower
        else:
            return


def _value(words: Words, at: int, cue: Cue) -> Mention | None:
    """The name that begins here and ends where a value ends: Berg; Ida Berg; Berg, Ida M."""
    last, tokens = _extent(words, at), words.tokens
    if last is None:
        return None
    comma = tokens.gap(last) in (", ", ",", ",  ", ",\n")
    if comma and _family(words, at, last) and not _degree(words, last + 1):
        given = _extent(words, last + 1)
        if given is not None and given - last < 4 and _ends(words, given):
            last, comma = given, False
    elif tokens.gap(last) == "\n" and last == at and _goes_on(words, last + 1):
        last += 1
    ended = _ends(words, last) or (comma and last > at) or _long_enough(words, at, last, sure=True)
    return Mention(at, last, cue.label, 0.9, "field") if ended and _long_enough(words, at, last) else None


def _family(words: Words, at: int, last: int) -> bool:
    """Whether only one family name stands here, with its small words and halves: van der Berg-Holm."""
    own = [one for one in range(at, last + 1) if not _small_word(words, one) and not words.tokens.after_hyphen(one)]
    return len(own) == 1


def _goes_on(words: Words, at: int) -> bool:
    """Whether the line breaks inside a name: its second part alone begins the next one."""
    fits = words.tokens.is_capital(at) and _part(words, at) and words.invented(at)
    return fits and _ends(words, at) and ":" not in words.tokens.gap(at)


def _extent(words: Words, at: int) -> int | None:
    """The last word of a run that may be a name in any case; None when none begins here."""
    tokens = words.tokens
    if at >= len(tokens) or not _part(words, at):
        return None
    last = at
    while last - at < _LONGEST and last + 1 < len(tokens) and _joined(words, last) and _part(words, last + 1):
        last += 1
    while last > at and tokens.core(last) in words.lexicon.never:
        last -= 1
    return last


def _joined(words: Words, last: int) -> bool:
    """Whether the gap behind a word may stand inside a name."""
    tokens, gap = words.tokens, words.tokens.gap(last)
    short = len(tokens.core(last)) == 1 or tokens.core(last) in ("st", "mr", "ms", "mrs", "dr", "jr", "sr")
    if gap in (" ", "-", "  "):
        return not _label_ahead(words, last + 1)
    return short and gap in (". ", ".", ".  ", ".-") and not _label_ahead(words, last + 1)


def _label_ahead(words: Words, at: int) -> bool:
    """Whether the next word is the head of the next field: Name: Ida Berg  DOB: …"""
    gap = words.tokens.gap(at)
    return ":" in gap[:2] or "#" in gap[:2] or words.tokens.lower[at] in RECORDS


def _part(words: Words, at: int) -> bool:
    """Whether a word may be part of a name where only names stand."""
    tokens, lexicon, word = words.tokens, words.lexicon, words.tokens.core(at)
    if not word.replace("'", "").isalpha() or _degree(words, at):
        return False
    if len(word) == 1 or word in lexicon.particles or word in lexicon.generations:
        return True
    if word in lexicon.relatives or word in lexicon.titles:
        return False
    if word in lexicon.ordinary or word in lexicon.never or word in lexicon.heads or word in lexicon.brands:
        inside = at > 0 and tokens.gap(at - 1) in (" ", "  ", ", ", "-", ". ")
        leads = words.known(at + 1) and tokens.core(at + 1) not in lexicon.ordinary and tokens.gap(at) == " "
        return words.known(at) and word not in lexicon.never and (inside or leads)
    return not (words.text.endswith(("+", "/"), 0, tokens.starts[at]) or word in lexicon.fields)


def _ends(words: Words, last: int) -> bool:
    """Whether the value ends behind this word: its line, its column, a bracket, a degree, a number."""
    tokens, gap = words.tokens, words.tokens.gap(last)
    if last + 1 >= len(tokens) or gap.strip(" .")[:1] in ("\n", "\t", "(", "[", ";", "|") or "  " in gap:
        return True
    follower = tokens.lower[last + 1]
    if "," in gap and follower in words.lexicon.relatives:
        return True
    return _degree(words, last + 1) or (
        gap in (" ", ", ") and (follower[0].isdigit() or follower in ("on", "at", "npi"))
    )


def _long_enough(words: Words, at: int, last: int, *, sure: bool = False) -> bool:
    """Whether two words of it are long, or a known one stands there; medicine alone is no name."""
    held = [one for one in range(at, last + 1) if len(words.tokens.core(one)) > 1 and not _small_word(words, one)]
    known = [one for one in held if words.known(one)]
    capital = all(words.tokens.is_capital(one) for one in held)
    medicine = bool(held) and all(words.medicine(one) or words.protected(one, alone=False) for one in held)
    if medicine or not held:
        return False
    if sure:
        return capital and (bool(known) or len(held) > 1)
    return bool(known) or len(held) > 1 or (last > at and capital)


def _small_word(words: Words, at: int) -> bool:
    return words.tokens.core(at) in words.lexicon.particles or words.tokens.core(at) in words.lexicon.generations


# ---- a line with a degree


def _before_degrees(words: Words) -> Iterator[Mention]:
    """kassie bolderg, pharmd at the head of a line; case reviewed with imrand teady-bitton, md."""
    for at in range(1, len(words.tokens)):
        if not _degree(words, at) or words.tokens.gap(at - 1) not in (", ", ",", ",  ", " ", "  ", ",\n"):
            continue
        found = _signed(words, at)
        if found:
            yield found


def _signed(words: Words, degree: int) -> Mention | None:
    tokens, last = words.tokens, degree - 1
    comma = "," in tokens.gap(last)
    if not comma and not tokens.is_caps(degree) and tokens.lower[degree] in _WORDS_TOO:
        return None
    first = _back(words, last)
    if first is None:
        return None
    alone = tokens.at_line_start(first) and _after_degree(words, degree)
    known = first < last and all(words.known(one) for one in (first, last))
    if not (alone or known or cue_before(words, first)):
        return None
    return Mention(first, last, "PROVIDER", 0.85, "degree") if _long_enough(words, first, last) else None


def _before_records(words: Words) -> Iterator[Mention]:
    """charlton, liban, mrn 00934241; Berg (DOB 3/4/51)."""
    tokens = words.tokens
    for at in range(1, len(tokens)):
        if tokens.lower[at] in ("mrn", "dob", "ssn") and tokens.gap(at - 1) in (", ", ",", " (", ",  ", ", ("):
            first = _back(words, at - 1, commas=1)
            held = range(at, at) if first is None else range(first, at)
            shown = any(words.known(one) or tokens.is_capital(one) for one in held)
            if shown and len(held) > 1 and _long_enough(words, held[0], at - 1):
                yield Mention(held[0], at - 1, "PATIENT", 0.8, "record")


def _back(words: Words, last: int, *, commas: int = 1) -> int | None:
    """The first word of a run that ends here and may be a name; a comma may part family and first name."""
    if not _part(words, last):
        return None
    first = last
    while last - first < _LONGEST and first and not words.tokens.at_line_start(first):
        comma = commas > 0 and words.tokens.gap(first - 1) in (", ", ",", ",  ")
        if not (comma or _joined(words, first - 1)) or not _part(words, first - 1):
            break
        commas -= comma
        first -= 1
    return first


def _after_degree(words: Words, at: int) -> bool:
    """Whether nothing but degrees and the end of the line, or "on" and a date, follow."""
    tokens = words.tokens
    while at + 1 < len(tokens) and (
        _degree(words, at + 1)
        or len(tokens.lower[at + 1]) == 1
        or (tokens.gap(at) == "-" and len(tokens.lower[at + 1]) < 4)
    ):
        if tokens.gap(at).strip(" ,.-"):
            break
        at += 1
    rest = words.text[tokens.ends[at] : tokens.ends[at] + 8].lstrip(" .,").lower()
    return rest[:1] in ("", "\n", "\t") or rest[:1].isdigit() or rest.startswith(("on ", "at ", "npi", "pager"))


def _degree(words: Words, at: int) -> bool:
    """Whether a degree stands here, with or without its dots."""
    tokens = words.tokens
    if at >= len(tokens):
        return False
    dotted = len(tokens.words[at]) < 3 and words.text[tokens.starts[at] : tokens.starts[at] + 4].lower().startswith(
        _DOTTED
    )
    return dotted or (tokens.lower[at] in words.lexicon.degrees and tokens.gap(at - 1) != "-")
