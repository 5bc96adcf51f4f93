"""How well short forms with several senses are read, without their definition.

*Silver senses*: case reports that define a short form ("prothrombin time (PT)") and use it again elsewhere. The
definition is hidden and the other places are read; gold is the sense of the table that the definition names. Cues and
weights were tuned on one half of the notes only (the even half of a hash of their ids).

*Inventories*: senses with their shares, as counted in clinic notes and discharge summaries of one hospital. They say
how much of what is written the table knows; its senses and priors were written with them in view, so they test nothing.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from medtext.note import Note
from medtext.review.statistics import Bootstrap, Figure
from medtext.stages.phrases import Phrases
from medtext.stages.sections import Sections
from medtext.stages.sentences import Sentences
from medtext.terminology.abbreviations import Abbreviations, Sense, matching
from medtext.terminology.definitions import definitions
from tests.benchmarks.section import Section, table
from tests.shared import folder

REPORTS = ("notes/case_reports_ccby.jsonl", "ner/maccrobat.jsonl", "linking/codiesp_train.jsonl",
           "linking/codiesp_dev.jsonl")  # fmt: skip
INVENTORIES = ("vanderbilt_clinic_notes.txt", "vanderbilt_discharge_sums.txt")
HALVES = ("tuned", "unseen")
MACCROBAT = {
    "Disease_disorder": "PROBLEM",
    "Sign_symptom": "PROBLEM",
    "Medication": "MEDICATION",
    "Diagnostic_procedure": "TEST",
    "Therapeutic_procedure": "PROCEDURE",
    "Biological_structure": "ANATOMY",
}
_SHORT = re.compile(r"[A-Z][A-Z0-9]{1,4}")


def section() -> Section:
    """All figures, with what they are measured on."""
    return Section("Abbreviations", [*str(__doc__).strip().split("\n"), "", *table(rows())])


def rows() -> Iterator[tuple[str, str, str, str]]:
    """(what, measured, wanted, met) of each figure; one row that says so where the data is absent."""
    data = folder()
    if data is None:
        yield "abbreviations", "not measured: the shared data is not here (set MEDTEXT_DATA to its folder)", "", ""
        return
    known = Abbreviations.load()
    for name in INVENTORIES:
        yield from inventory_rows(known, data / "terminology" / "abbreviations" / name)
    read = [one for one in read_notes(data, known) if one[1]]
    for half, name in enumerate(HALVES):
        yield from silver_rows(name, [places for key, places in read if half_of(key) == half])
    yield from people_rows(data)


def people_rows(data: Path) -> Iterator[tuple[str, str, str, str]]:
    """Of the short forms in capitals that phrases marks, how many lie on what people marked, and with its label."""
    lines = (data / "ner" / "maccrobat.jsonl").read_text(encoding="utf-8").split("\n")
    records = [json.loads(line) for line in lines if line]
    layout = (Sections(), Sentences())
    for name, asked in (("without", None), ("with", "clinical")):
        stage, counts = Phrases(abbreviations=asked), [0, 0, 0]
        for record in records:
            note = stage(layout[1](layout[0](Note("note", record["text"]))))
            for span in note.layer("entity"):
                if _SHORT.fullmatch(note.text[span.start : span.end]):
                    gold = [one for one in record["spans"] if one["start"] < span.end and span.start < one["end"]]
                    counts[0] += 1
                    counts[1] += bool(gold)
                    counts[2] += any(MACCROBAT.get(one["label"]) == span.label for one in gold)
        found, placed, labelled = counts
        told = f"{found}; {placed / found:.3f}; {labelled / found:.3f}"
        yield f"MACCROBAT, {name} the table: short forms marked; on a marked mention; with its label", told, "", ""


def half_of(key: str) -> int:
    """0 for the half that cues may be tuned on, 1 for the other."""
    return int(hashlib.sha256(key.encode()).hexdigest(), 16) % 2


def inventory_rows(table: Abbreviations, path: Path) -> Iterator[tuple[str, str, str, str]]:
    """How many of the short forms with several senses the table has, and what share of their uses its senses cover."""
    held: dict[str, list[tuple[float, str]]] = {}
    with path.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream, delimiter="\t"):
            held.setdefault(row["abbreviation"], []).append((float(row["frequency"]), row["sense"]))
    several = {short: senses for short, senses in held.items() if max(share for share, _ in senses) < 0.99}
    known = {short: senses for short, senses in several.items() if table.senses(short.upper().replace("_", "/"))}
    covered = [share for short, senses in known.items() for share, sense in senses if _sense(table, short, sense)]
    first = [
        short for short, senses in known.items() if _sense(table, short, max(senses)[1]) == _likeliest(table, short)
    ]
    name = path.stem.replace("_", " ")
    yield f"{name}: short forms with several senses that the table has", f"{len(known)} of {len(several)}", "", ""
    yield f"{name}: uses of those whose sense it has", f"{sum(covered) / len(known):.3f}", "", ""
    yield f"{name}: most frequent sense is the table's first", f"{len(first) / len(known):.3f}", "", ""


def _sense(table: Abbreviations, short: str, words: str) -> Sense | None:
    return matching(words, table.senses(short.upper().replace("_", "/")))


def _likeliest(table: Abbreviations, short: str) -> Sense:
    return max(table.senses(short.upper().replace("_", "/")), key=lambda sense: sense.prior)


Place = tuple[str, str, str, bool]  # short form, sense that is meant, sense that was read or none, prior alone is right


def read_notes(data: Path, table: Abbreviations) -> Iterator[tuple[str, list[Place]]]:
    """Of each note its id and the places where a defined short form of several senses was read."""
    layout = (Sections(), Sentences())
    for name in REPORTS:
        for line in (data / name).read_text(encoding="utf-8").split("\n"):
            record = json.loads(line) if line else {}
            if "text" in record:
                yield record["id"], list(_places(Note("note", record["text"]), table, layout))


def _places(note: Note, table: Abbreviations, layout: Iterable) -> Iterator[Place]:
    told = {short: one for short, one in definitions(note.text).items() if len(table.senses(short)) > 1}
    if not told:
        return
    for stage in layout:
        note = stage(note)
    for short, one in told.items():
        meant = matching(note.text[one.start : one.end], table.senses(short))
        if meant is None:
            continue
        first = max(table.senses(short), key=lambda sense: sense.prior)
        for found in re.finditer(rf"(?<![\w-]){re.escape(short)}(?![\w-])", note.text):
            if abs(found.start() - one.end) > 3 and abs(one.start - found.end()) > 3:
                reading = table.resolve(note.text, *found.span(), section=_section(note, found.start()),
                                        sentence=_sentence(note, found.start()))  # fmt: skip
                sense = reading.sense.means if reading and reading.sense else ""
                yield short, meant.means, sense, first == meant


def _section(note: Note, at: int) -> str:
    return next((span.label for span in note.layer("section") if span.start <= at < span.end), "")


def _sentence(note: Note, at: int) -> tuple[int, int] | None:
    return next(((span.start, span.end) for span in note.layer("sentence") if span.start <= at < span.end), None)


def silver_rows(half: str, notes: list[list[Place]]) -> Iterator[tuple[str, str, str, str]]:
    """Accuracy where a sense was chosen, the share of places where one was, and the prior's accuracy beside it."""
    counts = [[len(one), sum(bool(read) for *_, read, _ in one), sum(read == meant for _, meant, read, _ in one),
               sum(prior for *_, prior in one)] for one in notes]  # fmt: skip
    drawn = Bootstrap(counts)
    kinds = len({short for one in notes for short, *_ in one})
    places = f"{sum(one[0] for one in counts)} places of {kinds} short forms in {len(notes)} notes"
    about = f"case reports, {half} half, {places}"
    for what, part, whole in (("right where a sense is chosen", 2, 1), ("a sense is chosen", 1, 0),
                              ("the most frequent sense always", 3, 0)):  # fmt: skip
        yield f"{about}: {what}", _told(drawn.share([part], [whole])), "", ""


def _told(figure: Figure) -> str:
    return f"{figure.value:.3f} ({figure.low:.3f}–{figure.high:.3f})"


if __name__ == "__main__":
    print("\n".join(section().lines))
