"""Span files, one note a line: the format that loses nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

import jsonlines

from medtext.errors import FormatError, Problem
from medtext.formats import Format, first_line
from medtext.formats.spanfile import note_to_record, record_to_note
from medtext.note import Note


def read(stream: BinaryIO, *, name: str) -> Iterator[Note | Problem]:
    """One note a line; a line that is no span-file record becomes a Problem with file:line."""
    for where, record in json_lines(stream, name):
        if isinstance(record, Problem):
            yield record
            continue
        try:
            yield record_to_note(record, where=where)
        except FormatError as error:
            yield Problem(error.reason, note_id=error.note_id, where=where)


def write(notes: Iterable[Note], stream: BinaryIO) -> None:
    """One note a line, UTF-8, keys in the order of the specification."""
    for note in notes:
        stream.write(dump_line(note_to_record(note)))


def dump_line(record: dict[str, Any]) -> bytes:
    """A record as one line of JSON; only a line feed ends it."""
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode("utf-8") + b"\n"


def json_lines(stream: BinaryIO, name: str) -> Iterator[tuple[str, Any]]:
    """(file:line, value) for each line that is not blank; a broken line gives a Problem as its value.

    Lines end at a line feed only: U+2028 and U+0085 are characters of a note.
    """
    lines = _Counted(stream)
    reader = jsonlines.Reader(lines)
    while True:
        try:
            value = reader.read(allow_none=True, skip_empty=True)
        except EOFError:
            return
        except jsonlines.InvalidLineError as error:
            value = Problem(_reason(error.__cause__), where=f"{name}:{error.lineno}")
        except RecursionError:
            value = Problem("not JSON: nested too deeply.", where=f"{name}:{lines.number}")
        yield f"{name}:{lines.number}", value


class _Counted:
    """The lines of a stream, counted."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream, self.number = stream, 0

    def __iter__(self) -> Iterator[bytes]:
        for line in self.stream:
            self.number += 1
            yield line


def _reason(cause: BaseException | None) -> str:
    """Why a line is no JSON; never with a piece of it."""
    if isinstance(cause, UnicodeDecodeError):
        return f"not UTF-8 at byte {cause.start} of the line. Convert the file to UTF-8."
    if isinstance(cause, json.JSONDecodeError):
        return f"not JSON at column {cause.colno}: {cause.msg}."
    return "not JSON."


FORMAT = Format(
    "jsonl",
    "span file, one note a line (medtext/1)",
    extensions=(".jsonl",),
    read=read,
    write=write,
    streams=True,
    recognises=lambda path: b'"format"' in first_line(path),
)
