"""Notes drawn for a person to read, the table to fill in, and what the filled table says of all notes."""

from __future__ import annotations

import csv
import os
import random
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from medtext.errors import ConfigError, FormatError
from medtext.formats import refuse_overwrite
from medtext.formats.csv import check_columns
from medtext.review.statistics import CONFIDENCE, Bound, upper_bound

COLUMNS = ("note", "stratum", "leaks", "remark")


def draw(strata: Mapping[str, str], many: int, *, seed: int = 0) -> list[tuple[str, str]]:
    """So many (note id, stratum), drawn at random; the order of the notes does not matter.

    `strata` is note id → stratum. Each stratum gives its share, the largest remainders rounding up. With fewer notes
    than asked for, all are drawn.
    """
    if many < 1:
        raise ConfigError(f"sample={many} must be at least 1.")
    source, drawn = random.Random(seed), []
    for stratum, number in sorted(_shares(Counter(strata.values()), many).items()):
        notes = sorted(note for note, held in strata.items() if held == stratum)
        drawn += [(note, stratum) for note in source.sample(notes, number)]
    return sorted(drawn)


def _shares(sizes: Counter[str], many: int) -> dict[str, int]:
    total = sizes.total()
    many = min(many, total)
    shares = {name: many * size // total for name, size in sizes.items()}
    rest = sorted(sizes, key=lambda name: (-(many * sizes[name] % total), name))
    return {name: shares[name] + (name in rest[: many - sum(shares.values())]) for name in sizes}


def write_table(drawn: list[tuple[str, str]], path: str | Path, *, overwrite: bool = False) -> None:
    """The table for the readers: under `leaks` they write how many identifiers they found in the note, 0 for none."""
    path = Path(path)
    refuse_overwrite(path, overwrite=overwrite)
    path.parent.mkdir(parents=True, exist_ok=True)
    made = path.with_name(f".{path.name}.new")
    with made.open("w", encoding="utf-8", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(COLUMNS)
        rows.writerows((note, stratum, "", "") for note, stratum in drawn)
    os.replace(made, path)


def read_findings(path: str | Path) -> dict[str, int]:
    """Note id → how many identifiers were found in it, from a filled table.

    Raises FormatError with file:line for a row whose `leaks` is not a whole number: an unread note is not a clean one.
    """
    leaks = dict(_findings(Path(path)))
    if not leaks:
        raise FormatError("the table holds no notes.", where=str(path))
    return leaks


def bound(leaks: Mapping[str, int], notes: Collection[str], *, confidence: float = CONFIDENCE) -> Bound:
    """What findings in a sample say of all notes; raises ConfigError for a finding in a note that is not among them."""
    strangers = sorted(leaks.keys() - set(notes))
    if strangers:
        raise ConfigError(
            f"The findings name {len(strangers)} notes that are not here, first {strangers[0]!r}. "
            "Was the sample drawn from another file?"
        )
    bad = sum(number > 0 for number in leaks.values())
    return Bound(bad, len(leaks), upper_bound(bad, len(leaks), confidence=confidence), confidence)


def _findings(path: Path) -> Iterator[tuple[str, int]]:
    seen: set[str] = set()
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = csv.DictReader(stream)
            check_columns(list(rows.fieldnames or ()), (), f"{path}:1")
            for row in rows:
                where = f"{path}:{rows.line_num}"
                note, leaks = (row.get("note") or "").strip(), (row.get("leaks") or "").strip()
                if not note or note in seen:
                    raise FormatError("the row names no note, or one that stood before.", where=where)
                if not (leaks.isascii() and leaks.isdigit()):
                    message = "under 'leaks' a whole number is wanted: how many identifiers were found, 0 for none."
                    raise FormatError(message, where=where, note_id=note)
                seen.add(note)
                yield note, int(leaks)
    except FileNotFoundError:
        raise FormatError("there is no such file.", where=str(path)) from None
    except (csv.Error, UnicodeDecodeError):
        raise FormatError("not a CSV table in UTF-8.", where=str(path)) from None
