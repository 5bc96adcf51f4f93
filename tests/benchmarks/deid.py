"""De-identification in figures: values found, hard negatives touched, names removed, clinical words lost.

    python -m tests.benchmarks.deid

- **value recall** (ASQ-PHI half, clinical queries): of the values that the data lists, the share that no longer occurs
  in the output, as a plain substring. Years alone and ages up to 89, which Safe Harbor keeps, are no values there.
- **hard negatives touched**: of the queries without any identifier, the share whose text was changed at all. A query
  that says "diagnosed in 2021" counts as touched when the year was changed.
- **names left** (aci-bench, visit notes): names of the metadata, word by word, that stand in the output in any case.
- **clinical words lost** (aci-bench): of the places where a form of the starter concepts stands, the share that any
  finding overlaps.

There is no free English gold set of identifiers in real notes: queries are written by a model, visit notes by actors,
and the recall on generated notes is that of a generator we wrote ourselves.
"""

from __future__ import annotations

import json
import re
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from medtext import generate
from medtext.inference import BUNDLED
from medtext.note import Note
from tests.benchmarks import deid_generated, intervals
from tests.benchmarks.deid_generated import finder
from tests.benchmarks.section import Section, table
from tests.benchmarks.speed import presidio_analyzer
from tests.shared import folder

_KEYS = ("patient_firstname", "patient_familyname", "doctor_name")
Cleaner = Callable[[str], tuple[str, list[tuple[int, int]]]]


def ours(**options: Any) -> Cleaner:
    """Text → what the stage makes of it, and the places it replaced."""
    from medtext.stages.deid import Deid

    stage, find = Deid(**options), finder(options.get("neural"))

    def clean(text: str) -> tuple[str, list[tuple[int, int]]]:
        return stage(Note("n", text)).text, [(one.start, one.end) for one in find(text)]

    return clean


def presidio() -> Cleaner:
    """Presidio's default recognisers over a blank tokeniser: no model, no network; what is found is cut out."""
    analyzer = presidio_analyzer()

    def clean(text: str) -> tuple[str, list[tuple[int, int]]]:
        places = sorted({(one.start, one.end) for one in analyzer.analyze(text, language="en")})
        covered = bytearray(len(text))
        for start, end in places:
            covered[start:end] = b"\1" * (end - start)
        return "".join("\x00" if hidden else one for one, hidden in zip(text, covered, strict=True)), places

    return clean


def asq(data: Path, clean: Cleaner) -> tuple[Counter, Counter, int, int]:
    """Values by class, those left by class, hard negatives, those touched."""
    values, left, negatives, touched = Counter(), Counter(), 0, 0
    for record in _records(data / "deid" / "asq_phi_half.jsonl"):
        text, _ = clean(record["text"])
        values.update(one["identifier_type"] for one in record["phi"])
        left.update(one["identifier_type"] for one in record["phi"] if one["value"] in text)
        negatives += not record["phi"]
        touched += not record["phi"] and text != record["text"]
    return values, left, negatives, touched


def visits(data: Path, clean: Cleaner) -> tuple[int, int, int, int]:
    """Names of the metadata, those left, clinical words, those lost."""
    from medtext.terminology.concepts import load_concepts
    from medtext.terminology.matcher import Matcher

    matcher = Matcher([form for concept in load_concepts("starter").concepts for form in concept.forms])
    names = left = words = lost = 0
    for record in _records(data / "notes" / "aci_bench.jsonl"):
        text, places = clean(record["text"])
        held = {name for key in _KEYS for name in re.findall(r"\w+", record["meta"][key]) if name.lower() != "dr"}
        names += len(held)
        left += sum(bool(re.search(rf"(?i)\b{name}\b", text)) for name in held)
        for start, end, _ in matcher.find(record["text"]):
            words += 1
            lost += any(start < last and first < end for first, last in places)
    return names, left, words, lost


def _records(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as stream:
        yield from map(json.loads, stream)


def section() -> Section:
    """All rows; those with a bar go to the README."""
    measured = list(rows())
    return Section("De-identification", table(measured), table(row for row in measured if row[2]))


def rows() -> Iterator[tuple[str, str, str, str]]:
    """What, measured, wanted, met: by rules alone, with the model that ships beside them, by Presidio as it comes."""
    data = folder()
    if data is None:
        yield "not measured: the shared data is not here (set MEDTEXT_DATA to its folder)", "", "", ""
        return
    yield from _rows_of("", data, None, seed=660_913, bars=(0.98, 0.10, 0.97))
    yield from _rows_of(", with the model", data, BUNDLED, seed=770_421, bars=(0.99, 0.05, 0.99))
    yield from _asq_rows(" (Presidio's default recognisers, no model)", asq(data, presidio()))


def _rows_of(
    who: str, data: Path, neural: str | None, *, seed: int, bars: tuple[float, float, float], count: int = 1500
) -> Iterator[tuple[str, ...]]:
    """`bars` are the least recall on ASQ-PHI, the most hard negatives touched there, the least recall of names."""
    clean = ours(neural=neural)
    yield from _asq_rows(who, asq(data, clean), bars[:2])
    names, left, words, lost = visits(data, clean)
    yield f"aci-bench: names left, of {names}{who}", str(left), "0", _met(left == 0)
    share = lost / words
    yield f"aci-bench: clinical words lost, of {words}{who}", f"{share:.4f}", "≤ 0.01", _met(share <= 0.01)
    for one in deid_generated.rows(seed, count, neural):
        bar = bars[2] if one["what"] == "names" else one["bar"]
        negative = one["what"] == "hard negatives"
        wanted = "" if bar is None else f"{'≤' if negative else '≥'} {bar:.2f}"
        met = None if bar is None else one["share"] <= bar if negative else one["share"] >= bar
        yield f"generated: {one['what']}, of {one['n']}{who}", f"{one['share']:.4f}", wanted, _met(met)
    pairs, kept = intervals.measured(generate(count=count, seed=seed, notes_per_patient=2), neural=neural)
    yield f"generated: date intervals kept, of {pairs}{who}", f"{kept / pairs:.4f}", "1", _met(kept == pairs)


def _asq_rows(
    who: str, measured: tuple[Counter, Counter, int, int], bars: tuple[float, float] | None = None
) -> Iterator[tuple[str, ...]]:
    values, left, negatives, touched = measured
    recall, share = 1 - left.total() / values.total(), touched / negatives
    wanted = (f"≥ {bars[0]:.2f}", _met(recall >= bars[0])) if bars else ("", "")
    yield f"ASQ-PHI: value recall, of {values.total()}{who}", f"{recall:.4f}", *wanted
    wanted = (f"≤ {bars[1]:.2f}", _met(share <= bars[1])) if bars else ("", "")
    yield f"ASQ-PHI: hard negatives touched, of {negatives}{who}", f"{share:.4f}", *wanted
    for name, count in sorted(values.items()):
        yield f"ASQ-PHI: {name}, of {count}{who}", f"{1 - left[name] / count:.4f}", "", ""


def _met(met: bool | None) -> str:
    return "" if met is None else "met" if met else "**not met**"


def main() -> None:
    """Print one table."""
    warnings.simplefilter("ignore")  # Presidio's dependencies warn while they are imported
    print("| what | measured | wanted | |\n|---|---|---|---|")
    for row in rows():
        print("| " + " | ".join(row) + " |")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
