"""De-identification alone: notes in, the same kind of file out, with the identifiers replaced."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from medtext.errors import ConfigError, FormatError
from medtext.formats import detect, get_format, read
from medtext.inference.places import BUNDLED
from medtext.pipeline import Pipeline, load
from medtext.runs.annotate import annotate
from medtext.runs.deid_report import Witness
from medtext.runs.report import RunReport
from medtext.taxonomy import Policy


def deid(
    input: str | Path,
    output: str | Path,
    *,
    policy: str | Path = "safe-harbor",
    replace: str | None = None,
    known: str | Path | Iterable[str] | Mapping[str, Any] = (),
    keep_meta: Iterable[str] = (),
    key_file: str | Path | None = None,
    vault: str | Path | None = None,
    patient: str | None = None,
    neural: str | Mapping[str, Any] | None = BUNDLED,
    input_format: str | None = None,
    output_format: str | None = None,
    report: str | Path | None = None,
    **rest: Any,
) -> RunReport:
    """Replace the identifiers of notes by a policy; without an output format, the kind of file that came in.

        medtext.deid("notes.csv", "clean.csv", text_column="note_text", id_column="note_id")

    `known` names columns whose values are identifiers, to be found in the text in any spelling, or is a table of them
    (CSV or TSV with a column note, patient or id). `keep_meta` names the columns that stay. `vault` is the encrypted
    file by which `reidentify` leads back. `neural` is the model beside the rules, None for rules alone. `report` is a
    .json, .md or .html file for what was done per class and per note, without text; with .json a .md for people stands
    beside it. The other options are those of the deid stage and of `annotate`.
    """
    chosen = {"policy": str(policy), "replace": replace, "known": _known(known), "keep_meta": list(keep_meta)}
    chosen |= {"patient": patient, "neural": neural}
    chosen["key_file"] = None if key_file is None else str(key_file)
    chosen["vault"] = None if vault is None else str(vault)
    stage = {"deid": {name: value for name, value in chosen.items() if value}}
    pipeline = load({"name": "deid", "taxonomy": "phi", "stages": [stage]})
    source = input_format or ("jsonl" if str(input) == "-" else detect(input))
    target = output_format or same_kind(source, output)
    run = partial(annotate, input, output, pipeline=pipeline, input_format=source, output_format=target)
    return run(**rest) if report is None else _reported(run, report, policy, rest)


def _reported(run: partial[RunReport], path: str | Path, policy: str | Path, rest: dict[str, Any]) -> RunReport:
    """The run, and the report of it."""
    witness = Witness(path, rest.pop("on_problem", None), overwrite=rest.get("overwrite", False))
    done = run(on_note=witness.note, on_problem=witness.problem, **rest)
    if done.kept and not witness.notes:
        _look_back(witness, done.output, run.keywords["output_format"])
    witness.write(done, Policy.load(policy), _relies_on(run.keywords["pipeline"]))
    return done


def _look_back(witness: Witness, output: str, name: str) -> None:
    """Count a run that was finished before, where its output still shows what was replaced."""
    if "spans" in get_format(name).loses:
        raise ConfigError(
            "This run was finished before, and its output holds no spans. Pass overwrite=True to repeat it."
        )
    for note in read(output, format=name):
        witness.note(note)


def _relies_on(pipeline: Pipeline) -> dict[str, Any]:
    (about,) = pipeline.describe()["stages"]
    return {name: value for name, value in about.items() if name not in ("stage", "needs", "adds")}


def _known(known: Any) -> Any:
    """As the stage takes it: the one file that is given is a table."""
    if isinstance(known, Mapping | Path):
        return dict(known) if isinstance(known, Mapping) else str(known)
    names = [known] if isinstance(known, str) else list(known)
    return names[0] if len(names) == 1 and Path(names[0]).suffix in (".csv", ".tsv") else names


def same_kind(source: str, output: str | Path) -> str:
    """By the output's name where that tells, else as the input where that can be written, else a span file."""
    if str(output) != "-":
        try:
            return detect(output, writing=True)
        except FormatError:
            pass  # a new folder, or a name without an extension
    return source if get_format(source).write else "jsonl"
