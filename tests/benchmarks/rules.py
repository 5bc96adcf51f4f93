"""The rules path on 1.5 million forms: sentences, sections, phrases, assertion and linking.

make bench ONLY=rules
python -m tests.benchmarks.rules FOLDER      one run on a compiled folder, as JSON
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import medtext
from medtext.note import Note
from medtext.terminology.build import Edition, build_terminology
from tests.benchmarks.matching import FORMS, forms, memory, notes
from tests.benchmarks.section import Section, judged, table

PASSES = 5
CHARACTERS = 2400


def section() -> Section:
    """One run in a process of its own, on a terminology compiled for it."""
    with tempfile.TemporaryDirectory() as place:
        path = compiled(Path(place))
        command = [sys.executable, "-m", "tests.benchmarks.rules", str(path)]
        quiet = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        done = subprocess.run(command, env={**os.environ, **quiet}, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    told = (
        f"A terminology of {FORMS:,} names, all marked as PROBLEM, beside the starter concepts; {found['notes']} visit "
        f"notes of {found['characters'] / found['notes']:,.0f} characters, {found['entities'] / found['notes']:.0f} "
        f"entities a note; median of {PASSES} passes on one core, no neural model."
    )
    scaled = found["characters"] / found["seconds"] / CHARACTERS
    rows = [
        judged("notes/s of 2,400 characters", scaled, 150, form=".1f"),
        judged("resident, MB", found["resident MB"], 400, form="d", least=False),
        ("of these pages of files, which processes share, MB", str(found["of files MB"]), "", ""),
    ]
    return Section("The rules path on millions of forms", [told, "", *table(rows)])


def compiled(place: Path) -> Path:
    """The forms of the matching benchmark as a terminology: one concept each."""
    lines = ["code\tname\tkind", *(f"{number}\t{form}\tdisorder" for number, form in enumerate(forms(), start=1))]
    (place / "forms.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    build_terminology(Edition("table", place / "forms.tsv", "1", {"system": "SNOMED"}), place / "forms")
    return place / "forms"


def measure(path: str) -> dict[str, float]:
    """Seconds a pass, and memory after them."""
    stages = ["sentences", "sections", {"phrases": {"terminology": [path]}}, "assertion", "linking"]
    pipeline = medtext.load({"stages": stages})
    given = [Note(f"n{number}", text) for number, text in enumerate(notes(["aci_bench"]))]
    found = sum(len(note.layer("entity")) for note in pipeline.pipe(given))
    seconds = []
    for _ in range(PASSES):
        begun = time.process_time()
        list(pipeline.pipe(given))
        seconds.append(time.process_time() - begun)
    size = sum(len(note.text) for note in given)
    told = {"notes": len(given), "characters": size, "entities": found, "seconds": statistics.median(seconds)}
    return told | memory()


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1])))
