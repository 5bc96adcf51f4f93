"""What people made of the notes in a Label Studio project: of each annotator apart, or the last word on each note."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from time import perf_counter
from typing import Any

from medtext.errors import ConfigError, FormatError, NoteError, Problem, ServerError
from medtext.formats import refuse_overwrite, write
from medtext.formats.label_studio import task_to_note
from medtext.note import Note, Review
from medtext.runs.progress import bar
from medtext.runs.report import RunReport, Tally
from medtext.studio.client import Client
from medtext.studio.projects import get_project

WHICH = ("each", "latest", "ground_truth")
_PAGE = 50

logger = logging.getLogger(__name__)


def pull(
    output: str | Path,
    *,
    url: str,
    project: str | int,
    which: str = "each",
    drafts: bool = False,
    allow_phi: bool = False,
    overwrite: bool = False,
    token: str = "",
    on_problem: Callable[[Problem], object] | None = None,
    progress: bool | None = None,
) -> RunReport:
    """Fetch the annotations of a Label Studio project into span files; `read` counts annotations.

        medtext.pull("corrected", url="http://localhost:8080", project="Cardiology 1")

    `which="each"` makes a folder with one span file an annotator, named by e-mail; "latest" makes one file with every
    note, as the latest annotation has it and as it was sent where there is none; "ground_truth" one file with the
    starred annotations. `drafts` adds what was saved but not submitted, as notes whose review is "doing".
    A task that cannot be read is a Problem, and the others go on. Raises ServerError, ConfigError, and as `write`.
    """
    if which not in WHICH:
        raise ConfigError(f"Unknown choice {which!r}. which: {', '.join(WHICH)}")
    started, tally = perf_counter(), Tally(on_problem)
    if str(output) != "-":
        refuse_overwrite(Path(output), overwrite=overwrite)
    client = Client(url, token=token)
    items = pulled_notes(client, project, which=which, drafts=drafts)
    notes = bar(tally.outgoing(tally.incoming(_sorted_out(items, tally))), show=progress)
    if which == "each":
        write_by_annotator(notes, Path(output), allow_phi=allow_phi)
    else:
        write(notes, output, overwrite=overwrite, allow_phi=allow_phi)
    return tally.report(output, seconds=perf_counter() - started)


def _sorted_out(items: Iterable[Note | Problem], tally: Tally) -> Iterator[Note]:
    for item in items:
        if isinstance(item, Problem):
            tally.problem(item)
        else:
            yield item


def pulled_notes(
    client: Client, project: str | int, *, which: str = "each", drafts: bool = False
) -> Iterator[Note | Problem]:
    """The notes of a project, in the order of its tasks, a page of tasks at a time; problems in their places."""
    target = get_project(client, project)
    people = _people(client)
    told = {"project": target.number, "fields": "all", "ordering": "tasks:id"}
    for task in client.pages("/api/tasks", key="tasks", size=_PAGE, **told):
        if drafts and task.get("draft_exists"):  # the list of tasks holds those of the token's owner alone
            task["drafts"] = client.get(f"/api/tasks/{task['id']}/drafts")
        yield from notes_of_task(task, which=which, drafts=drafts, people=people)


def _people(client: Client) -> dict[int, str]:
    """User → e-mail; empty where the owner of the token may not see it: annotators are then told by number."""
    try:
        told = client.get("/api/users/")
    except ServerError as error:
        if error.status not in (403, 404):
            raise
        return {}
    listed = told.get("results", []) if isinstance(told, dict) else told or []
    return {one["id"]: one["email"] for one in listed if one.get("email")}


@dataclass(frozen=True, slots=True, order=True)
class _Saying:
    """What one person said of one task: an annotation, or a draft that was not submitted."""

    when: str
    number: int
    who: str
    draft: bool
    annotation: Mapping[str, Any] = field(compare=False, repr=False)


def notes_of_task(
    task: Mapping[str, Any], *, which: str = "each", drafts: bool = False, people: Mapping[int, str] | None = None
) -> Iterator[Note | Problem]:
    """The notes that one task makes: one for each annotator, or one at all."""
    where = f"task {task.get('id')}"
    if not isinstance((task.get("meta") or {}).get("medtext"), Mapping):
        yield Problem("the task was not sent by medtext.", where=where)
        return
    said = sorted(_sayings(task, drafts, people or {}))
    if which == "ground_truth":
        said = [one for one in said if one.annotation.get("ground_truth")]
    chosen: Iterable[_Saying | None] = {one.who: one for one in said}.values()
    if which != "each":
        chosen = said[-1:] or ([None] if which == "latest" else [])
    for one in chosen:
        try:
            yield _note(task, one)
        except FormatError as error:
            yield Problem(error.reason, note_id=error.note_id, where=where)
        except NoteError as error:
            yield Problem(str(error), where=where)


def _sayings(task: Mapping[str, Any], drafts: bool, people: Mapping[int, str]) -> Iterator[_Saying]:
    submitted = [(one, False) for one in task.get("annotations") or []]
    saved = [(one, True) for one in task.get("drafts") or []] if drafts else []
    for one, draft in [*submitted, *saved]:
        if isinstance(one, dict) and not one.get("was_cancelled"):
            who = _name(one.get("user") if draft else one.get("completed_by"), people)
            when = str(one.get("updated_at") or one.get("created_at") or "")
            yield _Saying(when, int(one.get("id") or 0), who, draft, one)


def _name(who: Any, people: Mapping[int, str]) -> str:
    if isinstance(who, dict):
        return str(who.get("email") or who.get("id"))
    return people.get(who, str(who)) if isinstance(who, int) else str(who or "")


def _note(task: Mapping[str, Any], said: _Saying | None) -> Note:
    task = {**task, "predictions": task.get("predictions") or [{"result": []}]}
    if said is None:
        return task_to_note({**task, "annotations": []})
    note = task_to_note({**task, "annotations": [said.annotation]})
    return note.replace(review=Review("doing" if said.draft else "done", said.who))


def write_by_annotator(notes: Iterable[Note], folder: Path, *, allow_phi: bool) -> list[Path]:
    """One span file an annotator; a file of somebody who says nothing any more is left, with a warning."""
    said: dict[str, list[Note]] = {}
    for note in notes:
        said.setdefault(note.review.annotator if note.review else "", []).append(note)
    by_name: dict[str, list[Note]] = {}
    for annotator, theirs in said.items():
        by_name[_file_name(annotator, by_name)] = theirs
    left = {path.name for path in folder.glob("*.jsonl")} - by_name.keys()
    if left:
        logger.warning("%s: %d files of other annotators were left as they are.", folder, len(left))
    folder.mkdir(parents=True, exist_ok=True)
    for name, theirs in by_name.items():
        write(theirs, folder / name, format="jsonl", overwrite=True, allow_phi=allow_phi)
    return [folder / name for name in by_name]


def _file_name(annotator: str, taken: Container[str]) -> str:
    name = re.sub(r"[^A-Za-z0-9@._+-]", "-", annotator).lstrip(".")[:120] or "unknown"
    tries = (f"{name}.jsonl" if number == 1 else f"{name}-{number}.jsonl" for number in count(1))
    return next(one for one in tries if one not in taken)
