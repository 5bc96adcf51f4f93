"""Short forms that mean several things, and which of them is meant where one stands.

What a note defines itself ("congestive heart failure (CHF)") holds for the whole note. Otherwise each sense is weighed:
how often it is meant at all, whether the section is one of its own, what stands right beside the short form, and which
words of the sentence go with it. Where no sense is clearly ahead the answer is an honest None, with all senses ranked.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from medtext.config import Table, find, read_yaml
from medtext.errors import ConfigError
from medtext.terminology.definitions import Definition
from medtext.terminology.matcher import fold

# Weights in units of log odds, and from which probability on a sense is chosen: set on the development half of the
# benchmark (tests/benchmarks/abbreviations.py), in steps of a quarter.
_SECTION, _BESIDE, _NEXT, _NEAR, _MOST_NEAR = 1.25, 2.25, 1.25, 1.0, 3
SURE = 0.75
_ALIKE = 0.5  # Dice's coefficient of the words of a definition and a sense
_STEM = 5  # letters by which two words count as one: infarct and infarction
_WINDOW = 150  # characters on either side, where no sentence is given
_FAR = 12  # words on either side that count as near
_TOKEN = re.compile(r"[^\W_]+(?:['’][^\W_]+)?|[^\w\s]")
_COMPOUND = re.compile(r"[^\W_]+(?:[/&-][^\W_]+)+")
_SHAPES = ("NUMBER", "PERCENT", "NAME", "STOP", "START", "END", "CAPITALS")
_Token = tuple[str, frozenset[str]]  # a token folded, and its shapes
_START, _END = ("", frozenset({"START"})), ("", frozenset({"END"}))
_CUES = ("before", "after", "near")
_KEYS = ("means", "label", "concept", "prior", "in", *_CUES)


@dataclass(frozen=True, slots=True)
class Cues:
    """Words, beginnings of words and shapes that speak for a sense."""

    words: frozenset[str] = frozenset()
    beginnings: tuple[str, ...] = ()
    shapes: frozenset[str] = frozenset()

    def hit(self, token: _Token) -> bool:
        """Whether a token is one of them."""
        word, shapes = token
        return word in self.words or word.startswith(self.beginnings) or not self.shapes.isdisjoint(shapes)


@dataclass(frozen=True, slots=True)
class Sense:
    """One meaning of a short form; without a label it is no clinical entity. `concept` is a form that has codes."""

    short: str
    means: str
    label: str = ""
    concept: str = ""
    prior: float = 0.0
    sections: frozenset[str] = frozenset()
    before: Cues = Cues()
    after: Cues = Cues()
    near: Cues = Cues()


@dataclass(frozen=True, slots=True)
class Reading:
    """What a short form means in one place: the sense, or None where no sense is sure; all senses by probability.

    `why` names the rule and its cues: `definition`, or `section`, `before`, `after`, `near` and `prior`, joined by `+`.
    """

    sense: Sense | None
    ranked: tuple[tuple[Sense, float], ...]
    why: str


class Abbreviations:
    """Short forms with their senses: `Abbreviations.load().resolve(text, start, end, section="labs")`."""

    def __init__(self, senses: Mapping[str, Sequence[Sense]], *, version: str = "") -> None:
        self._senses = {short: tuple(held) for short, held in senses.items()}
        self.version = version

    @classmethod
    def load(cls, source: str | Path = "clinical") -> Abbreviations:
        """The shipped table, or your own YAML file; raises ConfigError with file:line for what cannot be right."""
        if source == "clinical":
            top = read_yaml(files("medtext.terminology.rules").joinpath("abbreviations.yaml"))
        else:
            top = read_yaml(find(source, "", "table of abbreviations"))
        top.allow(("version", "sections", "groups", "senses"), "a table of abbreviations")
        sections, groups = top.get_typed("sections", dict, {}), top.get_typed("groups", dict, {})
        held = top.get_typed("senses", dict, {})
        read = {short: [_sense(short, row, sections, groups) for row in held[short]] for short in held}
        return cls(read, version=str(top.get_typed("version", (str, int), "")))

    @property
    def forms(self) -> tuple[str, ...]:
        """All short forms."""
        return tuple(self._senses)

    def senses(self, short: str) -> tuple[Sense, ...]:
        """The senses of a short form or of its plural (MIs), in the order of the table; none for an unknown one."""
        return self._senses.get(short) or self._senses.get(short.removesuffix("s"), ())

    def resolve(
        self,
        text: str,
        start: int,
        end: int,
        *,
        section: str = "",
        sentence: tuple[int, int] | None = None,
        defined: Mapping[str, Definition] | None = None,
    ) -> Reading | None:
        """What the short form at `[start, end)` means, or None where it is none that the table knows.

        Offsets are code points; `section` is the class of the section it stands in, `defined` what
        `medtext.terminology.definitions.definitions(text)` gave.
        """
        short = text[start:end]
        senses = self.senses(short)
        if not senses:
            return None
        if defined and (told := defined.get(short) or defined.get(short.removesuffix("s"))):
            return _defined(text[told.start : told.end], senses)
        scene = _scene(text, start, end, sentence)
        weighed = [_weigh(sense, scene, section) for sense in senses]
        ranked = _ranked(senses, [weight for weight, _ in weighed])
        best, sure = ranked[0]
        why = weighed[senses.index(best)][1]
        return Reading(best if sure >= SURE else None, ranked, why)


@dataclass(frozen=True, slots=True)
class _Scene:
    """The two tokens on either side with what each may gain, the nearest first, and the tokens around."""

    before: tuple[tuple[_Token, float], ...]
    after: tuple[tuple[_Token, float], ...]
    around: frozenset[_Token]


def _scene(text: str, start: int, end: int, sentence: tuple[int, int] | None) -> _Scene:
    first, last = sentence or _line(text, start, end)
    before, after = text[first:start], text[end:last]
    left, right = _TOKEN.findall(before)[-_FAR:], _TOKEN.findall(after)[:_FAR]
    around = {*left, *right, *_COMPOUND.findall(before), *_COMPOUND.findall(after)}
    return _Scene(_beside(left[:-3:-1], _START), _beside(right[:2], _END), frozenset(map(_token, around)))


def _beside(tokens: list[str], edge: _Token) -> tuple[tuple[_Token, float], ...]:
    """The first two with their gains: what stands behind a sign is as near, the end of the sentence says little."""
    if not tokens:
        return ((edge, _NEXT),)
    behind = _NEXT if tokens[0][0].isalnum() else _BESIDE
    second = (_token(tokens[1]), behind) if len(tokens) > 1 else (edge, _NEXT)
    return (_token(tokens[0]), _BESIDE), second


def _line(text: str, start: int, end: int) -> tuple[int, int]:
    first = max(text.rfind("\n", 0, start) + 1, start - _WINDOW)
    last = text.find("\n", end)
    return first, min(last if last >= 0 else len(text), end + _WINDOW)


def _weigh(sense: Sense, scene: _Scene, section: str) -> tuple[float, str]:
    """How much speaks for a sense, in log odds, and what."""
    weight, why = math.log(max(sense.prior, 0.1) / 100), []
    if section and section in sense.sections:
        weight, why = weight + _SECTION, ["section"]
    for name, tokens in (("before", scene.before), ("after", scene.after)):
        gain = max((gain for token, gain in tokens if getattr(sense, name).hit(token)), default=0)
        if gain:
            weight, why = weight + gain, [*why, name]
    if near := sum(map(sense.near.hit, scene.around)):
        weight, why = weight + _NEAR * min(near, _MOST_NEAR), [*why, "near"]
    return weight, "+".join(why) or "prior"


def _ranked(senses: Sequence[Sense], weights: Sequence[float]) -> tuple[tuple[Sense, float], ...]:
    """The senses with their probabilities, the most likely first."""
    most = max(weights)
    shares = [math.exp(weight - most) for weight in weights]
    held = [(sense, round(share / sum(shares), 4)) for sense, share in zip(senses, shares, strict=True)]
    return tuple(sorted(held, key=lambda one: -one[1]))


def _defined(long: str, senses: Sequence[Sense]) -> Reading:
    """The sense that a definition names; where it names none of them, one that is no entity of ours."""
    found = matching(long, senses) or Sense(senses[0].short, long)
    return Reading(found, ((found, 1.0),), "definition")


def matching(long: str, senses: Iterable[Sense]) -> Sense | None:
    """The sense whose words are most like those of a long form, or None where none is like them."""
    words = _stems(long)
    found = [(max(_dice(words, _stems(sense.means)), _dice(words, _stems(sense.concept))), sense) for sense in senses]
    best, sense = max(found, key=lambda one: one[0], default=(0.0, None))
    return sense if best >= _ALIKE else None


def _stems(text: str) -> frozenset[str]:
    return frozenset(fold(word)[:_STEM] for word in _TOKEN.findall(text) if len(word) > 2)


def _dice(these: frozenset[str], those: frozenset[str]) -> float:
    return 2 * len(these & those) / (len(these) + len(those) or 1)


def _token(written: str) -> _Token:
    return fold(written), _shapes(written)


def _shapes(token: str) -> frozenset[str]:
    found = []
    if token[0].isdigit():
        found.append("NUMBER")
    if token == "%":
        found.append("PERCENT")
    if token == ".":
        found.append("STOP")
    if len(token) > 1 and token[0].isupper() and token[1:].islower():
        found.append("NAME")
    if len(token) > 2 and token.isupper() and token.isalpha():
        found.append("CAPITALS")
    return frozenset(found)


def _sense(short: object, row: Any, sections: Table, groups: Table) -> Sense:
    if not isinstance(short, str) or not isinstance(row, Table):
        raise ConfigError(f"abbreviations: the senses of {short!r} must be mappings, and the short form in quotes.")
    row.allow(_KEYS, f"a sense of {short}")
    means, label = row.get_typed("means", str, ""), row.get_typed("label", str, "")
    cues = [_cues(row, name, groups) for name in _CUES]
    classes = [one for name in row.get_typed("in", list, []) for one in sections.get(name, [name])]
    concept = row.get_typed("concept", str, means if label else "")
    return Sense(short, means, label, concept, row.get_typed("prior", (int, float), 0), frozenset(classes), *cues)


def _cues(row: Table, name: str, groups: Table) -> Cues:
    given = row.get_typed(name, list, [])
    spelled = [one for cue in given for one in (groups.get(cue, [cue]) if isinstance(cue, str) else [cue])]
    if odd := [cue for cue in spelled if not isinstance(cue, str)]:
        raise ConfigError(f"{row.where(name)}: the cue {odd[0]!r} must be in quotes, or YAML misreads it.")
    shapes = frozenset(cue for cue in spelled if cue in _SHAPES)
    words = [fold(cue) for cue in spelled if cue not in _SHAPES]
    beginnings = tuple(word[:-1] for word in words if word.endswith("*"))
    return Cues(frozenset(word for word in words if not word.endswith("*")), beginnings, shapes)
