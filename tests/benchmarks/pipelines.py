"""How fast: the default pipeline, each of its stages and two peers, and how long a command takes to start."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

from tests.benchmarks.section import Section, judged, table
from tests.benchmarks.speed import PASSES, PEERS, ROWS, WHOLE

QUIET = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
CHARACTERS = 2400


def section() -> Section:
    """Every row in a process of its own."""
    results = []
    for row in ROWS:
        print(f"  {row} …", file=sys.stderr)
        results.append(run(row))
    raw = next(one for one in results if one["row"] in PEERS)
    packages = ", ".join(f"{name} {version(name)}" for name in ("spacy", "medspacy", "presidio-analyzer", "numpy"))
    told = (
        f"{raw['notes']} visit notes (aci-bench) of {raw['characters'] / raw['notes']:,.0f} characters on average, "
        f"one core (the default pipeline: two), the fastest of {PASSES} passes, each row in a process of its own. "
        "Other work on the host only slows a pass, here by up to a half from one minute to the next: the median stands "
        "beside. "
        f"Python {platform.python_version()}, {packages}."
    )
    return Section("Speed", [told, "", *targets(results), "", *speed_rows(results)])


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


def targets(results: list[dict]) -> list[str]:
    """The figures that were asked for, met or not."""
    python = sys.executable
    bare = start_up([python, "-c", "pass"])
    imported = start_up([python, "-c", "import medtext"]) - bare
    helped = start_up([str(Path(python).parent / "medtext"), "--help"])
    default, rules = (next(row for row in results if row["row"] == name) for name in WHOLE)
    layout, assertion = speed_of(results, "sentences", "sections"), speed_of(results, "assertion")
    at_most = {"least": False}
    return table(
        [
            judged("sentences and sections, notes/s of 2,400 characters, one core", layout, 800, form=".0f"),
            judged("assertion, notes/s of 2,400 characters, one core", assertion, 400, form=".0f"),
            judged("default pipeline, notes/s of 2,400 characters, two cores", scaled(default), 18, form=".1f"),
            judged("default pipeline, peak MB", default["memory"], 900, form=".0f", **at_most),
            judged("rules pipeline, notes/s of 2,400 characters, one core", scaled(rules), 40, form=".1f"),
            judged("rules pipeline, peak MB", rules["memory"], 600, form=".0f", **at_most),
            judged("`import medtext`, s over a bare interpreter", imported, 0.15, form=".3f", **at_most),
            judged("`medtext --help`, s", helped, 0.4, form=".3f", **at_most),
        ]
    )


def scaled(one: dict) -> float:
    """Notes of 2,400 characters a second."""
    return one["characters"] / one["seconds"] / CHARACTERS


def speed_of(results: list[dict], *names: str) -> float:
    """Notes of 2,400 characters a second through these rows one after the other."""
    parts = [one for one in results if one["row"] in names]
    return parts[0]["characters"] / sum(one["seconds"] for one in parts) / CHARACTERS


def speed_rows(results: list[dict]) -> list[str]:
    """The table of speeds; a stage's speed is at the text lengths it saw, and scaled to 2,400 characters a note."""
    lines = [
        "| what | ms a note | median ms | notes/s | notes/s at 2,400 characters | load s | peak MB |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in results:
        each = one["seconds"] / one["notes"]
        lines.append(
            f"| {one['row']} | {each * 1000:.2f} | {one['median'] / one['notes'] * 1000:.2f} | {1 / each:,.1f} "
            f"| {scaled(one):,.1f} "
            f"| {one['load']:.2f} | {one['memory']:.0f} |"
        )
    return lines
