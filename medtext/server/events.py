"""Annotations as they are submitted, one span-file record a line, appended to a file and never changed.

A note that is submitted twice, or by two people, stands twice; `medtext.collect` keeps each annotator's last word.
Where a line came from stands in its `x.label_studio_event`. The webhook tells annotators by number, `pull` by e-mail.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

from medtext.errors import FormatError, NoteError, Problem
from medtext.formats import refuse_overwrite
from medtext.formats.jsonl import dump_line, json_lines
from medtext.formats.label_studio import task_to_note
from medtext.formats.spanfile import note_to_record, record_to_note
from medtext.note import Note, Review
from medtext.runs.report import RunReport, Tally
from medtext.server.backend import Backend
from medtext.studio.pull import write_by_annotator

EVENT = "label_studio_event"
DELETED = "ANNOTATIONS_DELETED"
_KEPT = ("ANNOTATION_CREATED", "ANNOTATION_UPDATED", "ANNOTATIONS_CREATED")


class Events:
    """The file that events are appended to; lines are whole, also when several processes write."""

    def __init__(self, path: str | Path, backend: Backend) -> None:
        """Raises OSError where the file cannot be written."""
        self.path, self.backend = Path(path), backend
        self._lock = threading.Lock()
        with self._opened() as handle:
            _end_line(handle)

    def take(self, payload: Mapping[str, Any]) -> int:
        """Append what a webhook tells, and give how many lines that made; events of other kinds make none.

        Raises NoteError for a malformed event or a task that is none of ours, IdentifiedNoteError as `Backend.note`.
        """
        action = payload.get("action")
        if action == DELETED:
            gone = _listed(payload.get("annotations") or payload.get("annotation"))
            records = self._last_lines({one.get("id") for one in gone})
        elif action in _KEPT:
            said, tasks = _listed(payload.get("annotation")), _listed(payload.get("task"))
            if len(tasks) == 1:
                tasks *= len(said)
            if len(said) != len(tasks) or not said:
                raise NoteError(f"the event {action} holds no annotation with its task.")
            records = [self._record(action, *pair) for pair in zip(said, tasks, strict=True)]
        else:
            return 0
        self._append(b"".join(map(dump_line, records)))
        return len(records)

    def _record(self, action: str, annotation: Mapping[str, Any], task: Mapping[str, Any]) -> dict[str, Any]:
        bare = self.backend.note(task)
        base = self.backend.made(bare)
        told = {**task, "annotations": [annotation], "predictions": [base] if base else []}
        note = task_to_note({**told, "annotations": [{**annotation, "was_cancelled": False}]})
        event = {key: annotation.get(key) for key in ("id", "task", "project", "updated_at")}
        event |= {"action": action, "skipped": bool(annotation.get("was_cancelled"))}
        who = annotation.get("completed_by")
        review = Review("done", str(who.get("email") if isinstance(who, Mapping) else who or ""))
        return note_to_record(note.replace(review=review, x={**note.x, EVENT: event}))

    def _last_lines(self, numbers: set[Any]) -> list[dict[str, Any]]:
        """The last record of each of these annotations, marked as deleted."""
        last = {event["id"]: record for event, record in _records(self.path) if event["id"] in numbers}
        for record in last.values():
            record["x"][EVENT]["action"] = DELETED
        return list(last.values())

    def _append(self, lines: bytes) -> None:
        with self._lock, self._opened() as handle:
            os.write(handle, lines)
            os.fsync(handle)

    @contextmanager
    def _opened(self) -> Iterator[int]:
        """The file, locked: other processes may write to it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            with _locked(handle):
                yield handle
        finally:
            os.close(handle)


@contextmanager
def _locked(handle: int) -> Iterator[None]:
    try:
        import fcntl
    except ImportError:  # Windows: one process only
        yield
        return
    fcntl.flock(handle, fcntl.LOCK_EX)
    yield  # closing the file ends the lock


def _end_line(handle: int) -> None:
    """End a line that a killed process has left half: it will be told as broken, and the next one is whole."""
    size = os.fstat(handle).st_size
    if size and os.pread(handle, 1, size - 1) != b"\n":
        os.write(handle, b"\n")


def _listed(value: Any) -> list[Mapping[str, Any]]:
    items = value if isinstance(value, list) else [value]
    return [one for one in items if isinstance(one, Mapping)]


def _records(path: Path) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """(event, record) of each line that holds one."""
    with path.open("rb") as stream:
        for _, record in json_lines(stream, str(path)):
            x = record.get("x") if isinstance(record, dict) else None
            if isinstance(x, dict) and isinstance(x.get(EVENT), dict):
                yield x[EVENT], record


def collect(
    events: str | Path,
    output: str | Path,
    *,
    allow_phi: bool = False,
    overwrite: bool = False,
    on_problem: Callable[[Problem], object] | None = None,
) -> RunReport:
    """The last word of each annotator on each note, from the events of `medtext serve`: one span file an annotator.

    What was deleted or skipped since is left out. A line that cannot be read is a Problem, and the others go on.
    """
    started, tally = perf_counter(), Tally(on_problem)
    refuse_overwrite(Path(output), overwrite=overwrite)
    last: dict[tuple[str, str], Note] = {}
    for note in tally.incoming(_notes(Path(events), tally)):
        key = (note.id, note.review.annotator if note.review else "")
        event = note.x[EVENT]
        last.pop(key, None)
        if event.get("action") != DELETED and not event.get("skipped"):
            last[key] = note
    write_by_annotator(tally.outgoing(last.values()), Path(output), allow_phi=allow_phi)
    return tally.report(output, seconds=perf_counter() - started)


def _notes(path: Path, tally: Tally) -> Iterator[Note]:
    with path.open("rb") as stream:
        for where, record in json_lines(stream, str(path)):
            try:
                if isinstance(record, Problem):
                    raise FormatError(record.message, where=where)
                note = record_to_note(record, where=where)
                if not isinstance(note.x.get(EVENT), Mapping):
                    raise FormatError(f"the record has no x.{EVENT}: these are not the events of medtext serve.")
                yield note
            except FormatError as error:
                tally.problem(Problem(error.reason, note_id=error.note_id, where=where))
