"""Negation against gold entities of other corpora: our assertion is given their places and asked what it says of them.

maccrobat (case reports): POLARITY NEG is absent; MAYBE_NEG, which is neither, is left out.
Trial criteria mark negation cues but not what they negate: the entity that begins nearest behind a cue, in its line and
within 40 characters, is taken as negated, and nothing else is: the lists that a cue negates count against us.
PHEE marks cues of negation and speculation in sentences on adverse effects: a sentence with a negation cue should have
an effect that is absent, one with a speculation cue an effect that is possible.

Rules were looked at with the even half of each corpus (by a hash of the note's id) only.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from medtext.note import Note
from medtext.span import Span
from medtext.stages.assertion import Assertions
from medtext.stages.sections import Sections
from medtext.stages.sentences import Sentences
from tests.benchmarks.section import Section, judged, table
from tests.shared import folder

MACCROBAT = {
    "Sign_symptom": "PROBLEM",
    "Disease_disorder": "PROBLEM",
    "Medication": "MEDICATION",
    "Therapeutic_procedure": "PROCEDURE",
    "Diagnostic_procedure": "TEST",
}
CRITERIA = {"Condition-Name": "PROBLEM", "Procedure-Name": "PROCEDURE", "Drug-Name": "MEDICATION"}
NEAR = 40  # characters between a cue and what it negates
Counts = tuple[int, int, int]  # right, said, wanted
Counter = Callable[[dict[str, Any], Callable[[Note], Note]], Counts]
Gold = dict[str, str]  # span id → presence


def half_of(identifier: str) -> int:
    """0 for the half that rules may be tuned on, 1 for the other."""
    return int(hashlib.sha256(identifier.encode()).hexdigest(), 16) % 2


def maccrobat(record: dict[str, Any]) -> tuple[Note, Gold]:
    """A note with its entities of five labels, and what each is said to be."""
    spans, gold = [], {}
    for span in record["spans"]:
        label, polarity = MACCROBAT.get(span["label"]), span.get("POLARITY", "")
        if label and polarity != "MAYBE_NEG" and span["end"] > span["start"]:
            at = tuple(map(tuple, span.get("fragments") or [[span["start"], span["end"]]]))
            spans.append(Span(at, label, id=span["id"]))
            gold[span["id"]] = {"NEG": "absent", "": "present", "POS": "present"}.get(polarity, "possible")
    return Note(record["id"], record["text"]).add(spans), gold


def records(path: Path) -> Iterator[dict[str, Any]]:
    """The records of a JSONL file."""
    with path.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def assertions(engine: str = "rules") -> Callable[[Note], Note]:
    """A function that runs the three stages over a note."""
    stages = Sentences(), Sections(), Assertions(engine=engine)

    def asserted(note: Note) -> Note:
        for stage in stages:
            note = stage(note)
        return note

    return asserted


def section() -> Section:
    """The target, then the table as text."""
    data, told = folder(), "Gold entities of other corpora given, our assertion on them; see `context_gold.py`."
    rows = []
    if data is not None:
        counts = counted(data / "ner" / "maccrobat.jsonl", 1, maccrobat_counts, assertions())
        rows = [judged("maccrobat, absent, F1, unseen half", _scores(*counts)[2], 0.85, form=".3f")]
    return Section("Negation in other corpora", [told, "", *table(rows), "", "```", *lines(), "```"])


def lines() -> Iterator[str]:
    """The lines of the table; one that says so where the data is absent."""
    data = folder()
    if data is None:
        yield "not measured: the shared data is not here (set MEDTEXT_DATA to its folder)"
        return
    yield f"{'corpus':<16}{'engine':<10}{'half':<8}{'question':<16}{'n':>5}{'precision':>11}{'recall':>8}{'F1':>7}"
    for engine in ("rules", "medspacy"):
        asserted = assertions(engine)
        for corpus, question, path, count in ROWS:
            for half in (0, 1):
                counts = counted(data / "ner" / path, half, count, asserted)
                yield f"{corpus:<16}{engine:<10}{('tuned', 'unseen')[half]:<8}{_row(question, *counts)}"


def counted(path: Path, half: int, count: Counter, asserted: Callable[[Note], Note]) -> Counts:
    """Right, said and wanted over one half of a corpus."""
    part = (one for one in records(path) if half_of(one["id"]) == half)
    right, said, wanted = (sum(column) for column in zip(*(count(one, asserted) for one in part), strict=True))
    return right, said, wanted


def _scores(right: int, said: int, wanted: int) -> tuple[float, float, float]:
    return right / max(1, said), right / max(1, wanted), 2 * right / max(1, said + wanted)


def _row(question: str, right: int, said: int, wanted: int) -> str:
    precision, recall, f1 = _scores(right, said, wanted)
    return f"{question:<16}{wanted:>5}{precision:>11.3f}{recall:>8.3f}{f1:>7.3f}"


def maccrobat_counts(record: dict[str, Any], asserted: Callable[[Note], Note]) -> Counts:
    """Right, said and wanted absent entities of one note."""
    note, gold = maccrobat(record)
    said = {span.id for span in asserted(note).layer("entity") if span.assertion.presence == "absent"}
    wanted = {name for name, presence in gold.items() if presence == "absent"}
    return len(said & wanted), len(said), len(wanted)


def problem_counts(record: dict[str, Any], asserted: Callable[[Note], Note]) -> Counts:
    """The same for findings and diseases alone."""
    spans = [span for span in record["spans"] if MACCROBAT.get(span["label"]) == "PROBLEM"]
    return maccrobat_counts({**record, "spans": spans}, asserted)


def criteria_counts(record: dict[str, Any], asserted: Callable[[Note], Note]) -> Counts:
    """Entities nearest behind a negation cue, and those that we call absent."""
    spans = {(one["start"], one["end"], CRITERIA[one["label"]]) for one in record["spans"] if one["label"] in CRITERIA}
    note = Note(record["id"], record["text"]).add(Span(((a, b),), label) for a, b, label in sorted(spans))
    absent = {span.start for span in asserted(note).layer("entity") if span.assertion.presence == "absent"}
    starts = sorted(start for start, _, _ in spans)
    cues = [one["end"] for one in record["spans"] if one["label"] == "Negation"]
    wanted = {start for end in cues for start in _nearest(note.text, end, starts)}
    return len(wanted & absent), len(absent), len(wanted)


def _nearest(text: str, end: int, starts: list[int]) -> list[int]:
    """The first entity behind a cue, when it is near and in the same line."""
    behind = [start for start in starts if end <= start <= end + NEAR and "\n" not in text[end:start]]
    return behind[:1]


def phee_counts(cue: str, value: str) -> Counter:
    """Sentences with a cue, and those in which we give an effect this value."""

    def counts(record: dict[str, Any], asserted: Callable[[Note], Note]) -> Counts:
        places = {(one["start"], one["end"]) for one in record["spans"] if one["label"] == "Effect"}
        note = Note(record["id"], record["text"]).add(Span((place,), "PROBLEM") for place in sorted(places))
        said = any(span.assertion.presence == value for span in asserted(note).layer("entity"))
        wanted = any(one["label"] == cue for one in record["spans"]) and bool(places)
        return said and wanted, said, wanted

    return counts


ROWS = (
    ("maccrobat", "absent", "maccrobat.jsonl", maccrobat_counts),
    ("maccrobat", "absent problems", "maccrobat.jsonl", problem_counts),
    ("trial criteria", "absent", "trial_criteria.jsonl", criteria_counts),
    ("PHEE", "absent", "phee_train.jsonl", phee_counts("Negation_cue", "absent")),
    ("PHEE", "possible", "phee_train.jsonl", phee_counts("Speculation_cue", "possible")),
)


if __name__ == "__main__":
    print("\n".join(lines()))
