"""Notes through a pipeline into a file, safely: one bad note never stops the others, and a killed run goes on.

Everything is lazy. What is finished is kept in a journal beside the output (`medtext.runs.journal`) until all is done.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Any

from medtext.errors import ConfigError, FormatError, IdentifiedNoteError, Problem
from medtext.formats import Written, detect, get_format, read, refuse_overwrite, write
from medtext.note import Note
from medtext.pipeline import Pipeline, load
from medtext.runs import manifest
from medtext.runs.convert import writer_options
from medtext.runs.journal import Journal, finished_counts
from medtext.runs.progress import bar
from medtext.runs.report import RunReport, Tally


def annotate(
    input: str | Path,
    output: str | Path,
    *,
    pipeline: Pipeline | str | Path = "default",
    input_format: str | None = None,
    output_format: str | None = None,
    deidentified: bool | None = None,
    overwrite: bool = False,
    allow_phi: bool = False,
    resume: bool = False,
    limit: int | None = None,
    batch_size: int = 64,
    on_problem: Callable[[Problem], object] | None = None,
    on_note: Callable[[Note], object] | None = None,
    progress: bool | None = None,
    **options: Any,
) -> RunReport:
    """Read notes, run the pipeline over them, write them with a manifest beside, and say what was done.

        medtext.annotate("notes.csv", "spans.jsonl", text_column="note_text", id_column="note_id")

    What goes wrong with one note is reported to `on_problem` and in NAME.problems.jsonl while the others go on; what is
    finished is shown to `on_note`, also what an earlier run has left when this one goes on from there.
    `resume=True` goes on where a killed run stopped; on a finished run it does nothing. `options` are the reader's.
    Raises IdentifiedNoteError when a note is not de-identified at the end, unless `allow_phi`; WouldOverwriteError when
    the output or an unfinished run is there, unless `overwrite`; ConfigError for settings that cannot be right.
    """
    _check_numbers(limit=limit, batch_size=batch_size)
    source = input_format or ("jsonl" if str(input) == "-" else detect(input))
    target = output_format or ("jsonl" if str(output) == "-" else detect(output, writing=True))
    get_format(source).check_options(options)
    if get_format(target).write is None:
        raise FormatError(f"format {target!r} can only be read.", where=str(output))
    pipeline = pipeline if isinstance(pipeline, Pipeline) else load(pipeline)
    run = _Run(
        pipeline=pipeline,
        reading=partial(read, input, format=source, deidentified=deidentified, **options),
        writing=partial(write, format=target, **writer_options(target, pipeline.taxonomy)),
        tally=Tally(on_problem, loses=get_format(target).loses, on_note=on_note),
        allow_phi=allow_phi,
        limit=limit,
        batch_size=batch_size,
        progress=progress,
    )
    if "-" in (str(input), str(output)):
        if resume:
            raise ConfigError("A run from standard input or to standard output cannot be resumed. Name files for both.")
        return run.straight(output, overwrite=overwrite)
    chosen = {"input_format": source, "output_format": target, "deidentified": deidentified, "allow_phi": allow_phi}
    settings = manifest.settings(pipeline, input, {**chosen, "limit": limit, "options": options})
    return run.kept(Path(os.path.abspath(output)), settings, resume=resume, overwrite=overwrite, name=str(output))


def _check_numbers(**numbers: int | None) -> None:
    for name, number in numbers.items():
        if number is not None and number < 1:
            raise ConfigError(f"{name}={number} must be at least 1.")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """One run: where notes come from, what is done to them, where they go, and what is counted meanwhile."""

    pipeline: Pipeline
    reading: Callable[..., Iterator[Note]]
    writing: partial[Written]
    tally: Tally
    allow_phi: bool
    limit: int | None
    batch_size: int
    progress: bool | None
    started: float = dataclasses.field(default_factory=perf_counter)

    def flow(self, done: frozenset[str] = frozenset()) -> Iterator[Note]:
        """The notes, read and processed, without those already done; refuses an identified one."""
        notes = self.tally.incoming(islice(self.reading(on_problem=self.tally.problem), self.limit))
        fresh = (note for note in notes if note.id not in done)
        made = self.pipeline.pipe(fresh, batch_size=self.batch_size, on_problem=self.tally.problem)
        yield from self.tally.outgoing(bar(self.guarded(made), show=self.progress, done=len(done)))
        if not self.tally.read:
            self.tally.problem(Problem("the input holds no notes that could be read.", severity="warning"))

    def guarded(self, notes: Iterable[Note]) -> Iterator[Note]:
        for note in notes:
            if not (note.deidentified or self.allow_phi):
                raise IdentifiedNoteError(note.id)
            yield note

    def straight(self, output: str | Path, *, overwrite: bool) -> RunReport:
        """Without a journal: from or to a pipe."""
        self.writing(self.flow(), output, overwrite=overwrite, allow_phi=self.allow_phi)
        return self.report(output)

    def kept(self, output: Path, settings: dict[str, Any], *, resume: bool, overwrite: bool, name: str) -> RunReport:
        """From file to file, with a journal; `name` is the output as the caller wrote it."""
        if resume and (counts := finished_counts(output, settings)):
            return RunReport(name, kept=counts["written"], **counts)
        refuse_overwrite(output, overwrite=overwrite)
        with Journal(output, settings, resume=resume, overwrite=overwrite) as journal:
            self.tally.listeners.append(journal.add_problem)
            done = frozenset(note.id for note in self.tally.before(journal.finished()))
            for note in self.flow(done):
                journal.add(note)
            journal.deliver(manifest.counts(self.report(name)), self.spelling(output, overwrite=overwrite))
        return self.report(name)

    def spelling(self, output: Path, *, overwrite: bool) -> Callable[[Path], object] | None:
        """What turns the journal's span file into the output; None where that is a span file itself."""
        if self.writing.keywords["format"] == "jsonl":
            return None
        # The journal holds what was allowed into it.
        return lambda notes: self.writing(read(notes, format="jsonl"), output, overwrite=overwrite, allow_phi=True)

    def report(self, output: str | Path) -> RunReport:
        return self.tally.report(output, seconds=perf_counter() - self.started)
