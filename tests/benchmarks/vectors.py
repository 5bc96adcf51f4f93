"""What a vector model adds to linking, and what it costs: the same mentions without and with it.

    MEDTEXT_VECTORS=FOLDER python -m tests.benchmarks.vectors

FOLDER holds the `model.onnx` and `tokenizer.json` of a sentence encoder. Nothing is fitted to it; figures are of all
mapped items, of both halves.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from medtext.inference.sentence_encoder import SentenceEncoder
from medtext.review.statistics import Bootstrap, Figure
from medtext.terminology.home import VARIABLE
from tests.benchmarks import linkdata
from tests.benchmarks.linkdata import Task
from tests.benchmarks.linking import TEN, by_code, linker
from tests.benchmarks.section import Row, Section, table

ABOUT = (
    "Linked against the same as above. The weights of the words are fitted on half of the laboratory names; those of a "
    "vector are set by hand and fitted to nothing. `by` is the difference over the same mentions, with its interval."
)
Counts = list[list[bool]]


def section() -> Section:
    """For `make bench`."""
    encoder = SentenceEncoder(os.environ["MEDTEXT_VECTORS"], threads=1)
    with tempfile.TemporaryDirectory() as place:
        os.environ[VARIABLE] = place
        rows = list(figures(Path(place), encoder))
    return Section("Linking with a vector model", [f"{ABOUT} The model: {encoder.name}.", "", *table(rows)])


def figures(place: Path, encoder: SentenceEncoder) -> Iterator[Row]:
    """For each set of mentions: top-1 and top-10 without and with vectors, how many of these came by them, and time."""
    folders = linkdata.build(place)
    sets = (
        ("procedures → SNOMED CT", folders["procedures"], linkdata.procedures()),
        ("laboratory names → LOINC", folders["loinc"], linkdata.labs()),
        ("laboratory names alone, without fluid, unit and category", folders["loinc"], bare(linkdata.labs())),
    )
    for name, folder, tasks in sets:
        yield from compared(f"{name}, {len(tasks)} mentions", folder, tasks, encoder)


def bare(tasks: Sequence[Task]) -> list[Task]:
    """The same mentions with nothing beside them."""
    return [Task(one.id, one.mention, one.label, one.system, one.right) for one in tasks]


def compared(name: str, folder: Path, tasks: Sequence[Task], encoder: SentenceEncoder) -> Iterator[Row]:
    """The same mentions without and with vectors."""
    (plain, _, before), (near, ways, after) = (asked(folder, tasks, one) for one in (None, encoder))
    for at, what in enumerate(("top-1", "top-10")):
        drawn = Bootstrap([[one[at], two[at], two[at] - one[at], 1] for one, two in zip(plain, near, strict=True)])
        without, beside, more = (drawn.share([number], [3]) for number in range(3))
        yield f"{name}: {what} without → with", f"{said(without)} → {said(beside)}; by {said(more, '+.3f')}", "", ""
    first, some = (sum(check(one) for one in ways) for check in (_first, _some))
    yield f"{name}: mentions whose first, and with any candidate by its vector", f"{first}, {some}", "", ""
    yield f"{name}: median ms a mention without → with", f"{before:.2f} → {after:.2f}", "", ""


def asked(
    folder: Path, tasks: Sequence[Task], encoder: SentenceEncoder | None
) -> tuple[Counts, list[list[str]], float]:
    """Whether the first and any of ten is right, how the candidates were found, and milliseconds a mention."""
    one, spent, hits, ways = linker(folder, tasks[0], encoder), [], [], []
    for task in tasks:
        started = time.process_time()
        found = one.candidates(task.mention, task.label, task.context)[:TEN]
        spent.append(time.process_time() - started)
        right = [by_code(each, task) for each in found]
        hits.append([any(right[:1]), any(right)])
        ways.append([each.match for each in found])
    return hits, ways, statistics.median(spent) * 1e3


def said(figure: Figure, form: str = ".3f") -> str:
    """A figure with its interval."""
    low, high = (format(one or 0.0, form) for one in (figure.low, figure.high))
    return f"{format(figure.value or 0.0, form)} [{low}, {high}]"


def _first(ways: list[str]) -> bool:
    return ways[:1] == ["embedding"]


def _some(ways: list[str]) -> bool:
    return "embedding" in ways


if __name__ == "__main__":
    print("\n".join(section().lines))
