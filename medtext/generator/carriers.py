"""What in a carrier is filled, and where something may be put in."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from medtext.config import Table
from medtext.generator.names import Person, rules
from medtext.generator.pieces import Piece
from medtext.generator.scene import ROLES, Scene
from medtext.note import Note

# De-ID's **NAME[AAA, BBB M] and **PATH-NUMBER; MIMIC's [**First Name (NamePattern1) 12**]
_MARK = re.compile(
    r"\[\*\*(?P<mimic>[^\[\]]{1,80}?)\*\*\]|\*\*(?P<deid>[A-Z][A-Z-]{2,30})(?:\[(?P<held>[^\[\]]{1,80})\])?"
)
_TITLED = re.compile(r"\b(?P<title>mr|mrs|ms|miss|drs?|prof)\.?\s{1,3}$", re.IGNORECASE)
_CLINICIAN = re.compile(r"\b(?:doctor|dictator|attending|md)\b", re.IGNORECASE)
_WOMAN = re.compile(r"\b(?:she|her|hers|female|woman|lady|mrs|ms)\b", re.IGNORECASE)
_MAN = re.compile(r"\b(?:he|his|him|male|man|gentleman|mr)\b", re.IGNORECASE)
# Behind a full stop that ends a word of three letters or more, before a capital; and at the end of a line.
_SENTENCE_END = re.compile(r"(?<=[a-z]{3}[.!?])(?= {1,2}[A-Z][a-z ])")
_LINE_END = re.compile(r"(?<=[^\s:])(?=\n)")


@dataclass(frozen=True, slots=True)
class Filling:
    """A stretch of a carrier that gives way to what a slot says; `held` is what stood in the mark."""

    start: int
    end: int
    slot: str
    held: str = ""


class Marks:
    """Which slot fills which mark, from `rules/marks.yaml`."""

    def __init__(self) -> None:
        table = rules("marks.yaml").allow(("version", "marks", "labels", "ids"), "the marks")
        self._marks = [(re.compile(one["match"], re.IGNORECASE), one["slot"]) for one in table["marks"]]
        self._ids = [(re.compile(one["match"], re.IGNORECASE), one["slot"]) for one in table["ids"]]
        self._labels: Table = table["labels"]

    def fillings(self, note: Note) -> list[Filling]:
        """The marks and `phi` spans of a carrier, disjoint, in order; a span inside a mark gives way."""
        marks = [self._filling(note.text, match) for match in _MARK.finditer(note.text)]
        found = [one for one in marks if one is not None]
        for span in note.layer("phi"):
            if span.status != "rejected" and span.label in self._labels:
                found += [self._of_label(note.text, start, end, span.label) for start, end in span.at]
        found.sort(key=lambda one: (one.start, -one.end))
        kept: list[Filling] = []
        for one in found:
            if not kept or one.start >= kept[-1].end:
                kept.append(one)
        return kept

    def _filling(self, text: str, match: re.Match[str]) -> Filling | None:
        start, end = match.span()
        held = match["held"] or ""
        told = match["mimic"] or f"{match['deid']} {held if match['deid'] == 'AGE' else ''}".replace("-", " ").strip()
        slot = next((slot for pattern, slot in self._marks if pattern.search(told)), None)
        before = text[max(0, start - 24) : start]
        if slot == "id":
            slot = next((one for pattern, one in self._ids if pattern.search(before)), "other")
        if slot == "name":
            slot = _name_slot(before, told, held)
        return Filling(start, end, slot, held) if slot else None

    def _of_label(self, text: str, start: int, end: int, label: str) -> Filling:
        slot = self._labels[label]
        who = slot.partition(".")[0]
        titled = who in ROLES and _TITLED.search(text[max(0, start - 10) : start])
        return Filling(start, end, f"{who}.last" if titled else slot)


def _name_slot(before: str, told: str, held: str) -> str:
    """Whose name and in which form, from the title before the mark and the letters that stand for its parts.

    De-ID writes a patient's name with the first letters of the alphabet and a clinician's with the last ones.
    """
    titled = _TITLED.search(before)
    doctor = (titled and titled["title"].lower().startswith(("d", "prof"))) or _CLINICIAN.search(told)
    who = "provider" if doctor or (held and held[0] >= "M") else "patient"
    if "," in held:
        return f"{who}.last_first_middle" if len(held.rsplit(maxsplit=1)[-1]) == 1 else f"{who}.last_first"
    parts = held.split()
    if len(parts) == 3 and len(parts[1]) == 1:
        return f"{who}.middle_bare"
    if len(parts) == 2:
        return f"{who}.full"
    single = "first" if "first" in told.lower() else "last"
    return f"{who}.{single}" if titled or parts or single == "first" or "last" in told.lower() else f"{who}.full"


def sex_of(text: str, rng: random.Random) -> str:
    """Of whom the carrier speaks most: F or M; drawn when it does not say."""
    women, men = len(_WOMAN.findall(text)), len(_MAN.findall(text))
    return rng.choice("FM") if women == men else "F" if women > men else "M"


def openings(text: str, fillings: list[Filling]) -> list[tuple[int, bool]]:
    """Where something may be put in: an offset, and whether a line ends there (else a sentence)."""
    inside = {at for one in fillings for at in range(one.start, one.end + 1)}
    lines = {match.start() for match in _LINE_END.finditer(text)}
    sentences = {match.start() for match in _SENTENCE_END.finditer(text)}
    return sorted((at, at in lines) for at in (lines | sentences) - inside if at)


def carried(
    text: str, fillings: list[Filling], inserted: Mapping[int, list[Piece]], scene: Scene, rng: random.Random
) -> Iterator[Piece]:
    """The carrier as pieces: its own text, what fills its marks, and what is put in at an offset."""
    cast, at = scene.cast(rng), 0
    whole = {one.start: one for one in fillings}
    edges = sorted({0, len(text), *inserted, *whole, *(one.end for one in fillings)})
    for start, end in pairwise([*edges, len(text)]):
        yield from inserted.get(start, ())
        if start in whole:
            yield _filled(whole[start], scene, rng, cast)
        elif start >= at and end > start:
            yield Piece(text[start:end], origin=start)
        at = max(at, end)


def _filled(one: Filling, scene: Scene, rng: random.Random, cast: dict[str, Person]) -> Piece:
    if ":" in one.slot:
        return scene.fill(rng, f"{{{one.slot}}}")[0]
    who, _, what = one.slot.partition(".")
    return scene.piece(rng, who, what, cast)
