"""Names of people by lexicon and context: titles, fields, relatives, degrees, known names side by side.

One pass over the capitalised words of a note gathers evidence; a second finds every other place of the names found.
A word that medicine or plain English also uses counts as a name only with a cue beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from medtext.stages.deid.arbitrate import Finding
from medtext.stages.deid.lexicon import Lexicon, phrase
from medtext.stages.deid.tokens import Tokens

_LONGEST = 4
_AGE_AFTER = re.compile(
    r"(?:,?\s{1,2}(?:is|was)\s|,\s{1,2}|\s{1,2}(?=[(\d]))(?:an?\s|the\s|our\s)?(?:[a-z-]{3,14},?\s){0,3}\(?"
    r"(?:\d{1,3}|(?:twen|thir|for|fif|six|seven|eigh|nine)ty(?:-[a-z]{3,5})?|[a-z]{3,6}teen)"
    r"[\s-]{0,2}(?:y(?:ea)?rs?\b|y\.?/?o\b|y\.\s?o\.|(?:months?|weeks?|days?)[\s-]old|[mf]\b)",
    re.IGNORECASE,
)
_RECORD_AFTER = re.compile(r",?\s{1,3}[(\[]?(?:DOB|MRN|D\.O\.B|SSN|date of birth|medical record)\b", re.IGNORECASE)
_INITIAL_PAIR = re.compile(r"(?-i:[A-Z])\.\s?(?-i:[A-Z])\.")


@dataclass(frozen=True, slots=True)
class Mention:
    """A stretch of tokens `[first, last]` taken for a name, and why."""

    first: int
    last: int
    label: str
    score: float
    rule: str


@dataclass(slots=True)
class NameFinder:
    """Finds names with one lexicon; holds no state of any note."""

    lexicon: Lexicon = field(repr=False)

    def find(self, text: str, tokens: Tokens) -> Iterator[Finding]:
        """Every name in the text, the same name's other places included."""
        mentions = _with_roles(tokens, list(_Pass(self.lexicon, text, tokens).mentions()))
        for one in mentions:
            yield _finding(tokens, one)
        yield from _others(self.lexicon, text, tokens, mentions)


def _with_roles(tokens: Tokens, mentions: list[Mention]) -> list[Mention]:
    """A name without a role takes that of the person whose parts it repeats."""
    roles: dict[str, str] = {}
    for one in mentions:
        if one.label != "NAME":
            for at in range(one.first, one.last + 1):
                _keep_role(roles, tokens.core(at), one.label)
    return [_with_role(tokens, one, roles) if one.label == "NAME" else one for one in mentions]


def _with_role(tokens: Tokens, one: Mention, roles: dict[str, str]) -> Mention:
    held = {roles.get(tokens.core(at)) for at in range(one.first, one.last + 1)}
    role = held.pop() if len(held) == 1 else None
    return Mention(one.first, one.last, role, one.score, one.rule) if role else one


def _finding(tokens: Tokens, one: Mention) -> Finding:
    return Finding(tokens.starts[one.first], tokens.core_end(one.last), one.label, one.score, one.rule)


class _Pass:
    """One pass over one note."""

    def __init__(self, lexicon: Lexicon, text: str, tokens: Tokens) -> None:
        self.lexicon, self.text, self.tokens = lexicon, text, tokens
        self.lower = tokens.lower_words
        self.done = -1

    def mentions(self) -> Iterator[Mention]:
        """Names in order; what one mention took no later one takes again."""
        for at in self.tokens.capitals:
            if at > self.done:
                found = self._with_cue(at) or self._by_itself(at)
                if found:
                    self.done = found.last
                    yield found
        yield from self._lower_fields()

    # ---- what stands before it

    def _with_cue(self, at: int) -> Mention | None:
        start = self._before_particles(at)
        label, rule = self._cue(start)
        if not label:
            return None
        titled = rule == "title"
        if not self._may_start(at, strong=titled or rule == "field"):
            return None
        last = self._run(at, loose=True)
        if rule == "field" and self.tokens.gap(last) in (", ", ",") and self._given(last + 1):
            last = self._run(last + 1, loose=True)
        if (
            last == at
            and not titled
            and self._weak(at)
            and rule not in ("field", "relative", "signature", "salutation")
        ):
            return None
        return Mention(start, last, label, 0.95 if titled or rule == "field" else 0.85, rule)

    def _before_particles(self, at: int) -> int:
        """Where a name begins that has small words before its capital: van der Berg."""
        start = at
        while start and at - start < 3 and self.tokens.words[start - 1] in self.lexicon.particles:
            if self.tokens.gap(start - 1) != " ":
                break
            start -= 1
        return start

    def _cue(self, at: int) -> tuple[str, str]:
        """The label that the words before a token give, and the kind of cue."""
        lexicon, tokens, before = self.lexicon, self.tokens, at - 1
        gap = tokens.gap(before) if before >= 0 else "\n"
        if "\n" in gap and before >= 0:
            closing = tokens.words_to(before, 2)
            if closing and (closing[-1] in lexicon.closings or " ".join(closing) in lexicon.closings):
                return "PROVIDER", "signature"
            field_label = self._field(before, gap) if gap.lstrip(" \t").startswith(":") and len(gap) < 4 else ""
            return (field_label, "field") if field_label else ("", "")
        if before < 0:
            return "", ""
        word = tokens.lower[before]
        if word in lexicon.titles and gap in (" ", ". ", "  ", ".  ", "."):
            return self._title_label(before), "title"
        if ":" in gap or "\t" in gap:
            field_label = self._field(before, gap)
            if field_label:
                return field_label, "field"
        known = tokens.core(at) in lexicon.first or "(" not in gap
        if gap.strip(" ,\"'(“") == "" and word in lexicon.relatives and known and self._is_kin(before):
            return "RELATIVE", "relative"
        if gap.strip(" ") == "" or word == "s":
            cue = self._phrase_before(before, lexicon.cues)
            if cue:
                return lexicon.cue_labels[cue], "cue"
        if word in lexicon.salutations and gap.strip(" ,:") == "" and tokens.at_line_start(before):
            return "NAME", "salutation"
        return "", ""

    def _title_label(self, title: int) -> str:
        label = self.lexicon.titles[self.tokens.lower[title]]
        before = title - 1
        if label == "PATIENT" and before >= 0 and self.tokens.lower[before] in self.lexicon.relatives:
            return "RELATIVE"
        return label

    def _field(self, before: int, gap: str) -> str:
        """The label of the field whose name ends right before the gap."""
        if gap.strip(" \t\n_*#|=-") not in (":", "", "):") or not (":" in gap or "\t" in gap):
            return ""
        name = self._phrase_before(before, self.lexicon.fields)
        if not name:
            return ""
        if name in _LINE_HEADS and not self.tokens.at_sentence_start(before):
            return ""
        return self.lexicon.field_labels[name]

    def _given(self, at: int) -> bool:
        """Whether a first name stands here, behind the family name of a field."""
        word = self.tokens.core(at)
        return self.tokens.is_capital(at) and (word in self.lexicon.first or self._unknown(at, word, loose=True))

    def _phrase_before(self, last: int, phrases) -> str:
        """The longest phrase of these that ends with token `last`."""
        for words in phrases.get(self.tokens.lower[last], ()):
            first = last - len(words) + 1
            if first >= 0 and tuple(self.tokens.lower[first : last + 1]) == words:
                return " ".join(words)
        return ""

    def _is_kin(self, relative: int) -> bool:
        """Whether "daughter" stands as somebody's, not in "mother and child"."""
        before = self.tokens.lower[relative - 1] if relative else ""
        return before in _KIN_BEFORE or before.endswith(("'s", "s")) or self.tokens.at_line_start(relative)

    # ---- what it is and what follows

    def _by_itself(self, at: int) -> Mention | None:
        tokens, lexicon = self.tokens, self.lexicon
        word = tokens.core(at)
        if len(word) == 1:
            return self._initials_first(at)
        if not self._may_start(at, strong=False):
            return None
        last = self._run(at, loose=False)
        found = self._last_first(at) or self._degree(at) or self._patient(at, last)
        if found:
            return found
        first_known, last_known = word in lexicon.first, word in lexicon.last
        if last > at:
            return self._several(at, last)
        if self._protected(at) or not tokens.is_plain(at):
            return None
        if first_known and word not in lexicon.weak_first and (not tokens.is_caps(at) or len(word) > 4):
            return Mention(at, at, "NAME", 0.75, "first name")
        if last_known and self._sure_last(at, word):
            return Mention(at, at, "NAME", 0.6, "family name")
        return None

    def _sure_last(self, at: int, word: str) -> bool:
        lexicon = self.lexicon
        weak = word in lexicon.weak_last or word in lexicon.eponyms or word in lexicon.brands or word in lexicon.places
        return not weak and len(word) > 3 and not self.tokens.is_caps(at) and not self.tokens.possessive(at)

    def _several(self, at: int, last: int) -> Mention | None:
        """Two to four name-like words: taken when at least one of them is surely of a name."""
        tokens, lexicon = self.tokens, self.lexicon
        words = [tokens.core(one) for one in range(at, last + 1)]
        if self._protected(last, alone=False) or words[0] in lexicon.brands - lexicon.first.keys():
            return None
        first, final = words[0], words[-1]
        known_pair = first in lexicon.first and (final in lexicon.last or final in lexicon.first or len(final) == 1)
        caps = tokens.is_caps(at)
        if known_pair:
            if len(final) == 1:
                weak = first in lexicon.ordinary or (self._weak(at) and tokens.at_sentence_start(at))
            else:
                plain = first in lexicon.ordinary or final in lexicon.ordinary
                weak = self._weak(at) and self._weak(last) and (caps or (plain and tokens.at_sentence_start(at)))
            if weak:
                return None
            return Mention(at, last, "NAME", 0.9, "known names")
        if caps and not tokens.mixed_line(at):
            return None
        if first in lexicon.first and not self._weak(at):
            return Mention(at, last, "NAME", 0.8, "first name and more")
        if final in lexicon.last and self._sure_last(last, final) and not tokens.at_sentence_start(at):
            return Mention(at, last, "NAME", 0.7, "more and family name")
        if first in lexicon.last and final in lexicon.first and not self._weak(last) and first not in lexicon.eponyms:
            return Mention(at, last, "NAME", 0.7, "family name first")
        return None

    def _initials_first(self, at: int) -> Mention | None:
        """J. Smith, J. R. Smith, J.R. Smith."""
        tokens, lexicon = self.tokens, self.lexicon
        last = at
        while last < len(tokens) - 1 and len(tokens.core(last)) == 1 and tokens.gap(last) in (". ", "."):
            last += 1
            if last - at > 2:
                return None
        word = tokens.core(last)
        if last == at or len(word) < 3 or not tokens.is_capital(last):
            return None
        if word in lexicon.last and word not in lexicon.ordinary and not self._protected(last, alone=False):
            sure = word not in lexicon.weak_last or last - at > 1
            return Mention(at, last, "NAME", 0.75, "initial and family name") if sure else None
        return None

    def _last_first(self, at: int) -> Mention | None:
        """Smith, John Q."""
        tokens, lexicon = self.tokens, self.lexicon
        if tokens.core(at) not in lexicon.last or tokens.gap(at) not in (", ", ","):
            return None
        second = at + 1
        if (
            not tokens.is_capital(second)
            or tokens.core(second) not in lexicon.first
            or self._weak(at)
            and self._weak(second)
        ):
            return None
        if tokens.core(second) in lexicon.weak_first and tokens.gap(second)[:1] == ",":
            return None
        if tokens.core(at) in lexicon.first and not tokens.is_caps(at) and not tokens.at_line_start(at):
            return None  # "Martha, John and Karen" is a list
        last = self._run(second, loose=False)
        return Mention(at, min(last, second + 2), "NAME", 0.85, "family name, first name")

    def _degree(self, at: int) -> Mention | None:
        """Anna Berg, RN"""
        tokens = self.tokens
        last = self._run(at, loose=True)
        gap = tokens.gap(last)
        if gap not in (", ", ",", " ", " (") or last + 1 >= len(tokens):
            return None
        word = tokens.lower[last + 1]
        if word not in self.lexicon.degrees or not tokens.is_caps(last + 1) and word not in ("pharmd", "phd"):
            return self._dotted_degree(at, last)
        if gap.startswith(",") or (last > at and word in ("md", "rn", "np", "do", "phd", "dds", "pa", "lpn", "pharmd")):
            if last == at and (self._weak(at) or tokens.core(at) not in self.lexicon.last):
                return None
            return Mention(at, last, "PROVIDER", 0.95, "degree")
        return None

    def _dotted_degree(self, at: int, last: int) -> Mention | None:
        follows = self.text[self.tokens.ends[last] : self.tokens.ends[last] + 9]
        if last > at and re.match(r",?\s?(?:M\.\s?D\.|D\.\s?O\.|R\.\s?N\.|Ph\.\s?D)", follows):
            return Mention(at, last, "PROVIDER", 0.95, "degree")
        return None

    def _patient(self, at: int, last: int) -> Mention | None:
        """Martha Collins is a 50-year-old …"""
        run = max(last, self._run(at, loose=True))
        end = self.tokens.ends[run]
        follows = self.text[end : end + 80]
        if not (_AGE_AFTER.match(follows) or _RECORD_AFTER.match(follows)):
            return None
        sure = any(self.tokens.core(one) in self.lexicon.first for one in range(at, run + 1))
        known = sure or self.tokens.core(run) in self.lexicon.last
        if not known or self._protected(run) or (run == at and self.tokens.core(at) in self.lexicon.ordinary):
            return None
        return Mention(at, run, "PATIENT", 0.9, "name and age")

    def _lower_fields(self) -> Iterator[Mention]:
        """name: john smith — small letters are believed in a field only, and only for known names."""
        tokens, lexicon = self.tokens, self.lexicon
        for at in tokens.after_colon:
            if tokens.is_capital(at) or tokens.core(at) not in lexicon.first:
                continue
            label = self._field(at - 1, tokens.gap(at - 1))
            following = at + 1 < len(tokens) and tokens.gap(at) == " " and tokens.core(at + 1) in lexicon.last
            if label and following:
                yield Mention(at, at + 1, label, 0.8, "field")

    # ---- how far it goes

    def _run(self, at: int, *, loose: bool) -> int:
        """The last token of the name that begins here; `loose` also takes words nobody knows."""
        tokens, last = self.tokens, at
        while last - at < _LONGEST - 1 and last + 1 < len(tokens) and not tokens.possessive(last):
            step = self._step(last, loose=loose)
            if not step:
                break
            last += step
        return last

    def _step(self, last: int, *, loose: bool) -> int:
        tokens, lexicon = self.tokens, self.lexicon
        gap, follower = tokens.gap(last), last + 1
        short = len(tokens.core(last)) == 1 or tokens.core(last) in lexicon.generations
        if gap not in (" ", "-", "  ") and not (gap in (". ", ".", ".-") and short):
            return self._generation(last, gap)
        word = tokens.core(follower)
        if gap == "-" and tokens.is_capital(follower):
            return 1
        if word in lexicon.particles and gap == " ":
            return self._particle(last)
        if not tokens.is_capital(follower):
            return 0
        if len(word) == 1:
            return 1 if word != "i" and self._initial(follower) else 0
        if not self._name_like(follower, loose=loose):
            return 0
        return 1

    def _particle(self, last: int) -> int:
        for width in (2, 3):
            target = last + width
            if target >= len(self.tokens) or self.tokens.gap(target - 1) != " ":
                return 0
            if self.tokens.is_capital(target) and self.tokens.core(target) not in self.lexicon.particles:
                return width if self._name_like(target, loose=True) else 0
        return 0

    def _generation(self, last: int, gap: str) -> int:
        follower = last + 1
        return int(gap == ", " and follower < len(self.tokens) and self.tokens.core(follower) in ("jr", "sr"))

    def _initial(self, at: int) -> bool:
        """Whether a single capital is an initial: John D., John D was, not Vitamin D3 or Hepatitis B."""
        end = self.tokens.ends[at]
        return self.text[end : end + 1] in ("", ".", ",", " ", ")", "\n", "?", ";", ":", "'", "’")

    def _name_like(self, at: int, *, loose: bool) -> bool:
        """Whether a capitalised word may go on a name."""
        word, lexicon = self.tokens.core(at), self.lexicon
        known = word in lexicon.first or word in lexicon.last or word in lexicon.generations
        if word in lexicon.ordinary or word in lexicon.heads:
            return known and word not in _NEVER and (loose or word in lexicon.last) and not self._headed(at)
        if known:
            return True
        if word in lexicon.brands or word in lexicon.degrees:
            return False
        return self._unknown(at, word, loose=loose)

    def _unknown(self, at: int, word: str, *, loose: bool) -> bool:
        """Whether a word that no list knows may be a name: no ending of ordinary words, nowhere in small letters."""
        if len(word) < (2 if loose else 3) or self.tokens.is_caps(at) and (len(word) < 4 or not loose):
            return False
        return not word.endswith(self.lexicon.endings) and word not in self.lower

    def _may_start(self, at: int, *, strong: bool) -> bool:
        word, lexicon = self.tokens.core(at), self.lexicon
        if word in lexicon.titles or word in lexicon.particles and not self._particle_start(at):
            return word in lexicon.last and strong and self._known_follows(at)
        if len(word) == 1:
            return strong and self.text[self.tokens.ends[at] : self.tokens.ends[at] + 1] == "."
        if word in _NEVER or word in lexicon.generations or _saint(self.tokens, at):
            return False
        if strong:
            known = word in lexicon.first or word in lexicon.last
            return known or not (word in lexicon.ordinary or word in lexicon.brands or word.endswith(lexicon.endings))
        if self.tokens.after_hyphen(at):
            return False
        known = word in lexicon.first or word in lexicon.last
        return known or self._name_like(at, loose=False)

    def _particle_start(self, at: int) -> bool:
        return self.tokens.is_capital(at) and self._particle(at - 1) > 0 if at else False

    def _known_follows(self, at: int) -> bool:
        return self.tokens.core(at) not in self.lexicon.ordinary

    def _weak(self, at: int) -> bool:
        word, lexicon = self.tokens.core(at), self.lexicon
        weak = word in lexicon.weak_first or word not in lexicon.first
        return weak and (word in lexicon.weak_last or word not in lexicon.last or word in lexicon.ordinary)

    # ---- the medicine

    def _protected(self, at: int, *, alone: bool = True) -> bool:
        """Whether the word is an eponym here, a brand, or part of a phrase that stays."""
        word, lexicon = self.tokens.core(at), self.lexicon
        if self._headed(at) or self._in_phrase(at):
            return True
        return alone and (word in lexicon.brands or self.tokens.hyphenated(at))

    def _headed(self, at: int) -> bool:
        return headed(self.lexicon, self.tokens, at)

    def _in_phrase(self, at: int) -> bool:
        for first in range(max(0, at - 3), at + 1):
            for words in self.lexicon.phrases.get(self.tokens.lower[first], ()):
                if first + len(words) > at and tuple(self.tokens.lower[first : first + len(words)]) == words:
                    return True
        return False


_OPERATIONS = ("ectomy", "otomy", "ostomy", "oscopy", "plasty", "pexy")
_KIN_BEFORE = frozenset(
    "his her my their our the a your patient patient's patient’s older younger eldest youngest adult late".split()
)
_LINE_HEADS = frozenset(
    ["contact", "re", "cc", "name", "fellow", "resident", "assistant", "operator", "parent", "partner"]
)
_NEVER = frozenset(
    "the a an and or of in on at to for with he she they we it i is was has had no not none see who per by as if but"
    " this that these those there his her him their our your my all any are be been from does did do you".split()
)


def _saint(tokens: Tokens, at: int) -> bool:
    """Whether St. stands before it, so that it names a place and not a person."""
    return at > 0 and tokens.lower[at - 1] in ("st", "saint") and tokens.gap(at - 1).strip() in ("", ".")


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
        if tokens.lower[follower] in lexicon.heads or tokens.lower[follower].endswith(_OPERATIONS):
            return follower == at + 1 or tokens.lower[at + 1] not in _NEVER
        if not tokens.lower[follower].isalpha() or tokens.lower[follower] in _NEVER:
            return False
    return False


def _others(lexicon: Lexicon, text: str, tokens: Tokens, mentions: list[Mention]) -> Iterator[Finding]:
    """The other places of every part of the names found, capitalised or in capitals."""
    parts: dict[str, str] = {}
    for one in mentions:
        for at in range(one.first, one.last + 1):
            word = tokens.core(at)
            if len(word) > 2 and word not in lexicon.particles and word not in lexicon.generations:
                if one.score >= 0.7 or word not in lexicon.ordinary:
                    _keep_role(parts, word, one.label)
    taken = {at for one in mentions for at in range(one.first, one.last + 1)}
    for at in tokens.capitals:
        word = tokens.core(at)
        if at in taken or word not in parts or (word in lexicon.eponyms and headed(lexicon, tokens, at)):
            continue
        plain = word in lexicon.ordinary or word in tokens.lower_words
        if plain and (tokens.at_sentence_start(at) or tokens.is_caps(at)):
            continue
        yield Finding(tokens.starts[at], tokens.core_end(at), parts[word], 0.7, "seen before")


_ROLES = ("PATIENT", "RELATIVE", "PROVIDER", "NAME")


def _keep_role(parts: dict[str, str], word: str, label: str) -> None:
    held = parts.get(word)
    if held is None or _ROLES.index(label) < _ROLES.index(held):
        parts[word] = label


def known_values(text: str, values: dict[str, str], ordinary: frozenset[str]) -> Iterator[Finding]:
    """The places of values that are known to identify: value → label. A name's parts are looked for as well."""
    for value, label in values.items():
        for part in _searched(value, label, ordinary):
            pattern = r"(?<!\w)" + r"\s+".join(map(re.escape, part.split())) + r"(?!\w)"
            flags = 0 if part.lower() in ordinary else re.IGNORECASE
            for match in re.finditer(pattern, text, flags):
                yield Finding(match.start(), match.end(), label, 1.0, "known")


def _searched(value: str, label: str, ordinary: frozenset[str]) -> Iterator[str]:
    value = value.strip()
    if value:
        yield value
    if label in _ROLES:
        for part in re.split(r"[\s,;]+", value):
            if len(part.strip(".")) > 1 and part != value and phrase(part):
                yield part[:1].upper() + part[1:] if part.lower() in ordinary else part
