"""De-identification alone: notes in, the same kind of file out, with the identifiers replaced."""

from __future__ import annotations

from collections.abc import Iterable
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
    known: Iterable[str] = (),
    keep_meta: Iterable[str] = (),
    key_file: str | Path | None = None,
    patient: str | None = None,
    input_format: str | None = None,
    output_format: str | None = None,
    **rest: Any,
) -> RunReport:
    """Replace the identifiers of notes by a policy; without an output format, the kind of file that came in.

        medtext.deid("notes.csv", "clean.csv", text_column="note_text", id_column="note_id")

    `known` names columns whose values are identifiers, to be found in the text in any case; `keep_meta` the columns
    that stay. The other options are those of the deid stage and of `annotate`.
    """
    chosen = {"policy": str(policy), "replace": replace, "known": list(known), "keep_meta": list(keep_meta)}
    chosen["patient"] = patient
    chosen["key_file"] = None if key_file is None else str(key_file)
    stage = {"deid": {name: value for name, value in chosen.items() if value}}
    pipeline = load({"name": "deid", "taxonomy": "phi", "stages": [stage]})
    source = input_format or ("jsonl" if str(input) == "-" else detect(input))
    target = output_format or _same_kind(source, output)
    return annotate(input, output, pipeline=pipeline, input_format=source, output_format=target, **rest)


def _same_kind(source: str, output: str | Path) -> str:
    """By the output's name where that tells, else as the input where that can be written, else a span file."""
    if str(output) != "-":
        try:
            return detect(output, writing=True)
        except FormatError:
            pass  # a new folder, or a name without an extension
    return source if get_format(source).write else "jsonl"
