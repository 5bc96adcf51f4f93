"""Notes from one format to another; nothing is done to them on the way."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Any

from medtext.errors import Problem
from medtext.formats import detect, get_format, read, write
from medtext.runs.progress import bar
from medtext.runs.report import RunReport, Tally
from medtext.taxonomy import Taxonomy


def convert(
    input: str | Path,
    output: str | Path,
    *,
    input_format: str | None = None,
    output_format: str | None = None,
    taxonomy: Taxonomy | str | Path | None = None,
    deidentified: bool | None = None,
    overwrite: bool = False,
    allow_phi: bool = False,
    limit: int | None = None,
    on_problem: Callable[[Problem], object] | None = None,
    progress: bool | None = None,
    **options: Any,
) -> RunReport:
    """Write the notes of one file or folder in another format, and say what that format could not hold.

        medtext.convert("spans.jsonl", "spans.yaml")

    A record that cannot be read is counted and goes to `on_problem` while the others are written. `taxonomy` is for
    formats that draw on one (colours, labelling configurations); `options` are the reader's. Raises as `write` does.
    """
    started = perf_counter()
    target = output_format or ("jsonl" if str(output) == "-" else detect(output, writing=True))
    tally = Tally(on_problem, loses=get_format(target).loses)
    notes = read(input, format=input_format, on_problem=tally.problem, deidentified=deidentified, **options)
    flow = tally.outgoing(bar(tally.incoming(islice(notes, limit)), show=progress))
    more = writer_options(target, taxonomy)
    write(flow, output, format=target, overwrite=overwrite, allow_phi=allow_phi, **more)
    return tally.report(output, seconds=perf_counter() - started)


def writer_options(name: str, taxonomy: Taxonomy | str | Path | None) -> dict[str, Any]:
    """The taxonomy, for a format whose writer draws on one."""
    if taxonomy is None or "taxonomy" not in get_format(name).options(writing=True):
        return {}
    return {"taxonomy": taxonomy if isinstance(taxonomy, Taxonomy) else Taxonomy.load(taxonomy)}
