"""De-identification alone: notes in, the same kind of file out, with the identifiers replaced."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from medtext.errors import FormatError
from medtext.formats import detect, get_format
from medtext.pipeline import load
from medtext.runs.annotate import annotate
from medtext.runs.report import RunReport


def deid(
    input: str | Path,
    output: str | Path,
    *,
    policy: str | Path = "safe-harbor",
    replace: str | None = None,
    known: str | Path | Iterable[str] | Mapping[str, Any] = (),
    keep_meta: Iterable[str] = (),
    key_file: str | Path | None = None,
    patient: str | None = None,
    input_format: str | None = None,
    output_format: str | None = None,
    **rest: Any,
) -> RunReport:
    """Replace the identifiers of notes by a policy; without an output format, the kind of file that came in.

        medtext.deid("notes.csv", "clean.csv", text_column="note_text", id_column="note_id")

    `known` names columns whose values are identifiers, to be found in the text in any spelling, or is a table of them
    (CSV or TSV with a column note, patient or id). `keep_meta` names the columns that stay. The other options are those
    of the deid stage and of `annotate`.
    """
    chosen = {"policy": str(policy), "replace": replace, "known": _known(known), "keep_meta": list(keep_meta)}
    chosen["patient"] = patient
    chosen["key_file"] = None if key_file is None else str(key_file)
    stage = {"deid": {name: value for name, value in chosen.items() if value}}
    pipeline = load({"name": "deid", "taxonomy": "phi", "stages": [stage]})
    source = input_format or ("jsonl" if str(input) == "-" else detect(input))
    target = output_format or _same_kind(source, output)
    return annotate(input, output, pipeline=pipeline, input_format=source, output_format=target, **rest)


def _known(known: Any) -> Any:
    """As the stage takes it: the one file that is given is a table."""
    if isinstance(known, Mapping | Path):
        return dict(known) if isinstance(known, Mapping) else str(known)
    names = [known] if isinstance(known, str) else list(known)
    return names[0] if len(names) == 1 and Path(names[0]).suffix in (".csv", ".tsv") else names


def _same_kind(source: str, output: str | Path) -> str:
    """By the output's name where that tells, else as the input where that can be written, else a span file."""
    if str(output) != "-":
        try:
            return detect(output, writing=True)
        except FormatError:
            pass  # a new folder, or a name without an extension
    return source if get_format(source).write else "jsonl"
