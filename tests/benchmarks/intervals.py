"""Whether days between dates stay what they were when dates are shifted: every pair of whole dates of each patient.

    python -m tests.benchmarks.intervals SEED COUNT

Policy `shifted-dates`. Dates are read by dateutil, not by us: before from the gold, after from what stands in its
place. Of 03/04/2024 the month is read first, unless only the other order is a date; what was read day first before is
read so after. A date that became a tag keeps no interval and counts against us.
"""

from __future__ import annotations

import datetime as dt
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory

import medtext
from medtext.note import Note
from medtext.stages.deid import Deid

_WHOLE = ("date.", "birth.", "timed.")  # forms of the generator that tell a day, month and year
_NUMBERS = re.compile(r"(\d{1,2})[/.-]\d{1,2}[/.-]")
_CLOCK = re.compile(r"(?<=/\d\d)\s+\d{4}$|(?<=\d)T(?=\d)|@")  # what dateutil does not take: 0745 behind a date


def measured(notes: Iterable[Note], neural: str | None = None) -> tuple[int, int]:
    """How many pairs of dates of one patient there are, and how many lie as many days apart as before."""
    days = defaultdict(list)
    with TemporaryDirectory() as folder:
        key = Path(folder, "key")
        key.write_text("a secret of this benchmark alone", encoding="utf-8")
        stage = Deid(policy="shifted-dates", key_file=key, neural=neural)
        for note in notes:
            days[note.meta["patient"]] += _moved(note, stage(note))
    pairs = [pair for held in days.values() for pair in combinations(held, 2)]
    kept = sum(None not in (a[1], b[1]) and a[0] - b[0] == a[1] - b[1] for a, b in pairs)
    return len(pairs), kept


def _moved(note: Note, done: Note) -> Iterator[tuple[dt.date, dt.date | None]]:
    """Each whole date of the gold, before and after."""
    held = {one.id: one for one in done.spans}
    for gold in note.layer("phi"):
        form = gold.x["generator"]["form"]
        before = _read(note.quote(gold)[0]) if form.startswith(_WHOLE) else None
        if before:
            now = held.get(gold.id)
            after = _read(done.quote(now)[0], day_first=before[1], near=before[0]) if now else None
            yield before[0], after[0] if after else None


def _read(text: str, *, day_first: bool | None = None, near: dt.date | None = None) -> tuple[dt.date, bool] | None:
    """A date and whether its day was read first; None when dateutil reads none.

    A year of two digits is of the century of the date that it was made from (`near`), else not in the future.
    """
    from dateutil import parser

    plain = " ".join(_CLOCK.sub(" ", text.strip()).split()).replace(" of ", " ")
    if day_first is None:
        numbers = _NUMBERS.match(plain)
        day_first = numbers is not None and int(numbers[1]) > 12
    try:
        day = parser.parse(plain, dayfirst=day_first, default=dt.datetime(2000, 1, 1)).date()
        latest = near.year + 50 if near else dt.date.today().year + 2  # dateutil reads 75 as 2075
        short = str(day.year) not in plain
        return day.replace(year=day.year - 100) if short and day.year > latest else day, day_first
    except (ValueError, OverflowError):
        return None


def main(seed: int, count: int) -> None:
    """Print how many pairs hold."""
    pairs, kept = measured(medtext.generate(count=count, seed=seed, notes_per_patient=2))
    print(f"{kept} of {pairs} intervals hold")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
