"""One gold out of the work of several people: what a majority says, and a queue of the rest for somebody to decide."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from medtext.errors import ConfigError, NoteError, Problem
from medtext.formats import refuse_overwrite, write
from medtext.note import Note, Relation, Review
from medtext.review.alignment import align_all, mentions
from medtext.review.report import Cell, Report, Table
from medtext.review.sides import (
    Notes,
    common_notes,
    label_problems,
    load_taxonomy,
    named_sides,
    notes_of,
    problem_to_dict,
)
from medtext.review.tallies import sides_of
from medtext.review.votes import Ballot, judge
from medtext.span import Span
from medtext.taxonomy import Taxonomy

FORMAT_NAME = "medtext-adjudication/1"


@dataclass(frozen=True, slots=True)
class Adjudication:
    """`gold` holds every settled span of every note, `queue` the notes in which something is open.

    In the queue settled spans are accepted and each alternative is predicted, with `sources` that say whose it is and
    the number of its question in `x["question"]`: push it to the UI, delete what is wrong, and give it back as
    `resolved`. A gold note of which something is open is reviewed as "doing", the others as "done".
    """

    annotators: tuple[str, ...]
    gold: tuple[Note, ...]
    queue: tuple[Note, ...]
    settled: int
    open: int
    outvoted: int
    problems: tuple[Problem, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def clean(self) -> bool:
        """Whether everything is settled and every note could be judged."""
        return not (self.queue or any(one.severity == "error" for one in self.problems))

    def to_dict(self) -> dict[str, Any]:
        """The counts, for JSON; the notes are written as span files."""
        return {
            "format": FORMAT_NAME,
            "settings": dict(self.settings),
            "annotators": list(self.annotators),
            "notes": len(self.gold),
            "notes_open": [note.id for note in self.queue],
            "settled": self.settled,
            "open": self.open,
            "outvoted": self.outvoted,
            "problems": [problem_to_dict(problem) for problem in self.problems],
        }

    def report(self) -> Report:
        """The same for people."""
        facts: dict[str, Cell] = {
            "Annotators": ", ".join(self.annotators),
            "Notes": len(self.gold),
            "Notes in which something is open": len(self.queue),
            "Spans settled": self.settled,
            "Questions open": self.open,
            "Spans outvoted": self.outvoted,
        }
        rows: list[tuple[Cell, ...]] = []
        for note in self.queue:
            for span in note.spans:
                if "question" in span.x and span.status == "predicted":
                    who = ", ".join(
                        one.by.removeprefix("human:") for one in span.sources if one.by.startswith("human:")
                    )
                    rows.append((note.id, span.x["question"], span.id, span.label, f"{span.start}–{span.end}", who))
        columns = ("note", "question", "span", "label", "place", "said by")
        tables = [Table("To decide", columns, rows, "Places in code points.")]
        problems = [(one.note_id, one.severity, one.message) for one in self.problems]
        tables += [Table("Problems", ("note", "kind", "problem"), problems)] if problems else []
        return Report("Adjudication", facts, tables)


def adjudicate(
    annotators: Mapping[str, Notes] | Sequence[Notes],
    *,
    resolved: Notes | None = None,
    weights: Mapping[str, float] | None = None,
    majority: float = 0.5,
    layer: str = "entity",
    taxonomy: Taxonomy | str | Path | None = None,
    people: Sequence[str] = (),
    format: str | None = None,
    gold_file: str | Path | None = None,
    queue_file: str | Path | None = None,
    overwrite: bool = False,
    allow_phi: bool = False,
) -> Adjudication:
    """Merge the work of several people into one gold, and queue what they must talk about.

        medtext.adjudicate(["anna.jsonl", "ben.jsonl", "cleo.jsonl"], queue_file="to-decide.jsonl").open

    A span, each axis of its assertion and its codes hold when people with more than the share `majority` of the weight
    (`weights`, 1 each) say so. The other layers are those of the first annotator by name. `resolved` is the queue as it
    came back from the UI: its notes are taken as decided. The files are span files (or as their names say). Notes with
    different texts, or of one person only, are reported and left out. Raises as `agreement` and `write` do.
    """
    for path in (gold_file, queue_file):
        if path is not None:
            refuse_overwrite(Path(path), overwrite=overwrite)
    sides = named_sides(annotators, format, people)
    ballots = _weights(sides, weights, majority)
    notes, problems = common_notes(sides)
    rules = load_taxonomy(taxonomy)
    problems += [one for held in notes for note in held.values() for one in label_problems(note, rules, layer)]
    decided = {} if resolved is None else {note.id: note for note in notes_of(resolved)}
    judged = [_judge_note(held, decided.get(held[min(held)].id), ballots, layer, majority) for held in notes]
    done = Adjudication(
        annotators=tuple(sorted(sides)),
        gold=tuple(one.gold for one in judged),
        queue=tuple(one.queue for one in judged if one.queue is not None),
        settled=sum(len(one.gold.layer(layer)) for one in judged),
        open=sum(one.open for one in judged),
        outvoted=sum(one.outvoted for one in judged),
        problems=(*problems, *_strangers(decided, notes)),
        settings={"layer": layer, "majority": majority, "weights": ballots},
    )
    for path, held in ((gold_file, done.gold), (queue_file, done.queue)):
        if path is not None:
            write(held, path, overwrite=overwrite, allow_phi=allow_phi)
    return done


def _weights(sides: Mapping[str, Any], weights: Mapping[str, float] | None, majority: float) -> dict[str, float]:
    if not 0.5 <= majority < 1:
        raise ConfigError("majority= is a share from 0.5 on and below 1: what exceeds it holds.")
    unknown = set(weights or {}) - set(sides)
    if unknown:
        raise ConfigError(f"weights= names {sorted(unknown)[0]!r}. Annotators: {', '.join(sorted(sides))}")
    held = {name: float((weights or {}).get(name, 1)) for name in sorted(sides)}
    if not all(0 < weight < float("inf") for weight in held.values()):
        raise ConfigError("A weight is a number above 0.")
    return held


def _strangers(decided: Mapping[str, Note], notes: Iterable[Mapping[str, Note]]) -> list[Problem]:
    known = {held[min(held)].id for held in notes}
    told = "this resolved note is not among those that are adjudicated."
    return [Problem(told, note_id=key) for key in sorted(decided.keys() - known)]


@dataclass(frozen=True, slots=True)
class _Judged:
    gold: Note
    queue: Note | None = None
    open: int = 0
    outvoted: int = 0


def _judge_note(
    held: Mapping[str, Note], decided: Note | None, weights: Mapping[str, float], layer: str, majority: float
) -> _Judged:
    first = held[min(held)]
    if decided is not None:
        return _resolved(first, decided, layer)
    ballot = Ballot({name: weights[name] for name in held}, majority)
    sides = sides_of(held, layer)
    verdicts = [judge(group, ballot) for group in mentions(sides, align_all(sides))]
    alternatives = [group for one in verdicts for group in one.open]
    outvoted = sum(one.outvoted for one in verdicts)
    base = first.replace(spans=tuple(span for span in first.spans if span.layer != layer), relations=())
    settled = _with_ids([span for one in verdicts for span in one.settled], {span.id for span in base.spans})
    gold = base.add(settled).replace(review=Review("doing" if alternatives else "done"))
    gold = gold.add(relations=_relations(held, gold, ballot, layer))
    if not alternatives:
        return _Judged(gold, outvoted=outvoted)
    return _Judged(gold, _queued(gold, alternatives), len(alternatives), outvoted)


def _with_ids(spans: Iterable[Span], taken: set[str]) -> list[Span]:
    """The spans with the ids that their people gave them; an id that is taken is given anew."""
    made = []
    for span in spans:
        made.append(replace(span, id="") if span.id in taken else span)
        taken = taken | {span.id}
    return made


def _queued(gold: Note, alternatives: Sequence[Sequence[Span]]) -> Note:
    """The gold note with all alternatives beside what is settled."""
    spans = [
        replace(span, id="", x={**span.x, "question": f"q{number}"})
        for number, group in enumerate(alternatives, 1)
        for span in group
    ]
    return gold.add(spans).replace(review=Review("todo"))


def _relations(held: Mapping[str, Note], gold: Note, ballot: Ballot, layer: str) -> list[Relation]:
    """The relations that a majority drew between spans that are in the gold."""
    places: dict[tuple, str] = {(*_key(span), ""): span.id for span in reversed(gold.spans)}
    places |= {(*_key(span), span.id): span.id for span in gold.spans}  # of twins the one that has the id
    said: dict[tuple[str, str, str], dict[str, Relation]] = {}
    for name in sorted(held):
        spans = {one.id: places.get((*_key(one), one.id), places.get((*_key(one), ""))) for one in held[name].spans}
        for one in held[name].relations:
            key = (one.type, spans[one.source], spans[one.target])
            if one.status != "rejected" and key[1] is not None and key[2] is not None:
                said.setdefault(key, {}).setdefault(name, one)
    kept = [(key, votes) for key, votes in sorted(said.items()) if ballot.holds(votes)]
    made, taken = [], set()
    for (_, source, target), votes in kept:
        one = votes[min(votes)]
        made.append(replace(one, source=source, target=target, id="" if one.id in taken else one.id))
        taken.add(one.id)
    return made


def _key(span: Span) -> tuple:
    return span.at, span.label, span.layer


def _resolved(first: Note, decided: Note, layer: str) -> _Judged:
    """What came back: whatever nobody has judged yet stays open."""
    if decided.text != first.text:
        raise NoteError(f"The text of resolved note {first.id!r} is not that of the annotators. Was it edited?")
    finished = decided.review is not None and decided.review.state == "done"
    waiting = {span.id for span in decided.layer(layer) if span.status == "predicted" and not finished}
    dropped = waiting | {span.id for span in decided.layer(layer) if span.status == "rejected"}
    kept = tuple(_final(span) if span.layer == layer else span for span in decided.spans if span.id not in dropped)
    known = {span.id for span in kept}
    relations = [one for one in decided.relations if one.source in known and one.target in known]
    kept_relations = tuple(one for one in relations if one.status != "rejected")
    review = Review("doing" if waiting else "done", decided.review.annotator if decided.review else "")
    gold = decided.replace(spans=kept, relations=kept_relations, review=review)
    questions = {str(decided.span(key).x.get("question", key)) for key in waiting}
    return _Judged(gold, decided if waiting else None, len(questions))


def _final(span: Span) -> Span:
    """A span without its question: an alternative that was kept is gold."""
    x = {key: value for key, value in span.x.items() if key != "question"}
    return replace(span, x=x, status="accepted" if span.status == "predicted" else span.status)
