"""`make bench`: every figure in one place, written to RESULTS.md beside this file and, in short, to the README."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

from tests.benchmarks import context, deid
from tests.benchmarks.speed import PEERS, ROWS

HERE = Path(__file__).parent
README = HERE.parent.parent / "README.md"
QUIET = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
CHARACTERS = 2400


def run(row: str) -> dict:
    """One row, in a fresh process so that its memory is its own."""
    command = [sys.executable, "-m", "tests.benchmarks.speed", row]
    done = subprocess.run(command, env={**os.environ, **QUIET}, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{row}: {done.stderr.strip().splitlines()[-1:] or 'failed'}")
    return json.loads(done.stdout.splitlines()[-1])


def start_up(command: list[str], times: int = 9) -> float:
    """Median wall seconds of a whole command."""
    seconds = []
    for _ in range(times):
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def speed_rows(results: list[dict]) -> list[str]:
    """The table of speeds; a stage's speed is at the text lengths it saw, and scaled to 2,400 characters a note."""
    lines = [
        "| what | ms a note | notes/s | notes/s at 2,400 characters | load s | peak MB |",
        "|---|---|---|---|---|---|",
    ]
    for one in results:
        each = one["seconds"] / one["notes"]
        scaled = one["characters"] / one["seconds"] / CHARACTERS
        lines.append(
            f"| {one['row']} | {each * 1000:.2f} | {1 / each:,.1f} | {scaled:,.1f} "
            f"| {one['load']:.2f} | {one['memory']:.0f} |"
        )
    return lines


def targets(results: list[dict], imported: float, helped: float, bare: float) -> list[str]:
    """The figures that were asked for, met or not."""
    one = next(row for row in results if row["row"] == "default pipeline")
    scaled = one["characters"] / one["seconds"] / CHARACTERS
    rows = [
        ("default pipeline, notes/s of 2,400 characters, one core", f"{scaled:.1f}", "≥ 40", scaled >= 40),
        ("default pipeline, peak MB", f"{one['memory']:.0f}", "< 600", one["memory"] < 600),
        ("`import medtext`, s over a bare interpreter", f"{imported - bare:.3f}", "< 0.15", imported - bare < 0.15),
        ("`medtext --help`, s", f"{helped:.3f}", "< 0.4", helped < 0.4),
    ]
    lines = ["| target | measured | wanted | |", "|---|---|---|---|"]
    return lines + [
        f"| {name} | {value} | {bar} | {'met' if met else '**not met**'} |" for name, value, bar, met in rows
    ]


def table(rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Rows of what, measured, wanted and met as Markdown."""
    lines = ["| what | measured | wanted | |", "|---|---|---|---|"]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def fill(name: str, lines: list[str]) -> None:
    """Put lines between the README's marks for a table of this name."""
    begin, end = f"<!-- {name}: written by make bench -->", f"<!-- end of {name} -->"
    head, _, rest = README.read_text(encoding="utf-8").partition(begin)
    _, found, tail = rest.partition(end)
    if not found:
        sys.exit(f"README.md has no marks for the table {name!r}.")
    README.write_text("\n".join([head + begin, *lines, end]) + tail, encoding="utf-8")


def main() -> None:
    """Measure, print, write."""
    results = []
    for row in ROWS:
        print(f"measuring {row} …", file=sys.stderr)
        results.append(run(row))
    python = sys.executable
    print("measuring de-identification …", file=sys.stderr)
    identifiers = list(deid.rows())
    bare = start_up([python, "-c", "pass"])
    imported = start_up([python, "-c", "import medtext"])
    helped = start_up([str(Path(python).parent / "medtext"), "--help"])
    raw = next(one for one in results if one["row"] in PEERS)
    packages = ", ".join(f"{name} {version(name)}" for name in ("spacy", "medspacy", "presidio-analyzer", "numpy"))
    text = [
        "# Measured by `make bench`",
        "",
        f"{raw['notes']} visit notes (aci-bench) of {raw['characters'] / raw['notes']:,.0f} characters on average, "
        f"one core, median of five passes, each row in a process of its own. "
        f"Python {platform.python_version()}, {packages}.",
        "",
        *targets(results, imported, helped, bare),
        "",
        *speed_rows(results),
        "",
        "## De-identification",
        "",
        *table(identifiers),
        "",
        "## Assertions",
        "",
        "F1 on the NegEx test sentences, rules tuned on one half of them only; medSpaCy's ConText in the same run.",
        "",
        "```",
        *context.lines(),
        "```",
        "",
    ]
    (HERE / "RESULTS.md").write_text("\n".join(text), encoding="utf-8")
    fill("de-identification", table(row for row in identifiers if row[2]))
    print("\n".join(text))


if __name__ == "__main__":
    main()
