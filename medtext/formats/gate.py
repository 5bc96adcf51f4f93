"""GATE: a folder of documents in GATE's own JSON (`.bdocjs`), which GATE's plugin Format_Bdoc and gatenlp read.

Offsets count UTF-16 code units, as in Java. A span is an annotation of the set without a name, its label the type; of
several fragments one annotation each, joined by the feature `part_of`. Relations stand in the features of the document.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from medtext.errors import FormatError, NoteError, Problem
from medtext.formats import Format
from medtext.formats.carried import carry_note, restore_note
from medtext.formats.features import features_to_span, span_to_features
from medtext.formats.offsets import CodeUnits, check_place
from medtext.formats.spanfile import record_to_relation, relation_to_record
from medtext.formats.text import note_files, note_path, read_text
from medtext.note import Note, Relation
from medtext.span import Span

_SUFFIX = ".bdocjs"


def write(notes: Iterable[Note], path: Path) -> None:
    """One file a note."""
    path.mkdir(parents=True, exist_ok=True)
    for note in notes:
        data = json.dumps(note_to_bdoc(note), ensure_ascii=False, allow_nan=False)
        note_path(path, note.id, _SUFFIX).write_bytes(data.encode("utf-8"))


def note_to_bdoc(note: Note) -> dict[str, Any]:
    """A note as the dict of a GATE document."""
    units = CodeUnits(note.text)
    annotations: list[dict[str, Any]] = []
    for span in note.spans:
        for number, fragment in enumerate(span.at):
            start, end = units.to_units(*fragment, note_id=note.id, span_id=span.id)
            features = {"part_of": span.id} if number else span_to_features(span)
            place = {"type": span.label, "start": start, "end": end}
            annotations.append({**place, "id": len(annotations), "features": features})
    features = {"medtext": carry_note(note)}
    if note.relations:
        features["relations"] = json.dumps([relation_to_record(one) for one in note.relations])
    return {
        "annotation_sets": {"": {"name": "", "annotations": annotations, "next_annid": len(annotations)}},
        "text": note.text,
        "features": features,
        "offset_type": "j",
        "name": note.id,
    }


def read(path: Path) -> Iterator[Note | Problem]:
    """The notes of a folder, or of one file; the annotations of all sets."""
    for file, note_id in note_files(path, _SUFFIX):
        try:
            yield bdoc_to_note(json.loads(read_text(file, "utf-8")), note_id)
        except FormatError as error:
            yield Problem(error.reason, note_id=note_id, where=error.where or str(file))
        except NoteError as error:
            yield Problem(str(error), note_id=note_id, where=str(file))
        except (TypeError, AttributeError, ValueError, KeyError, RecursionError) as error:
            yield Problem(f"this is no document of GATE ({type(error).__name__}).", note_id=note_id, where=str(file))


def bdoc_to_note(document: Any, note_id: str) -> Note:
    """The note of a GATE document; raises NoteError or FormatError with the annotation that is wrong."""
    text, features = document["text"], document.get("features") or {}
    note = restore_note(features["medtext"], text) if "medtext" in features else Note(note_id, text)
    units = CodeUnits(text) if document.get("offset_type") == "j" else None
    found = [one for held in document.get("annotation_sets", {}).values() for one in held["annotations"]]
    note = note.replace(spans=tuple(_spans(found, text, units)))
    return note.replace(relations=tuple(_relations(features.get("relations"), note)))


def _spans(found: list[dict[str, Any]], text: str, units: CodeUnits | None) -> Iterator[Span]:
    known = {one["features"].get("id") for one in found} - {None}
    parts: dict[str, list[tuple[int, int]]] = defaultdict(list)
    heads = []
    for one in found:
        what = f"annotation {one['id']!r}"
        edges = one["start"], one["end"]
        place = units.from_units(*edges, what=what) if units else check_place(*edges, len(text), what=what)
        owner = one["features"].get("part_of")
        if owner in known:
            parts[owner].append(place)
        else:
            heads.append((one, place, what))
    taken: set[str] = set()
    for one, place, what in heads:
        features = {key: value for key, value in one["features"].items() if key != "part_of"}
        at = sorted([place, *parts.pop(features.get("id") or "", [])])
        yield features_to_span(features, at=at, label=one["type"], handle=f"a{one['id']}", taken=taken, what=what)


def _relations(held: Any, note: Note) -> list[Relation]:
    """The relations whose two ends are still there."""
    known = {span.id for span in note.spans}
    made = [record_to_relation(one) for one in json.loads(held)] if held else []
    return [one for one in made if {one.source, one.target} <= known]


FORMAT = Format(
    "gate",
    "GATE documents, a folder of .bdocjs files",
    read=read,
    write=write,
    recognises=lambda path: path.is_dir() and any(path.rglob(f"*{_SUFFIX}")),
)
