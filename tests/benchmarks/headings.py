"""Headings in real visit notes, headings of every shape, and the class of text without a heading.

    python -m tests.benchmarks.headings           the table
    python -m tests.benchmarks.headings train     train the shipped classifier anew and write it

Headings: aci-bench marks none, so the gold is typography, which our rules' lists have no part in: a line of two or more
letters, all capitals, without a digit, bullet or closing full stop, that stands alone. Whatever else we call a heading
counts as wrong, though most of it is one ("Results:", "Medical" below "PAST HISTORY").

Shapes: the same headings rewritten; found when a heading begins at that place and has the class it had in capitals.

Classes: MTS-Dialog's 20 classes, of which FAM/SOCHX is two of ours. The classifier of words is trained on the texts
whose hash is not 0 modulo 3 and reported on the others, the head of `clinical-mini` on the third that its recipe holds
out. The model that was made for it, `section-mini`, is measured by `section_folds`.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import medtext
from medtext.inference import BUNDLED
from medtext.stages.sections import Sections
from medtext.stages.sections.classes import ModelClasses, SectionClasses, family_or_social, read_words, train
from medtext.training.corpora import load_documents
from medtext.training.recipe import Recipe, load_recipe
from tests.benchmarks.section import Section, judged, table
from tests.shared import folder

TEXTS = "sections/mts_dialog.jsonl"  # under the data, where the recipes look for it
MODEL = Path(medtext.__file__).parent / "stages" / "models" / "section_classes.npz"
CLASSES = {
    "GENHX": "history_of_present_illness",
    "PASTMEDICALHX": "past_medical_history",
    "CC": "chief_complaint",
    "PASTSURGICAL": "past_surgical_history",
    "ROS": "review_of_systems",
    "ALLERGY": "allergies",
    "MEDICATIONS": "medications",
    "ASSESSMENT": "assessment",
    "EXAM": "physical_exam",
    "DIAGNOSIS": "diagnosis",
    "DISPOSITION": "disposition",
    "PLAN": "plan",
    "EDCOURSE": "emergency_course",
    "IMMUNIZATIONS": "immunizations",
    "IMAGING": "imaging",
    "GYNHX": "gynecologic_history",
    "PROCEDURES": "procedures",
    "OTHER_HISTORY": "other_history",
    "LABS": "labs",
    "FAM/SOCHX": "social_history",
}
_CAPITAL_LINE = re.compile(r"^[ \t]*([A-Z][A-Z &/'-]*[A-Z]):?[ \t]*$", re.MULTILINE)
SHAPES: dict[str, Callable[[str], str]] = {
    "CAPITALS": str,
    "Title": str.title,
    "Title:": lambda heading: f"{heading.title()}:",
    "lower case:": lambda heading: f"{heading.lower()}:",
    "underlined": lambda heading: f"{heading.title()}\n{'=' * len(heading)}",
    "1. Title": lambda heading: f"1. {heading.title()}",
    "## Title": lambda heading: f"## {heading.title()}",
    "**Title**": lambda heading: f"**{heading.title()}**",
    "- CAPITALS:": lambda heading: f"- {heading}:",
    "CAPITALS: text": lambda heading: f"{heading}: as follows",
    "CAPITALS - text": lambda heading: f"{heading} - as follows",
    "after a sentence": lambda heading: f"Seen today. {heading.title()}: as follows",
}


def section() -> Section:
    """The targets, then the table as text."""
    data = folder()
    rows = []
    if data is not None:
        rows.append(judged("headings of aci-bench, F1", f1_of(*matched(visits(data), "rules")), 0.95, form=".3f"))
        for name, (classes, held) in classifiers(data).items():
            right = answered(classes, held)[0]
            told = f"class without a heading, by {name}, of {len(held)}: accuracy"
            rows.append(judged(told, sum(right) / len(right), 0.80, form=".3f"))
    return Section("Sections", [*table(rows), "", "```", *lines(), "```"])


def lines() -> Iterator[str]:
    """The lines of the table; one that says so where the data is absent."""
    data = folder()
    if data is None:
        yield "not measured: the shared data is not here (set MEDTEXT_DATA to its folder)"
        return
    texts = visits(data)
    for engine in ("rules", "medspacy"):
        yield detection(texts, engine)
    yield from shapes(texts)
    yield from classes(data)


def visits(data: Path) -> list[str]:
    """The texts of the visit notes."""
    return [note.text for note in medtext.read(data / "notes" / "aci_bench.jsonl")]


def detection(texts: list[str], engine: str) -> str:
    """Precision, recall and F1 of headings at their exact places."""
    right, said, wanted = matched(texts, engine)
    precision, recall = right / max(1, said), right / max(1, wanted)
    f1 = f1_of(right, said, wanted)
    return f"headings, {engine:<9} n {wanted:>4}  precision {precision:.3f}  recall {recall:.3f}  F1 {f1:.3f}"


def f1_of(right: int, said: int, wanted: int) -> float:
    """F1 from counts."""
    return 2 * right / max(1, said + wanted)


def matched(texts: list[str], engine: str) -> tuple[int, int, int]:
    """How many headings are right, said and wanted."""
    stage, right, said, wanted = Sections(engine=engine), 0, 0, 0
    for text in texts:
        gold = {match.span(1) for match in _CAPITAL_LINE.finditer(text)}
        found = {tuple(span.x["heading"]) for span in stage.find(text)}
        right, said, wanted = right + len(gold & found), said + len(found), wanted + len(gold)
    return right, said, wanted


def shapes(texts: list[str]) -> Iterator[str]:
    """For each shape, the share of aci-bench's headings that are found in it with their class."""
    stage = Sections()
    held = Counter(match.group(1) for text in texts for match in _CAPITAL_LINE.finditer(text))
    known = {heading: next(iter(stage.find(f"{heading}\nText.")), None) for heading in held}
    for name, shape in SHAPES.items():
        right = total = 0
        for heading, count in held.items():
            if known[heading] is not None:
                total += count
                found = list(stage.find(f"Text.\n\n{shape(heading)}\nMore text."))
                right += count * any(span.label == known[heading].label for span in found)
        yield f"shape {name:<18} n {total:>4}  found with its class {right / max(1, total):.3f}"


def records(data: Path) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """(text, class of MTS-Dialog) to train on, and to report on."""
    parts: tuple[list, list] = [], []
    for record in labelled(data):
        held_out = int(hashlib.sha256(record["id"].encode()).hexdigest(), 16) % 3 == 0
        parts[held_out].append((record["text"], record["section"]))
    return parts


def labelled(data: Path) -> Iterator[dict[str, str]]:
    """The records of MTS-Dialog: id, text, section."""
    with (data / TEXTS).open(encoding="utf-8") as stream:
        yield from map(json.loads, stream)


def label_of(text: str, section: str) -> str:
    """Our class; family and social history, which are one there, are told apart by which words there are more of."""
    return CLASSES[section] if section != "FAM/SOCHX" else family_or_social(text, read_words())


def trained(data: Path) -> SectionClasses:
    """The model of the training part."""
    texts, sections = zip(*records(data)[0], strict=True)
    return train(texts, [label_of(*pair) for pair in zip(texts, sections, strict=True)])


def classifiers(data: Path) -> dict[str, tuple[Any, list[tuple[str, str]]]]:
    """Each classifier with what it was not trained on."""
    held = [one for one in load_documents(_sections_alone(), data).documents if one.use == "test"]
    sections = {one["id"]: one["section"] for one in labelled(data)}
    apart = [(one.text, sections[one.id.partition("/")[2]]) for one in held]
    return {BUNDLED: (ModelClasses(BUNDLED), apart), "words": (SectionClasses.load(), records(data)[1])}


def _sections_alone() -> Recipe:
    """The recipe of the model that ships, without the corpora that are not read here."""
    made = load_recipe(BUNDLED)
    return replace(made, corpora={name: one for name, one in made.corpora.items() if one.whole})


def classes(data: Path) -> Iterator[str]:
    """Accuracy over MTS-Dialog's 20 classes on what was not trained on, and what limits it."""
    for name, (model, held) in classifiers(data).items():
        yield f"class without heading, by {name}"
        yield from _accuracy(model, held)
    seen, held = records(data)
    counts = Counter(section for _, section in seen)
    yield f"  always the commonest   n {len(held):>4}  accuracy {_share(held, counts.most_common(1)[0][0]):.3f}"
    yield f"  same words, other class: {clashes(seen + held)} of {len(seen) + len(held)} texts, which nobody can tell"


def _accuracy(model: Any, held: list[tuple[str, str]]) -> Iterator[str]:
    right, answers = answered(model, held)
    yield f"  all                    n {len(held):>4}  accuracy {sum(right) / len(held):.3f}"
    for most, what in ((3, "up to 3 words"), (10**6, "more than 3 words")):
        some = [ok for ok, (*_, text) in zip(right, answers, strict=True) if (len(text.split()) <= 3) == (most == 3)]
        yield f"  {what:<22} n {len(some):>4}  accuracy {sum(some) / max(1, len(some)):.3f}"
    sure = [ok for ok, (_, _, score, _) in zip(right, answers, strict=True) if score >= 0.8]
    yield f"  sure (score ≥ 0.8)     n {len(sure):>4}  accuracy {sum(sure) / max(1, len(sure)):.3f}"


def answered(model: Any, held: list[tuple[str, str]]) -> tuple[list[bool], list[tuple[str, str, float, str]]]:
    """Right or not, and (class of the gold, ours, score, text), of each text."""
    told = model.predict([text for text, _ in held])
    answers = [(name, *one, text) for (text, name), one in zip(held, told, strict=True)]
    return [_same(name, label) for name, label, _, _ in answers], answers


def _same(section: str, label: str) -> bool:
    return label in (("family_history", "social_history") if section == "FAM/SOCHX" else (CLASSES[section],))


def _share(held: list[tuple[str, str]], section: str) -> float:
    return sum(one == section for _, one in held) / len(held)


def clashes(pairs: list[tuple[str, str]]) -> int:
    """How many texts read, but for signs and case, like texts of which more have another class."""
    by_text: dict[str, Counter[str]] = {}
    for text, section in pairs:
        by_text.setdefault(" ".join(re.findall(r"\w+", text.lower())), Counter())[section] += 1
    return sum(counts.total() - max(counts.values()) for counts in by_text.values())


def main() -> None:
    """Print the table, or train and write the model."""
    data = folder()
    if sys.argv[1:] == ["train"] and data is not None:
        trained(data).save(MODEL)
        print(f"{MODEL.name}: {MODEL.stat().st_size:,} bytes")
        return
    print("\n".join(lines()))


if __name__ == "__main__":
    main()
