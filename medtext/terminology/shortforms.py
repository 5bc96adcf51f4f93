"""Entities that are short forms: which of them are any, under which label, and what they stand for.

A dictionary finds "PT" and knows nothing of patients. Every short form that `Abbreviations` knows, or the note defines,
is read in its place: a sense that is no clinical entity takes the match away; one that is gives the label and, in
`x["expansion"]`, the name by which it is coded; where no sense is sure, all stand as candidates, without a code.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from operator import itemgetter

from medtext.note import Note
from medtext.overlap import Cover
from medtext.span import Candidate, Source, Span
from medtext.terminology.abbreviations import Abbreviations, Reading, Sense, matching
from medtext.terminology.concepts import Concept, Concepts
from medtext.terminology.definitions import Definition, definitions

_TOKEN = r"(?<![\w-])(?:{begin})[^\W_]{{1,8}}(?![^\W_])"
_CAPITAL, _ANY = re.compile(r"[a-z]?[^\W\da-z_]"), r"[^\W_]"  # how short forms begin; a few words of a note do
_ENTITY = 0.4  # least probability that an open short form is an entity at all, to be shown to a person
_RIVAL = 0.05  # least probability of a sense that is proposed
_MOST = 0.95  # the score of a short form of which we are certain: 94 % of such matches lie on what people marked

_Place = tuple[int, int]


class ShortForms:
    """Reads the short forms of notes: `ShortForms(abbreviations, concepts).read(note, spans)`."""

    def __init__(self, abbreviations: Abbreviations, concepts: Concepts) -> None:
        self._abbreviations, self._releases = abbreviations, concepts.releases
        plain = all(map(_CAPITAL.match, abbreviations.forms))
        self._token = re.compile(_TOKEN.format(begin=_CAPITAL.pattern if plain else _ANY))
        self._by_form: dict[str, list[Concept]] = defaultdict(list)
        for concept in concepts.concepts:
            for form in concept.forms:
                self._by_form[form.lower()].append(concept)

    def read(self, note: Note, spans: Iterable[Span]) -> Iterator[Span]:
        """The spans, which must not overlap, in order, with every short form that stands alone as it is meant there."""
        told, senses = definitions(note.text), self._abbreviations.senses
        known = [found for found in self._token.finditer(note.text) if found[0] in told or senses(found[0])]
        if not known:
            yield from spans
            return
        places = {(span.start, span.end): span for span in spans}
        taken, layout = Cover(places), _Layout(note)
        for found in known:
            if found.span() not in places and taken.overlaps(*found.span()):
                continue
            held = places.pop(found.span(), None)
            if found[0] in told:
                made = self._as_defined(note.text, found.span(), held, told[found[0]], places)
            else:
                made = self._as_meant(note.text, found.span(), held, layout)
            if made is not None:
                places[found.span()] = made
        yield from (places[place] for place in sorted(places))

    def _as_meant(self, text: str, place: _Place, held: Span | None, layout: _Layout) -> Span | None:
        """The span of a short form by the words around it; None where it is no entity."""
        around = {"section": layout.section(place[0]), "sentence": layout.sentence(place[0])}
        reading = self._abbreviations.resolve(text, *place, **around)
        if reading is None:
            return held
        if reading.sense is None:
            return self._open(place, reading)
        return self._span(place, reading.sense, reading.ranked[0][1], reading.why, held)

    def _as_defined(
        self, text: str, place: _Place, held: Span | None, told: Definition, places: Mapping[_Place, Span]
    ) -> Span | None:
        """The span of a short form that the note defines: as the table has it, else as the long form was found."""
        short, long = text[slice(*place)], text[told.start : told.end]
        sense = matching(long, (*self._abbreviations.senses(short), *self._own_senses(short)))
        if sense is None:
            full = next((one for one in places.values() if one.end == told.end and told.start <= one.start), None)
            if full is None or 2 * (full.end - full.start) < told.end - told.start:
                return None
            sense = Sense(short, long, full.label, text[full.start : full.end])
        return self._span(place, sense, 1.0, "definition", held)

    def _own_senses(self, short: str) -> Iterator[Sense]:
        """What the concept table takes a short form for."""
        for concept in self._by_form.get(short.lower(), ()):
            for form in concept.forms:
                if form.lower() != short.lower():
                    yield Sense(short, form, concept.label, concept.name)

    def _span(self, place: _Place, sense: Sense, sure: float, why: str, held: Span | None) -> Span | None:
        if not sense.label:
            return None
        rule = Source(f"rule:abbreviations/{why}@{self._abbreviations.version}", round(_MOST * sure, 4))
        others = held.sources if held is not None and held.label == sense.label else ()
        x = {"expansion": sense.concept}
        return Span((place,), sense.label, score=rule.score, sources=(*others, rule), x=x)

    def _open(self, place: _Place, reading: Reading) -> Span | None:
        """A short form of which no sense is sure: its clinical senses as candidates; None where it is hardly one."""
        senses = [(sense, share) for sense, share in reading.ranked if sense.label]
        mass = round(sum(share for _, share in senses), 4)
        if mass < _ENTITY:
            return None
        rule = Source(f"rule:abbreviations/unsure@{self._abbreviations.version}", mass)
        found = [one for sense, share in senses if share >= _RIVAL for one in self._candidates(sense, share)]
        return Span((place,), senses[0][0].label, score=mass, sources=(rule,), candidates=tuple(found))

    def _candidates(self, sense: Sense, share: float) -> Iterator[Candidate]:
        for concept in self._by_form.get(sense.concept.lower(), ()):
            if concept.label == sense.label:
                for code in concept.codes:
                    release = self._releases.get(code.system, "")
                    yield Candidate(code, concept.name, round(share, 4), "abbreviation", release)


class _Layout:
    """The sections and sentences of a note, by offset."""

    def __init__(self, note: Note) -> None:
        self._note = note

    @cached_property
    def _sections(self) -> list[tuple[int, int, str]]:
        return sorted((one.start, one.end, one.label) for one in self._note.layer("section"))

    @cached_property
    def _sentences(self) -> list[_Place]:
        return sorted((one.start, one.end) for one in self._note.layer("sentence"))

    def section(self, at: int) -> str:
        """The class of the section in which an offset lies; empty where there is none."""
        place = bisect_right(self._sections, at, key=itemgetter(0)) - 1
        return self._sections[place][2] if place >= 0 and at < self._sections[place][1] else ""

    def sentence(self, at: int) -> _Place | None:
        """The sentence in which an offset lies."""
        place = bisect_right(self._sentences, at, key=itemgetter(0)) - 1
        return self._sentences[place] if place >= 0 and at < self._sentences[place][1] else None
