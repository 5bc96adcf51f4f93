"""Notes as several people mark them: drawn by Hypothesis, or built from short lists."""

from __future__ import annotations

import dataclasses

from hypothesis import strategies as st

from medtext.note import Note
from medtext.span import Assertion, Code, Span

TEXT = "Pt denies chest pain. HTN on lisinopril 10 mg. Mother had breast cancer."
#       0         1         2         3         4         5         6         7
#       0123456789012345678901234567890123456789012345678901234567890123456789012
LABELS = st.sampled_from(["PROBLEM", "DRUG", "TEST"])
ASSERTIONS = st.none() | st.builds(Assertion, st.none() | st.sampled_from(["present", "absent"]))
CODES = st.lists(st.sampled_from([Code("ICD10CM", "I10"), Code("ICD10CM", "I11.9"), Code("SNOMED", "1")]), unique=True)


@st.composite
def entities(draw, length=24, most=5):
    """Spans that may be nested, overlapping, equal or of two fragments."""
    made = []
    for _ in range(draw(st.integers(0, most))):
        edges = sorted(draw(st.sets(st.integers(0, length), min_size=2, max_size=4)))
        at = tuple(zip(edges[::2], edges[1::2], strict=False))
        codes = tuple(draw(CODES))
        made.append(Span(at, draw(LABELS), assertion=draw(ASSERTIONS), codes=codes, status="added"))
    return made


def marked(spans, identifier="n1", text=TEXT, **more):
    """A de-identified note with these spans."""
    return Note(identifier, text, deidentified=True, **more).add(spans)


@st.composite
def sides(draw, people=2):
    """Name → the same few notes, each marked by that person; some of what the first marks the others mark too."""
    names = ["anna", "ben", "cleo", "dan"][:people]
    made = {name: [] for name in names}
    for number in range(draw(st.integers(1, 2))):
        first = draw(entities())
        for name in names:
            kept = [span for span in first if draw(st.booleans())] if name != names[0] else first
            more = [] if name == names[0] else draw(entities(most=2))
            made[name].append(marked([*kept, *more], f"n{number}"))
    return made


def shuffled(notes, source):
    """The same notes in another order, and their spans with other ids in another order."""
    made = []
    for note in source.sample(notes, len(notes)):
        ids = source.sample([f"z{number}" for number in range(len(note.spans))], len(note.spans))
        spans = [dataclasses.replace(span, id=name) for span, name in zip(note.spans, ids, strict=True)]
        made.append(note.replace(spans=tuple(source.sample(spans, len(spans))), relations=()))
    return made


def span(start, end, label="PROBLEM", **more):
    """A span of one fragment, added by a person unless said otherwise."""
    return Span(((start, end),), label, **{"status": "added", **more})
