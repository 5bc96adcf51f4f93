"""How well assertions agree with the NegEx test sentences: ours and medspaCy's ConText in the same run.

Rules are tuned on one half of the sentences only (the even half of a hash of their ids); the other half is reported
beside it. Concepts are marked by capitals in the data, so they are put in lower case first.

`rules+` is ours with the annotators' convention that all social history is past (`negex_convention.yaml`), which is not
our default: a present smoker is none of the past.

`historical*` leaves out sentences that hold nothing but the concept ("DIABETES."): they come from lists whose heading
is not in the data, so nothing in them says that they are history. The last lines say how many of them there are, and
how many would be right if all were called recent.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from medtext.note import Note
from medtext.span import Span
from medtext.stages.assertion import Assertions
from medtext.stages.sections import Sections
from medtext.stages.sentences import Sentences
from tests.benchmarks.section import Row, Section, judged, table
from tests.shared import folder

ENGINES: dict[str, dict[str, Any]] = {
    "rules": {},
    "rules+": {"rules": Path(__file__).with_name("negex_convention.yaml")},
    "medspacy": {"engine": "medspacy"},
}
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
    return Section("Assertions", [told, "", *table(targets()), "", "```", *lines(), "```"])


def targets() -> list[Row]:
    """The figures that were asked for, on the half that nobody tuned on."""
    data = folder()
    if data is None:
        return []
    unseen = [record for record in records(data) if half_of(record) == 1]
    rows = []
    for engine in ("rules", "rules+"):
        answered = list(answers(unseen, engine))
        for name, bar in (("negated", 0.98), ("historical", 0.85)):
            f1 = scores(answered, QUESTIONS[name])[2]
            rows.append(judged(f"{name}, F1, unseen half, {engine}", f1, bar, form=".3f"))
    return rows


def records(data: Path) -> list[dict[str, Any]]:
    """The sentences with what their annotators said."""
    text = (data / "context" / "negex_half.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.split("\n") if line]


def lines() -> Iterator[str]:
    """The lines of the table; one that says so where the data is absent."""
    data = folder()
    if data is None:
        yield "not measured: the shared data is not here (set MEDTEXT_DATA to its folder)"
        return
    held = records(data)
    yield f"{'engine':<10}{'half':<7}{'question':<14}{'n':>5}{'precision':>11}{'recall':>8}{'F1':>7}"
    for engine in ENGINES:
        started = time.perf_counter()
        answered = list(answers(held, engine))
        seconds = time.perf_counter() - started
        for half in (0, 1):
            for row in rows([pair for pair in answered if half_of(pair[0]) == half]):
                yield f"{engine:<10}{('tuned', 'unseen')[half]:<7}{row}"
        yield f"{engine:<10}{1000 * seconds / len(held):.2f} ms a sentence, sentences and sections included"
    yield from limits(held)


def limits(records: list[dict[str, Any]]) -> Iterator[str]:
    """How much of the gold cannot be told from the sentence, a line for each half."""
    for half in (0, 1):
        part = [record for record in records if half_of(record) == half]
        past = [record for record in part if record["temporality"] == "Historical"]
        bare = [record for record in part if _letters(record["sentence"]) == _letters(record["concept"])]
        lost = sum(record["temporality"] == "Historical" for record in bare)
        yield (
            f"{('tuned', 'unseen')[half]}: {len(bare)} sentences hold nothing but the concept, {lost} historical: "
            f"recall of historical is at most {1 - lost / len(past):.3f}"
        )


def half_of(record: dict[str, Any]) -> int:
    """0 for the half that rules may be tuned on, 1 for the other."""
    return int(hashlib.sha256(record["id"].encode()).hexdigest(), 16) % 2


def answers(records: Iterable[dict[str, Any]], engine: str) -> Iterator[tuple[dict[str, Any], Span]]:
    """Each record with its concept's span as the stages leave it."""
    stages = Sentences(), Sections(), Assertions(**ENGINES[engine])
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
    wanted = sum(record[question[0]] == question[1] for record, _ in answered)
    precision, recall, f1 = scores(answered, question)
    return f"{name:<14}{wanted:>5}{precision:>11.3f}{recall:>8.3f}{f1:>7.3f}"


def scores(
    answered: list[tuple[dict[str, Any], Span]], question: tuple[str, str, str, str]
) -> tuple[float, float, float]:
    """Precision, recall and F1 of one question."""
    key, value, axis, ours = question
    gold = [record[key] == value for record, _ in answered]
    said = [getattr(span.assertion, axis) == ours for _, span in answered]
    right = sum(a and b for a, b in zip(gold, said, strict=True))
    return right / max(1, sum(said)), right / max(1, sum(gold)), 2 * right / max(1, sum(said) + sum(gold))


def _letters(text: str) -> str:
    return "".join(filter(str.isalpha, text.lower()))


if __name__ == "__main__":
    main()
