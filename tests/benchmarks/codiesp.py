"""CodiEsp: the ICD-10-CM codes of whole case reports, from dictionary, assertion and linking alone.

The texts are machine translations from Spanish; coders gave codes to the report, so a finding that is coded need not
be worded as its code is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import medtext
from medtext.note import Note
from medtext.review.statistics import Bootstrap
from medtext.span import Code
from medtext.terminology.store import Terminology
from tests.benchmarks.linkdata import data
from tests.benchmarks.section import Row

THRESHOLD = 0.7  # of codes that are counted; on training reports 0.3 to 0.8 give the same F1, 0.9 a lower one


def reports(name: str) -> list[tuple[Note, frozenset[str]]]:
    """Each report with its codes."""
    held = [json.loads(line) for line in (data() / f"linking/codiesp_{name}.jsonl").read_bytes().split(b"\n") if line]
    return [(Note(one["id"], one["text"]), frozenset(one["icd10cm"])) for one in held]


def reader(folder: Path) -> Callable[[Iterable[Note]], Iterator[Note]]:
    """The stages as a user names them: sentences, sections, the two dictionaries, assertions, codes."""
    told = {"terminology": [str(folder)]}
    stages = ["sentences", "sections", {"phrases": told}, "assertion", {"linking": told | {"threshold": THRESHOLD}}]
    return medtext.load({"stages": stages}).pipe


def said(note: Note) -> frozenset[str]:
    """The codes of the patient's problems that are not denied."""
    codes = set()
    for span in note.layer("entity"):
        told = span.assertion
        if told is None or (told.presence != "absent" and told.subject in (None, "patient")):
            codes |= {code.code for code in span.codes if code.system == "ICD10CM"}
    return frozenset(codes)


def as_coded(codes: frozenset[str], gold: frozenset[str], terminology: Terminology) -> frozenset[str]:
    """Codes as the coders' release had them: a gold code that is a heading by now stands for those below it."""
    held = {code: terminology.get(Code("ICD10CM", code)) for code in gold - codes}
    headings = [code for code, entry in held.items() if entry is not None and not entry.billable]
    return frozenset(next((one for one in headings if code.startswith(one)), code) for code in codes)


def rows(folder: Path, name: str = "dev") -> Iterator[Row]:
    """Micro recall, precision and F1 of full codes, of those as the coders had them, and of three characters."""
    held = reports(name)
    right = [gold for _, gold in held]
    found = [said(note) for note in reader(folder)(note for note, _ in held)]
    terminology = Terminology(folder)
    then = [as_coded(codes, gold, terminology) for codes, gold in zip(found, right, strict=True)]
    yield _row(f"CodiEsp {name}, {len(held)} reports → ICD-10-CM, full codes", right, found)
    yield _row(f"CodiEsp {name}: codes that are headings by now count for those below", right, then)
    yield _row(f"CodiEsp {name}: three characters", map(_short, right), map(_short, found))


def _short(codes: frozenset[str]) -> frozenset[str]:
    return frozenset(code[:3] for code in codes)


def _row(what: str, right: Iterable[frozenset[str]], found: Iterable[frozenset[str]]) -> Row:
    counts = [[len(gold), len(gold & codes), len(codes)] for gold, codes in zip(right, found, strict=True)]
    score = Bootstrap(counts).score([0], [1], [2], [1])
    f1 = score.f1
    value = f"P {score.precision.value or 0:.3f}, R {score.recall.value or 0:.3f}, "
    return what, f"{value}F1 {f1.value or 0:.3f} [{f1.low or 0:.3f}, {f1.high or 0:.3f}]", "", ""
