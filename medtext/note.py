"""What a note is: text with spans and relations over it, and whether its identifiers are out.

Nothing here ever changes a text. Everything is frozen, compared by value and checked when built. No `repr` shows note
text.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from medtext.errors import NoteError
from medtext.span import ID, STATUS, Source, Span, check_name, check_one_of, check_score, id_key, in_order, refuse

REVIEW_STATES = ("todo", "doing", "done")
_PREFIX = {"entity": "e", "phi": "p", "section": "h", "sentence": "s"}


@dataclass(frozen=True, slots=True)
class Relation:
    """A directed, typed link between two spans of one note, by their ids."""

    type: str
    source: str
    target: str
    _: dataclasses.KW_ONLY
    id: str = ""
    status: str = "predicted"
    score: float | None = None
    sources: tuple[Source, ...] = ()
    x: Mapping[str, Any] = field(default_factory=dict, hash=False, repr=False)

    def __post_init__(self) -> None:
        what = f"Relation {self.id!r}" if self.id else "A new relation"
        refuse(self.id and not ID.fullmatch(self.id), f"{what}: an id is 1 to 64 letters, digits, _ or -.")
        check_name(self.type, f"The type of {what}", 100)
        refuse(not self.source or not self.target, f"{what} needs the ids of two spans.")
        check_one_of(self.status, STATUS, f"{what}: status")
        check_score(self.score, what)
        object.__setattr__(self, "sources", tuple(self.sources))


@dataclass(frozen=True, slots=True)
class Review:
    """How far a person is with a note."""

    state: str = "todo"
    annotator: str = ""

    def __post_init__(self) -> None:
        check_one_of(self.state, REVIEW_STATES, "Review state")


@dataclass(frozen=True, slots=True)
class Note:
    """A note: its exact text, the spans and relations over it, and whether identifiers are out.

    Spans and relations are kept in one canonical order, so two notes that hold the same are equal.
    Treat `meta` as read-only.
    """

    id: str
    text: str = field(repr=False)
    _: dataclasses.KW_ONLY
    spans: tuple[Span, ...] = field(default=(), repr=False)
    relations: tuple[Relation, ...] = field(default=(), repr=False)
    deidentified: bool = False
    meta: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)
    review: Review | None = None
    x: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)

    def __post_init__(self) -> None:
        _check_note_id(self.id)
        refuse(not isinstance(self.text, str), f"The text of note {self.id!r} is not a string.")
        refuse(not _is_unicode(self.text), f"The text of note {self.id!r} holds half a surrogate pair.")
        refuse(not isinstance(self.deidentified, bool), f"Note {self.id!r}: deidentified is true or false.")
        object.__setattr__(self, "spans", in_order(self.spans))
        object.__setattr__(self, "relations", tuple(sorted(self.relations, key=lambda one: id_key(one.id))))
        self._check_spans(self.spans, set())
        self._check_relations()

    def _check_spans(self, spans: Iterable[Span], seen: set[str]) -> None:
        """Raise NoteError for a span without an id, with one that was seen, or behind the end; `seen` grows."""
        length = len(self.text)
        for span in spans:
            if not span.id:
                raise NoteError(f"A span of note {self.id!r} has no id; add spans with note.add().")
            if span.id in seen:
                raise NoteError(f"Note {self.id!r} has two spans with the id {span.id!r}.")
            if span.at[-1][1] > length:
                raise NoteError(
                    f"span {span.id!r} of note {self.id!r} ends at {span.end}, but the note has {length} characters. "
                    "Was the text edited?"
                )
            seen.add(span.id)

    def _check_relations(self) -> None:
        known = {span.id for span in self.spans}
        seen: set[str] = set()
        for relation in self.relations:
            refuse(not relation.id, f"A relation of note {self.id!r} has no id; add relations with note.add().")
            refuse(relation.id in seen, f"Note {self.id!r} has two relations with the id {relation.id!r}.")
            for end in (relation.source, relation.target):
                refuse(end not in known, f"Relation {relation.id!r} of note {self.id!r} names no span {end!r}.")
            seen.add(relation.id)

    def __repr__(self) -> str:
        state = "deidentified" if self.deidentified else "IDENTIFIED"
        return f"<Note {self.id!r}, {len(self.text)} characters, {len(self.spans)} spans, {state}>"

    def layer(self, name: str) -> tuple[Span, ...]:
        """The spans of one layer, in order."""
        return tuple(span for span in self.spans if span.layer == name)

    def span(self, identifier: str) -> Span:
        """The span with this id; raises NoteError when there is none."""
        for span in self.spans:
            if span.id == identifier:
                return span
        raise NoteError(f"Note {self.id!r} has no span {identifier!r}.")

    def quote(self, span: Span) -> tuple[str, ...]:
        """The text of each fragment of a span."""
        return tuple(self.text[start:end] for start, end in span.at)

    def add(self, spans: Iterable[Span] = (), relations: Iterable[Relation] = ()) -> Note:
        """A note with these too; what has no id gets the next free one of its layer (e1, e2, …, p1, …, r1, …)."""
        taken = {span.id for span in self.spans}
        spans = _number(in_order(spans), taken)
        if relations := _number(relations, {relation.id for relation in self.relations}):
            return self.replace(spans=(*self.spans, *spans), relations=(*self.relations, *relations))
        self._check_spans(spans, taken)
        return self._with(in_order((*self.spans, *spans)))

    def update(self, spans: Iterable[Span]) -> Note:
        """A note in which these spans stand instead of those with the same ids; raises NoteError for a new id."""
        new = {span.id: span for span in spans}
        missing = new.keys() - {span.id for span in self.spans}
        if missing:
            raise NoteError(f"Note {self.id!r} has no span {', '.join(map(repr, sorted(missing)))}.")
        self._check_spans(new.values(), set())
        spans = tuple([new.get(span.id, span) for span in self.spans])
        moved = any(
            old is not span and old.sort_key != span.sort_key for old, span in zip(self.spans, spans, strict=True)
        )
        return self._with(in_order(spans) if moved else spans)

    def _with(self, spans: tuple[Span, ...]) -> Note:
        """The note with these spans, which are checked and in order, instead of its own; the rest was checked before.

        Stages add to a note and update it time after time: to check all of it again took a tenth of their time.
        """
        made = object.__new__(type(self))
        for name in self.__slots__:
            object.__setattr__(made, name, getattr(self, name))
        object.__setattr__(made, "spans", spans)
        return made

    def keep(self, layers: Iterable[str]) -> Note:
        """A note with these layers only, and the relations whose two ends remain."""
        layers = set(layers)
        spans = tuple(span for span in self.spans if span.layer in layers)
        known = {span.id for span in spans}
        kept = tuple(one for one in self.relations if one.source in known and one.target in known)
        return self.replace(spans=spans, relations=kept)

    def replace(self, **changes: Any) -> Note:
        """A note with these fields changed, checked again."""
        return dataclasses.replace(self, **changes)

    def to_doc(self, nlp: Any) -> Any:
        """A spaCy Doc with one span group a layer; tokens are widened to, the exact offsets kept in the group."""
        from medtext.bridge import note_to_doc

        return note_to_doc(self, nlp)

    @classmethod
    def from_doc(cls, doc: Any, *, id: str = "doc", deidentified: bool = False) -> Note:
        """A note from a spaCy Doc: its entities and span groups, exact where `to_doc` left the offsets."""
        from medtext.bridge import doc_to_note

        return doc_to_note(doc, id=id, deidentified=deidentified)


def _check_note_id(identifier: str) -> None:
    check_name(identifier, "A note id", 200)
    unsafe = "\\" in identifier or {"", ".", ".."} & set(identifier.split("/"))
    refuse(unsafe, "A note id may hold / between names, but no \\ and no empty, . or .. name (it names a file).")


def _is_unicode(text: str) -> bool:
    """Half a surrogate pair is no character: no file could hold it."""
    if text.isascii():
        return True
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _with_id(item: Any, identifier: str) -> Any:
    """The same item with an id that is known to be good: the rest was checked when it was built."""
    made = object.__new__(type(item))
    for name in item.__slots__:
        object.__setattr__(made, name, getattr(item, name))
    object.__setattr__(made, "id", identifier)
    return made


def _number(items: Iterable, taken: set[str]) -> list:
    """Give an id to each item that has none: its layer's prefix and the next free number."""
    items = list(items)
    taken = taken | {item.id for item in items if item.id}
    following: dict[str, int] = {}
    out = []
    for item in items:
        if not item.id:
            prefix = "r" if isinstance(item, Relation) else _PREFIX.get(item.layer, item.layer)
            number = following.get(prefix, 1)
            while f"{prefix}{number}" in taken:
                number += 1
            following[prefix] = number + 1
            out.append(_with_id(item, f"{prefix}{number}"))
        else:
            out.append(item)
    return out
