"""Look-ups in a compiled ICD-10-CM, what its own marks add to phrases, and the rules path on millions of forms.

make bench ONLY=store
"""

from __future__ import annotations

import json
import random
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from medtext.note import Note
from medtext.stages.phrases import Phrases
from medtext.terminology.build import build_terminology, packaged_icd10cm
from medtext.terminology.store import Terminology
from tests.benchmarks.section import Section, judged, table
from tests.shared import folder

PASSES = 7
ASKED = 5_000
PROBLEMS = {"Disease_disorder", "Sign_symptom"}
# Labels of MACCROBAT that stand on problems too when they are past, in the family, or mentioned again.
NEAR = {"History", "Family_history", "Coreference", "Detailed_description"}


def section() -> Section:
    """Look-ups, and what ICD-10-CM gives to phrases."""
    with tempfile.TemporaryDirectory() as place:
        begun = time.process_time()
        build_terminology(packaged_icd10cm(), Path(place) / "icd10cm")
        built = time.process_time() - begun
        told = (
            f"ICD-10-CM as it comes with medtext, median of {PASSES} passes on one core. Marks of `phrases` on the "
            "case reports of MACCROBAT: in the exact place of a problem, on a problem or where it is told again (as "
            "history, by another name), on anything that people marked. The starter concepts were tuned on these "
            "reports, ICD-10-CM only by leaving out chapters and nine names."
        )
        terminology = Terminology(Path(place) / "icd10cm")
        return Section(
            "Compiled terminologies", [told, "", *table([*lookups(terminology, built), *marks(terminology)])]
        )


def lookups(terminology: Terminology, built: float) -> Iterable[tuple[str, ...]]:
    """Seconds to build; codes and exact names a second; microseconds for all ancestors of a code."""
    codes = random.Random(1).sample([str(one.code) for one in terminology], ASKED)
    entries = [terminology[code] for code in codes]
    names = [entry.name for entry in entries]
    each = median(lambda: [terminology[code] for code in codes]) / ASKED
    above = median(lambda: [terminology.hierarchy.ancestors(one.number) for one in entries]) / ASKED
    exact = median(lambda: terminology.exact(names)) / ASKED
    yield "build of ICD-10-CM, s of processor time", f"{built:.1f}", "", ""
    yield judged("codes looked up a second", 1 / each, 20_000, form=",.0f")
    yield judged("all ancestors of a code, µs", above * 1e6, 50, form=".1f", least=False)
    yield "names looked up a second, in batches", f"{1 / exact:,.0f}", "", ""


def median(work: Callable[[], object]) -> float:
    """Median seconds of some passes, after one to warm up."""
    work()
    seconds = []
    for _ in range(PASSES):
        begun = time.process_time()
        work()
        seconds.append(time.process_time() - begun)
    return statistics.median(seconds)


def marks(terminology: Terminology) -> Iterable[tuple[str, ...]]:
    """Precision and recall of the PROBLEM marks with the starter concepts alone, and with ICD-10-CM."""
    data = folder()
    if data is None:
        return
    gold = [json.loads(line) for line in (data / "ner" / "maccrobat.jsonl").read_text("utf-8").split("\n") if line]
    ways = {"starter concepts": Phrases(), "and ICD-10-CM": Phrases(terminology=terminology.folder)}
    seen: dict[str, set] = {}
    for name, stage in ways.items():
        notes = stage.pipe(Note(f"n{number}", record["text"]) for number, record in enumerate(gold))
        seen[name] = {(at, span.start, span.end) for at, note in enumerate(notes) for span in problems(note)}
        yield from counted(name, seen[name], gold)
    first, second = seen.values()
    yield from counted("what ICD-10-CM adds", second - first, gold)


def problems(note: Note) -> list:
    """The spans that say what the patient has."""
    return [span for span in note.layer("entity") if span.label == "PROBLEM"]


def counted(name: str, seen: set, gold: list[dict]) -> Iterable[tuple[str, ...]]:
    """Of marks, those in the exact place of a problem, on a problem, and on anything; of problems, those found."""
    told: Counter[str] = Counter()
    for at, start, end in seen:
        over = [one for one in gold[at]["spans"] if one["start"] < end and start < one["end"]]
        told["exact"] += any((one["start"], one["end"]) == (start, end) and one["label"] in PROBLEMS for one in over)
        told["problem"] += any(one["label"] in PROBLEMS | NEAR for one in over)
        told["any"] += bool(over)
    wanted = sum(one["label"] in PROBLEMS for record in gold for one in record["spans"])
    shares = ", ".join(f"{told[kind] / max(len(seen), 1):.3f}" for kind in ("exact", "problem", "any"))
    yield f"{name}: {len(seen):,} marks: exact, on a problem, on anything", shares, "", ""
    yield f"{name}: problems found in the exact place, of {wanted:,}", f"{told['exact'] / wanted:.3f}", "", ""
