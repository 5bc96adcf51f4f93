"""Sections of clinical notes: layer `section`, the normalised class as label.

A section runs from its heading to the next heading; the heading's own place is in `x["heading"]`. Text before the
first heading belongs to no section, unless the classifier is asked what it is. Sections are disjoint and without blanks
at their ends.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

from medtext.config import Table, read_yaml
from medtext.errors import ConfigError, NoteError, UnknownNameError
from medtext.note import Note
from medtext.span import Source, Span

ENGINES = ("rules", "medspacy")
_KEYS = ("version", "extends", "headings", "within", "unknown_end_with", "parts")

# A heading at the start of a line: marker, decoration, words, then a colon, a dash between blanks, or the line's end.
_LINE_ENDS = r"\r\v\f\x85\u2028\u2029"
_LINE = re.compile(rf"[^\n{_LINE_ENDS}]+")
_AT_LINE = re.compile(
    rf"(?:^|(?<=[{_LINE_ENDS}]))[ \t\xa0]*+(?P<start>)"
    r"(?P<marker>(?:[-–—*•·●▪◦‣>+]++|\(?\d{1,2}[.)]|[A-Z][.)]|#++)[ \t\xa0\u202f]*+)?[*_=~]{0,3}+[ \t]*+"
    rf"(?P<heading>[A-Za-z][^\n:;.!?|\[\]{_LINE_ENDS}]{{0,60}}?)[ \t]*+[*_=~]{{0,3}}+[ \t]*+"
    rf"(?:(?P<colon>:)|(?P<alone>$|[{_LINE_ENDS}])|(?<=[ \t])(?P<dash>[-–—]+[ \t])|(?P<gap>(?<=\t)|(?<=[ \t]{{2}})))",
    re.MULTILINE,
)
_IN_LINE = re.compile(r"(?<=[.;!?)\] ] )(?P<start>)(?P<heading>[A-Z][A-Za-z/&,' -]{1,50}):")
_PARAGRAPH = re.compile(r"\S(?:(?!\n[ \t\r]*\n)[\s\S])*(?<=\S)")
_NOT_NAME = re.compile(r"[\W_]+")
_BRACKETS = re.compile(r"\([^)]*\)")
_NOT_LOWER = bytes(sign for sign in range(256) if not 97 <= sign <= 122)
_NOT_UPPER = bytes(sign for sign in range(256) if not 65 <= sign <= 90)
_SHOUTED = 0.5  # a text with a larger share of capitals among its letters is dictated in capitals …
_TELLING = 200  # … if it has as many letters as this


class Sections:
    """Adds the layer `section`; needs nothing.

    `rules` names a YAML file with headings of your own, which are added to those that ship (`extends: false` starts
    afresh). `unheaded` is how sure, 0 to 1, the classifier must be of a paragraph in front of the first heading to make
    it a section; without it (the default) none is made. `model` names the model whose head `sections` says the class
    (`section-mini`, which was made for it); without one a small classifier of words does. `engine="medspacy"` asks
    medSpaCy's Sectionizer for the headings. Raises ConfigError with file and line for a file that cannot be right.
    """

    name = "sections"
    needs: frozenset[str] = frozenset()
    adds = frozenset({"section"})

    def __init__(
        self,
        *,
        engine: str = "rules",
        rules: str | Path | None = None,
        unheaded: float | None = None,
        model: str | Path | None = None,
    ) -> None:
        if engine not in ENGINES:
            raise ConfigError(str(UnknownNameError("engine", engine, ENGINES)))
        if unheaded is not None and not 0 <= unheaded <= 1:
            raise ConfigError(f"unheaded must be from 0 to 1, not {unheaded}.")
        own = read_yaml(files("medtext.stages.rules").joinpath("sections.yaml"))
        tables = [own] if rules is None else _extended(own, read_yaml(Path(rules)))
        self._known: dict[str, str] = {}
        self._within: dict[str, dict[str, str]] = {}
        self._ends: frozenset[str] = frozenset()
        self._parts: frozenset[str] = frozenset()
        for top in tables:
            self._read(top.allow(_KEYS, "the section rules"))
        self.version = "+".join(_version(top) for top in tables)
        self._medspacy = _medspacy() if engine == "medspacy" else None
        by = f"medspacy-sections@{self._medspacy.version}" if self._medspacy else f"sections@{self.version}"
        self._sources = (Source(f"rule:{by}"),)
        self.unheaded = unheaded
        if model is not None and unheaded is None:
            raise ConfigError("model reads text without a heading: say with unheaded, 0 to 1, how sure it must be.")
        self._classes = None if unheaded is None else _classes(model)

    def _read(self, top: Table) -> None:
        """Add what one rule file says; later files win."""
        headings = top.get_typed("headings", dict, {})
        for label, names in headings.items():
            _check_label(label, headings)
            if not isinstance(names, list) or not all(isinstance(one, str) for one in names):
                raise ConfigError(f"{headings.where(label)}: the headings of {label!r} must be a list of text.")
            self._known |= {_key(one): label for one in names}
        for label, below in top.tables("within").items():
            self._within[label] = self._within.get(label, {}) | {_key(one): other for one, other in below.items()}
        self._ends |= frozenset(top.get_typed("unknown_end_with", str, "").split())
        self._parts |= frozenset(map(_key, top.get_typed("parts", list, [])))

    def __call__(self, note: Note) -> Note:
        """The note with its sections."""
        return note.add(self.find(note.text))

    def describe(self) -> dict[str, Any]:
        """Which rules were used, how many headings they know, and how sure the classifier must be where it is used."""
        about = {"rules": self._sources[0].by.removeprefix("rule:"), "headings": len(self._known)}
        told = {"unheaded": self.unheaded, "classes": self._classes.source} if self._classes else {}
        return about | told

    def find(self, text: str) -> Iterator[Span]:
        """The sections of a text, in order, without ids."""
        find = self._medspacy.headings if self._medspacy else self._headings
        found = list(find(text))
        if self._classes:
            yield from self._unheaded(text, found[0][0] if found else len(text))
        ends = [*[start for start, *_ in found][1:], len(text)]
        for (start, label, heading), end in zip(found, ends, strict=False):
            place = (start, start + len(text[start:end].rstrip()))
            x = {"heading": list(heading)}
            yield Span((place,), label, layer="section", sources=self._sources, x=x)

    def _unheaded(self, text: str, end: int) -> Iterator[Span]:
        """The paragraphs before the first heading that the classifier is sure of; neighbours of a class are one."""
        sources = (Source(self._classes.source),)
        held: list[tuple[int, int, str, float]] = []
        paragraphs = list(_PARAGRAPH.finditer(text, 0, end))
        told = self._classes.predict([match.group() for match in paragraphs])
        for match, (label, score) in zip(paragraphs, told, strict=True):
            if score < self.unheaded:
                continue
            if held and held[-1][2] == label and text[held[-1][1] : match.start()].isspace():
                start, _, _, before = held.pop()
                held.append((start, match.end(), label, min(before, score)))
            else:
                held.append((*match.span(), label, score))
        for start, last, label, score in held:
            yield Span(((start, last),), label, layer="section", sources=sources, score=score)

    def _headings(self, text: str) -> Iterator[tuple[int, str, tuple[int, int]]]:
        """(start of the section, class, place of the heading), in order."""
        shouted = _is_shouted(text)
        current = ""
        for match in _candidates(text):
            label = self._label(match, current, shouted)
            if not label or (label == current and not _opens(match)):
                continue
            current = label
            yield match.start("start"), label, match.span("heading")

    def _label(self, match: re.Match[str], current: str, shouted: bool) -> str:
        """The class of what may be a heading; empty when it is none."""
        heading = match["heading"]
        key = _key(heading)
        label = self._within.get(current, {}).get(key) or self._known.get(key)
        if label is None and "(" in heading:
            label = self._known.get(_key(_BRACKETS.sub(" ", heading)))
        if match.re is _IN_LINE:
            return label or ""
        if label is None:
            return self._unknown(key, heading, match, shouted)
        capital = heading.isupper()
        if match["colon"]:
            return label if capital or heading[0].isupper() or len(key) > 3 else ""
        if match["alone"] is not None:
            return label if len(key) > 1 and (capital or heading[0].isupper()) else ""
        return label if capital and len(key) > 2 and not shouted else ""

    def _unknown(self, key: str, heading: str, match: re.Match[str], shouted: bool) -> str:
        """`other` for a line in capitals that looks like a heading though no rule knows it."""
        last = key.rpartition(" ")[2]
        looks = heading.isupper() and " " in key and last in self._ends and key not in self._parts
        closed = match["colon"] or (match["alone"] is not None and not shouted)
        return "other" if looks and closed else ""


def _candidates(text: str) -> list[re.Match[str]]:
    """What may be a heading, in order of place."""
    at_line = (_AT_LINE.match(text, line.start()) for line in _LINE.finditer(text))
    found = [*filter(None, at_line), *_IN_LINE.finditer(text)]
    return sorted(found, key=lambda match: match.start("heading"))


def _opens(match: re.Match[str]) -> bool:
    """Whether a heading of the class we are in already begins a new section, rather than a part of this one."""
    return match.re is _AT_LINE and match["alone"] is not None and not match["marker"]


def _key(heading: str) -> str:
    """A heading as it is compared: lower case, runs of other signs as one blank."""
    return _NOT_NAME.sub(" ", heading.replace("&", " and ") if " & " in heading else heading).strip().lower()


def _is_shouted(text: str) -> bool:
    """Whether a text is written in capitals throughout."""
    head = text[:4000].encode("ascii", "ignore")
    lower, upper = len(head.translate(None, _NOT_LOWER)), len(head.translate(None, _NOT_UPPER))
    return upper + lower > _TELLING and upper > _SHOUTED * (upper + lower)


def _medspacy() -> Any:
    from medtext.stages.sections.medspacy import MedspacySections

    return MedspacySections()


def _classes(model: str | Path | None) -> Any:
    from medtext.stages.sections.classes import ModelClasses, SectionClasses

    return SectionClasses.load() if model is None else ModelClasses(model)


def _version(top: Table) -> str:
    return str(top.get("version", "own"))


def _extended(own: Table, theirs: Table) -> list[Table]:
    return [own, theirs] if theirs.get_typed("extends", bool, True) else [theirs]


def _check_label(label: Any, headings: Table) -> None:
    try:
        Span(((0, 1),), label, layer="section")
    except NoteError as error:
        raise ConfigError(f"{headings.where(label)}: {error}") from error
