"""Every place where our assertions and medSpaCy's ConText differ on real sentences, with the reason.

    python -m tests.benchmarks.parity        how often each reason holds, and its places (ids and offsets, no text)

Sentences of the tuned half of the NegEx set and the notes of maccrobat's even half, with the entities of their gold.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from medtext.note import Note
from medtext.span import Span
from medtext.taxonomy import AXES
from tests.benchmarks import context, context_gold
from tests.shared import folder


@dataclass(frozen=True, slots=True)
class Difference:
    """One axis of one entity on which the engines differ; `rules` are those that decided, ours first."""

    note: str
    label: str
    place: tuple[int, int]
    axis: str
    values: tuple[str, str]
    rules: tuple[str, str]
    trigger: str
    inside: bool  # the words that decided theirs are part of the entity

    @property
    def reason(self) -> str:
        """Why they differ: the first of `REASONS` that holds."""
        return next(reason for reason, holds in REASONS if holds(self))


PAST = {
    "past_after",
    "past_event",
    "past_before",
    "past_adjective",
    "past_drug",
    "history_of",
    "family_history",
    "no_history",
    "status_post",
}
POSSIBLE = {"possible", "possible_after", "possibly_due_to", "whether", "ruling_out"}
NOT_DONE = {"not_given", "not_given_after", "not_a_candidate", "stopped_drug", "no_test"}
REASONS = [
    ("theirs reads ': no' backwards only", lambda one: one.trigger in {": no", ": none", ": negative"}),
    ("a reason for a test is no negation", lambda one: one.rules[0] == "ruling_out" and one.values[1] == "absent"),
    ("a drug, test or procedure that was not", lambda one: one.rules[0] in NOT_DONE),
    ("what was is gone", lambda one: one.rules[0] in {"negative_after", "no_longer"}),
    ("theirs knows no future", lambda one: one.values[0] == "future"),
    ("what may come: risks, conditions, precautions", lambda one: one.rules[0] in {"if", "if_after", "as_needed_for"}),
    ("dates, years and past events", lambda one: one.rules[0] in PAST and one.values[0] == "past"),
    ("more words for what is possible", lambda one: one.rules[0] in POSSIBLE),
    ("more words for what is absent", lambda one: one.values[0] == "absent"),
    ("more words for relatives", lambda one: one.values[0] in {"family", "other"}),
    ("a finding's negation says nothing of a test", lambda one: one.values[1] == "absent" and one.label == "TEST"),
    ("ours finds a nearer word that affirms", lambda one: one.rules[0] == "affirmed"),
    ("the words lie inside the entity", lambda one: one.inside),
    ("ours ends the reach at a new clause", lambda one: one.values[1] == "absent"),
    ("any word for a relative is theirs", lambda one: one.values[1] == "family"),
    ("any history is past to them", lambda one: one.values[1] == "past"),
    ("they read what is possible farther", lambda one: one.values[1] == "possible"),
    ("their hypothetical reaches farther", lambda one: one.values[1] == "hypothetical"),
    ("other", lambda one: True),
]


def sentences(data: Path) -> Iterator[Note]:
    """The notes that are compared, with their entities."""
    lines = (data / "context" / "negex_half.jsonl").read_text(encoding="utf-8").split("\n")
    for record in (json.loads(line) for line in lines if line):
        note = context.to_note(record)
        if context.half_of(record) == 0 and note is not None:
            yield note
    for record in context_gold.records(data / "ner" / "maccrobat.jsonl"):
        if context_gold.half_of(record["id"]) == 0:
            yield context_gold.maccrobat(record)[0]


def differences(data: Path) -> Iterator[Difference]:
    """Every difference, in the order of the notes."""
    ours, theirs = context_gold.assertions(), context_gold.assertions("medspacy")
    for note in sentences(data):
        pairs = zip(ours(note).layer("entity"), theirs(note).layer("entity"), strict=True)
        for one, other in pairs:
            yield from _differences(note, one, other)


def _differences(note: Note, one: Span, other: Span) -> Iterator[Difference]:
    for axis in AXES:
        values = getattr(one.assertion, axis), getattr(other.assertion, axis)
        if values[0] != values[1]:
            why, their = (span.x.get("assertion", {}).get(axis, {}) for span in (one, other))
            start, end = their.get("at", (0, 0))
            rules = why.get("rule", ""), their.get("rule", "").removeprefix("medspacy:")
            inside = start < end and one.start <= start and end <= one.end
            trigger = note.text[start:end].lower()
            yield Difference(note.id, one.label, one.at[0], axis, values, rules, trigger, inside)


def main() -> None:
    """Print the counts, then the places."""
    data = folder()
    if data is None:
        raise SystemExit("the shared data is not here (set MEDTEXT_DATA to its folder)")
    found = list(differences(data))
    for (axis, reason), count in sorted(Counter((one.axis, one.reason) for one in found).items()):
        print(f"{axis:<12}{count:>5}  {reason}")
    for one in found:
        print(one.note, *one.place, one.axis, *one.values, *(rule or "-" for rule in one.rules), sep="\t")


if __name__ == "__main__":
    main()
