"""What leads from a de-identified note back to the note before: the record that the vault keeps, and how it is used.

A record holds what de-identification took away and nothing else can tell: the originals at their places in the new
text, the dropped meta, the spans it moved or lost with their relations, and the `phi` spans it made.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from medtext.errors import VaultError
from medtext.formats.spanfile import record_to_relation, record_to_span, relation_to_record, span_to_record, text_hash
from medtext.note import Note, Relation
from medtext.redaction import Edit, Redaction
from medtext.span import Span
from medtext.stages.deid.vault import Vault

Item = TypeVar("Item", Span, Relation)


def way_back(note: Note, done: Note, redaction: Redaction) -> dict[str, Any]:
    """The record that leads from `done` back to `note`; `redaction` is what made the one of the other."""
    back = redaction.invert(note.text)
    carried = {span.id: redaction.carry(span) for span in note.spans}
    linked = {relation.id for relation in done.relations}
    return {
        "sha256": text_hash(done.text),
        "edits": [[edit.start, edit.end, edit.replacement] for edit in back.edits],
        "meta": {key: value for key, value in note.meta.items() if key not in done.meta},
        "moved": [_moved(span, carried[span.id]) for span in note.spans if not _comes_back(span, carried, back)],
        "relations": [relation_to_record(one) for one in note.relations if one.id not in linked],
        "made": [_record(span) for span in done.spans if carried.get(span.id) is None],
    }


def _comes_back(span: Span, carried: Mapping[str, Span | None], back: Redaction) -> bool:
    """Whether a span finds its place without help: not when it lay in an identifier, or across its edge."""
    there = carried[span.id]
    return there is not None and back.carry(there) == span


def _moved(span: Span, there: Span | None) -> dict[str, Any]:
    return {"span": _record(span), "at": None if there is None else there.at}


def _record(span: Span) -> dict[str, Any]:
    record = span_to_record(span, "")
    del record["quote"]
    return record


def originals(note: Note, vault: Vault) -> list[dict[str, Any]]:
    """The records that lead back from exactly this text, the last first; raises VaultError when there is none."""
    held = vault.records(note.id)
    if not held:
        raise VaultError("the vault holds no record of this note.")
    digest = text_hash(note.text)
    fitting = [record for record in held if record["sha256"] == digest]
    if not fitting:
        raise VaultError("its text is not the one that was de-identified. Was the text edited?")
    return fitting


def restored(note: Note, record: Mapping[str, Any]) -> Note:
    """The note before de-identification, with all that was said of it since.

    Spans go back to their places, a person's own and changed ones too. The `phi` spans that de-identification made go,
    unless somebody changed or linked them. What was lost comes back under its id; a newcomer that bears that id gets
    another.
    """
    back = Redaction(tuple(Edit(*edit) for edit in record["edits"]))
    made = {one["id"]: _plain(record_to_span(one)) for one in record["made"]}
    moved = {one["span"]["id"]: (record_to_span(one["span"]), one["at"]) for one in record["moved"]}
    lost = [span for span, left in moved.values() if left is None]
    linked = {end for one in note.relations for end in (one.source, one.target)}
    new = [span for span in note.spans if span.id in linked or made.get(span.id) != _plain(span)]
    names = _names(new, lost)
    came = [_returned(span, moved, back, names[span.id]) for span in new]
    spans = [*lost, *(span for span in came if span is not None)]
    return note.replace(
        text=back.apply(note.text),
        spans=tuple(spans),
        relations=_relations(note.relations, record["relations"], names, {span.id for span in spans}),
        meta={**note.meta, **record["meta"]},
        deidentified=False,
    )


def _plain(span: Span) -> Span:
    """What a person may change of a span: the rest does not make it theirs."""
    return dataclasses.replace(span, score=None, sources=(), x={})


def _returned(span: Span, moved: Mapping[str, tuple[Span, Any]], back: Redaction, name: str) -> Span | None:
    """The span where it belongs: where it lay before, if nobody has moved it since."""
    before, left = moved.get(span.id, (None, None))
    if before is not None and left is not None and span.at == tuple(map(tuple, left)):
        return dataclasses.replace(span, at=before.at)
    carried = back.carry(span)
    return carried if carried is None or name == span.id else dataclasses.replace(carried, id=name)


def _names(new: Iterable[Item], lost: Iterable[Item]) -> dict[str, str]:
    """The id that each newcomer bears from now on: its own, unless it belongs to one that comes back."""
    new = list(new)
    belongs = {one.id for one in lost}
    taken = belongs | {one.id for one in new}
    names = {}
    for one in new:
        names[one.id] = _free(one.id, taken) if one.id in belongs else one.id
        taken.add(names[one.id])
    return names


def _free(name: str, taken: set[str]) -> str:
    number = 2
    while f"{name[:56]}-{number}" in taken:
        number += 1
    return f"{name[:56]}-{number}"


def _relations(
    new: Iterable[Relation], records: Iterable[Mapping[str, Any]], names: Mapping[str, str], spans: set[str]
) -> tuple[Relation, ...]:
    """The relations of now and those that were lost, as far as both their spans are there."""
    lost = [record_to_relation(record) for record in records]
    new = list(new)
    own = _names(new, lost)
    moved = [
        dataclasses.replace(one, id=own[one.id], source=names[one.source], target=names[one.target]) for one in new
    ]
    return tuple(one for one in (*lost, *moved) if one.source in spans and one.target in spans)
