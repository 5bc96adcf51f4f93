"""Reads the lines of a brat `.ann` file, ours or anybody's; what they mean is told in standoff."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from medtext.errors import FormatError, NoteError
from medtext.formats.spanfile import record_to_relation, record_to_span
from medtext.formats.standoff import (
    AXES,
    COMMENT,
    DEFAULTS,
    NOTE_X,
    OURS,
    RELATION_X,
    SPAN_X,
    shown,
    split_lines,
    token,
)
from medtext.note import Relation
from medtext.span import Code, Span

_PLACES = re.compile(r"[0-9]+ [0-9]+(?:;[0-9]+ [0-9]+)*")


def parse(lines: str, text: str, where: str) -> tuple[list[Span], list[Relation], dict[str, Any]]:
    """Spans, relations and what goes to `x` of a note; raises FormatError with `where`:line."""
    reader = _Reader(lines, text, where)
    spans = [reader.span(name, target) for name, target in reader.spans.items()]
    relations = [reader.relation(name, target) for name, target in reader.relations.items()]
    arguments = [one for name, event in reader.events.items() for one in reader.arguments(name, event)]
    return spans, relations + arguments, _kept(reader.brat, NOTE_X)


@dataclass(frozen=True, slots=True)
class _Row:
    """One line: `name<TAB>words<TAB>tail`."""

    number: int
    name: str
    words: list[str]
    body: str
    tail: str | None
    whole: str


@dataclass(slots=True)
class _Target:
    """A T, E or R and what the other lines say of it, collected before anything is built."""

    row: _Row
    at: tuple[tuple[int, int], ...] = ()
    axes: dict[str, str] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)
    comments: list[str] = field(default_factory=list)
    ours: dict[str, Any] = field(default_factory=dict)
    brat: dict[str, Any] = field(default_factory=dict)


class _Reader:
    """The lines of one file, sorted by what they speak of."""

    def __init__(self, lines: str, text: str, where: str) -> None:
        self.text, self.where = text, where
        self.spans: dict[str, _Target] = {}
        self.events: dict[str, _Target] = {}
        self.relations: dict[str, _Target] = {}
        self.brat: dict[str, Any] = {}
        # A line may speak of what stands below it: first what is spoken of.
        later = {"A": self.attribute, "M": self.attribute, "N": self.normalization, "#": self.remark, "*": self.set}
        first = {"T": self.text_bound, "E": self.event, "R": self.keep_relation}
        rows = list(self.rows(lines))
        for row in rows:
            if row.name[:1] not in {*first, *later}:
                raise self.error("no line of a brat file begins like this one.", row)
        for handlers in (first, later):
            for row in rows:
                if row.name[0] in handlers:
                    handlers[row.name[0]](row)

    def rows(self, lines: str) -> Iterator[_Row]:
        for number, line in enumerate(lines.split("\n"), 1):
            whole = line.removesuffix("\r")
            if whole.strip():
                name, _, rest = whole.partition("\t")
                body, tab, tail = rest.partition("\t")
                yield _Row(number, name, body.split(), body, tail if tab else None, whole)

    def error(self, message: str, row: _Row) -> FormatError:
        return FormatError(message, where=f"{self.where}:{row.number}")

    def put(self, into: dict[str, _Target], row: _Row, at: tuple[tuple[int, int], ...] = ()) -> None:
        if row.name in into:
            raise self.error(f"{row.name} stands twice.", row)
        into[row.name] = _Target(row, at)

    def text_bound(self, row: _Row) -> None:
        label, _, places = row.body.strip().partition(" ")
        if not label or not _PLACES.fullmatch(places):
            raise self.error(f"{row.name} has no places such as `0 5;9 12`.", row)
        at = tuple(sorted((int(start), int(end)) for start, end in (one.split() for one in places.split(";"))))
        if at[-1][1] > len(self.text):
            message = f"{row.name} ends at {at[-1][1]}, but the note has {len(self.text)} characters."
            raise self.error(f"{message} Was the text edited?", row)
        stated, found = row.tail, "".join(self.text[start:end] for start, end in at)
        if stated is not None and _squeezed(stated) != _squeezed(found):
            message = f"the text of {row.name} is not what stands at {at[0][0]}–{at[-1][1]}. Was the text edited?"
            raise self.error(message, row)
        self.put(self.spans, row, at)

    def event(self, row: _Row) -> None:
        if not row.words or not all(":" in word for word in row.words):
            raise self.error(f"{row.name} is not `Type:T1 Role:T2 …`.", row)
        self.put(self.events, row)

    def keep_relation(self, row: _Row) -> None:
        if len(row.words) != 3 or not all(":" in word for word in row.words[1:]):
            raise self.error(f"{row.name} is not `Type Arg1:T1 Arg2:T2`.", row)
        self.put(self.relations, row)

    def set(self, row: _Row) -> None:
        self.brat.setdefault("sets", []).append(row.words)

    def about(self, row: _Row) -> tuple[_Target | None, dict[str, str]]:
        """The span or relation that a line speaks of, and the event by which it names the span."""
        name = row.words[1] if len(row.words) > 1 else ""
        if name in self.events:
            return self.spans.get(self.trigger(name)), {"on": name}
        return self.spans.get(name) or self.relations.get(name), {}

    def attribute(self, row: _Row) -> None:
        target, on = self.about(row)
        if target is None:
            raise self.error(f"{row.name} speaks of nothing that stands in the file.", row)
        name, _, *rest = row.words
        value = " ".join(rest)
        axis = name.lower()
        if value in AXES.get(name, ()) and axis not in target.axes and target.at:
            target.axes[axis] = value
            return
        entry = {"id": row.name, "name": name, **({"value": value} if rest else {}), **on}
        target.brat.setdefault("attributes", []).append(entry)

    def normalization(self, row: _Row) -> None:
        target, on = self.about(row)
        if target is None or len(row.words) < 3:
            raise self.error(f"{row.name} is not `Reference T1 SYSTEM:code`, or T1 does not stand in the file.", row)
        name, _, to = row.words[:3]
        if name == "Reference" and target.at and _is_code(to) and to not in target.codes:
            target.codes[to] = row.tail or ""
            return
        entry = {"id": row.name, "name": name, "to": to, **on}
        target.brat.setdefault("normalizations", []).append(entry | ({"text": row.tail} if row.tail else {}))

    def remark(self, row: _Row) -> None:
        target, on = self.about(row)
        kind = row.words[0] if row.words else ""
        if kind == OURS and target is not None:
            (self.events[on["on"]] if on else target).ours = self.json(row)
        elif kind == COMMENT and target is not None:
            target.comments.append(row.tail or "")
            if on:
                target.brat["comment_on"] = on["on"]
        else:
            self.brat.setdefault("lines", []).append(row.whole)

    def json(self, row: _Row) -> dict[str, Any]:
        try:
            record = json.loads(row.tail or "")
        except (ValueError, RecursionError):
            record = None
        if not isinstance(record, dict):
            raise self.error(f"the {OURS} note {row.name} is damaged. Delete the line to read on without it.", row)
        return record

    def trigger(self, event: str) -> str:
        return self.events[event].row.words[0].rpartition(":")[2]

    def end(self, word: str, row: _Row) -> tuple[str, str]:
        """(span id, event or nothing) of `Role:T1` or `Role:E1`."""
        name = word.rpartition(":")[2]
        event = name if name in self.events else ""
        span = self.spans.get(self.trigger(event) if event else name)
        if span is None:
            raise self.error(f"{row.name} names {name}, which does not stand in the file.", row)
        return span.ours.get("id") or span.row.name, event

    def span(self, name: str, target: _Target) -> Span:
        row, ours, x = target.row, dict(target.ours), dict(target.ours.get("x") or {})
        shows = {"label": token, "at": lambda at: split_lines(map(tuple, at), self.text)}
        stated = {"label": row.words[0], "at": target.at}
        try:
            for key, show in shows.items():
                # What brat could not show exactly stands in our note, unless a person has changed what brat shows.
                if key not in ours or show(ours[key]) != stated[key]:
                    ours[key] = stated[key]
            record = {**DEFAULTS, "id": name, **ours, "codes": list(target.codes)}
            record |= {"assertion": target.axes} if target.axes else {}
            record["comment"] = _comment(target)
            references = _references(target)
            brat = {"events": self.entries.get(name), **target.brat, "references": references}
            return record_to_span({**record, "x": x | _kept(brat, SPAN_X)}, what=f"span {name!r}")
        except NoteError as error:
            raise self.error(str(error), row) from None
        except (TypeError, ValueError, AttributeError):
            raise self.error(f"the {OURS} note of {name} is damaged.", row) from None

    @cached_property
    def entries(self) -> dict[str, list[dict[str, str]]]:
        """The events of each trigger; their type only where it is not the label of the trigger."""
        found = defaultdict(list)
        for event, target in self.events.items():
            kind, _, trigger = target.row.words[0].rpartition(":")
            label = self.spans[trigger].row.words[0] if trigger in self.spans else ""
            found[trigger].append({"id": event} if kind == label else {"id": event, "type": kind})
        return dict(found)

    def relation(self, name: str, target: _Target) -> Relation:
        kind, *words = target.row.words
        roles = [word.rpartition(":")[0] for word in words]
        brat = {} if roles == ["Arg1", "Arg2"] else {"roles": roles}
        comment = "\n".join(target.comments)
        brat |= target.brat | ({"comment": comment} if comment else {})
        ends = [self.end(word, target.row) for word in words]
        return self.linked(name, kind, ends, ours=target.ours, brat=brat, row=target.row)

    def arguments(self, name: str, event: _Target) -> Iterator[Relation]:
        """The arguments of an event, as relations from its trigger."""
        trigger, _ = self.end(event.row.words[0], event.row)
        ours = event.ours.get("arguments")
        ours = ours if isinstance(ours, list) else []
        for number, word in enumerate(event.row.words[1:], 1):
            held = ours[number - 1] if number <= len(ours) and isinstance(ours[number - 1], dict) else {}
            ends = [(trigger, ""), self.end(word, event.row)]
            role = word.rpartition(":")[0]
            brat = {"event": name}
            yield self.linked(f"{name}-{number}", role, ends, ours=held, brat=brat, row=event.row)

    def linked(
        self, name: str, kind: str, ends: Sequence[tuple[str, str]], *, ours: dict, brat: dict, row: _Row
    ) -> Relation:
        (source, source_event), (target, target_event) = ends
        brat |= {key: event for key, event in (("from", source_event), ("to", target_event)) if event}
        exact = ours.get("type")
        kind = exact if isinstance(exact, str) and token(exact) == kind else kind
        record = {"id": name, "status": DEFAULTS["status"], **ours, "type": kind, "from": source, "to": target}
        held = record.get("x")
        try:
            x = (held if isinstance(held, dict) else {}) | _kept(brat, RELATION_X)
            return record_to_relation({**record, "x": x})
        except NoteError as error:
            raise self.error(str(error), row) from None


def _kept(brat: dict[str, Any], order: Iterable[str]) -> dict[str, Any]:
    """What goes to `x`, in one order whatever that of the lines."""
    held = {key: brat[key] for key in order if brat.get(key)}
    return {"brat": held} if held else {}


def _squeezed(text: str) -> str:
    return "".join(shown(text).split())


def _is_code(curie: str) -> bool:
    try:
        Code.parse(curie)
    except NoteError:
        return False
    return True


def _comment(target: _Target) -> str:
    """The exact comment, unless a person has changed the one that brat shows."""
    stated = "\n".join(target.comments)
    exact = target.ours.get("comment")
    return exact if isinstance(exact, str) and shown(exact).strip() == stated else stated


def _references(target: _Target) -> dict[str, str]:
    """The names that stand beside the codes, where they are not those of the candidates."""
    held = [one for one in target.ours.get("candidates", []) if isinstance(one, dict)]
    displays = {one.get("code"): one.get("display", "") for one in reversed(held)}
    return {code: text for code, text in target.codes.items() if text != shown(displays.get(code, ""))}
