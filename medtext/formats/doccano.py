"""doccano: JSON Lines for projects of sequence labelling, read back also from projects with relations.

doccano's page counts UTF-16 code units (unless the project counts grapheme clusters, which cannot be read here), and
keeps no id of a span: our record travels in the column `medtext`, which doccano keeps as metadata.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from medtext.errors import ConfigError, FormatError, NoteError, Problem
from medtext.formats import Format, first_line
from medtext.formats.carried import SHOWN_LAYERS, Mark, carry, marks, new_spans, restore
from medtext.formats.jsonl import dump_line, json_lines
from medtext.formats.offsets import CodeUnits, check_place
from medtext.note import Note, Relation

OFFSETS = ("utf16", "codepoint")
_OURS = ("id", "text", "data", "label", "labels", "entities", "relations", "Comments", "medtext")


def read(stream: BinaryIO, *, name: str, offsets: str = "utf16") -> Iterator[Note | Problem]:
    """One note a line. `offsets="codepoint"` reads what was imported from Python and never touched in the page."""
    _check_offsets(offsets)
    for where, record in json_lines(stream, name):
        if isinstance(record, Problem):
            yield record
            continue
        try:
            yield _note(record, where, offsets)
        except FormatError as error:
            yield Problem(error.reason, note_id=error.note_id, where=where)
        except (NoteError, TypeError, AttributeError, ValueError, KeyError) as error:
            reason = str(error) if isinstance(error, NoteError) else f"the line is malformed ({type(error).__name__})."
            yield Problem(reason, where=where)


def _check_offsets(offsets: str) -> None:
    if offsets not in OFFSETS:
        raise ConfigError(f"Unknown choice {offsets!r}. offsets: {', '.join(OFFSETS)}")


def _note(record: Any, where: str, offsets: str) -> Note:
    text = record.get("text", record.get("data")) if isinstance(record, dict) else None
    if not isinstance(text, str):
        raise NoteError("the line has no text.")
    handles: dict[Any, Mark] = {}
    found = list(_marks(record, text, offsets, handles))
    if "medtext" in record:
        note = restore(record["medtext"], text, found)
    else:
        meta = {key: value for key, value in record.items() if key not in _OURS}
        number = record.get("id", f"line-{where.rpartition(':')[2]}")
        note = Note(str(number), text, meta=meta).add(new_spans(found))
    return _with_relations(note, record.get("relations") or [], handles)


def _marks(record: Mapping[str, Any], text: str, offsets: str, handles: dict[Any, Mark]) -> Iterator[Mark]:
    units = CodeUnits(text)
    entities = record.get("entities")
    if entities is None:
        labelled = record.get("label", record.get("labels")) or []
        entities = [dict(zip(("start_offset", "end_offset", "label"), one, strict=True)) for one in labelled]
    for number, one in enumerate(entities, 1):
        what = f"label no. {number}"
        place = one["start_offset"], one["end_offset"]
        place = units.from_units(*place, what=what) if offsets == "utf16" else check_place(*place, len(text), what=what)
        mark = Mark(*place, one["label"])
        handles[one.get("id")] = mark
        yield mark


def _with_relations(note: Note, theirs: Iterable[Mapping[str, Any]], handles: Mapping[Any, Mark]) -> Note:
    """The note with the relations that doccano shows and that it does not have yet."""
    places = {(*fragment, span.label): span.id for span in reversed(note.spans) for fragment in span.at}
    held = {(one.type, one.source, one.target) for one in note.relations}
    new = []
    for one in theirs:
        ends = [handles.get(one["from_id"]), handles.get(one["to_id"])]
        if None in ends:
            raise NoteError("a relation names an entity that is not there.")
        key = (one["type"], *(places[end.start, end.end, end.label] for end in ends if end))
        new += [] if key in held else [Relation(*key, status="added")]
    return note.add(relations=new)


def write(
    notes: Iterable[Note], stream: BinaryIO, *, layers: Iterable[str] = SHOWN_LAYERS, offsets: str = "utf16"
) -> None:
    """One note a line with `text`, `label` and our record. `layers` are those that people see; rejected spans rest.

    A span of several fragments is shown as several labels, and joined again when it comes back.
    """
    _check_offsets(offsets)
    layers = tuple(layers)
    for note in notes:
        units = CodeUnits(note.text)
        labels = []
        for mark in marks(note, layers):
            place = mark.start, mark.end
            place = units.to_units(*place, note_id=note.id, span_id=mark.id) if offsets == "utf16" else place
            labels.append([*place, mark.label])
        stream.write(dump_line({"text": note.text, "label": labels, "medtext": carry(note, layers)}))


def _recognises(path: Path) -> bool:
    try:
        record = json.loads(first_line(path))
    except (ValueError, RecursionError):
        return b'"medtext":"' in first_line(path)
    if not isinstance(record, dict) or "format" in record:
        return False
    labels = record.get("label")
    return isinstance(labels, list) and all(isinstance(one, list) and len(one) == 3 for one in labels)


FORMAT = Format(
    "doccano",
    "doccano JSON Lines, sequence labelling; the record of the note travels as metadata",
    extensions=(".jsonl",),
    read=read,
    write=write,
    streams=True,
    recognises=_recognises,
)
