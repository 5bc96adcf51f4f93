"""Label Studio: tasks with predictions out, task JSON and export snapshots back in.

Our record of the note stands in the task's `meta.medtext`, with the spans that the interface does not show: those of
other layers and those already rejected. Reading an annotation, a span that was written and is gone is rejected; to see
that, the file must hold the predictions themselves (`"predictions": {"only_id": false}` in an export snapshot).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from medtext.errors import ConfigError, FormatError, NoteError, Problem
from medtext.formats import Format
from medtext.formats.label_studio_config import FRAGMENT, SHOWN_LAYERS, labeling_config
from medtext.formats.label_studio_regions import (
    Region,
    code_names,
    judge_relations,
    note_to_result,
    read_result,
    regions_to_spans,
)
from medtext.formats.spanfile import note_to_record, record_to_note, record_to_relation
from medtext.note import Note, Relation, Review
from medtext.span import Span
from medtext.taxonomy import Taxonomy

__all__ = ["FORMAT", "labeling_config", "note_to_task", "read", "task_to_note", "write"]

logger = logging.getLogger(__name__)
_WHICH = ("latest", "ground_truth")


def write(
    notes: Iterable[Note],
    stream: BinaryIO,
    *,
    layers: Iterable[str] = SHOWN_LAYERS,
    taxonomy: Taxonomy | str | Path | None = None,
    model_version: str = "medtext",
) -> None:
    """A JSON list of tasks, ready to import. `layers` are those that the labeling configuration shows.

    With a taxonomy, raises FormatError for a label that it does not have: Label Studio would take the task and show
    nothing, without a word.
    """
    layers = tuple(layers)
    loaded = Taxonomy.load(taxonomy) if isinstance(taxonomy, str | Path) else taxonomy
    stream.write(b"[")
    for number, note in enumerate(notes):
        if loaded is not None:
            _check_labels(note, layers, loaded)
        task = note_to_task(note, layers=layers, model_version=model_version)
        line = json.dumps(task, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        stream.write((",\n" if number else "\n").encode() + line.encode("utf-8"))
    stream.write(b"\n]\n")


def _check_labels(note: Note, layers: tuple[str, ...], taxonomy: Taxonomy) -> None:
    for span in note.spans:
        known = [label.name for label in taxonomy.layer(span.layer)]
        if span.layer in layers and span.label not in known:
            message = f"span {span.id!r} of note {note.id!r} has the label {span.label!r}, which layer {span.layer!r} "
            raise FormatError(f"{message}does not have. Labels: {', '.join(known)}", note_id=note.id)


def note_to_task(note: Note, *, layers: Iterable[str] = SHOWN_LAYERS, model_version: str = "medtext") -> dict[str, Any]:
    """A note as a task with one prediction; candidates become the tree of codes of this note."""
    shown = [span for span in note.spans if span.layer in set(layers) and span.status != "rejected"]
    ids = {span.id for span in shown}
    hidden = tuple(span for span in note.spans if span.id not in ids)
    relations = tuple(one for one in note.relations if _is_visible(one, ids))
    visible = note.replace(spans=tuple(shown), relations=relations)
    record = note_to_record(note.replace(spans=hidden, relations=()))
    record["relations"] = note_to_record(note)["relations"]
    del record["text"]
    for span in record["spans"]:
        del span["quote"]
    scores = [span.score for span in shown if span.score is not None]
    prediction = {"model_version": model_version, "result": note_to_result(visible)}
    if scores:
        prediction["score"] = sum(scores) / len(scores)
    codes = [{"value": name} for name in code_names(visible).values()]
    data = {"id": note.id, "text": note.text, "codes": codes}
    return {"data": data, "meta": {"medtext": record}, "predictions": [prediction]}


def _is_visible(relation: Relation, shown: set[str]) -> bool:
    """Whether the interface shows a relation: between shown spans, not rejected, not called like our own."""
    ends = {relation.source, relation.target}
    return ends <= shown and relation.status != "rejected" and relation.type != FRAGMENT


def read(
    stream: BinaryIO, *, name: str, which: str = "latest", annotator: str | int | None = None
) -> Iterator[Note | Problem]:
    """One note a task: from a person's annotation where there is one, else from the prediction.

    Of several annotations `which` takes the latest or the ground truth; `annotator` (id or e-mail) those of one person.
    A malformed task is a Problem that names task and region; raises FormatError for exports that have lost the regions.
    """
    if which not in _WHICH:
        raise ConfigError(f"Unknown choice {which!r}. which: {', '.join(_WHICH)}")
    blind = 0
    for number, task in enumerate(_tasks(stream, name), 1):
        identifier = task.get("id", f"no. {number}") if isinstance(task, dict) else f"no. {number}"
        where = f"{name}: task {identifier}"
        try:
            yield task_to_note(task, which=which, annotator=annotator, number=number)
            blind += any(not isinstance(one, dict) for one in task.get("predictions") or [])
        except FormatError as error:
            yield Problem(error.reason, note_id=error.note_id, where=where)
        except NoteError as error:
            yield Problem(str(error), where=where)
        except (TypeError, AttributeError, KeyError) as error:
            # Something of another type where JSON of Label Studio holds text, a list or an object.
            yield Problem(f"the task is malformed ({type(error).__name__}).", where=where)
    if blind:
        logger.warning("%s: %d tasks hold only ids of predictions: spans deleted there cannot be told.", name, blind)


def _tasks(stream: BinaryIO, name: str) -> list[Any]:
    lost = "Export the tasks as JSON: the other exports have lost what joins regions to spans."
    try:
        value = json.loads(stream.read().decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise FormatError(f"not UTF-8 at byte {error.start}.", where=name) from None
    except json.JSONDecodeError as error:
        raise FormatError(f"not JSON: {error.msg}. {lost}", where=f"{name}:{error.lineno}") from None
    except RecursionError:
        raise FormatError("not JSON: nested too deeply.", where=name) from None
    if isinstance(value, dict):
        value = value["tasks"] if isinstance(value.get("tasks"), list) else [value]
    if not isinstance(value, list):
        raise FormatError(f"this is no list of tasks. {lost}", where=name)
    if value and not any(isinstance(task, dict) and "data" in task for task in value):
        raise FormatError(f"this is no list of tasks; it may be a JSON_MIN export. {lost}", where=name)
    return value


def task_to_note(task: Any, *, which: str = "latest", annotator: str | int | None = None, number: int = 1) -> Note:
    """The note of one task; raises NoteError or FormatError, naming the region, when it is malformed."""
    data = task.get("data") if isinstance(task, dict) else None
    if not isinstance(data, dict) or not isinstance(data.get("text"), str):
        raise NoteError("the task has no data.text.")
    note, ours = _bare_note(task, data, number)
    predictions = [one for one in task.get("predictions") or [] if isinstance(one, dict)]
    annotation = _choose(task.get("annotations") or [], which, annotator)
    base = _base(predictions, annotation)
    if annotation is None and base is None:
        if ours:
            raise NoteError("the task has neither an annotation nor a prediction. Export with the predictions.")
        return note
    chosen, reviewed = (base, False) if annotation is None else (annotation, True)
    found = read_result(chosen.get("result"), note.text)
    spans = regions_to_spans(found.regions, reviewed=reviewed)
    written = read_result(base.get("result"), note.text).regions if reviewed and base else ()
    review = Review("done", _who(annotation)) if annotation is not None else note.review
    x = {**note.x, "label_studio": list(found.foreign)} if found.foreign else note.x
    whole = _with_spans(note.replace(review=review, x=x), spans, written)
    return _with_relations(whole, ours, found.relations, spans, reviewed)


def _bare_note(task: Mapping[str, Any], data: Mapping[str, Any], number: int) -> tuple[Note, dict[str, Any]]:
    """The note with the spans that were not shown, and our record, which is empty when the task is somebody else's."""
    meta = task.get("meta")
    ours = meta.get("medtext") if isinstance(meta, dict) else None
    if isinstance(ours, dict):
        return record_to_note({**ours, "text": data["text"], "relations": []}), ours
    rest = {key: value for key, value in data.items() if key not in ("text", "codes")}
    return Note(f"task-{task.get('id', number)}", data["text"], meta=rest), {}


def _choose(annotations: list[Any], which: str, annotator: str | int | None) -> dict[str, Any] | None:
    done = [one for one in annotations if isinstance(one, dict) and not one.get("was_cancelled")]
    if annotator is not None:
        done = [one for one in done if str(annotator) in _names(one)]
    if which == "ground_truth":
        done = [one for one in done if one.get("ground_truth")]
    return max(done, key=lambda one: (_when(one), str(one.get("id", "")).zfill(20)), default=None)


def _when(annotation: Mapping[str, Any]) -> str:
    return str(annotation.get("updated_at") or annotation.get("created_at") or "")


def _names(annotation: Mapping[str, Any]) -> list[str]:
    """The e-mail and the id of who made an annotation, as far as the file tells."""
    who = annotation.get("completed_by")
    held = [who.get("email"), who.get("id")] if isinstance(who, dict) else [who]
    return [str(one) for one in held if one is not None]


def _who(annotation: Mapping[str, Any]) -> str:
    return next(iter(_names(annotation)), "")


def _base(predictions: list[dict[str, Any]], annotation: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The prediction that a person began with: the one that the annotation names, else the last that is ours."""
    parent = annotation.get("parent_prediction") if annotation else None
    named = [one for one in predictions if parent is not None and one.get("id") == parent]
    ours = [one for one in predictions if any(map(_is_ours, one.get("result") or []))]
    return next(reversed(named or ours or predictions), None)


def _is_ours(item: Any) -> bool:
    meta = item.get("meta") if isinstance(item, dict) else None
    return isinstance(meta, dict) and "medtext" in meta


def _with_spans(note: Note, spans: Mapping[str, Span], written: Iterable[Region]) -> Note:
    """The note with these spans, and those that were written and are gone, as rejected."""
    there = {span.id for span in (*spans.values(), *note.spans)}
    gone = [region.base for region in written if region.base and region.base.id not in there]
    return note.add([*spans.values(), *(replace(span, status="rejected") for span in gone)])


def _with_relations(
    note: Note,
    ours: Mapping[str, Any],
    theirs: Iterable[tuple[str, str, str]],
    spans: Mapping[str, Span],
    reviewed: bool,
) -> Note:
    """The note with its relations: those that were shown are judged, the others stay as they are."""
    known = {span.id for span in note.spans}
    shown = known - {span.get("id") for span in ours.get("spans") or []}
    written = [record_to_relation(record) for record in ours.get("relations") or []]
    written = [one for one in written if {one.source, one.target} <= known]
    visible = [one for one in written if _is_visible(one, shown)]
    judged, new = judge_relations(visible, theirs, spans, reviewed=reviewed)
    hidden = [one for one in written if not _is_visible(one, shown)]
    return note.add(relations=[*hidden, *judged, *new])


FORMAT = Format(
    "label_studio",
    "Label Studio tasks with predictions; reads task JSON and export snapshots",
    extensions=(".json",),
    read=read,
    write=write,
    streams=True,
)
