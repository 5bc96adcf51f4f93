"""How fast the work of people is compared: 1,000 notes of 3,000 characters, three people, about 95 spans each.

    python -m tests.benchmarks review

The notes are made up: each person takes over a list of spans, leaves out one in twenty, moves the end of one in ten,
changes the label of one in twenty, the assertion of one in ten and the code of one in twenty.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import replace

from medtext.note import Note, Review
from medtext.review import adjudicate, agreement, compare, evaluate
from medtext.span import Assertion, Code, Span
from tests.benchmarks.section import Row, Section, judged, table

NOTES, SPANS, PEOPLE = 1000, 100, ("anna", "ben", "cleo")
LABELS = ("PROBLEM", "DRUG", "TEST", "PROCEDURE", "ANATOMY", "DOSE")
CODES = (Code("ICD10CM", "I10"), Code("ICD10CM", "I11.9"))
TEXT = "word " * (6 * SPANS)
BAR = 10.0


def section() -> Section:
    """Seconds of processor time for each judgement, on one core."""
    chance = random.Random(1)
    base = [_note(number, [_span(chance, at) for at in range(SPANS)]) for number in range(NOTES)]
    held = {name: [_marked(chance, note) for note in base] for name in PEOPLE}
    timed: dict[str, Callable[[], object]] = {
        f"agreement of {len(PEOPLE)} annotators": lambda: agreement(held),
        "compare with one returned file": lambda: compare(base, held["anna"]),
        f"adjudicate {len(PEOPLE)} annotators": lambda: adjudicate(held),
        "evaluate entities": lambda: evaluate(base, held["anna"], layer="entity"),
    }
    told = {f"{what}, {NOTES} notes × {SPANS} spans, CPU s": _seconds(run) for what, run in timed.items()}
    (first, seconds), *others = told.items()
    rows: list[Row] = [judged(first, seconds, BAR, form=".1f", least=False)]
    rows += [(what, f"{seconds:.1f}", "", "") for what, seconds in others]
    return Section("What people made of it: processor time on one core", table(rows))


def _seconds(run: Callable[[], object]) -> float:
    started = time.process_time()
    run()
    return time.process_time() - started


def _note(number: int, spans: list[Span]) -> Note:
    return Note(f"n{number:04}", TEXT, deidentified=True).add(spans)


def _span(chance: random.Random, at: int) -> Span:
    start = 30 * at + chance.randrange(8)
    said, code = Assertion(chance.choice(("present", "absent"))), chance.choice(CODES)
    place = ((start, start + 8 + chance.randrange(12)),)
    return Span(place, chance.choice(LABELS), assertion=said, codes=(code,), score=chance.random())


def _marked(chance: random.Random, note: Note) -> Note:
    spans = [_changed(chance, span) for span in note.spans if chance.random() >= 0.05]
    return note.replace(spans=tuple(spans), review=Review("done"))


def _changed(chance: random.Random, span: Span) -> Span:
    roll, made = chance.random(), replace(span, status="accepted")
    if roll < 0.1:
        made = replace(made, at=((span.start, span.end + chance.choice((-2, 1, 3))),))
    elif roll < 0.15:
        made = replace(made, label=chance.choice(LABELS))
    elif roll < 0.25:
        made = replace(made, assertion=Assertion(chance.choice(("present", "absent", "possible"))))
    elif roll < 0.3:
        made = replace(made, codes=(chance.choice(CODES),))
    return made
