"""Negation against gold entities of other corpora: our assertion is given their places and asked what it says of them.

maccrobat (case reports): POLARITY NEG is absent; MAYBE_NEG, which is neither, is left out.
trial criteria: an entity that the scope of a `Negation` cue modifies is absent.
PHEE (sentences on adverse effects): an event with a negation cue is absent, one with a speculation cue possible; its
effect's main words stand for the event.

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
from tests.shared import folder

MACCROBAT = {
    "Sign_symptom": "PROBLEM",
    "Disease_disorder": "PROBLEM",
    "Medication": "MEDICATION",
    "Therapeutic_procedure": "PROCEDURE",
    "Diagnostic_procedure": "TEST",
}
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
