"""Argilla 2: the records of a dataset as JSON, for a text field `text` and a span question that allows overlap.

Spans are suggestions; what a person submits comes back as responses. Our record travels in the metadata as text. The
form is that of `dataset.records.to_json` and `Record.from_dict`; offsets are code points.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from medtext.errors import FormatError, NoteError, Problem
from medtext.formats import Format
from medtext.formats.carried import SHOWN_LAYERS, Mark, carry, marks, new_spans, restore
from medtext.formats.offsets import check_place
from medtext.note import Note, Review


def write(
    notes: Iterable[Note], stream: BinaryIO, *, layers: Iterable[str] = SHOWN_LAYERS, question: str = "spans"
) -> None:
    """A JSON list of records. `layers` are those that people see; `question` is the name of the span question."""
    layers = tuple(layers)
    stream.write(b"[")
    for number, note in enumerate(notes):
        record = json.dumps(note_to_record(note, layers, question), ensure_ascii=False, allow_nan=False)
        stream.write((",\n" if number else "\n").encode() + record.encode("utf-8"))
    stream.write(b"\n]\n")


def note_to_record(note: Note, layers: Iterable[str] = SHOWN_LAYERS, question: str = "spans") -> dict[str, Any]:
    """A note as the dict that Argilla's `Record.from_dict` takes."""
    value = [{"start": one.start, "end": one.end, "label": one.label} for one in marks(note, layers)]
    return {
        "id": note.id,
        "fields": {"text": note.text},
        "metadata": {"medtext": carry(note, layers)},
        "suggestions": {question: {"value": value, "score": None, "agent": "medtext"}},
        "responses": {},
        "vectors": {},
    }


def read(stream: BinaryIO, *, name: str, question: str = "spans", annotator: str = "") -> Iterator[Note | Problem]:
    """One note a record: from a person's response where there is one, else from the suggestion.

    Of several responses the last is taken, or that of the user whose id `annotator` is.
    """
    try:
        records = json.loads(stream.read().decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise FormatError(f"this is no JSON ({type(error).__name__}).", where=name) from None
    if not isinstance(records, list):
        raise FormatError("this is no list of records.", where=name)
    for number, record in enumerate(records, 1):
        where = f"{name}: record {number}"
        try:
            yield record_to_note(record, question=question, annotator=annotator, number=number)
        except FormatError as error:
            yield Problem(error.reason, note_id=error.note_id, where=where)
        except NoteError as error:
            yield Problem(str(error), where=where)
        except (TypeError, AttributeError, ValueError, KeyError) as error:
            yield Problem(f"the record is malformed ({type(error).__name__}).", where=where)


def record_to_note(record: Any, *, question: str = "spans", annotator: str = "", number: int = 1) -> Note:
    """The note of one record; raises NoteError or FormatError."""
    text = record["fields"].get("text")
    if not isinstance(text, str):
        raise NoteError("the record has no field 'text'.")
    answers = [one for one in (record.get("responses") or {}).get(question) or [] if _is_wanted(one, annotator)]
    suggestion = (record.get("suggestions") or {}).get(question) or {}
    chosen = answers[-1] if answers else suggestion
    found = [_mark(one, place, text) for place, one in enumerate(chosen.get("value") or [], 1)]
    metadata = record.get("metadata") or {}
    if "medtext" in metadata:
        note = restore(metadata["medtext"], text, found, reviewed=bool(answers))
    else:
        status = "added" if answers else "predicted"
        note = Note(str(record.get("id") or f"record-{number}"), text, meta=metadata).add(
            new_spans(found, status=status)
        )
    return note.replace(review=Review("done", str(answers[-1].get("user_id") or ""))) if answers else note


def _is_wanted(answer: Mapping[str, Any], annotator: str) -> bool:
    """Whether a response counts: drafts and discarded ones do not, where the export says so."""
    submitted = answer.get("status") in (None, "submitted")
    return submitted and (not annotator or str(answer.get("user_id")) == annotator)


def _mark(one: Mapping[str, Any], number: int, text: str) -> Mark:
    return Mark(*check_place(one["start"], one["end"], len(text), what=f"span no. {number}"), one["label"])


def _recognises(path: Path) -> bool:
    with path.open("rb") as stream:
        head = stream.read(4096).lstrip()
    return head.startswith(b"[") and b'"fields"' in head and b'"data"' not in head[:64]


FORMAT = Format(
    "argilla",
    "Argilla records with span suggestions; reads responses",
    extensions=(".json",),
    read=read,
    write=write,
    streams=True,
    recognises=_recognises,
)
