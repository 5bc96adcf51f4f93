"""The way back: de-identified notes and a vault in, the notes as they were out, with all that was said since."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from medtext.errors import IdentifiedNoteError, Problem, VaultError
from medtext.formats import detect, get_format, read, write
from medtext.note import Note
from medtext.runs.deid import same_kind
from medtext.runs.progress import bar
from medtext.runs.report import RunReport, Tally

if TYPE_CHECKING:
    from medtext.stages.deid.vault import Vault


def reidentify(
    input: str | Path,
    output: str | Path,
    *,
    vault: str | Path,
    key_file: str | Path | None = None,
    input_format: str | None = None,
    output_format: str | None = None,
    deidentified: bool | None = None,
    overwrite: bool = False,
    allow_phi: bool = False,
    limit: int | None = None,
    on_problem: Callable[[Problem], object] | None = None,
    progress: bool | None = None,
    **options: Any,
) -> RunReport:
    """Lead de-identified notes back by the vault that `deid` kept; the secret is in MEDTEXT_KEY or `key_file`.

        medtext.reidentify("corrected.jsonl", "identified.jsonl", vault="notes.vault", allow_phi=True)

    Text, meta and the spans that de-identification moved come back exactly; spans that others made since are carried to
    their places. A note that the vault does not hold, or whose text was edited, is counted and goes to `on_problem`
    while the others are written. Raises VaultError for a vault that this secret does not open, before any note is
    read, and IdentifiedNoteError unless `allow_phi`.
    """
    started = perf_counter()
    if not allow_phi:
        raise IdentifiedNoteError
    opened = _opened(vault, key_file)
    source = input_format or ("jsonl" if str(input) == "-" else detect(input))
    target = output_format or same_kind(source, output)
    tally = Tally(on_problem, loses=get_format(target).loses)
    for line in opened.damaged:
        tally.problem(Problem("no whole record: torn or damaged.", where=f"{vault}:{line}", severity="warning"))
    notes = read(input, format=source, on_problem=tally.problem, deidentified=deidentified, **options)
    flow = _restored(tally.incoming(islice(notes, limit)), opened, tally.problem)
    write(tally.outgoing(bar(flow, show=progress)), output, format=target, overwrite=overwrite, allow_phi=True)
    return tally.report(output, seconds=perf_counter() - started)


def _opened(vault: str | Path, key_file: str | Path | None) -> Vault:
    from medtext.stages.deid.vault import Vault, read_secret

    return Vault(vault, read_secret(key_file))


def _restored(notes: Iterable[Note], vault: Vault, on_problem: Callable[[Problem], object]) -> Iterator[Note]:
    from medtext.stages.deid.restoration import originals, restored

    for note in notes:
        try:
            records = originals(note, vault)
            before = restored(note, records[0])
        except VaultError as error:
            on_problem(Problem(str(error), note_id=note.id))
            continue
        if any(record["edits"] != records[0]["edits"] for record in records):
            told = "the vault holds different originals of this text; the last is taken. Are note ids used twice?"
            on_problem(Problem(told, note_id=note.id, severity="warning"))
        yield before
