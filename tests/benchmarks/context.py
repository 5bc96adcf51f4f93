"""How well assertions agree with the NegEx test sentences: ours and medspaCy's ConText in the same run.

Rules are tuned on one half of the sentences only (the even half of a hash of their ids); the other half is reported
beside it. Concepts are marked by capitals in the data, so they are put in lower case first.

`historical*` leaves out sentences that hold nothing but the concept ("DIABETES."): they come from lists whose heading
is not in the data, so nothing in them says that they are history.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Iterable, Iterator
from typing import Any

from medtext.note import Note
from medtext.span import Span
from medtext.stages.assertion import Assertions
from medtext.stages.sections import Sections
from medtext.stages.sentences import Sentences
from tests.benchmarks.section import Section
from tests.shared import folder

QUESTIONS = {  # name: (key and value in the data, axis and value of ours)
    "negated": ("negation", "Negated", "presence", "absent"),
    "historical": ("temporality", "Historical", "temporality", "past"),
    "hypothetical": ("temporality", "Not particular", "temporality", "hypothetical"),
    "family": ("experiencer", "Family member", "subject", "family"),
}


def main() -> None:
    """Print one table: engine, half, question, precision, recall, F1."""
    print("\n".join(lines()))


def section() -> Section:
    """The table, as text."""
    told = "F1 on the NegEx test sentences, rules tuned on one half of them only; medSpaCy's ConText in the same run."
    return Section("Assertions", [told, "", "```", *lines(), "```"])


def lines() -> Iterator[str]:
    """The lines of the table; one that says so where the data is absent."""
    data = folder()
    if data is None:
        yield "not measured: the shared data is not here (set MEDTEXT_DATA to its folder)"
        return
    text = (data / "context" / "negex_half.jsonl").read_text(encoding="utf-8")
    records = [json.loads(line) for line in text.split("\n") if line]
    yield f"{'engine':<10}{'half':<7}{'question':<14}{'n':>5}{'precision':>11}{'recall':>8}{'F1':>7}"
    for engine in ("rules", "medspacy"):
        started = time.perf_counter()
        answered = list(answers(records, engine))
        seconds = time.perf_counter() - started
        for half in (0, 1):
            for row in rows([pair for pair in answered if half_of(pair[0]) == half]):
                yield f"{engine:<10}{('tuned', 'unseen')[half]:<7}{row}"
        yield f"{engine:<10}{1000 * seconds / len(records):.2f} ms a sentence, sentences and sections included"


def half_of(record: dict[str, Any]) -> int:
    """0 for the half that rules may be tuned on, 1 for the other."""
    return int(hashlib.sha256(record["id"].encode()).hexdigest(), 16) % 2


def answers(records: Iterable[dict[str, Any]], engine: str) -> Iterator[tuple[dict[str, Any], Span]]:
    """Each record with its concept's span as the stages leave it."""
    stages = Sentences(), Sections(), Assertions(engine=engine)
    for record in records:
        note = to_note(record)
        if note is None:
            continue
        for stage in stages:
            note = stage(note)
        yield record, note.layer("entity")[0]


def to_note(record: dict[str, Any]) -> Note | None:
    """A note of one sentence with the concept as its only entity; headings keep their capitals."""
    text = record["sentence"]
    words = [re.escape(word) for word in record["concept"].split()]
    found = re.search(r"\s+".join(words), text, re.IGNORECASE)
    marked = re.search(r"\s+".join(re.escape(word.upper()) for word in record["concept"].split()), text)
    place = (marked or found).span() if marked or found else None
    if place is None:
        return None
    start, end = place
    text = text[:start] + text[start:end].lower() + text[end:]
    return Note(record["id"], text).add([Span((place,), "PROBLEM")])


def rows(answered: list[tuple[dict[str, Any], Span]]) -> Iterator[str]:
    """One line for each question; the historical one again without sentences that hold nothing but the concept."""
    for name, question in QUESTIONS.items():
        yield row(name, answered, question)
    said = [pair for pair in answered if _letters(pair[0]["sentence"]) != _letters(pair[0]["concept"])]
    yield row("historical*", said, QUESTIONS["historical"])


def row(name: str, answered: list[tuple[dict[str, Any], Span]], question: tuple[str, str, str, str]) -> str:
    """Name, how many there are, precision, recall and F1."""
    key, value, axis, ours = question
    gold = [record[key] == value for record, _ in answered]
    said = [getattr(span.assertion, axis) == ours for _, span in answered]
    right = sum(a and b for a, b in zip(gold, said, strict=True))
    precision, recall = right / max(1, sum(said)), right / max(1, sum(gold))
    f1 = 2 * right / max(1, sum(said) + sum(gold))
    return f"{name:<14}{sum(gold):>5}{precision:>11.3f}{recall:>8.3f}{f1:>7.3f}"


def _letters(text: str) -> str:
    return "".join(filter(str.isalpha, text.lower()))


if __name__ == "__main__":
    main()
