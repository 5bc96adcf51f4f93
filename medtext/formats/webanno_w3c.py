"""The W3C Web Annotation model as JSON-LD: a page of annotations for each note, the text beside them.

A TextPositionSelector counts code points; a TextQuoteSelector repeats the words, and is checked. A span of several
fragments is an annotation with several targets. Reference: https://www.w3.org/TR/annotation-model/
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

from medtext.errors import FormatError, NoteError, Problem
from medtext.formats import Format
from medtext.formats.carried import carry_note, restore_note
from medtext.formats.features import (
    features_to_relation,
    features_to_span,
    relation_to_features,
    span_to_features,
)
from medtext.formats.offsets import check_place
from medtext.note import Note, Relation
from medtext.span import Span

CONTEXT = ["http://www.w3.org/ns/anno.jsonld", {"medtext": "urn:medtext:"}]
_TEXT, _RECORD, _FEATURES = "medtext:text", "medtext:record", "medtext:features"
_AROUND = 30


def write(notes: Iterable[Note], stream: BinaryIO) -> None:
    """One JSON-LD document with an AnnotationPage a note."""
    stream.write(f'{{"@context":{json.dumps(CONTEXT)},"@graph":['.encode())
    for number, note in enumerate(notes):
        page = json.dumps(note_to_page(note), ensure_ascii=False, allow_nan=False)
        stream.write((",\n" if number else "\n").encode() + page.encode("utf-8"))
    stream.write(b"\n]}\n")


def note_to_page(note: Note) -> dict[str, Any]:
    """A note as an AnnotationPage."""
    page = f"urn:medtext:note:{quote(note.id, safe='')}"
    items = [_span_item(span, note, page) for span in note.spans]
    items += [_relation_item(one, page) for one in note.relations]
    return {"id": page, "type": "AnnotationPage", _TEXT: note.text, _RECORD: carry_note(note), "items": items}


def _span_item(span: Span, note: Note, page: str) -> dict[str, Any]:
    features = span_to_features(span)
    body = [_body("tagging", span.label)]
    body += [_body("identifying", str(code)) for code in span.codes]
    body += [_body("commenting", span.comment)] if span.comment else []
    rest = {key: value for key, value in features.items() if key not in ("codes", "comment")}
    target = [{"source": page, "selector": _selectors(start, end, note.text)} for start, end in span.at]
    item = {"id": f"{page}#{span.id}", "type": "Annotation", "motivation": "tagging"}
    return {**item, "body": body, "target": target, _FEATURES: rest}


def _body(purpose: str, value: str) -> dict[str, str]:
    return {"type": "TextualBody", "purpose": purpose, "value": value}


def _selectors(start: int, end: int, text: str) -> list[dict[str, Any]]:
    around = {"prefix": text[max(0, start - _AROUND) : start], "suffix": text[end : end + _AROUND]}
    return [
        {"type": "TextPositionSelector", "start": start, "end": end},
        {"type": "TextQuoteSelector", "exact": text[start:end], **around},
    ]


def _relation_item(one: Relation, page: str) -> dict[str, Any]:
    body = [{"id": f"{page}#{one.source}"}, _body("tagging", one.type)]
    item = {"id": f"{page}#relation-{one.id}", "type": "Annotation", "motivation": "linking"}
    return {**item, "body": body, "target": f"{page}#{one.target}", _FEATURES: relation_to_features(one)}


def read(stream: BinaryIO, *, name: str) -> Iterator[Note | Problem]:
    """One note a page; raises FormatError for a file that holds no pages with a text."""
    try:
        document = json.loads(stream.read().decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise FormatError(f"this is no JSON ({type(error).__name__}).", where=name) from None
    pages = document.get("@graph", [document]) if isinstance(document, dict) else document
    if not isinstance(pages, list) or not all(isinstance(one, dict) for one in pages):
        raise FormatError("this is no list of annotation pages.", where=name)
    for number, page in enumerate(pages, 1):
        where = f"{name}: page {number}"
        try:
            yield page_to_note(page, number)
        except FormatError as error:
            yield Problem(error.reason, note_id=error.note_id, where=where)
        except NoteError as error:
            yield Problem(str(error), where=where)
        except (TypeError, AttributeError, ValueError, KeyError, IndexError) as error:
            yield Problem(f"the page is malformed ({type(error).__name__}).", where=where)


def page_to_note(page: Mapping[str, Any], number: int = 1) -> Note:
    """The note of a page; raises NoteError or FormatError with the annotation that is wrong."""
    text = page.get(_TEXT)
    if not isinstance(text, str):
        raise NoteError(f"the page has no {_TEXT}: annotations alone do not say what they stand over.")
    note = restore_note(page[_RECORD], text) if _RECORD in page else Note(f"page-{number}", text)
    links = [one for one in page["items"] if one.get("motivation") == "linking"]
    taken: set[str] = set()
    ids: dict[str, str] = {}
    spans = []
    for place, item in enumerate([one for one in page["items"] if one.get("motivation") != "linking"], 1):
        span = _span(item, text, taken, f"annotation no. {place}")
        ids[str(item.get("id", place))] = span.id
        spans.append(span)
    taken = set()
    relations = [_relation(item, ids, taken, f"link no. {place}") for place, item in enumerate(links, 1)]
    return note.replace(spans=tuple(spans), relations=tuple(relations))


def _span(item: Mapping[str, Any], text: str, taken: set[str], what: str) -> Span:
    bodies, features = _bodies(item), dict(item.get(_FEATURES) or {})
    labels = [one["value"] for one in bodies if one.get("purpose") in ("tagging", "classifying", None)]
    features["codes"] = " ".join(one["value"] for one in bodies if one.get("purpose") == "identifying")
    features["comment"] = "\n".join(one["value"] for one in bodies if one.get("purpose") == "commenting")
    target = item["target"]
    at = sorted(_place(one, text, what) for one in (target if isinstance(target, list) else [target]))
    handle = str(item.get("id", "")).rpartition("#")[2] or what
    label = labels[0] if labels else "UNKNOWN"
    return features_to_span(features, at=at, label=label, handle=handle, taken=taken, what=what)


def _bodies(item: Mapping[str, Any]) -> list[dict[str, Any]]:
    body = item.get("body") or []
    return [one for one in (body if isinstance(body, list) else [body]) if isinstance(one, dict) and "value" in one]


def _place(target: Mapping[str, Any], text: str, what: str) -> tuple[int, int]:
    """The place of a target by its position; by its quote alone where the quote stands once."""
    held = target["selector"]
    selectors = {one["type"]: one for one in (held if isinstance(held, list) else [held])}
    exact = selectors.get("TextQuoteSelector", {}).get("exact")
    position = selectors.get("TextPositionSelector")
    if position is None:
        if not exact or text.count(exact) != 1:
            raise NoteError(f"{what} has no position, and its quote does not stand in the text exactly once.")
        start = text.index(exact)
        return start, start + len(exact)
    start, end = check_place(position["start"], position["end"], len(text), what=what)
    if exact is not None and text[start:end] != exact:
        raise NoteError(f"the quote of {what} is not what stands at {start}–{end}. Are these code points?")
    return start, end


def _relation(item: Mapping[str, Any], ids: Mapping[str, str], taken: set[str], what: str) -> Relation:
    body = item["body"] if isinstance(item["body"], list) else [item["body"]]
    source = next((one["id"] for one in body if isinstance(one, dict) and "id" in one), "")
    ends = ids.get(source), ids.get(item["target"] if isinstance(item["target"], str) else "")
    if ends[0] is None or ends[1] is None:
        raise NoteError(f"{what} names an annotation that is not there.")
    kind = next((one["value"] for one in _bodies(item)), "related")
    features, pair = item.get(_FEATURES) or {}, (ends[0], ends[1])
    return features_to_relation(features, type=kind, ends=pair, handle=what, taken=taken, what=what)


def _recognises(path: Path) -> bool:
    with path.open("rb") as stream:
        return b"www.w3.org/ns/anno" in stream.read(4096)


FORMAT = Format(
    "webanno_w3c",
    "W3C Web Annotation, JSON-LD",
    extensions=(".jsonld", ".json"),
    read=read,
    write=write,
    streams=True,
    recognises=_recognises,
)
