"""What is done to a note, in order: stages whose needs are checked when the pipeline is built.

A stage is any callable Note → Note with `name`, `needs` and `adds`; when it gains from batches it also has
`pipe(notes) -> notes`, one for one and in order. Stages never see each other: they meet in the Note.
"""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from medtext.config import Table, find, read_yaml, table
from medtext.errors import ConfigError, MedtextError, Problem, StageError
from medtext.note import Note
from medtext.registry import lookup
from medtext.taxonomy import Taxonomy

_KEYS = ("name", "description", "taxonomy", "stages", "keep")
_BATCH = 64


@runtime_checkable
class Stage(Protocol):
    """What a pipeline asks of a stage; layers are named "entity", a filled field "entity.codes"."""

    name: str
    needs: frozenset[str]
    adds: frozenset[str]

    def __call__(self, note: Note) -> Note: ...


class Pipeline:
    """Stages in order. `given` names layers that the notes bring along; `keep` the layers that remain at the end."""

    def __init__(
        self,
        stages: Iterable[Stage],
        *,
        name: str = "custom",
        taxonomy: Taxonomy | None = None,
        keep: Iterable[str] | None = None,
        given: Iterable[str] = (),
    ) -> None:
        self.stages = tuple(stages)
        self.name = name
        self.taxonomy = taxonomy or Taxonomy.load("clinical")
        self.kept_layers = None if keep is None else tuple(keep)
        _check_order(self.stages, set(given))

    def __call__(self, note: Note) -> Note:
        """One note through all stages; raises StageError, without note text, when a stage breaks."""
        return next(self.pipe([note]))

    def pipe(
        self, notes: Iterable[Note], *, batch_size: int = _BATCH, on_problem: Callable[[Problem], object] | None = None
    ) -> Iterator[Note]:
        """Notes through all stages, lazily and in order.

        With `on_problem`, a note on which a stage breaks is reported there and left out while the others go on;
        without it, StageError is raised.
        """
        notes = iter(notes)
        while batch := list(islice(notes, batch_size)):
            for stage in self.stages:
                batch = _run(stage, batch, on_problem)
            for note in batch:
                yield note if self.kept_layers is None else note.keep(self.kept_layers)

    def describe(self) -> dict[str, Any]:
        """Every stage with what it needs, adds and relies on; nothing that depends on a machine.

        A policy without a reference year counts ages in the present one, and says which that is.
        """
        steps = []
        for stage in self.stages:
            about = stage.describe() if hasattr(stage, "describe") else {}
            steps.append({"stage": stage.name, "needs": sorted(stage.needs), "adds": sorted(stage.adds), **about})
        taxonomy = f"{self.taxonomy.name}@{self.taxonomy.version}"
        keep = list(self.kept_layers) if self.kept_layers is not None else "all layers"
        return {"pipeline": self.name, "taxonomy": taxonomy, "stages": steps, "keep": keep}


def load(config: str | Path | Mapping[str, Any] = "default", *, given: Iterable[str] = ()) -> Pipeline:
    """A pipeline from a shipped configuration by name, your own YAML by path, or a mapping.

    Raises ConfigError with file and line for an unknown key, stage or option, or for needs that are not met.
    """
    top = table(config) if isinstance(config, Mapping) else read_yaml(find(config, "pipelines", "pipeline"))
    top.allow(_KEYS, "a pipeline")
    taxonomy = Taxonomy.load(top.get_typed("taxonomy", str, "clinical"))
    entries = top.get_typed("stages", list, [])
    if not entries:
        raise ConfigError(f"{top.where()}: a pipeline needs 'stages'.")
    stages = [_stage(*_named(entry, top), top) for entry in entries]
    keep = top.get_typed("keep", list, None)
    name = top.get_typed("name", str, "") or (config.stem if isinstance(config, Path) else "custom")
    return Pipeline(stages, name=name, taxonomy=taxonomy, keep=keep, given=given)


def _named(entry: Any, top: Table) -> tuple[str, Table]:
    """A list entry is `name` or `name: {options}`."""
    if isinstance(entry, str):
        return entry, table({}, top.file, top.lines.get("stages", top.line))
    if isinstance(entry, Table) and len(entry) == 1:
        name, options = next(iter(entry.items()))
        options = table({}, entry.file, entry.line) if options is None else options
        if isinstance(name, str) and isinstance(options, Table):
            return name, options
    raise ConfigError(f"{top.where('stages')}: each stage is a name, or a name with its options.")


def _stage(name: str, options: Table, top: Table) -> Stage:
    try:
        make = lookup("stage", name)
    except LookupError as error:
        raise ConfigError(f"{options.where()}: {error}") from error
    parameters = inspect.signature(make).parameters
    options.allow(parameters, f"stage {name}")
    return make(**options)


def _check_order(stages: tuple[Stage, ...], given: set[str]) -> None:
    available = set(given)
    for stage in stages:
        missing = [need for need in sorted(stage.needs) if need not in available]
        if missing:
            need = missing[0]
            later = [other.name for other in stages if need in other.adds]
            remedy = f"Add {later[0]!r} before it." if later else _remedy(need)
            raise ConfigError(f"Stage {stage.name!r} needs {need!r}, which no earlier stage adds. {remedy}")
        available |= stage.adds


def _remedy(need: str) -> str:
    usual = {"sentence": "sentences", "section": "sections", "entity": "phrases", "phi": "deid"}
    stage = usual.get(need.partition(".")[0])
    return f"Add {stage!r} before it." if stage else "Add a stage that does before it, or name it in given=."


def _run(stage: Stage, batch: list[Note], on_problem: Callable[[Problem], object] | None) -> list[Note]:
    """The batch through one stage. When it breaks, note by note, so that only the culprit is left out."""
    try:
        done = list(stage.pipe(batch)) if hasattr(stage, "pipe") else [stage(note) for note in batch]
        _check_done(stage, batch, done)
        return done
    except Exception:
        return list(_one_by_one(stage, batch, on_problem))


def _one_by_one(stage: Stage, batch: list[Note], on_problem: Callable[[Problem], object] | None) -> Iterator[Note]:
    for note in batch:
        try:
            done = stage(note)
            _check_done(stage, [note], [done])
        except Exception as error:
            safe = _without_text(stage, note, error)
            if on_problem is None:
                raise safe from (error if isinstance(error, MedtextError) else None)
            on_problem(Problem(str(safe), note_id=note.id))
        else:
            yield done


def _check_done(stage: Stage, before: list[Note], after: list[Note]) -> None:
    if [note.id for note in before] != [note.id for note in after]:
        raise StageError(f"Stage {stage.name!r} lost, added or reordered notes.")
    if "phi" in stage.adds:
        return
    for old, new in zip(before, after, strict=True):
        if old.text != new.text:
            raise StageError(f"Stage {stage.name!r} changed the text of note {new.id!r}; only a deid stage may.")


def _without_text(stage: Stage, note: Note, error: Exception) -> StageError:
    """What a stage raised, as an error that cannot quote the note: foreign messages may, so only their type is kept."""
    if isinstance(error, MedtextError):
        return StageError(f"Stage {stage.name!r} broke on note {note.id!r}: {error}")
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return StageError(f"Stage {stage.name!r} broke on note {note.id!r}: {type(error).__name__}{place}.")
