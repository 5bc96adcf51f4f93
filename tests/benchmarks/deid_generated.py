"""How much of what the generator placed the deid stage finds: recall by label and form, hard negatives touched.

A value counts as found when every character of it lies under a finding, whatever its label. Identifiers that fill marks
of carriers count like those that are put in. Run with `python -m tests.benchmarks.deid_generated SEED COUNT [MODEL]`.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import medtext
from medtext.inference import BUNDLED
from medtext.note import Note
from medtext.span import Span
from medtext.stages.deid import Deid
from medtext.stages.deid.arbitrate import Finding
from medtext.stages.deid.neural import NeuralDetector
from medtext.training.corpora import share
from medtext.training.recipe import load_recipe

NAMES = ("PATIENT", "RELATIVE", "PROVIDER", "NAME")
BARS = {"pattern": 0.99, "names": 0.97, "hard negatives": 0.03}
# Safe Harbor's classes by pattern; towns, hospitals and professions come from lexicons and context.
LEXICAL = (*NAMES, "PLACE", "HOSPITAL", "PROFESSION")
_SENTENCES_A_CARRIER = 8


def carriers(folder: Path) -> list[Note]:
    """Case reports, and hospital sentences in eights with the marks of their own redaction. Both hold no identifier
    that is not marked, but case reports name towns and hospitals now and then: those are no gold and no error here."""
    reports = _lines(folder / "notes" / "case_reports_ccby.jsonl")
    made = [Note(one["id"], one["text"], deidentified=True) for one in reports]
    sentences = [one["sentence"] for one in _lines(folder / "context" / "negex_half.jsonl")]
    for at in range(0, len(sentences), _SENTENCES_A_CARRIER):
        text = "\n".join(sentences[at : at + _SENTENCES_A_CARRIER])
        made.append(Note(f"negex-{at}", text, deidentified=True))
    return made


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as stream:
        yield from map(json.loads, stream)


def finder(neural: str | None = None) -> Callable[[str], list[Finding]]:
    """Text → all that is found in it, whatever a policy would keep: by rules, or with a model beside them."""
    detector = Deid().detector
    if neural is None:
        return detector.find
    model = NeuralDetector(neural, labels=detector.labels, lexicon=detector.clinical.lexicon)
    return lambda text: detector.find(text, *model.find([text]))


def measured(notes: Iterable[Note], neural: str | None = None) -> tuple[Counter, Counter]:
    """(label, form, in the lexicons, mess) → how many, for all values and for those found; hard negatives by kind."""
    find = finder(neural)
    placed, found = Counter(), Counter()
    for note in notes:
        covered = bytearray(len(note.text))
        for one in find(note.text):
            covered[one.start : one.end] = b"\1" * (one.end - one.start)
        for span in note.layer("phi"):
            key = _key(span)
            placed[key] += 1
            found[key] += all(covered[span.start : span.end])
        for start, end, kind in note.x["hard_negatives"]:
            key = ("hard negatives", kind, None, ())
            placed[key] += 1
            found[key] += any(covered[start:end])
    return placed, found


def _key(span: Span) -> tuple:
    told = span.x["generator"]
    return span.label, told["form"], told.get("in_lexicon"), tuple(told.get("mess", ()))


def rows(seed: int, count: int, neural: str | None = None) -> list[dict[str, Any]]:
    """What, n, share, bar, met: a row a class, names apart by whether the lexicons hold them, hard negatives.

    A model is measured on carriers that it was not trained on.
    """
    folder = Path(os.environ.get("MEDTEXT_DATA", "../shared/data"))
    given = carriers(folder) if folder.is_dir() else None
    if neural is not None and given is not None:
        given = unseen(given)
    return list(table(*measured(medtext.generate(given, count=count, seed=seed), neural)))


def unseen(given: Iterable[Note]) -> list[Note]:
    """The carriers that the recipe of the model that ships holds out; hospital sentences are none of its carriers."""
    (made,) = (one.generate for one in load_recipe(BUNDLED).corpora.values() if one.generate)
    return [one for one in given if one.id.startswith("negex-") or share(one.id, "carriers") < made.held_out]


def table(placed: Counter, found: Counter) -> Iterator[dict[str, Any]]:
    """The counts as rows."""
    for label in sorted({key[0] for key in placed} - {"hard negatives"}):
        bar = None if label in LEXICAL else BARS["pattern"]
        yield _row(label, placed, found, lambda key, label=label: key[0] == label, bar)
    yield _row("names", placed, found, lambda key: key[0] in NAMES, BARS["names"])
    yield _row("names, in the lexicons", placed, found, lambda key: key[0] in NAMES and key[2] is True, None)
    yield _row("names, invented", placed, found, lambda key: key[0] in NAMES and key[2] is False, None)
    yield _row("names, initials", placed, found, lambda key: key[0] in NAMES and key[2] is None, None)
    row = _row("hard negatives", placed, found, lambda key: key[0] == "hard negatives", None)
    yield row | {"bar": BARS["hard negatives"], "met": row["share"] <= BARS["hard negatives"]}


def _row(what: str, placed: Counter, found: Counter, wanted: Any, bar: float | None) -> dict[str, Any]:
    n = sum(count for key, count in placed.items() if wanted(key))
    share = sum(count for key, count in found.items() if wanted(key)) / max(1, n)
    return {"what": what, "n": n, "share": share, "bar": bar, "met": None if bar is None else share >= bar}


def misses(placed: Counter, found: Counter, names: Callable[[tuple], Iterable[str]]) -> Iterator[str]:
    """What is missed most (of hard negatives: touched), under the names that a key goes by: label, name, how many."""
    held: dict[tuple[str, str], list[int]] = {}
    for key, count in placed.items():
        lost = found[key] if key[0] == "hard negatives" else count - found[key]
        for name in names(key):
            sums = held.setdefault((key[0], name), [0, 0])
            sums[:] = sums[0] + lost, sums[1] + count
    for (label, name), (lost, count) in sorted(held.items(), key=lambda one: (-one[1][0], one[0])):
        if lost:
            yield f"{label:<16}{name:<34}{lost:>5} of {count}"


WAYS: dict[str, Callable[[tuple], Iterable[str]]] = {
    "form, typed well": lambda key: () if key[3] else (key[1],),
    "form, typed badly": lambda key: (key[1],) if key[3] else (),
    "typing": lambda key: key[3] or ("well",),
}


def main(seed: int, count: int, neural: str | None = None) -> None:
    """Print the rows, then what is missed by form and by typing."""
    folder = Path(os.environ.get("MEDTEXT_DATA", "../shared/data"))
    given = carriers(folder) if folder.is_dir() else None
    given = unseen(given) if neural and given else given
    placed, found = measured(medtext.generate(given, count=count, seed=seed), neural)
    for row in table(placed, found):
        bar = "" if row["bar"] is None else f"bar {row['bar']:.2f} {'met' if row['met'] else 'NOT MET'}"
        print(f"{row['what']:<26}{row['n']:>7}{row['share']:>9.4f}  {bar}")
    for title, names in WAYS.items():
        print(f"\nmissed by {title} (hard negatives: touched)")
        print("\n".join(misses(placed, found, names)))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
