"""Spans as Label Studio regions, and back with what a person did to them.

The span as it was written stands in its region's `meta.medtext`, which Label Studio keeps; what was changed is told by
comparing with it, never by the interface's own word. A discontinuous span is one region a fragment, joined by
relations.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from medtext.errors import NoteError
from medtext.formats.label_studio_config import AXES, CODES, COMMENT, FRAGMENT, TEXT
from medtext.formats.spanfile import record_to_span, span_to_record
from medtext.note import Note, Relation
from medtext.span import Assertion, Code, Span

_COMPARED = ("at", "label", "layer", "assertion", "codes")


def code_names(note: Note) -> dict[Code, str]:
    """Each code of a note as a person picks it: the CURIE and, where a candidate gives one, its name."""
    found: dict[Code, str] = {}
    for span in note.spans:
        for code in span.codes:
            found.setdefault(code, "")
        for one in span.candidates:
            found[one.code] = found.get(one.code) or " ".join(one.display.split())
    return {code: f"{code} {name}".rstrip() for code, name in found.items()}


def note_to_result(note: Note) -> list[dict[str, Any]]:
    """The regions and relations of all spans of a note."""
    names = code_names(note)
    taken = {span.id for span in note.spans}
    result = [item for span in note.spans for item in _span_to_items(span, note.text, names, taken)]
    return result + [_relation_item(one.source, one.target, one.type) for one in note.relations]


def _span_to_items(span: Span, text: str, names: Mapping[Code, str], taken: set[str]) -> Iterator[dict[str, Any]]:
    record = span_to_record(span, text)
    del record["quote"]
    for number, (start, end) in enumerate(span.at, 1):
        name = span.id if number == 1 else _part_id(span.id, number, taken)
        item = {
            "id": name,
            "from_name": span.layer,
            "to_name": TEXT,
            "type": "labels",
            "value": {"start": start, "end": end, "text": text[start:end], "labels": [span.label]},
            "meta": {"medtext": record if number == 1 else {"part_of": span.id}},
        }
        yield item if span.score is None else {**item, "score": span.score}
        if number > 1:
            yield _relation_item(name, span.id, FRAGMENT)
    yield from _said(span, text, names)


def _part_id(identifier: str, number: int, taken: set[str]) -> str:
    """The id of a fragment. The page makes a style class of it, so that with a dot in it the fragment has no colour."""
    dashes = next(one for one in count(1) if f"{identifier}{'_' * one}{number}" not in taken)
    return f"{identifier}{'_' * dashes}{number}"


def _said(span: Span, text: str, names: Mapping[Code, str]) -> Iterator[dict[str, Any]]:
    """What is said of a region: items that share its id."""
    start, end = span.at[0]
    place = {"start": start, "end": end}
    quoted = {**place, "text": text[start:end]}
    for axis in AXES:
        if span.assertion and (value := getattr(span.assertion, axis)):
            yield _control(span.id, axis, "choices", {**quoted, "choices": [value]})
    if span.codes:
        yield _control(span.id, CODES, "taxonomy", {**quoted, "taxonomy": [[names[code]] for code in span.codes]})
    if span.comment:
        # A text in place of this list leaves the whole page blank.
        yield _control(span.id, COMMENT, "textarea", {**place, "text": [span.comment]})


def _control(region: str, name: str, kind: str, value: dict[str, Any]) -> dict[str, Any]:
    return {"id": region, "from_name": name, "to_name": TEXT, "type": kind, "value": value}


def _relation_item(source: str, target: str, label: str) -> dict[str, Any]:
    return {"type": "relation", "from_id": source, "to_id": target, "direction": "right", "labels": [label]}


@dataclass(slots=True)
class Region:
    """A region with all that is said of it."""

    id: str
    at: tuple[tuple[int, int], ...]
    label: str
    layer: str
    base: Span | None = None
    score: float | None = None
    axes: dict[str, str] = field(default_factory=dict)
    codes: list[Code] = field(default_factory=list)
    comment: str = ""
    foreign: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Result:
    """What one annotation or prediction holds: spans by region, relations as (type, from, to), and items of others."""

    regions: tuple[Region, ...]
    relations: tuple[tuple[str, str, str], ...]
    foreign: tuple[dict[str, Any], ...]


def read_result(result: Any, text: str) -> Result:
    """A result list, sorted out; raises NoteError naming the region that is malformed."""
    if not isinstance(result, list) or not all(isinstance(item, dict) for item in result):
        raise NoteError("the result is not a list of regions.")
    regions: dict[str, Region] = {}
    for item in result:
        if item.get("type") == "labels":
            region = _region(item, text)
            if region.id in regions:
                raise NoteError(f"region {region.id!r} stands twice.")
            regions[region.id] = region
    foreign = [item for item in result if item.get("type") != "labels" and not _say(regions, item)]
    links = [link for item in foreign if item.get("type") == "relation" for link in _links(item, regions)]
    heads = _join(regions, [(source, target) for label, source, target in links if label == FRAGMENT])
    relations = tuple((label, heads[a], heads[b]) for label, a, b in links if label != FRAGMENT)
    kept = tuple(region for name, region in regions.items() if heads[name] == name)
    return Result(kept, relations, tuple(item for item in foreign if item.get("type") != "relation"))


def _region(item: dict[str, Any], text: str) -> Region:
    name, value = item.get("id"), item.get("value")
    if not isinstance(name, str) or not isinstance(value, dict):
        raise NoteError("a region has no id or no value.")
    what = f"region {name!r}"
    start, end, labels = value.get("start"), value.get("end"), value.get("labels")
    if type(start) is not int or type(end) is not int or not 0 <= start < end <= len(text):
        raise NoteError(f"{what} does not lie inside the text of {len(text)} characters.")
    if not isinstance(labels, list) or len(labels) != 1:
        raise NoteError(f"{what} must carry exactly one label.")
    meta = item.get("meta")
    ours = meta.get("medtext") if isinstance(meta, dict) else None
    base = record_to_span(ours, what=what) if isinstance(ours, dict) and "part_of" not in ours else None
    return Region(name, ((start, end),), labels[0], item.get("from_name", ""), base, item.get("score"))


def _say(regions: Mapping[str, Region], item: dict[str, Any]) -> bool:
    """Put what an item says into its region; False when there is none, so that the item is the note's."""
    region = regions.get(item.get("id", ""))
    value = item.get("value")
    if region is None:
        if item.get("type") != "relation" and isinstance(value, dict) and "start" in value:
            raise NoteError(f"region {item.get('id')!r} has no label.")
        return False
    name, kind = item.get("from_name"), item.get("type")
    held = value.get("text" if kind == "textarea" else kind) if isinstance(value, dict) else None
    if not {"choices": name in AXES, "taxonomy": name == CODES, "textarea": name == COMMENT}.get(kind):
        region.foreign.append({key: item.get(key) for key in ("from_name", "type", "value")})
    elif not isinstance(held, list):
        raise NoteError(f"{name!r} of region {region.id!r} is not a list.")
    elif kind == "taxonomy":
        region.codes = list(dict.fromkeys([*region.codes, *(_code(path, region) for path in held)]))
    elif kind == "textarea":
        region.comment = "\n".join(map(str, held))
    elif len(held) > 1:
        raise NoteError(f"region {region.id!r} has {len(held)} values of {name!r}; it takes one.")
    elif held:
        region.axes[name] = held[0]
    return True


def _code(path: Any, region: Region) -> Code:
    """The code at the end of a path through the tree; its name follows after a blank."""
    last = path[-1] if isinstance(path, list) and path else path
    if not isinstance(last, str):
        raise NoteError(f"a code of region {region.id!r} is not text.")
    try:
        return Code.parse(last.partition(" ")[0])
    except NoteError:
        raise NoteError(f"a code of region {region.id!r} is not written SYSTEM:code.") from None


def _links(item: dict[str, Any], regions: Mapping[str, Region]) -> Iterator[tuple[str, str, str]]:
    source, target = item.get("from_id"), item.get("to_id")
    for end in (source, target):
        if end not in regions:
            raise NoteError(f"a relation names region {end!r}, which is not there.")
    if item.get("direction") == "left":
        source, target = target, source
    for label in item.get("labels") or ["related"]:
        yield label, source, target


def _join(regions: Mapping[str, Region], pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Join fragments into their first region: that which holds the span as written, else the first in the text."""
    groups = {name: {name} for name in regions}
    for one, other in pairs:
        union = groups[one] | groups[other]
        for name in union:
            groups[name] = union
    heads = {}
    for name, group in groups.items():
        members = sorted(group, key=lambda one: (regions[one].base is None, regions[one].at, one))
        heads[name] = members[0]
        if name == members[0] and len(members) > 1:
            _fuse(regions[name], [regions[one] for one in members[1:]])
    return heads


def _fuse(head: Region, others: list[Region]) -> None:
    for other in others:
        if (other.label, other.layer) != (head.label, head.layer):
            raise NoteError(f"regions {head.id!r} and {other.id!r} are parts of one span, but their labels differ.")
        head.at = tuple(sorted(head.at + other.at))
        head.axes = other.axes | head.axes
        head.codes += [code for code in other.codes if code not in head.codes]
        head.comment = head.comment or other.comment
        head.foreign += other.foreign


def regions_to_spans(regions: Iterable[Region], *, reviewed: bool) -> dict[str, Span]:
    """Region id → span. Of a person's annotation the status is told by comparing with what was written."""
    regions = list(regions)
    taken: set[str] = set()
    spans = {}
    # A copied region brings a copy of our record: the one that still has the id of the span is the span.
    for region in sorted(regions, key=lambda one: one.base is None or one.base.id != one.id):
        base = region.base if region.base and region.base.id not in taken else None
        identifier = base.id if base else free_id(region.id, taken)
        taken.add(identifier)
        spans[region.id] = _span(region, base, identifier, reviewed)
    return {region.id: spans[region.id] for region in regions}


def free_id(wanted: str, taken: set[str]) -> str:
    """Another program's id as that of a span, with a number where it is taken."""
    name = re.sub(r"[^A-Za-z0-9_-]", "-", wanted)[:56] or "region"
    return next(one for number in count(1) if (one := name if number == 1 else f"{name}-{number}") not in taken)


def _span(region: Region, base: Span | None, identifier: str, reviewed: bool) -> Span:
    codes = tuple(region.codes)
    if base and set(codes) == set(base.codes):
        codes = base.codes  # Label Studio keeps its own order of what is ticked
    x = dict(base.x) if base else {}
    now = {
        "at": region.at,
        "label": region.label,
        "layer": region.layer,
        "assertion": Assertion(**region.axes),
        "codes": codes,
        "comment": region.comment,
        "x": x | ({"label_studio": region.foreign} if region.foreign else {}),
    }
    if base is None:
        return Span(**now, id=identifier, status="added" if reviewed else "predicted", score=region.score)
    span = replace(base, **now)
    return judged(base, span) if reviewed else span


def judged(base: Span, span: Span) -> Span:
    """The span with the status that the change from its base gives it; `was` keeps the oldest values."""
    old = span_to_record(base, "")
    changed = [key for key in _COMPARED if getattr(base, key) != getattr(span, key)]
    if base.status == "added" or not changed:
        return replace(span, status="accepted") if base.status == "predicted" else span
    empty = {"assertion": None, "codes": []}
    was = {key: old.get(key, empty.get(key)) for key in changed}
    return replace(span, status="corrected", was=was | dict(base.was or {}))


def judge_relations(
    base: Iterable[Relation], theirs: Iterable[tuple[str, str, str]], spans: Mapping[str, Span], *, reviewed: bool
) -> tuple[list[Relation], list[Relation]]:
    """(the written relations with their new status, relations that are new); `spans` is region id → span."""
    ends = {name: span.id for name, span in spans.items()}
    left = Counter((label, ends[source], ends[target]) for label, source, target in theirs)
    kept = []
    for one in base:
        key = (one.type, one.source, one.target)
        there, left[key] = left[key] > 0, left[key] - (left[key] > 0)
        status = one.status
        if reviewed:
            status = "rejected" if not there else "accepted" if status == "predicted" else status
        kept.append(replace(one, status=status))
    status = "added" if reviewed else "predicted"
    return kept, [Relation(*key, status=status) for key in left.elements()]
