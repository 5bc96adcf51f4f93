"""What stands before a name: a title, a field, a relative, a phrase such as "seen by", a greeting, a letter's end."""

from __future__ import annotations

from dataclasses import dataclass

from medtext.stages.deid.lexicon import Phrases
from medtext.stages.deid.words import Words

STRONG = ("title", "field")
_FOR_WEAK = ("title", "field", "relative", "signature", "salutation", "sure phrase")


@dataclass(frozen=True, slots=True)
class Cue:
    """The label that the words before a name give it, and which kind of words they are."""

    label: str
    kind: str

    @property
    def strong(self) -> bool:
        """Whether even a word in no list of names is believed."""
        return self.kind in STRONG

    @property
    def for_weak(self) -> bool:
        """Whether a single ordinary word is believed: "her daughter Grace"."""
        return self.kind in _FOR_WEAK


def cue_before(words: Words, at: int) -> Cue | None:
    """The cue that ends right before a token, or None."""
    if at == 0:
        return None
    gap = words.tokens.gap(at - 1)
    wrapped = "\n" in gap
    if gap.strip(" ") == "\n":
        kinds = (_title, _signature, _field, _relative, _phrase)
        return next(
            (
                cue
                for cue in (
                    kind(words, at - 1, gap.replace("\n", " ") if kind in _IN_SENTENCES else gap) for kind in kinds
                )
                if cue
            ),
            None,
        )
    kinds = (_title, _signature, _field) if wrapped else (_title, _field, _relative, _phrase, _salutation)
    return next((cue for cue in (kind(words, at - 1, gap) for kind in kinds) if cue), None)


def _signature(words: Words, before: int, gap: str) -> Cue | None:
    """Sincerely, and a line further the name."""
    last = words.tokens.lower[max(0, before - 1) : before + 1]
    closing = last[-1] in words.lexicon.closings or " ".join(last) in words.lexicon.closings
    return Cue("PROVIDER", "signature") if closing and gap.strip() in (",", "") else None


def _title(words: Words, before: int, gap: str) -> Cue | None:
    label = words.lexicon.titles.get(words.tokens.lower[before]) or _second(words, before)
    if not label or gap not in (" ", ". ", "  ", ".  ", ".", ".\n"):
        return None
    of_relative = before > 0 and words.tokens.lower[before - 1] in words.lexicon.relatives
    return Cue("RELATIVE" if label == "PATIENT" and of_relative else label, "title")


def _second(words: Words, before: int) -> str:
    """Drs. Guardado and Polk: the title of two."""
    tokens = words.tokens
    if before < 2 or tokens.lower[before] not in ("and", "&") or tokens.gap(before - 1) != " ":
        return ""
    behind = tokens.lower[max(0, before - 6) : before - 1]
    return "PROVIDER" if "drs" in behind or "doctors" in behind else ""


def _field(words: Words, before: int, gap: str) -> Cue | None:
    """Attending: — the colon may stand at the end of the line before."""
    if words.tokens.lower[before] == "pt" and gap in (". ", "."):
        return Cue("PATIENT", "field")
    apart = ":" in gap or "\t" in gap or ("  " in gap and words.tokens.at_line_start(before))
    if gap.strip(" \t\n_*#|=-") not in (":", "", "):") or not apart or len(gap) > 12:
        return None
    name = ending(words, before, words.lexicon.fields)
    if not name or (name in words.lexicon.line_heads and not words.tokens.at_sentence_start(before)):
        return None
    return Cue(words.lexicon.field_labels[name], "field")


def _relative(words: Words, before: int, gap: str) -> Cue | None:
    """Her daughter Karen, his brother (Will) — in brackets known first names only: his mother (Fig. 3)."""
    tokens, lexicon = words.tokens, words.lexicon
    bracketed = "(" in gap and tokens.core(before + 1) not in lexicon.first
    if tokens.lower[before] not in lexicon.relatives or gap.strip(" ,\"'(“") or bracketed:
        return None
    owner = tokens.lower[before - 1] if before else ""
    owned = owner in lexicon.owners or owner.endswith("s") or tokens.at_sentence_start(before)
    return Cue("RELATIVE", "relative") if owned else None


def _phrase(words: Words, before: int, gap: str) -> Cue | None:
    name = "" if gap.strip(" ") else ending(words, before, words.lexicon.cues)
    sure = name in words.lexicon.sure_cues
    return Cue(words.lexicon.cue_labels[name], "sure phrase" if sure else "phrase") if name else None


def _salutation(words: Words, before: int, gap: str) -> Cue | None:
    greets = words.tokens.lower[before] in words.lexicon.salutations and not gap.strip(" ,:")
    return Cue("NAME", "salutation") if greets and words.tokens.at_line_start(before) else None


def ending(words: Words, last: int, phrases: Phrases) -> str:
    """The longest of these phrases that ends with token `last`."""
    lower = words.tokens.lower
    for phrase in phrases.get(lower[last], ()):
        first = last - len(phrase) + 1
        if first >= 0 and tuple(lower[first : last + 1]) == phrase:
            return " ".join(phrase)
    return ""


_IN_SENTENCES = (_relative, _phrase)
