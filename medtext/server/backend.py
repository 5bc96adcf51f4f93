"""Predictions for Label Studio's tasks: each a note, run through a pipeline that leaves the text as it is."""

from __future__ import annotations

import hashlib
import json
import logging
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

from medtext import __version__
from medtext.errors import ConfigError, IdentifiedNoteError, NoteError, Problem
from medtext.formats.label_studio import note_to_task, task_to_note
from medtext.formats.label_studio_check import Controls, check_task, controls
from medtext.formats.label_studio_config import SHOWN_LAYERS
from medtext.note import Note
from medtext.pipeline import Pipeline, load

_REMEMBERED = 5_000  # predictions, to tell later what a person deleted

logger = logging.getLogger(__name__)


class Backend:
    """A pipeline behind Label Studio's predict call; safe to call from several threads, one at a time is served."""

    def __init__(
        self,
        pipeline: Pipeline | str | Path = "preannotate",
        *,
        layers: Iterable[str] = SHOWN_LAYERS,
        allow_phi: bool = False,
    ) -> None:
        """Raises ConfigError for a pipeline that changes the text: its offsets would not be those of the task."""
        self.pipeline = pipeline if isinstance(pipeline, Pipeline) else load(pipeline)
        changing = [stage.name for stage in self.pipeline.stages if "phi" in stage.adds]
        if changing:
            message = f"Stage {changing[0]!r} may change the text, but Label Studio shows the text as it was sent. "
            raise ConfigError(message + "De-identify before pushing, and serve a pipeline without it (preannotate).")
        self.layers, self.allow_phi = tuple(layers), allow_phi
        told = json.dumps(self.pipeline.describe(), sort_keys=True, default=str)
        digest = hashlib.sha256(told.encode()).hexdigest()[:8]
        self.version = f"{self.pipeline.name}@{__version__}-{digest}"
        self._lock = threading.Lock()
        self._made: OrderedDict[str, dict[str, Any]] = OrderedDict()

    def predict(self, tasks: Iterable[Mapping[str, Any]], *, label_config: str = "") -> list[dict[str, Any]]:
        """One prediction a task, in order: `model_version`, `score` and `result`.

        Raises NoteError for a task that is none of ours and IdentifiedNoteError for a note that is not de-identified,
        both before any is processed. A note on which a stage breaks gets an empty prediction.
        """
        notes = [self.note(task) for task in tasks]
        shown = controls(label_config) if label_config else None
        with self._lock:
            return [self._prediction(note, shown) for note in notes]

    def note(self, task: Mapping[str, Any]) -> Note:
        """The note of a task that medtext has sent, without its spans; raises as `predict`."""
        note = _bare(task)
        if not (note.deidentified or self.allow_phi):
            raise IdentifiedNoteError(note.id)
        return note

    def made(self, note: Note) -> dict[str, Any] | None:
        """The prediction that was made here for a note, where it is still remembered."""
        with self._lock:
            return self._made.get(_key(note))

    def _prediction(self, note: Note, shown: Controls | None) -> dict[str, Any]:
        problems: list[Problem] = []
        taken = {span.id for span in note.spans}
        done = list(self.pipeline.pipe([note.replace(spans=(), relations=())], on_problem=problems.append))
        for problem in problems:
            logger.warning("%s", problem)
        made = _renamed(done[0].keep(self.layers), taken) if done else note.replace(spans=(), relations=())
        if shown is not None:
            made = _offered(made, self.version, shown)
        prediction = note_to_task(made, layers=self.layers, model_version=self.version)["predictions"][0]
        self._made[_key(note)] = prediction
        while len(self._made) > _REMEMBERED:
            self._made.popitem(last=False)
        return {"score": 0.0, **prediction}


def _bare(task: Mapping[str, Any]) -> Note:
    """The note with the spans that are not shown; raises NoteError for a task that medtext has not sent."""
    if not isinstance(task, Mapping) or not isinstance((task.get("meta") or {}).get("medtext"), Mapping):
        number = task.get("id") if isinstance(task, Mapping) else None
        raise NoteError(f"task {number!r} was not sent by medtext, so nothing says that it is de-identified.")
    empty = {"model_version": "", "result": []}
    record = {**task["meta"]["medtext"], "relations": []}
    return task_to_note({**task, "meta": {"medtext": record}, "annotations": [], "predictions": [empty]})


def _key(note: Note) -> str:
    return hashlib.sha256(f"{note.id}\0{note.text}".encode()).hexdigest()


def _renamed(note: Note, taken: set[str]) -> Note:
    """The note with other ids for spans whose ids the hidden spans of the task have."""
    names = {span.id: span.id for span in note.spans}
    for name in names.keys() & taken:
        names[name] = next(new for number in count(2) if (new := f"{name[:58]}-{number}") not in {*names, *taken})
    spans = tuple(replace(span, id=names[span.id]) for span in note.spans)
    ends = [replace(one, source=names[one.source], target=names[one.target]) for one in note.relations]
    return note.replace(spans=spans, relations=tuple(ends))


def _offered(note: Note, version: str, shown: Controls) -> Note:
    """The note with the spans that the project can show."""

    def fits(one: Note) -> bool:
        return not check_task(one, note_to_task(one, layers={span.layer for span in one.spans}), shown)

    if fits(note):
        return note
    spans = tuple(span for span in note.spans if fits(note.replace(spans=(span,), relations=())))
    logger.warning(
        "%d spans of note %r were left out: the project does not offer them.", len(note.spans) - len(spans), note.id
    )
    known = {span.id for span in spans}
    ends = tuple(one for one in note.relations if {one.source, one.target} <= known)
    return note.replace(spans=spans, relations=ends)
