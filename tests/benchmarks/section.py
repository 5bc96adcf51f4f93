"""What a benchmark hands to `make bench`: the lines of its section, and the rows of its table in the README."""

from __future__ import annotations

import re
import resource
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

Row = tuple[str, str, str, str]  # what, measured, wanted, and "met", "**not met**" or nothing


@dataclass(frozen=True, slots=True)
class Section:
    """One part of RESULTS.md; `readme` fills the README's table of the same name, where there is one."""

    title: str
    lines: Sequence[str]
    readme: Sequence[str] = ()


def table(rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Rows as Markdown."""
    lines = ["| what | measured | wanted | |", "|---|---|---|---|"]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def judged(name: str, value: float, bar: float, *, form: str = ".4f", least: bool = True) -> Row:
    """A figure beside what was asked of it: at least `bar`, or at most."""
    met = value >= bar if least else value <= bar
    return name, format(value, form), f"{'≥' if least else '≤'} {bar:g}", "met" if met else "**not met**"


def peak_memory() -> float:
    """MB that this process has held at its most.

    Linux counts what a process held before it became another program in ru_maxrss, so a child of a big process seems
    big; its status file does not.
    """
    status = Path("/proc/self/status")
    if status.exists() and (found := re.search(r"VmHWM:\s*(\d+)", status.read_text(encoding="utf-8"))):
        return int(found[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
