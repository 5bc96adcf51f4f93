"""brat's folders: NAME.txt, NAME.ann, and NAME.medtext.json for what belongs to the note and not to a span.

The text is exact, CRLF and all. Without a sidecar the folder is anybody's: the id of a note is its path below it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from medtext.errors import FormatError, NoteError, Problem
from medtext.formats import Format
from medtext.formats.spanfile import FORMAT_NAME, note_to_record, record_to_note
from medtext.formats.standoff import AXES, NOTE_X, dump, rest_of_x, token
from medtext.formats.standoff_reader import parse
from medtext.formats.text import note_files, note_path, read_text, write_text
from medtext.note import Note
from medtext.taxonomy import Taxonomy

_SIDECAR = ".medtext.json"


def read(path: Path) -> Iterator[Note | Problem]:
    """The notes of a folder and the folders in it; a broken file is a Problem with file:line."""
    if not path.is_dir():
        raise FormatError("brat keeps notes in a folder of .txt and .ann files. Name the folder.", where=str(path))
    texts = {note_id: file for file, note_id in note_files(path, ".txt")}
    for file, note_id in note_files(path, ".ann"):
        if note_id not in texts:
            yield Problem("there is no .txt file beside it.", where=str(file))
    for note_id, file in texts.items():
        try:
            yield _note(file, note_id)
        except FormatError as error:
            yield Problem(error.reason, note_id=note_id, where=error.where)


def _note(file: Path, note_id: str) -> Note:
    text = read_text(file, "utf-8")
    stem = file.name.removesuffix(".txt")
    note = _bare_note(file.with_name(stem + _SIDECAR), note_id, text)
    annotations = file.with_name(stem + ".ann")
    if not annotations.is_file():
        return note
    spans, relations, x = parse(read_text(annotations, "utf-8"), text, str(annotations))
    try:
        return note.replace(spans=tuple(spans), relations=tuple(relations), x={**note.x, **x})
    except NoteError as error:
        raise FormatError(str(error), where=str(annotations)) from None


def _bare_note(sidecar: Path, note_id: str, text: str) -> Note:
    """The note without its spans."""
    record: Any = {"format": FORMAT_NAME, "id": note_id}
    if sidecar.is_file():
        try:
            record = json.loads(read_text(sidecar, "utf-8"))
        except (ValueError, RecursionError):
            record = None
        if not isinstance(record, dict):
            raise FormatError("this is no JSON object.", where=str(sidecar))
    return record_to_note(
        record | {"text": text}, where=str(sidecar if sidecar.is_file() else sidecar.parent / note_id)
    )


def write(notes: Iterable[Note], path: Path, *, taxonomy: str | Path | Taxonomy | None = None) -> None:
    """Three files a note; a `/` in an id makes a folder. A taxonomy adds annotation.conf and visual.conf."""
    path.mkdir(parents=True, exist_ok=True)
    for note in notes:
        write_text(note_path(path, note.id, ".txt"), note.text)
        write_text(note_path(path, note.id, ".ann"), dump(note))
        record = note_to_record(note.replace(x=rest_of_x(note.x, NOTE_X)))
        kept = {key: value for key, value in record.items() if key not in ("text", "spans", "relations")}
        sidecar = json.dumps(kept, ensure_ascii=False, allow_nan=False, indent=1) + "\n"
        write_text(note_path(path, note.id, _SIDECAR), sidecar)
    if taxonomy is not None:
        loaded = taxonomy if isinstance(taxonomy, Taxonomy) else Taxonomy.load(taxonomy)
        write_text(path / "annotation.conf", annotation_conf(loaded))
        write_text(path / "visual.conf", visual_conf(loaded))


def annotation_conf(taxonomy: Taxonomy) -> str:
    """brat's annotation.conf: the labels, relations and axes of a taxonomy."""
    relations = [
        f"{token(one.name)}\tArg1:{_ends(one.source)}, Arg2:{_ends(one.target)}" for one in taxonomy.relations.values()
    ]
    attributes = []
    for axis, values in AXES.items():
        labels = [one.name for one in taxonomy.labels.values() if axis.lower() in one.assertion]
        if labels:
            attributes.append(f"{axis}\tArg:{_ends(labels)}, Value:{'|'.join(values)}")
    # brat refuses spans that overlap unless it is told that they may.
    relations.append("<OVERLAP>\tArg1:<ENTITY>, Arg2:<ENTITY>, <OVL-TYPE>:<ANY>")
    sections = {
        "entities": [token(name) for name in taxonomy.labels],
        "relations": relations,
        "events": [],
        "attributes": attributes,
    }
    return _conf(sections)


def visual_conf(taxonomy: Taxonomy) -> str:
    """brat's visual.conf: the titles and colours of a taxonomy."""
    labels = [f"{token(one.name)} | {one.title.replace('|', '/')}" for one in taxonomy.labels.values()]
    drawing = [f"{token(one.name)}\tbgColor:{one.colour}" for one in taxonomy.labels.values()]
    return _conf({"labels": labels, "drawing": drawing})


def _ends(labels: Sequence[str]) -> str:
    return "|".join(map(token, labels)) or "<ENTITY>"


def _conf(sections: dict[str, list[str]]) -> str:
    return "\n".join("\n".join([f"[{name}]", *lines, ""]) for name, lines in sections.items())


FORMAT = Format(
    "brat",
    "brat standoff, a folder of .txt and .ann with sidecars",
    read=read,
    write=write,
    recognises=lambda path: path.is_dir() and any(path.rglob("*.ann")),
)
