"""Finding 1.5 million forms: seconds to build, seconds to open, memory, and characters a second, beside other engines.

    make bench ONLY=matching                       every row, each in a process of its own on one core (some minutes)
    python -m tests.benchmarks.matching ROW        one row, as JSON

The forms are the names of the shared terminology files and, up to the number, the same with their words in another
order; the text is the shared visit notes and case reports, note by note the visit notes alone.
"""

from __future__ import annotations

import csv
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from medtext.terminology.forms import FormIndex
from medtext.terminology.matcher import Matcher
from tests.benchmarks.section import Section, judged, table
from tests.shared import folder

FORMS = 1_500_000
PASSES = 7
ROWS = ("medtext, batches", "medtext, note by note", "ahocorasick_rs", "spaCy PhraseMatcher")
Find = Callable[[list[str]], int]


def data() -> Path:
    """The shared data, which the benchmark cannot do without."""
    found = folder()
    if found is None:
        raise SystemExit("the shared data is not here (set MEDTEXT_DATA to its folder)")
    return found


def names() -> Iterator[str]:
    """Real names of SNOMED CT's patient set, ICD-10-CM, RxNorm, HCPCS and LOINC."""
    terms = data() / "terminology"
    for line in (terms / "snomed_gps" / "gps.tsv").read_text("utf-8").splitlines():
        yield re.sub(r" \([^()]*\)$", "", line.split("\t")[1])
    for line in (terms / "icd10cm" / "icd10cm_order_2025.txt").read_text("utf-8").splitlines():
        yield line[77:].strip()
    yield from column(terms / "rxnorm" / "rxnorm_prescribe_20251006_noA.tsv", "name")
    yield from column(terms / "hcpcs" / "hcpcs_2019.tsv", "long")
    yield from column(terms / "loinc" / "LoincUniversalLabOrdersValueSet.csv", "LONG_COMMON_NAME", ",")


def column(path: Path, name: str, delimiter: str = "\t") -> list[str]:
    """One column of a table by its heading."""
    with path.open(encoding="utf-8", newline="") as file:
        return [row[name] for row in csv.DictReader(file, delimiter=delimiter)]


def forms(count: int = FORMS) -> list[str]:
    """So many distinct forms, the same each time."""
    real = [name for name in dict.fromkeys(names()) if re.search(r"[^\W_]", name)]
    found = dict.fromkeys(real[:count])
    chance = random.Random(7)
    words = [kept for name in real if 3 <= len(kept := re.findall(r"[^\s,;()\[\]]*[^\W_][^\s,;()\[\]]*", name)) <= 12]
    while len(found) < count:
        shuffled = chance.choice(words)[:]
        chance.shuffle(shuffled)
        found[" ".join(shuffled)] = None
    return list(found)


def notes(names: Iterable[str] = ("aci_bench", "case_reports_ccby")) -> list[str]:
    """Visit notes of 2,665 characters on average and case reports of 702."""
    files = [data() / "notes" / f"{name}.jsonl" for name in names]
    return [json.loads(line)["text"] for path in files for line in path.read_bytes().split(b"\n") if line]


def compiled() -> tuple[Path, float]:
    """The folder of the index, built once a day's run, and the seconds that took."""
    place = Path(os.environ["MEDTEXT_BENCH_FORMS"])
    if not (place / "index").exists():
        given = forms()
        started = time.perf_counter()
        FormIndex.build(((form, number) for number, form in enumerate(given)), place / "index")
        (place / "seconds").write_text(f"{time.perf_counter() - started:.2f}")
    return place / "index", float((place / "seconds").read_text())


def opened() -> tuple[FormIndex, float, float]:
    """The index, the seconds to open it, and those to build it."""
    path, built = compiled()
    started = time.perf_counter()
    index = FormIndex.open(path)
    return index, time.perf_counter() - started, built


def batches() -> tuple[Find, float, float]:
    """All notes given at once."""
    index, load, built = opened()
    return lambda texts: sum(map(len, index.find_many(texts))), load, built


def one_by_one() -> tuple[Find, float, float]:
    """A call for each note."""
    index, load, built = opened()
    return lambda texts: sum(len(list(index.find(text))) for text in texts), load, built


def corasick() -> tuple[Find, float, float]:
    """Aho-Corasick over lower-case text: no word boundaries, plurals, line breaks or accents."""
    import ahocorasick_rs as engine

    given = list(dict.fromkeys(form.lower() for form in forms()))
    started = time.perf_counter()
    matcher = engine.AhoCorasick(given, matchkind=engine.MatchKind.LeftmostLongest)
    built = time.perf_counter() - started
    return lambda texts: sum(len(matcher.find_matches_as_indexes(text.lower())) for text in texts), built, built


def phrase_matcher() -> tuple[Find, float, float]:
    """spaCy's matcher on lower-case words of a blank pipeline, tokeniser counted."""
    import spacy
    from spacy.matcher import PhraseMatcher

    nlp = spacy.blank("en")
    nlp.max_length = 10**9
    given = forms()
    started = time.perf_counter()
    matcher = PhraseMatcher(nlp.vocab, attr="LOWER")
    for start in range(0, len(given), 10_000):
        matcher.add(str(start), list(nlp.tokenizer.pipe(given[start : start + 10_000])))
    built = time.perf_counter() - started
    return lambda texts: sum(len(matcher(nlp.make_doc(text))) for text in texts), built, built


ENGINES = dict(zip(ROWS, (batches, one_by_one, corasick, phrase_matcher), strict=True))


def measure(row: str) -> dict[str, float | str]:
    """One row: seconds to build and to load, megabytes a second, matches, peak memory in MB."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    find, load, built = ENGINES[row]()
    given = notes(["aci_bench"] if row == ROWS[1] else ("aci_bench", "case_reports_ccby"))
    size, matches, seconds = sum(map(len, given)), find(given), []
    for _ in range(PASSES):
        started = time.process_time()
        find(given)
        seconds.append(time.process_time() - started)
    return {
        "row": row,
        "build s": round(built, 2),
        "load s": round(load, 4),
        "MB/s": round(size / statistics.median(seconds) / 1e6, 2),
        "best MB/s": round(size / min(seconds) / 1e6, 2),
        "matches per 1000 characters": round(1000 * matches / size, 2),
        "notes": len(given),
        "characters": size,
        **memory(),
    }


def memory() -> dict[str, int]:
    """Megabytes that lie in memory now, and how many of them are pages of files, which all processes share."""
    path = Path("/proc/self/status")
    status = dict(line.split(":", 1) for line in path.read_text().splitlines()) if path.exists() else {}
    rows = {"resident MB": "VmRSS", "of files MB": "RssFile"}
    return {name: int(status[key].split()[0]) // 1024 for name, key in rows.items() if key in status}


def hold() -> None:
    """A process that has read all notes with the index: says so, waits, then tells what its index weighs.

    A page of a file that two processes hold counts half for each (the proportional set size of Linux).
    """
    index, _, _ = opened()
    list(index.find_many(notes()))
    print("ready", flush=True)
    sys.stdin.readline()
    print(weight(str(compiled()[0])), flush=True)
    sys.stdin.readline()


def weight(place: str) -> float:
    """Megabytes of the files below a folder that lie in this process's memory, each page shared by its holders."""
    size, inside = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if re.match("[0-9a-f]+-[0-9a-f]+ ", line):
            inside = place in line
        elif inside and line.startswith("Pss:"):
            size += int(line.split()[1])
    return round(size / 1024, 1)


def shared() -> tuple[float, float]:
    """What the index weighs in one process alone, and in each of two at a time."""
    command = [sys.executable, "-m", "tests.benchmarks.matching", "hold"]
    told = []
    for count in (1, 2):
        running = [subprocess.Popen(command, stdin=-1, stdout=-1, text=True) for _ in range(count)]
        weights = []
        for one in running:
            one.stdout.readline()
        for one in running:
            one.stdin.write("\n")
            one.stdin.flush()
            weights.append(float(one.stdout.readline()))
        for one in running:
            one.communicate("\n")
        told.append(max(weights))
    return told[0], told[1]


def disagreements(count: int = 20_000) -> int:
    """Notes in which the index and the plain matcher differ, with so many of the forms in both."""
    given = random.Random(1).sample(forms(), count)
    plain = Matcher(given)
    with tempfile.TemporaryDirectory() as place:
        index = FormIndex.build(((form, number) for number, form in enumerate(given)), Path(place) / "index")
        texts = notes()
        return sum(list(plain.find(text)) != found for text, found in zip(texts, index.find_many(texts), strict=True))


def section() -> Section:
    """Every row in a process of its own."""
    with tempfile.TemporaryDirectory() as place:
        os.environ["MEDTEXT_BENCH_FORMS"] = place
        subprocess.run([sys.executable, "-m", "tests.benchmarks.matching", "build"], check=True)
        busy = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
        found = [row(name) for name in ROWS]
        alone, both = shared() if Path("/proc/self/smaps").exists() else (0.0, 0.0)
        del os.environ["MEDTEXT_BENCH_FORMS"]
    many, single = found[:2]
    told = (
        f"{FORMS:,} forms: the names of SNOMED CT's patient set, ICD-10-CM, RxNorm, HCPCS and LOINC, and the same "
        f"with their words in another order. {many['notes']:,} visit notes and case reports of "
        f"{many['characters']:,} characters; note by note the {single['notes']} visit notes alone. One core, median of "
        f"{PASSES} passes in processor time, each row in a process of its own; to build and to open in wall time, "
        f"at a load of {busy:.1f} on {os.cpu_count()} processors. The other engines match otherwise: "
        "no plurals, line breaks or accents, and Aho-Corasick no word boundaries."
    )
    return Section("Finding millions of forms", [told, "", *targets(found, alone, both), "", *peers(found)])


def row(name: str) -> dict:
    """One row, measured in a fresh process."""
    print(f"  {name} …", file=sys.stderr)
    command = [sys.executable, "-m", "tests.benchmarks.matching", name]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{name}: {done.stderr.strip().splitlines()[-1:] or 'failed'}")
    return json.loads(done.stdout.splitlines()[-1])


def targets(found: list[dict], alone: float, both: float) -> list[str]:
    """The figures that were asked for, met or not."""
    many, single = found[:2]
    at_most = {"least": False}
    different = disagreements()
    met = "met" if both <= 0.6 * alone else "**not met**"
    return table(
        [
            judged("build, s", many["build s"], 60, form=".1f", **at_most),
            judged("open, s", many["load s"], 0.05, form=".4f", **at_most),
            judged("resident after reading all notes, MB", many["resident MB"], 120, form="d", **at_most),
            judged("in batches, MB/s", many["MB/s"], 25, form=".1f"),
            judged("note by note, MB/s", single["MB/s"], 8, form=".1f"),
            judged("notes with other matches than the plain matcher (20,000 forms)", different, 0, form="d", **at_most),
            ("index in memory, MB: one process; each of two", f"{alone:.1f}; {both:.1f}", "half", met),
        ]
    )


def peers(found: list[dict]) -> list[str]:
    """All engines side by side."""
    names = ("build s", "load s", "MB/s", "best MB/s", "matches per 1000 characters", "resident MB", "of files MB")
    lines = ["| engine | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    return lines + [
        f"| {one['row']} | " + " | ".join(f"{one.get(name, ''):,}" for name in names) + " |" for one in found
    ]


if __name__ == "__main__":
    if sys.argv[1:] in (["build"], ["hold"]):
        {"build": compiled, "hold": hold}[sys.argv[1]]()
    else:
        print(json.dumps(measure(sys.argv[1])))
