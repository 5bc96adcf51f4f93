"""Prodigy: JSON Lines of tasks with tokens and spans; `token_end` is inclusive, offsets are code points.

Prodigy marks whole tokens, so the tokens are cut where our spans begin and end. Our record travels under `medtext`,
which Prodigy keeps; a task that was answered is a note that was reviewed.
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
from medtext.formats.offsets import check_place
from medtext.formats.tokens import tokenize
from medtext.note import Note, Relation, Review

ANSWERS = ("accept", "reject", "ignore")


def read(stream: BinaryIO, *, name: str, answer: str = "", annotator: str = "") -> Iterator[Note | Problem]:
    """One note a task, in the order of the file.

    `answer` keeps the tasks that were answered so (accept, reject, ignore); `annotator` those of one session. An
    accepted task is a reviewed note; `x["prodigy"]` of the others says what was answered.
    """
    if answer and answer not in ANSWERS:
        raise ConfigError(f"Unknown choice {answer!r}. answer: {', '.join(ANSWERS)}")
    for where, record in json_lines(stream, name):
        if isinstance(record, Problem):
            yield record
            continue
        try:
            if not (isinstance(record, dict) and _is_unwanted(record, answer, annotator)):
                yield _note(record, where)
        except FormatError as error:
            yield Problem(error.reason, note_id=error.note_id, where=where)
        except NoteError as error:
            yield Problem(str(error), where=where)
        except (TypeError, AttributeError, ValueError, KeyError) as error:
            yield Problem(f"the task is malformed ({type(error).__name__}).", where=where)


def _is_unwanted(task: Mapping[str, Any], answer: str, annotator: str) -> bool:
    return bool(answer and task.get("answer") != answer) or bool(annotator and _who(task) != annotator)


def _who(task: Mapping[str, Any]) -> str:
    return str(task.get("_annotator_id") or task.get("_session_id") or "")


def _note(task: Any, where: str) -> Note:
    text = task.get("text") if isinstance(task, dict) else None
    if not isinstance(text, str):
        raise NoteError("the task has no text.")
    found = [_mark(one, number, text) for number, one in enumerate(task.get("spans") or [], 1)]
    answer = task.get("answer")
    reviewed = answer == "accept"
    if "medtext" in task:
        note = restore(task["medtext"], text, found, reviewed=reviewed)
    else:
        meta = task.get("meta") if isinstance(task.get("meta"), dict) else {}
        note = Note(f"task-{where.rpartition(':')[2]}", text, meta=meta)
        note = note.add(new_spans(found, status="added" if answer else "predicted"))
    note = _with_relations(note, task.get("relations") or [])
    if reviewed:
        return note.replace(review=Review("done", _who(task)))
    return note.replace(x={**note.x, "prodigy": {"answer": answer}}) if answer in ANSWERS else note


def _mark(one: Mapping[str, Any], number: int, text: str) -> Mark:
    place = check_place(one["start"], one["end"], len(text), what=f"span no. {number}")
    identifier = one.get("id")
    return Mark(*place, one["label"], identifier if isinstance(identifier, str) else "")


def _with_relations(note: Note, theirs: Iterable[Mapping[str, Any]]) -> Note:
    """The note with the relations of `rel.manual` that it does not have yet: head → child."""
    places = {(*fragment, span.label): span.id for span in reversed(note.spans) for fragment in span.at}
    held = {(one.type, one.source, one.target) for one in note.relations}
    new = []
    for one in theirs:
        ends = [one["head_span"], one["child_span"]]
        keys = [(end["start"], end["end"], end["label"]) for end in ends]
        if any(key not in places for key in keys):
            raise NoteError("a relation names a span that is not there.")
        key = (one["label"], *(places[key] for key in keys))
        new += [] if key in held else [Relation(*key, status="added")]
    return note.add(relations=new)


def write(notes: Iterable[Note], stream: BinaryIO, *, layers: Iterable[str] = SHOWN_LAYERS) -> None:
    """One task a line. `layers` are those that people see; rejected spans rest in our record.

    Spans that overlap need `spans.manual`; `ner.manual` takes only those that do not.
    """
    layers = tuple(layers)
    for note in notes:
        stream.write(dump_line(note_to_task(note, layers=layers)))


def note_to_task(note: Note, *, layers: Iterable[str] = SHOWN_LAYERS) -> dict[str, Any]:
    """A note as a task; raises FormatError for a span that is no run of tokens."""
    shown = marks(note, layers)
    names = {mark.id for mark in shown}
    places = tokenize(note.text, [span for span in note.spans if span.id in names], layout=True)
    begun = {start for start, _ in places}
    tokens = [
        {
            **{"text": note.text[start:end], "start": start, "end": end, "id": number},
            "ws": end not in begun and note.text[end : end + 1] == " ",
        }
        for number, (start, end) in enumerate(places)
    ]
    first = {start: number for number, (start, _) in enumerate(places)}
    last = {end: number for number, (_, end) in enumerate(places)}
    spans = []
    for mark in shown:
        if mark.start not in first or mark.end not in last:
            raise FormatError(f"span {mark.id!r} of note {note.id!r} is no run of tokens.", note_id=note.id)
        edges = {"token_start": first[mark.start], "token_end": last[mark.end]}
        spans.append({"start": mark.start, "end": mark.end, **edges, "label": mark.label, "id": mark.id})
    meta = {"note": note.id}
    return {"text": note.text, "tokens": tokens, "spans": spans, "meta": meta, "medtext": carry(note, layers)}


def _recognises(path: Path) -> bool:
    line = first_line(path)
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return line.startswith(b'{"text":') and b'"tokens":[{"text":' in line
    return isinstance(record, dict) and ("_task_hash" in record or isinstance(record.get("tokens"), list))


FORMAT = Format(
    "prodigy",
    "Prodigy JSON Lines for ner.manual, spans.manual and rel.manual, tokens cut at the edges of spans",
    extensions=(".jsonl",),
    read=read,
    write=write,
    streams=True,
    recognises=_recognises,
)
