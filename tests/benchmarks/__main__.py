"""`make bench`: every figure in one place, written to RESULTS.md beside this file and, in short, to the README.

    python -m tests.benchmarks                 all sections
    python -m tests.benchmarks deid context    these alone; the other sections stay as they are

A section is a module here with a function `section() -> Section`. `vectors` is one only where MEDTEXT_VECTORS names the
folder of a sentence encoder, and `section_folds`, which trains, only where it is named.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path

from tests.benchmarks.section import Section

HERE = Path(__file__).parent
RESULTS, README = HERE / "RESULTS.md", HERE.parent.parent / "README.md"
SECTIONS = (
    *("pipelines", "entities", "deid", "context", "context_gold", "headings", "abbreviations", "relations"),
    *("store", "matching", "linking", "rules", "inference", "review"),
    *(["vectors"] if os.environ.get("MEDTEXT_VECTORS") else []),
)

ON_DEMAND = ("section_folds",)


def main(names: list[str]) -> int:
    """Measure, print, write; gives the exit status."""
    known = (*SECTIONS, *ON_DEMAND)
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"no section {', '.join(unknown)}. Sections: {', '.join(known)}", file=sys.stderr)
        return 2
    for name in names or SECTIONS:
        print(f"measuring {name} …", file=sys.stderr)
        done: Section = import_module(f"tests.benchmarks.{name}").section()
        fill(RESULTS, name, [f"## {done.title}", "", *done.lines])
        if done.readme:
            fill(README, name, list(done.readme))
        print("\n".join(done.lines))
    return 0


def fill(path: Path, name: str, lines: list[str]) -> None:
    """Put lines between the marks of this name; RESULTS.md gets them where it has none yet."""
    begin, end = f"<!-- {name}: written by make bench -->", f"<!-- end of {name} -->"
    text = path.read_text(encoding="utf-8")
    if end not in text:
        if path != RESULTS:
            sys.exit(f"{path.name} has no marks for the table {name!r}.")
        text += f"\n{begin}\n{end}\n"
    head, _, rest = text.partition(begin)
    path.write_text("\n".join([head + begin, *lines, end]) + rest.partition(end)[2], encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
