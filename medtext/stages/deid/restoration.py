"""What leads from a de-identified note back to the note before: the record that the vault keeps, and how it is used.

A record holds what de-identification took away and nothing else can tell: the originals at their places in the new
text, the dropped meta, the spans and relations that it changed or lost, and the `phi` spans it made.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from medtext.errors import VaultError
from medtext.formats.spanfile import record_to_relation, record_to_span, relation_to_record, span_to_record, text_hash
from medtext.note import Note, Relation
from medtext.redaction import Edit, Redaction
from medtext.span import Span
from medtext.stages.deid.vault import Vault

REMOVED = "deid_removed"  # key of a note's `x`: label → how many identifiers went without a trace
Item = TypeVar("Item", Span, Relation)


def way_back(note: Note, done: Note, redaction: Redaction) -> dict[str, Any]:
    """The record that leads from `done` back to `note`; `redaction` is what made the text of the one of the other."""
    back = redaction.invert(note.text)
    ids = {span.id for span in note.spans if redaction.carry(span) is not None}  # a lost one's id may be given anew
    left = {span.id: span for span in done.spans if span.id in ids}
    linked = {relation.id: relation for relation in done.relations}
    return {
        "sha256": text_hash(done.text),
        "edits": [[edit.start, edit.end, edit.replacement] for edit in back.edits],
        "meta": {key: value for key, value in note.meta.items() if key not in done.meta},
        "x": {key: value for key, value in note.x.items() if key not in done.x or key == REMOVED},
        "spans": [_pair(one, left.get(one.id)) for one in note.spans if not _comes_back(one, left.get(one.id), back)],
        "relations": [_pair(one, linked.get(one.id)) for one in note.relations if one != linked.get(one.id)],
        "made": [_record(span) for span in done.spans if span.id not in left],
    }


def _comes_back(before: Span, left: Span | None, back: Redaction) -> bool:
    """Whether a span needs no help: it does when it lay in an identifier or across its edge, or lost a remark."""
    return left is not None and back.carry(left) == before


def _pair(before: Item, left: Item | None) -> list[dict[str, Any] | None]:
    """A span or relation as it was, and what de-identification left of it."""
    return [_record(before), None if left is None else _record(left)]


def _record(one: Span | Relation) -> dict[str, Any]:
    if isinstance(one, Relation):
        return relation_to_record(one)
    record = span_to_record(one, "")
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
    new = _not_made(note, [record_to_span(one) for one in record["made"]])
    held = _pairs(record["spans"], record_to_span)
    names = _names(new, held)
    spans = [*_lost(held), *(dataclasses.replace(_returned(one, held, back), id=names[one.id]) for one in new)]
    linked = _pairs(record["relations"], record_to_relation)
    return note.replace(
        text=back.apply(note.text),
        spans=tuple(spans),
        relations=_relations(note.relations, linked, names, {span.id for span in spans}),
        meta={**note.meta, **record["meta"]},
        x={**{key: value for key, value in note.x.items() if key != REMOVED}, **record["x"]},
        deidentified=False,
    )


def _not_made(note: Note, made: Iterable[Span]) -> list[Span]:
    """The spans that are not de-identification's own, or that somebody has changed or linked since."""
    own = {span.id: _essence(span) for span in made}
    linked = {end for one in note.relations for end in (one.source, one.target)}
    return [span for span in note.spans if span.id in linked or own.get(span.id) != _essence(span)]


def _essence(span: Span) -> Span:
    """What a person may change of a span: the rest does not make it theirs."""
    return dataclasses.replace(span, score=None, sources=(), x={})


def _pairs(records: Iterable[Iterable[Any]], made: Callable[[Any], Item]) -> dict[str, tuple[Item, Item | None]]:
    """Id → what it was, and what was left of it."""
    pairs = ((made(before), None if left is None else made(left)) for before, left in records)
    return {before.id: (before, left) for before, left in pairs}


def _lost(held: Mapping[str, tuple[Item, Item | None]]) -> list[Item]:
    return [before for before, left in held.values() if left is None]


def _returned(span: Span, held: Mapping[str, tuple[Span, Span | None]], back: Redaction) -> Span:
    """The span where it belongs: where it lay before, if nobody has moved it since."""
    carried = back.carry(span)
    if carried is None:  # no edit of ours inserts, so there is something beneath every span
        raise VaultError(f"span {span.id!r} covers nothing in the original.")
    return _undone(carried, span, held)


def _undone(carried: Item, now: Item, held: Mapping[str, tuple[Item, Item | None]]) -> Item:
    """What is carried, with its old value in each field that nobody has changed since de-identification did."""
    before, left = held.get(now.id, (None, None))
    if before is None or left is None:
        return carried
    same = [one.name for one in dataclasses.fields(now) if getattr(now, one.name) == getattr(left, one.name)]
    return dataclasses.replace(carried, **{name: getattr(before, name) for name in same})


def _names(new: Iterable[Item], held: Mapping[str, tuple[Item, Item | None]]) -> dict[str, str]:
    """The id that each newcomer bears from now on: its own, unless it belongs to one that comes back."""
    names = {one.id: one.id for one in new}
    belongs = {one.id for one in _lost(held)}
    taken = belongs | names.keys()
    for name in sorted(belongs & names.keys()):
        names[name] = _free(name, taken)
        taken.add(names[name])
    return names


def _free(name: str, taken: set[str]) -> str:
    number = 2
    while f"{name[:56]}-{number}" in taken:
        number += 1
    return f"{name[:56]}-{number}"


def _relations(
    now: tuple[Relation, ...],
    held: Mapping[str, tuple[Relation, Relation | None]],
    ends: Mapping[str, str],
    spans: set[str],
) -> tuple[Relation, ...]:
    """The relations of now, their spans by the ids in `ends`; and those that were lost, where both spans are back."""
    names = _names(now, held)
    lost = (one for one in _lost(held) if one.source in spans and one.target in spans)
    came = (
        dataclasses.replace(_undone(one, one, held), id=names[one.id], source=ends[one.source], target=ends[one.target])
        for one in now
    )
    return (*lost, *came)
