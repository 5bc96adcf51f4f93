"""Notes into a Label Studio project, each once: what is there already stays, what was changed meanwhile is refused."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain, islice
from pathlib import Path
from time import perf_counter
from typing import Any

from medtext.errors import ConfigError, IdentifiedNoteError, Problem, ServerError
from medtext.formats import read
from medtext.formats.label_studio import note_to_task
from medtext.formats.label_studio_check import check_task, controls
from medtext.formats.label_studio_config import SHOWN_LAYERS, labeling_config
from medtext.formats.spanfile import text_hash
from medtext.note import Note
from medtext.runs.progress import bar
from medtext.runs.report import RunReport, Tally
from medtext.studio.client import Client
from medtext.studio.projects import Present, Project, prepare_project, present_notes
from medtext.taxonomy import Taxonomy

_BATCH_BYTES = 16_000_000  # of JSON in one request
_Pair = tuple[Note, dict[str, Any]]  # a note with its task


def push(
    input: str | Path | Iterable[Note],
    *,
    url: str,
    project: str | int,
    taxonomy: Taxonomy | str | Path = "clinical",
    layers: Iterable[str] = SHOWN_LAYERS,
    codes_url: str = "",
    model_version: str = "medtext",
    input_format: str | None = None,
    deidentified: bool | None = None,
    allow_phi: bool = False,
    replace_config: bool = False,
    limit: int | None = None,
    batch_size: int = 100,
    token: str = "",
    on_problem: Callable[[Problem], object] | None = None,
    progress: bool | None = None,
    **options: Any,
) -> RunReport:
    """Send notes to a Label Studio project, with their spans as predictions; `kept` are those it held before.

        medtext.push("spans.jsonl", url="http://localhost:8080", project="Cardiology 1")

    The project is named by title or number, made where there is none, and gets the labeling configuration of the
    taxonomy. A note is known by its id and the hash of its text: the same is never sent twice, and a note whose text
    differs from what is there is a Problem, as is one with a label that the project does not show. `codes_url` is the
    address of a look-up of codes (`medtext serve`). The token stands in LABEL_STUDIO_API_KEY.
    Raises IdentifiedNoteError for a note that is not de-identified, unless `allow_phi`; ServerError; ConfigError.
    """
    started = perf_counter()
    if batch_size < 1:
        raise ConfigError(f"batch_size={batch_size} must be at least 1.")
    tally = Tally(on_problem)
    layers = tuple(layers)
    client = Client(url, token=token)
    config = labeling_config(taxonomy, layers=layers, codes_url=codes_url)
    reading = partial(read, format=input_format, deidentified=deidentified, on_problem=tally.problem)
    notes = reading(input, **options) if isinstance(input, str | Path) else iter(input)
    flow = _guarded(bar(tally.incoming(islice(notes, limit)), show=progress), allow_phi)
    first = next(flow, None)  # so that no project is made for notes that are refused
    target = prepare_project(client, project, config, replace_config=replace_config)
    if first is not None:
        tasks = partial(note_to_task, layers=layers, model_version=model_version)
        _Sending(client, target, tally, tasks).run(chain([first], flow), batch_size)
    return tally.report(f"{target} at {client.url}", seconds=perf_counter() - started)


def _guarded(notes: Iterable[Note], allow_phi: bool) -> Iterator[Note]:
    for note in notes:
        if not (note.deidentified or allow_phi):
            raise IdentifiedNoteError(note.id)
        yield note


@dataclasses.dataclass(frozen=True, slots=True)
class _Sending:
    """Notes on their way into one project."""

    client: Client
    project: Project
    tally: Tally
    to_task: Callable[[Note], dict[str, Any]]

    def run(self, notes: Iterable[Note], batch_size: int) -> None:
        """Send all notes that the project does not hold yet."""
        known = {name: one.sha256 for name, one in present_notes(self.client, self.project).items()}
        shown = controls(self.project.config)
        ready = (pair for note in self._new(notes, known) for pair in self._checked(note, shown))
        for batch in _batched(ready, batch_size):
            self._deliver(batch)

    def _new(self, notes: Iterable[Note], known: dict[str, str]) -> Iterator[Note]:
        """The notes that the project does not hold; those that it does are counted, or refused when they differ."""
        for note in notes:
            there = known.get(note.id)
            known.setdefault(note.id, sha := text_hash(note.text))
            if there is None:
                yield note
            elif there == sha:
                _drain(self.tally.before([note]))
            else:
                message = (
                    f"{self.project} holds a note of this id with another text. Rename the note, or delete it there."
                )
                self.tally.problem(Problem(message, note_id=note.id))

    def _checked(self, note: Note, shown: set[tuple[str, str, str]]) -> Iterator[_Pair]:
        """The note with its task; nothing, and a Problem, where Label Studio would take it and show something else."""
        task = self.to_task(note)
        reason = check_task(note, task, shown)
        if reason:
            self.tally.problem(Problem(reason, note_id=note.id))
            return
        if not task["predictions"][0]["result"]:
            task["predictions"] = []  # a connected server is asked for tasks without any
        yield note, task

    def _deliver(self, batch: list[_Pair]) -> None:
        """Import a batch. What a failed attempt has left there is looked up before the rest is sent again."""
        left = batch
        for attempt in range(1, self.client.attempts + 1):
            try:
                self._import([task for _, task in left])
                break
            except ServerError as error:
                if not error.passing or attempt == self.client.attempts:
                    raise
                self.client.wait(attempt, error)
                there = present_notes(self.client, self.project)
                self._complain(
                    {note.id: there[note.id] for note, task in left if note.id in there and task["predictions"]}
                )
                left = [(note, task) for note, task in left if note.id not in there]
                if not left:
                    break
        _drain(self.tally.outgoing(note for note, _ in batch))

    def _import(self, tasks: list[dict[str, Any]]) -> None:
        told = self.client.once("POST", f"/api/projects/{self.project.number}/import", tasks)
        counts = told if isinstance(told, dict) else {}
        if "task_count" not in counts:
            raise ServerError("The server imports in the background, which is not supported: it tells no count.")
        wanted = (len(tasks), sum(len(task["predictions"]) for task in tasks))
        got = (counts["task_count"], counts.get("prediction_count"))
        if got != wanted:
            raise ServerError(f"Of {wanted[0]} tasks and {wanted[1]} predictions sent, the server counts {got}.")

    def _complain(self, there: dict[str, Present]) -> None:
        for name, one in there.items():
            if not one.predicted:
                message = f"the import broke off before its prediction: delete task {one.task} and push again."
                self.tally.problem(Problem(message, note_id=name))


def _batched(pairs: Iterable[_Pair], size: int) -> Iterator[list[_Pair]]:
    """Batches of at most so many tasks, and not too large for one request."""
    batch: list[_Pair] = []
    held = 0
    for pair in pairs:
        grown = held + len(json.dumps(pair[1]))
        if batch and (len(batch) >= size or grown > _BATCH_BYTES):
            yield batch
            batch, grown = [], grown - held
        batch.append(pair)
        held = grown
    if batch:
        yield batch


def _drain(notes: Iterable[Note]) -> None:
    for _ in notes:
        pass
