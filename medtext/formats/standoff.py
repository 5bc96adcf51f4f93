"""Writes the lines of a brat `.ann` file.

T text-bound, E events, R relations, A and M attributes, N normalisations, # notes, * sets.
Axes of an assertion are attributes, codes are normalisations, a comment is an `AnnotatorNotes` line. What brat has no
place for stands as JSON in a note of type `Medtext`, so that the comment that brat lets people edit stays their own.
What we have no field for is kept in `x["brat"]` and written back. Arguments of an event are relations from its trigger.
Reference: https://brat.nlplab.org/standoff.html
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from medtext.formats.spanfile import relation_to_record, span_to_record
from medtext.note import Note, Relation
from medtext.span import PRESENCE, SUBJECT, TEMPORALITY, Span

AXES = {"Presence": PRESENCE, "Temporality": TEMPORALITY, "Subject": SUBJECT}
OURS, COMMENT = "Medtext", "AnnotatorNotes"
# A line written by a person in brat carries no JSON, so what stands for "nothing said" is a person's own span.
DEFAULTS = {"layer": "entity", "status": "added"}
_UNSHOWN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
SPAN_X = {"events": list, "attributes": list, "normalizations": list, "references": dict, "comment_on": str}
RELATION_X = {"event": str, "from": str, "to": str, "roles": list, "attributes": list, "comment": str}
NOTE_X = {"sets": list, "lines": list}


def token(name: str) -> str:
    """A label as brat can hold it: letters, digits, _ and -."""
    return re.sub(r"[^\w-]", "_", name)


def shown(text: str) -> str:
    """A text on one line, character for character: blanks for newlines, tabs and controls."""
    return _UNSHOWN.sub(" ", text)


def split_lines(at: Iterable[tuple[int, int]], text: str) -> tuple[tuple[int, int], ...]:
    """The fragments without their line feeds, which brat cannot span; as they are when nothing else remains."""
    at = tuple(at)
    pieces = [
        (start + piece.start(), start + piece.end())
        for start, end in at
        for piece in re.finditer(r"[^\n]+", text[start:end])
    ]
    return tuple(pieces) or at


def brat_x(x: Mapping[str, Any], kinds: Mapping[str, type]) -> dict[str, Any]:
    """What `x["brat"]` holds, if it is ours: somebody else's `brat` is left alone."""
    held = x.get("brat")
    if not isinstance(held, dict) or not held:
        return {}
    ours = all(key in kinds and type(value) is kinds[key] and value for key, value in held.items())
    entries = [one for key in ("events", "attributes", "normalizations") for one in held.get(key, [])] if ours else []
    entries += [held["references"]] if ours and "references" in held else []
    sound = all(isinstance(one, dict) and all(isinstance(part, str) for part in one.values()) for one in entries)
    return held if ours and sound else {}


def rest_of_x(x: Mapping[str, Any], kinds: Mapping[str, type]) -> dict[str, Any]:
    """`x` without what is written as lines."""
    return {key: value for key, value in x.items() if key != "brat" or not brat_x(x, kinds)}


class _Names:
    """Gives brat ids: the wanted one while it is free, else the next number that nobody wants."""

    def __init__(self, wanted: Iterable[str]) -> None:
        self.reserved, self.used = set(wanted), set()
        self.following: dict[str, int] = defaultdict(lambda: 1)

    def take(self, name: str, kinds: str) -> str:
        if not re.fullmatch(f"[{kinds}][0-9]+", name) or name in self.used:
            return self.next(kinds[0])
        self.used.add(name)
        return name

    def next(self, kind: str) -> str:
        while True:
            name = f"{kind}{self.following[kind]}"
            self.following[kind] += 1
            if name not in self.used and name not in self.reserved:
                self.used.add(name)
                return name


def dump(note: Note) -> str:
    """The lines of a note."""
    return "".join(f"{line}\n" for line in _Writer(note).lines())


class _Writer:
    """The lines of one note, with a brat id for each span, event and relation."""

    def __init__(self, note: Note) -> None:
        self.note = note
        own = brat_x(note.x, NOTE_X)
        self.raw = [line for line in own.get("lines", []) if isinstance(line, str) and "\n" not in line]
        self.sets = own.get("sets", [])
        self.span_x = {span.id: brat_x(span.x, SPAN_X) for span in note.spans}
        self.relation_x = {one.id: brat_x(one.x, RELATION_X) for one in note.relations}
        self.names = _Names(self.wanted())
        self.text_bound = {one.id: self.names.take(one.id, "T") for one in note.spans}
        self.relations = {one.id: self.names.take(one.id, "R") for one in note.relations}
        self.events = {
            span_id: {entry.get("id", ""): self.names.take(entry.get("id", ""), "E") for entry in held["events"]}
            for span_id, held in self.span_x.items()
            if "events" in held
        }
        self.arguments: dict[tuple[str, str], list[Relation]] = defaultdict(list)
        for relation in note.relations:
            event = self.relation_x[relation.id].get("event", "")
            if event in self.events.get(relation.source, {}):
                self.arguments[relation.source, event].append(relation)
        self.argument_ids = {one.id for several in self.arguments.values() for one in several}

    def wanted(self) -> Iterator[str]:
        """The ids that are spoken for, so that no number given anew takes one of them."""
        yield from (line.partition("\t")[0] for line in self.raw)
        yield from (one.id for one in (*self.note.spans, *self.note.relations))
        for held in (*self.span_x.values(), *self.relation_x.values()):
            for key in ("events", "attributes", "normalizations"):
                yield from (entry.get("id", "") for entry in held.get(key, []))

    def lines(self) -> Iterator[str]:
        for span in self.note.spans:
            yield from self.span(span, self.span_x[span.id])
        for relation in self.note.relations:
            if relation.id not in self.argument_ids:
                yield from self.relation(relation, self.relation_x[relation.id])
        for kind, *members in self.sets:
            known = {*self.text_bound.values(), *(name for held in self.events.values() for name in held.values())}
            if len(present := [one for one in members if one in known]) > 1:
                yield f"*\t{kind} {' '.join(present)}"
        yield from self.raw

    def span(self, span: Span, held: Mapping[str, Any]) -> Iterator[str]:
        name, text = self.text_bound[span.id], self.note.text
        pieces = split_lines(span.at, text)
        places = ";".join(f"{start} {end}" for start, end in pieces)
        yield f"{name}\t{token(span.label)} {places}\t{' '.join(shown(text[start:end]) for start, end in pieces)}"
        events = self.events.get(span.id, {})
        for entry in held.get("events", []):
            yield from self.event(span, entry, events[entry.get("id", "")])
        for axis in AXES:
            if span.assertion and getattr(span.assertion, axis.lower()):
                yield f"{self.names.next('A')}\t{axis} {name} {getattr(span.assertion, axis.lower())}"
        displays = {str(one.code): one.display for one in reversed(span.candidates)} | held.get("references", {})
        for code in span.codes:
            yield f"{self.names.next('N')}\tReference {name} {code}\t{shown(displays.get(str(code), ''))}"
        for entry in held.get("normalizations", []):
            target = events.get(entry.get("on", ""), name)
            first = f"{self.names.take(entry.get('id', ''), 'N')}\t{entry.get('name', 'Reference')} {target}"
            yield f"{first} {entry.get('to', '')}\t{entry.get('text', '')}"
        yield from self.attributes(held, name, events)
        yield from self.comment(span.comment, events.get(held.get("comment_on", ""), name))
        yield from self.ours(name, self.unsaid(span, name, pieces))

    def unsaid(self, span: Span, name: str, pieces: tuple[tuple[int, int], ...]) -> dict[str, Any]:
        """What the other lines of a span do not say."""
        record = span_to_record(span, self.note.text)
        said = {"quote", "assertion", "codes", "x"}
        said |= {key for key, value in (("id", name), ("label", token(span.label))) if record[key] == value}
        said |= {"at"} if pieces == span.at else set()
        said |= {"comment"} if span.comment == shown(span.comment).strip() else set()
        return _left(record, said, rest_of_x(span.x, SPAN_X))

    def event(self, span: Span, entry: Mapping[str, str], name: str) -> Iterator[str]:
        arguments = self.arguments[span.id, entry.get("id", "")]
        ends = [f"{token(one.type)}:{self.end(one.target, self.relation_x[one.id].get('to'))}" for one in arguments]
        kind = entry.get("type") or token(span.label)
        yield f"{name}\t{' '.join([f'{kind}:{self.text_bound[span.id]}', *ends])}"
        unsaid = [self.unsaid_relation(one, f"{name}-{number}") for number, one in enumerate(arguments, 1)]
        if any(unsaid):
            yield from self.ours(name, {"arguments": unsaid})

    def end(self, span_id: str, event: str | None) -> str:
        return self.events.get(span_id, {}).get(event or "", self.text_bound[span_id])

    def relation(self, relation: Relation, held: Mapping[str, Any]) -> Iterator[str]:
        name = self.relations[relation.id]
        roles = held.get("roles", [])
        first, second = roles if len(roles) == 2 else ("Arg1", "Arg2")
        source, target = self.end(relation.source, held.get("from")), self.end(relation.target, held.get("to"))
        yield f"{name}\t{token(relation.type)} {first}:{source} {second}:{target}"
        yield from self.attributes(held, name, {})
        yield from self.comment(held.get("comment", ""), name)
        yield from self.ours(name, self.unsaid_relation(relation, name))

    def unsaid_relation(self, relation: Relation, name: str) -> dict[str, Any]:
        record = relation_to_record(relation)
        said = {"from", "to", "x"}
        said |= {key for key, value in (("id", name), ("type", token(relation.type))) if record[key] == value}
        return _left(record, said, rest_of_x(relation.x, RELATION_X))

    def attributes(self, held: Mapping[str, Any], name: str, events: Mapping[str, str]) -> Iterator[str]:
        for entry in held.get("attributes", []):
            target = events.get(entry.get("on", ""), name)
            value = f" {entry['value']}" if "value" in entry else ""
            yield f"{self.names.take(entry.get('id', ''), 'AM')}\t{entry.get('name', 'Attribute')} {target}{value}"

    def comment(self, comment: str, target: str) -> Iterator[str]:
        if comment:
            yield f"{self.names.next('#')}\t{COMMENT} {target}\t{shown(comment).strip()}"

    def ours(self, target: str, record: Mapping[str, Any]) -> Iterator[str]:
        if record:
            yield f"{self.names.next('#')}\t{OURS} {target}\t{json.dumps(record, allow_nan=False)}"


def _left(record: dict[str, Any], said: set[str], x: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in record.items() if key not in said and DEFAULTS.get(key) != value}
    return kept | ({"x": x} if x else {})
