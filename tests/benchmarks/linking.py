"""Mentions to codes: how often the right code is first and among ten, how honest the scores are, and how fast it is.

    python -m tests.benchmarks.linking             every figure
    python -m tests.benchmarks.linking --fit       the weights, fitted on the even half, into rules/ranking.yaml
    python -m tests.benchmarks.linking --latency FOLDER   milliseconds a mention at 1.5 million forms, as JSON

What is linked against is in `linkdata.build`; figures are of the odd half, by the hash of each row's id.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from medtext.inference.sentence_encoder import SentenceEncoder
from medtext.review.statistics import Bootstrap, Figure
from medtext.span import Candidate
from medtext.terminology.candidatefiles import trigrams
from medtext.terminology.candidates import CandidateIndex
from medtext.terminology.linker import Linker
from medtext.terminology.wording import shipped_wording, spaced
from medtext.training.ranker import Example, fit_ranker
from tests.benchmarks import codiesp, linkdata, matching
from tests.benchmarks.linkdata import Task
from tests.benchmarks.section import Row, Section, judged, table

Right = Callable[[Candidate, Task], bool]
TEN = 10
BINS = 10
WEIGHTS = Path(__file__).parents[2] / "medtext/terminology/rules/ranking.yaml"
# No data here tells these.
HAND = {
    "abbreviation": -3.5,
    "curated": 2.5,
    "strength same": 3,
    "strength other": -3,
    "form same": 3,
    "form other": -2,
    "timing same": 2.5,
    "timing other": -2.5,
    "timing open": -0.5,
    "method same": 2.5,
    "method other": -1,
    # A vector alone, however near, stays below three in four.
    "embedding": -8,
    "cosine": 9,
}

ABOUT = (
    "What is linked against is small: LOINC is the universal lab orders and the names of all mapped items of the two "
    "files, RxNorm the prescribable names (of ingredients beginning with A only some), SNOMED CT the Global Patient "
    "Set of 2020 and the names of the mapped procedures. A drug is right when its ingredients are, salts left out, "
    "or when it is the mapped brand. An exact GPS name is right with any code of that name. Weights are fitted on "
    "the even half of the ids, figures are of the odd half; CodiEsp's development reports were not tuned on."
)


def by_code(candidate: Candidate, task: Task) -> bool:
    """Whether a candidate is one of the codes of a task."""
    return linkdata.is_right(candidate.code, task)


def by_ingredient() -> Right:
    """Whether a candidate has the ingredients of the drug form of a task, or is its brand."""
    known = linkdata.Ingredients()
    return lambda candidate, task: known.same(candidate.display, next(iter(task.right)))


def linker(folder: Path, task: Task, vectors: SentenceEncoder | None = None) -> Linker:
    """A linker of one compiled terminology, for the label and system of a task."""
    return Linker(folder, systems={task.label: [task.system]}, limit=TEN, vectors=vectors)


class Measured:
    """What a linker gives for the tasks of the odd half."""

    def __init__(self, name: str, folder: Path, tasks: Iterable[Task], right: Right = by_code) -> None:
        self.name = name
        self.tasks = [task for task in tasks if not task.fitted]
        one = linker(folder, self.tasks[0])
        self.concepts = len(next(iter(one.terminologies)))
        found = [one.candidates(task.mention, task.label, task.context) for task in self.tasks]
        self.hits = [[right(each, task) for each in held] for held, task in zip(found, self.tasks, strict=True)]
        self.scores = [held[0].score or 0.0 for held in found if held]
        self.firsts = [hits[0] for hits in self.hits if hits]

    def rows(self, first: float | None = None, ten: float | None = None) -> Iterator[Row]:
        """Top-1 and top-10 with their intervals, beside what was asked."""
        counts = Bootstrap([[any(hits[:1]), any(hits[:TEN]), 1] for hits in self.hits])
        about = f"{self.name}, {len(self.tasks)} mentions against {self.concepts:,} concepts"
        yield _row(f"{about}: top-1", counts.share([0], [2]), first)
        yield _row(f"{about}: top-10", counts.share([1], [2]), ten)
        yield f"{self.name}: expected calibration error of the best score", f"{self.calibration():.3f}", "", ""

    def calibration(self) -> float:
        """The mean gap between the score of the best candidate and how often it is right, over ten bins of scores."""
        gaps = 0.0
        for low in range(BINS):
            held = [
                (score, hit)
                for score, hit in zip(self.scores, self.firsts, strict=True)
                if min(int(score * BINS), BINS - 1) == low
            ]
            gaps += abs(sum(score for score, _ in held) - sum(hit for _, hit in held))
        return gaps / max(len(self.scores), 1)


def _row(name: str, figure: Figure, bar: float | None) -> Row:
    value = figure.value or 0.0
    said = f"{value:.3f} [{figure.low or 0.0:.3f}, {figure.high or 0.0:.3f}]"
    if bar is None:
        return name, said, "", ""
    return name, said, f"≥ {bar:.2f}", judged(name, value, bar)[3]


def by_letters(tasks: Sequence[Task]) -> Iterator[Row]:
    """The same laboratory names by nothing but trigrams that they share with the long names (Dice's coefficient)."""
    names = [(code, set(_grams(name))) for code, name in sorted(linkdata.loinc_names().items())]
    for told, said in (("name", lambda task: task.mention), ("name and fluid", _with_fluid)):
        counts = []
        for task in (task for task in tasks if not task.fitted):
            grams = set(_grams(said(task)))
            ranked = sorted(names, key=lambda one: (-2 * len(grams & one[1]) / (len(grams) + len(one[1])), one[0]))
            places = [at for at, (code, _) in enumerate(ranked[:TEN]) if code in task.right]
            counts.append([0 in places, bool(places), 1])
        drawn = Bootstrap(counts)
        yield _row(f"trigrams of {told} alone, same mentions and names: top-1", drawn.share([0], [2]), None)
        yield _row(f"trigrams of {told} alone: top-10", drawn.share([1], [2]), None)


def _with_fluid(task: Task) -> str:
    return f"{task.mention} {task.context.specimen}"


def _grams(text: str) -> list[int]:
    return [gram for word in spaced(text).split() for gram in trigrams(word)]


def figures(place: Path) -> Iterator[Row]:
    """All figures but the speed."""
    folders = linkdata.build(place)
    labs = linkdata.labs()
    yield from Measured("laboratory names → LOINC", folders["loinc"], labs).rows(0.55, 0.80)
    yield from by_letters(labs)
    yield from Measured("charted items → LOINC", folders["loinc"], linkdata.charted("LOINC")).rows()
    drugs = linkdata.drugs()
    yield from Measured("infused drugs → RxNorm ingredient", folders["rxnorm"], drugs, by_ingredient()).rows(0.85)
    yield from Measured("procedures → SNOMED CT", folders["procedures"], linkdata.procedures()).rows()
    mentions = Measured("MACCROBAT problems with an exact GPS name", folders["snomed"], linkdata.gps_mentions())
    yield from mentions.rows(0.95)
    for system, name in (("SNOMED", "snomed"), ("ICD10CM", "icd10cm")):
        forms = linkdata.starter_forms(system)
        yield from Measured(f"forms of the starter problems → {system}", folders[name], forms).rows()
    yield from codiesp.rows(folders["icd10cm"])


def latency_rows(place: Path) -> Iterator[Row]:
    """Milliseconds a mention at 1.5 million forms, in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.linking", "--latency", str(place)]
    subprocess.run([*command, "build"], check=True, capture_output=True, env=os.environ)
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ)
    told = json.loads(done.stdout.splitlines()[-1])
    name = f"candidates at {told['forms']:,} forms: median ms of {told['mentions']} mentions, one core"
    yield judged(name, told["median"], 5, form=".2f", least=False)
    yield "the same of the mentions that no form is equal to", f"{told['fuzzy']:.2f}", "", ""
    yield "the same, the slowest in twenty", f"{told['slow']:.2f}", "", ""
    yield "resident MB of that process, pages of the index in use among them", f"{told['resident MB']}", "", ""
    yield "seconds to open the index; MB on disk", f"{told['open']:.4f}; {told['disk']}", "", ""


def latency(folder: Path) -> dict[str, float]:
    """Problems, drugs and tests of MACCROBAT, once each, after a first pass over other mentions."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    started = time.perf_counter()
    index = CandidateIndex.open(folder)
    opened = time.perf_counter() - started
    mentions = sorted(linkdata.maccrobat_mentions())[::7]
    for mention in mentions[::2]:
        index.find(mention)
    spent = [_timed(index, mention) for mention in mentions[1::2]]
    seconds, fuzzy = [one for one, _ in spent], [one for one, way in spent if way not in ("exact", "normalised")]
    return {
        "forms": len(index),
        "mentions": len(seconds),
        "median": statistics.median(seconds) * 1e3,
        "fuzzy": statistics.median(fuzzy) * 1e3,
        "slow": sorted(seconds)[int(len(seconds) * 0.95)] * 1e3,
        "open": opened,
        "disk": sum(one.stat().st_size for one in folder.iterdir()) // 2**20,
        **matching.memory(),
    }


def _timed(index: CandidateIndex, mention: str) -> tuple[float, str]:
    started = time.process_time()
    found = index.find(mention)
    return time.process_time() - started, found[0].way if found else ""


def build_latency(folder: Path) -> None:
    """The index of the forms that the matcher is measured with."""
    given = matching.forms()
    names = ((form, number) for number, form in enumerate(given))
    CandidateIndex.build(names, owners=len(given), wording=shipped_wording()).save(folder)


def examples(folder: Path, tasks: Iterable[Task], right: Right) -> Iterator[Example]:
    """What the ranker learns from: the candidates of each task of the even half, and which are right."""
    held = [task for task in tasks if task.fitted]
    one = linker(folder, held[0])
    for task in held:
        features, codes = one.features(task.mention, task.label, task.system, task.context)
        yield features, [at for at, held in enumerate(codes) if any(right(each, task) for each in held)]


def fit(place: Path) -> dict[str, dict[str, float]]:
    """The weights of each code system."""
    folders = linkdata.build(place)
    labs = [*linkdata.labs(), *linkdata.charted("LOINC")]
    snomed = [*examples(folders["snomed"], linkdata.starter_forms("SNOMED"), by_code)]
    snomed += examples(folders["snomed"], linkdata.gps_mentions(), by_code)
    icd10cm = [*examples(folders["icd10cm"], linkdata.starter_forms("ICD10CM"), by_code)]
    return {
        "LOINC": fit_ranker(examples(folders["loinc"], labs, by_code), ridge=0.3),
        "RXNORM": fit_ranker(examples(folders["rxnorm"], linkdata.drugs(), by_ingredient()), ridge=0.3),
        "SNOMED": fit_ranker(snomed),
        "ICD10CM": fit_ranker(icd10cm),
        "other": fit_ranker([*snomed, *icd10cm]),
    }


def write_weights(fitted: dict[str, dict[str, float]]) -> None:
    """Into the rules, with the command that made them."""
    head = [
        "# How much each feature of a candidate counts (terminology/ranking.py). `by_hand` goes for all systems.",
        'version: "1"',
        "fitted_by: python -m tests.benchmarks.linking --fit",
        "fitted_on: the even half of the mapped items, of the starter's problems, and of MACCROBAT's",
        "by_hand: {" + ", ".join(f"{name}: {value}" for name, value in HAND.items()) + "}",
        "weights:",
    ]
    for system, weights in fitted.items():
        head += [f"  {system}:", *(f'    "{name}": {value}' for name, value in sorted(weights.items()))]
    WEIGHTS.write_text("\n".join(head) + "\n", encoding="utf-8")


def section() -> Section:
    """For `make bench`."""
    with tempfile.TemporaryDirectory() as place:
        rows = [*figures(Path(place)), *latency_rows(Path(place) / "latency")]
    return Section("Linking", [ABOUT, "", *table(rows)], table(row for row in rows if row[2]))


def main(arguments: list[str]) -> None:
    """One figure, all, or the weights."""
    if arguments[:1] == ["--latency"]:
        folder = Path(arguments[1])
        if arguments[2:] == ["build"]:
            build_latency(folder)
        else:
            print(json.dumps(latency(folder)))
        return
    if arguments[:1] == ["--fit"]:
        with tempfile.TemporaryDirectory() as place:
            write_weights(fit(Path(place)))
        return
    print("\n".join(section().lines))


if __name__ == "__main__":
    main(sys.argv[1:])
