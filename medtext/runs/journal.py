"""What a run has finished so far: the folder `NAME.part` beside the output, which outlives a kill.

It holds the settings of the run, a span file that grows by one line a note whatever the output's format is, and the
problems. Each line reaches the operating system before the next note is begun; a torn last line is dropped on return.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

from medtext.errors import ConfigError, Problem, WouldOverwriteError
from medtext.formats import read
from medtext.formats.jsonl import dump_line
from medtext.formats.spanfile import note_to_record
from medtext.note import Note
from medtext.runs.manifest import beside, read_json, write_json


class Journal:
    """Finished notes and problems of one run, open for more; on leaving, an empty journal is removed."""

    def __init__(self, output: Path, settings: Mapping[str, Any], *, resume: bool, overwrite: bool) -> None:
        self.output, self.settings = output, dict(settings)
        self.folder = beside(output, "part")
        self.notes, self._problems = self.folder / "notes.jsonl", self.folder / "problems.jsonl"
        self._settings = self.folder / "settings.json"
        self.folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as opened:
            notes = opened.enter_context(self.notes.open("ab"))
            _lock(notes, output)
            kept = self._may_resume(resume=resume, overwrite=overwrite)
            os.truncate(self.notes, _whole_lines(self.notes)[1] if kept else 0)
            write_json(self._settings, self.settings)
            self._streams = notes, opened.enter_context(self._problems.open("wb"))
            self._close = opened.pop_all().close

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *error: object) -> None:
        self._close()
        if not _size(self.notes):
            self._remove()

    def _remove(self) -> None:
        """Remove our own files, and the folder if nobody else's are in it."""
        for path in (self.notes, self._problems, self._settings):
            path.unlink(missing_ok=True)
        with suppress(OSError):
            self.folder.rmdir()

    def _may_resume(self, *, resume: bool, overwrite: bool) -> bool:
        """Whether to go on from what is there; raises when that, or starting again, was not asked for."""
        if not _size(self.notes):
            return False
        held = read_json(self._settings)
        other = [key for key in self.settings if held.get(key) != self.settings[key]]
        if resume and not other:
            return True
        if overwrite:
            return False
        if resume:
            raise ConfigError(
                f"{self.folder} belongs to a run that differs in: {', '.join(other)}. "
                "Run it as before, or pass overwrite=True to start again."
            )
        raise WouldOverwriteError(
            f"{self.folder} holds {_whole_lines(self.notes)[0]} notes of a run that was cut off. "
            "Pass resume=True to go on, or overwrite=True to start again."
        )

    def finished(self) -> Iterator[Note]:
        """The notes that an earlier run finished."""
        if _size(self.notes):
            yield from read(self.notes, format="jsonl")

    def add(self, note: Note) -> None:
        """Keep a finished note: it is safe from a kill when this returns."""
        self._append(0, dump_line(note_to_record(note)))

    def add_problem(self, problem: Problem) -> None:
        """Keep a problem."""
        self._append(1, dump_line(problem_to_record(problem)))

    def _append(self, which: int, line: bytes) -> None:
        self._streams[which].write(line)
        self._streams[which].flush()

    def deliver(self, counts: Mapping[str, Any], write: Callable[[Path], object] | None) -> None:
        """Put manifest, problems and at last the output in their places.

        `write` makes the output from the span file; None moves the span file itself.
        """
        os.fsync(self._streams[0].fileno())
        self._close()
        problems = beside(self.output, "problems.jsonl")
        if _size(self._problems):
            os.replace(self._problems, problems)
        else:
            problems.unlink(missing_ok=True)
        write_json(beside(self.output, "manifest.json"), {**self.settings, "counts": dict(counts)})
        if write is None:
            os.replace(self.notes, self.output)
        else:
            write(self.notes)
        self._remove()


def finished_counts(output: Path, settings: Mapping[str, Any]) -> dict[str, Any] | None:
    """The counts of a run with these settings whose output is already there; None when there is none."""
    held = read_json(beside(output, "manifest.json"))
    if not output.exists() or _size(beside(output, "part") / "notes.jsonl") or not held:
        return None
    return held["counts"] if {**held, "counts": None} == {**settings, "counts": None} else None


def problem_to_record(problem: Problem) -> dict[str, str]:
    """A problem as a plain dict; fields that hold nothing are left out."""
    return {key: value for key, value in asdict(problem).items() if value}


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _lock(stream: BinaryIO, output: Path) -> None:
    """Keep other processes out; the system lifts the lock when this process ends, however it ends."""
    try:
        import fcntl
    except ImportError:  # not on Windows
        return
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise WouldOverwriteError(f"Another run is writing {output} at this moment.") from None


def _whole_lines(path: Path) -> tuple[int, int]:
    """How many lines of a file are whole, and how many bytes they have."""
    with path.open("rb") as stream:
        sizes = [len(line) for line in stream if line.endswith(b"\n")]
    return len(sizes), sum(sizes)
