"""The documents of a corpus: notes whose spans are ours, flat, and checked; dealt out to train, dev and test.

Flattening, where spans overlap: a known label before an unknown one, then the longest, then the first, then the order
of the head's labels; what overlaps a kept span falls away. A span in several fragments counts as unknown over its
whole reach, because a row of tags cannot say it.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from medtext.errors import FormatError, Problem
from medtext.formats import read
from medtext.note import Note
from medtext.training.recipe import Corpus, Recipe


@dataclass(frozen=True, slots=True)
class Gold:
    """A stretch `[start, end)` in code points that is one of `labels`; with none it may be anything."""

    start: int
    end: int
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A text with its gold; `use` is train, dev, test or unlabelled, `group` the patient or document it belongs to."""

    id: str
    text: str = field(repr=False)
    corpus: str
    group: str
    use: str
    gold: tuple[Gold, ...] = ()


@dataclass(frozen=True, slots=True)
class Loaded:
    """The documents of a recipe, and for each corpus what became of its notes and spans."""

    documents: tuple[Document, ...]
    counts: Mapping[str, Mapping[str, int]]


def share(text: str, salt: str) -> float:
    """A number in [0, 1) that is the same for the same text everywhere: who gets into which part."""
    digest = hashlib.sha256(f"{salt}\0{text}".encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64


def load_documents(recipe: Recipe, data: Path) -> Loaded:
    """All documents of a recipe; raises FormatError with note and span id for offsets that cannot be."""
    by_corpus, counts = {}, {}
    for name, corpus in recipe.corpora.items():
        counts[name] = Counter()
        by_corpus[name] = list(_documents(corpus, recipe, data, counts[name]))
    kept = []
    for name, corpus in recipe.corpora.items():
        taken = {one.group for other in corpus.without for one in by_corpus[other]}
        mine = [one for one in by_corpus[name] if one.group not in taken]
        counts[name]["dropped: held by another corpus"] = len(by_corpus[name]) - len(mine)
        counts[name].update(one.use for one in mine)
        kept += mine
    return Loaded(tuple(kept), {name: dict(sorted((+held).items())) for name, held in counts.items()})


def _documents(corpus: Corpus, recipe: Recipe, data: Path, counts: Counter[str]) -> Iterator[Document]:
    order = {label: at for at, label in enumerate(recipe.heads.get(corpus.head, ()))}
    for note in _notes(corpus, data, counts):
        group = _group(corpus, note)
        use = corpus.use if corpus.use != "train" else _use(group, corpus)
        gold = () if corpus.use == "unlabelled" else tuple(_gold(corpus, note, order, counts))
        yield Document(f"{corpus.name}/{note.id}", note.text, corpus.name, group, use, gold)


def _notes(corpus: Corpus, data: Path, counts: Counter[str]) -> Iterator[Note]:
    file = data / corpus.file

    def dropped(problem: Problem) -> None:
        """A record that cannot be read stops the training; a note that stood before has no line of its own."""
        if problem.where:
            raise FormatError(problem.message, where=problem.where, note_id=problem.note_id)
        counts["notes dropped: id stood before"] += 1

    notes = read(file, format=corpus.format or None, on_problem=dropped)
    if corpus.generate is None:
        return (_with_spans(note, corpus, file.name) for note in notes)
    from medtext.generator import generate

    made = corpus.generate
    carriers = [note for note in notes if share(note.id, "carriers") >= made.held_out]
    chosen = {"insertions": made.insertions, "unknown_names": made.unknown_names, "mess": made.mess}
    return generate(carriers, count=made.count, seed=made.seed, **chosen)


def _with_spans(note: Note, corpus: Corpus, file: str) -> Note:
    """A note of plain records with the spans that its `spans` key lists: start, end, label; or with one over it all."""
    from medtext.span import Span

    held = [_whole(note, corpus.whole, file)] if corpus.whole else note.meta.get("spans")
    if note.spans or not isinstance(held, list) or corpus.use == "unlabelled":
        return note
    spans = [_span(one, at, note, file) for at, one in enumerate(held)]
    return note.replace(
        spans=tuple(
            Span(places, label, id=f"s{at}", layer=corpus.layer, status="added", comment=name)
            for at, (places, label, name) in enumerate(spans)
        )
    )


def _whole(note: Note, key: str, file: str) -> dict[str, Any]:
    """The span over all of a text but the blanks around it."""
    if not isinstance(note.meta.get(key), str) or not note.text.strip():
        raise FormatError(f"note {note.id!r} has no text, or no label under {key!r}.", where=file, note_id=note.id)
    start = len(note.text) - len(note.text.lstrip())
    return {"start": start, "end": len(note.text.rstrip()), "label": note.meta[key]}


def _span(record: Any, at: int, note: Note, file: str) -> tuple[tuple[tuple[int, int], ...], str, str]:
    name = str(record.get("id", at)) if isinstance(record, dict) else str(at)
    what = f"span {name!r} of note {note.id!r}"
    if not isinstance(record, dict) or not isinstance(record.get("label"), str) or not record["label"]:
        raise FormatError(f"{what} has no label.", where=file, note_id=note.id)
    whole = (record.get("start"), record.get("end"))
    places = [tuple(one) for one in record.get("fragments") or [whole]]
    for start, end in places:
        if type(start) is not int or type(end) is not int or not 0 <= start < end:
            raise FormatError(f"{what} goes from {start!r} to {end!r}.", where=file, note_id=note.id)
        if end > len(note.text):
            told = f"{what} ends at {end}, but the note has {len(note.text)} characters. Was the text edited?"
            raise FormatError(told, where=file, note_id=note.id)
    return tuple(sorted(places)), record["label"], name


def _gold(corpus: Corpus, note: Note, order: Mapping[str, int], counts: Counter[str]) -> list[Gold]:
    found = list(_mapped(corpus, note, counts))
    for first, second in corpus.join:
        found = list(_joined(found, first, second, note.text, counts))
    found.sort(key=lambda one: (not one.labels, one.start - one.end, one.start, [order[name] for name in one.labels]))
    kept: list[Gold] = []
    for one in found:
        if not one.labels or not any(one.start < other.end and other.start < one.end for other in kept):
            kept.append(one)
        else:
            counts["spans dropped: inside another"] += 1
    return sorted(kept, key=lambda one: (one.start, one.end))


def _mapped(corpus: Corpus, note: Note, counts: Counter[str]) -> Iterator[Gold]:
    for span in note.layer(corpus.layer):
        if span.status == "rejected" or span.label in corpus.outside:
            continue
        if span.label not in corpus.labels:
            told = f"span {span.comment or span.id!r} of note {note.id!r} has the label {span.label!r}"
            known = ", ".join([*corpus.labels, *corpus.outside])
            raise FormatError(f"{told}, which the recipe does not map. It maps: {known}", where=corpus.file)
        if not any(map(str.isalnum, note.text[span.start : span.end])):
            counts["spans dropped: no letter or digit"] += 1
            continue
        labels = corpus.labels[span.label] if len(span.at) == 1 else ()
        counts["spans" if labels else "spans left out of the loss"] += 1
        yield Gold(span.start, span.end, labels)


def _joined(found: Iterable[Gold], first: str, second: str, text: str, counts: Counter[str]) -> Iterator[Gold]:
    """Spans of the label `first` that stand one blank before one of `second` go into it."""
    found = sorted(found, key=lambda one: (one.start, one.end))
    ends = {one.end: one for one in found if one.labels == (first,)}
    used, made = set(), []
    for one in found:
        before = ends.get(one.start - 1) if one.labels == (second,) and text[one.start - 1 : one.start] == " " else None
        if before is not None:
            used.add(before)
            counts[f"spans joined: {first} with {second}"] += 1
        made.append(one if before is None else Gold(before.start, one.end, one.labels))
    return (one for one in made if one not in used)


def _group(corpus: Corpus, note: Note) -> str:
    """Patient or document; notes of one group never part."""
    if corpus.group_key and corpus.group_key in note.meta:
        return str(note.meta[corpus.group_key])
    match = re.search(corpus.group, note.id) if corpus.group else None
    return match.group() if match else note.id


def _use(group: str, corpus: Corpus) -> str:
    drawn = share(group, "split")
    if drawn < corpus.test:
        return "test"
    return "dev" if drawn < corpus.test + corpus.dev else "train"
