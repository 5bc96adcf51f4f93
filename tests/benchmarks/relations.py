"""Which dose, route, frequency, duration and result belongs to what: MACCROBAT, gold entities given.

    python -m tests.benchmarks.relations          the figures on the odd half, beside the nearest target
    python -m tests.benchmarks.relations --fit    the weights, fitted on the even half, for rules/relations.yaml

A relation counts when kind and both ends are right. A duration that modifies a dose modifies its drug: gold relations
are followed from quantity to quantity until they reach a medication, test or problem.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator

from medtext.note import Note, Relation
from medtext.span import Span
from medtext.stages.relations import Relations, candidates
from medtext.stages.sentences import Sentences
from medtext.taxonomy import Taxonomy
from medtext.training.relations import fit_relations
from tests.benchmarks.section import Section
from tests.shared import folder

LABELS = {
    "Dosage": "DOSE",
    "Administration": "ROUTE",
    "Frequency": "FREQUENCY",
    "Duration": "DURATION",
    "Lab_value": "VALUE",
    "Medication": "MEDICATION",
    "Diagnostic_procedure": "TEST",
    "Sign_symptom": "PROBLEM",
    "Disease_disorder": "PROBLEM",
    "Therapeutic_procedure": "PROCEDURE",
    "Biological_structure": "ANATOMY",
}
GROUPS = (("value_of",), ("dose_of", "route_of", "frequency_of"), ("duration_of",))
KINDS = {kind: one for kind, one in Taxonomy.load("clinical").relations.items() if any(kind in g for g in GROUPS)}


def notes(*, even: bool) -> Iterator[Note]:
    """The notes of one half, with sentences, gold entities and gold relations."""
    data, split = folder(), Sentences()
    if data is None:
        raise SystemExit("the shared data is not here (set MEDTEXT_DATA to its folder)")
    for line in (data / "ner" / "maccrobat.jsonl").read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        if (hashlib.sha256(record["id"].encode()).digest()[-1] % 2 == 0) == even:
            yield split(_gold(record))


def _gold(record: dict) -> Note:
    held = [one for one in record["spans"] if one["label"] in LABELS]
    spans = {one["id"]: Span(((one["start"], one["end"]),), LABELS[one["label"]], id=one["id"]) for one in held}
    leads = defaultdict(set)
    for one in record["relations"]:
        if one["type"] == "MODIFY":
            leads[one["from"]].add(one["to"])
    relations = [
        Relation(kind, span.id, target)
        for span in spans.values()
        for kind, told in KINDS.items()
        if span.label in told.source
        for target in sorted(_reached(span.id, spans, leads, told.target))
    ]
    return Note(record["id"], record["text"]).add(spans.values(), relations)


def _reached(start: str, spans: dict[str, Span], leads: dict[str, set[str]], targets: tuple[str, ...]) -> set[str]:
    """The targets to which relations lead from a span, through other quantities."""
    found, seen, waiting = set(), {start}, [start]
    while waiting:
        for name in leads[waiting.pop()] - seen:
            seen.add(name)
            if name in spans and spans[name].label in targets:
                found.add(name)
            elif name in spans and any(spans[name].label in one.source for one in KINDS.values()):
                waiting.append(name)
    return found


def nearest(note: Note) -> Note:
    """Each quantity joined to the nearest target of its sentence."""
    found = (Relation(kind, pairs[0].quantity.id, pairs[0].target.id) for kind, pairs in candidates(note, KINDS))
    return note.add(relations=found)


def scored(gold: Iterable[Note], join: Callable[[Note], Note]) -> dict[str, Counter]:
    """For each kind, and for all: how many are right, said and there."""
    counts: dict[str, Counter] = defaultdict(Counter)
    for note in gold:
        said, there = _drawn(join(note.replace(relations=()))), _drawn(note)
        for name, ones in (("right", said & there), ("said", said), ("there", there)):
            for kind, *_ in ones:
                counts[kind][name] += 1
                counts["all"][name] += 1
    return counts


def _drawn(note: Note) -> set[tuple[str, str, str]]:
    return {(one.type, one.source, one.target) for one in note.relations}


def lines() -> Iterator[str]:
    """The table: precision, recall and F1 of the stage and of the nearest target, on notes not fitted on."""
    gold = list(notes(even=False))
    engines = {"stage": scored(gold, Relations()), "nearest target": scored(gold, nearest)}
    yield f"| relation ({len(gold)} notes) | n | " + " | ".join(f"{name}: P R F1" for name in engines) + " |"
    yield "|---|---|" + "---|" * len(engines)
    for kind in (*KINDS, "all"):
        told = [_told(counts[kind]) for counts in engines.values()]
        yield f"| {kind} | {engines['stage'][kind]['there']} | " + " | ".join(told) + " |"


def _told(counts: Counter) -> str:
    precision, recall = (counts["right"] / max(1, counts[name]) for name in ("said", "there"))
    f1 = 2 * counts["right"] / max(1, counts["said"] + counts["there"])
    return f"{precision:.3f} {recall:.3f} **{f1:.3f}**"


def section() -> Section:
    """The figures on the half that was not fitted on."""
    told = "Gold entities of MACCROBAT given; a relation is right when its kind and both ends are."
    return Section("Relations", [told, "", *lines()])


def main(arguments: list[str]) -> None:
    """Print the figures, or the weights."""
    if arguments != ["--fit"]:
        print("\n".join(lines()))
        return
    import yaml

    taxonomy = Taxonomy.load("clinical")
    rules = fit_relations(notes(even=True), GROUPS, traits=Relations().traits, taxonomy=taxonomy)
    print(yaml.safe_dump({"rules": rules}, sort_keys=False, default_flow_style=None, width=120), end="")


if __name__ == "__main__":
    main(sys.argv[1:])
