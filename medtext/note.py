"""What a note is: text with spans over it, each with a label, an assertion, codes and who claims it.

Offsets are Unicode code points, half-open, over the exact text as read; nothing here ever changes a text.
Everything is frozen, compared by value and checked when built. No `repr` shows note text.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from medtext.errors import NoteError

PRESENCE = ("present", "absent", "possible")
TEMPORALITY = ("current", "past", "future", "hypothetical")
SUBJECT = ("patient", "family", "other")
STATUS = ("predicted", "accepted", "corrected", "rejected", "added")
REVIEW_STATES = ("todo", "doing", "done")
SOURCE_KINDS = ("model", "rule", "dictionary", "llm", "human", "import")

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LAYER = re.compile(r"[a-z][a-z0-9_]{0,31}")
_SYSTEM = re.compile(r"[A-Z][A-Z0-9_]{0,31}")
_PREFIX = {"entity": "e", "phi": "p", "section": "h", "sentence": "s"}


def _refuse(condition: object, message: str) -> None:
    if condition:
        raise NoteError(message)


def _one_of(value: str | None, allowed: tuple[str, ...], what: str) -> None:
    if value is not None and value not in allowed:
        raise NoteError(f"{what} {value!r} is not one of {', '.join(allowed)}.")


def _check_score(score: float | None, what: str) -> None:
    if score is None:
        return
    ok = isinstance(score, (int, float)) and not isinstance(score, bool) and math.isfinite(score) and 0 <= score <= 1
    _refuse(not ok, f"The score of {what} is not a number from 0 to 1.")


def _check_name(name: str, what: str, longest: int) -> None:
    ok = isinstance(name, str) and 0 < len(name) <= longest and name == name.strip() and name.isprintable()
    _refuse(not ok, f"{what} must be 1 to {longest} printable characters without blanks at its ends.")


def id_key(identifier: str) -> tuple[str, int, str]:
    """Sort key that puts e2 before e10."""
    head = identifier.rstrip("0123456789")
    digits = identifier[len(head) :]
    return head, int(digits) if digits else -1, identifier


@dataclass(frozen=True, slots=True, order=True)
class Code:
    """A code in a code system, written as the CURIE `SNOMED:38341003`."""

    system: str
    code: str

    def __post_init__(self) -> None:
        ok = isinstance(self.system, str) and _SYSTEM.fullmatch(self.system)
        _refuse(not ok, f"Code system {self.system!r} must be capital letters, digits and _ (SNOMED, ICD10CM, …).")
        ok = isinstance(self.code, str) and self.code and self.code.isprintable() and not set(self.code) & {" ", "\t"}
        _refuse(not ok, f"The {self.system} code is empty or holds blanks.")

    def __str__(self) -> str:
        return f"{self.system}:{self.code}"

    @classmethod
    def parse(cls, curie: str) -> Code:
        """`Code.parse("ICD10CM:I10")`; raises NoteError for anything but SYSTEM:code."""
        system, colon, code = curie.partition(":") if isinstance(curie, str) else ("", "", "")
        _refuse(not colon, f"Code {curie!r} is not a CURIE such as SNOMED:38341003.")
        return cls(system, code)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A code the machine proposes: how it was found, how sure it is, and from which release."""

    code: Code
    display: str = ""
    score: float | None = None
    match: str = ""
    release: str = ""

    def __post_init__(self) -> None:
        _refuse(not isinstance(self.code, Code), "A candidate needs a Code.")
        _check_score(self.score, f"candidate {self.code}")


@dataclass(frozen=True, slots=True)
class Source:
    """Who claims a span: `model|rule|dictionary|llm|human|import:name@version`, and how surely."""

    by: str
    score: float | None = None

    def __post_init__(self) -> None:
        kind, colon, name = self.by.partition(":") if isinstance(self.by, str) else ("", "", "")
        ok = kind in SOURCE_KINDS and colon and name and self.by.isprintable()
        _refuse(not ok, f"Source {self.by!r} is not kind:name@version with a kind of {', '.join(SOURCE_KINDS)}.")
        _check_score(self.score, f"source {self.by}")


@dataclass(frozen=True, slots=True)
class Assertion:
    """What the note says of a span. None on an axis means that it was not assessed, never a guess."""

    presence: str | None = None
    temporality: str | None = None
    subject: str | None = None

    def __post_init__(self) -> None:
        _one_of(self.presence, PRESENCE, "Presence")
        _one_of(self.temporality, TEMPORALITY, "Temporality")
        _one_of(self.subject, SUBJECT, "Subject")

    def __bool__(self) -> bool:
        return any(value is not None for value in (self.presence, self.temporality, self.subject))


def _check_at(at: object, what: str) -> tuple[tuple[int, int], ...]:
    try:
        fragments = tuple((start, end) for start, end in at)  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        raise NoteError(f"{what} needs `at` as [start, end) pairs.") from None
    _refuse(not fragments, f"{what} has no fragment.")
    before = -1
    for start, end in fragments:
        if type(start) is not int or type(end) is not int:
            raise NoteError(f"{what} has an offset that is not an integer.")
        if start < 0 or end <= start:
            raise NoteError(f"{what} has the empty or reversed fragment {start}–{end}.")
        if start < before:
            raise NoteError(f"{what} has fragments that are unsorted or overlap at {start}.")
        before = end
    return fragments


_PARTS = (("codes", Code), ("candidates", Candidate), ("sources", Source))


def _check_parts(values: Iterable[Any], kind: type, what: str) -> tuple[Any, ...]:
    parts = tuple(values)
    for part in parts:
        if not isinstance(part, kind):
            raise NoteError(f"{what} must be {kind.__name__}s.")
    return parts


@dataclass(frozen=True, slots=True)
class Span:
    """A label on one or more fragments `[start, end)` of a note, in code points.

    `id` may be empty until the span is added to a note, which then gives it the next free one.
    `was` holds the old values of what a person changed; `x` is free for extensions.
    """

    at: tuple[tuple[int, int], ...]
    label: str
    _: dataclasses.KW_ONLY
    id: str = ""
    layer: str = "entity"
    status: str = "predicted"
    assertion: Assertion | None = None
    codes: tuple[Code, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    score: float | None = None
    sources: tuple[Source, ...] = ()
    was: Mapping[str, Any] | None = field(default=None, hash=False, repr=False)
    comment: str = field(default="", repr=False)
    x: Mapping[str, Any] = field(default_factory=dict, hash=False, repr=False)

    def __post_init__(self) -> None:
        put = object.__setattr__
        what = f"Span {self.id!r}" if self.id else "A new span"
        if self.id and not _ID.fullmatch(self.id):
            raise NoteError(f"{what}: an id is 1 to 64 letters, digits, _ or -.")
        put(self, "at", _check_at(self.at, what))
        _check_name(self.label, f"The label of {what}", 100)
        if not isinstance(self.layer, str) or not _LAYER.fullmatch(self.layer):
            raise NoteError(f"{what}: layer {self.layer!r} must be lower-case letters, digits and _.")
        _one_of(self.status, STATUS, f"{what}: status")
        if self.assertion is not None and not isinstance(self.assertion, Assertion):
            raise NoteError(f"{what}: not an Assertion.")
        put(self, "assertion", self.assertion or None)
        for name, kind in _PARTS:
            values = getattr(self, name)
            if values != ():
                put(self, name, _check_parts(values, kind, f"{what}: {name}"))
        if len(self.codes) > 1 and len(set(self.codes)) < len(self.codes):
            raise NoteError(f"{what} carries the same code twice.")
        _check_score(self.score, what)

    @property
    def start(self) -> int:
        """First code point of the first fragment."""
        return self.at[0][0]

    @property
    def end(self) -> int:
        """One past the last code point of the last fragment."""
        return self.at[-1][1]

    @property
    def sort_key(self) -> tuple:
        """The one order of spans everywhere: by place, longer first, then layer, label and id."""
        return self.start, -self.end, self.layer, self.label, id_key(self.id), self.at


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
        _refuse(self.id and not _ID.fullmatch(self.id), f"{what}: an id is 1 to 64 letters, digits, _ or -.")
        _check_name(self.type, f"The type of {what}", 100)
        _refuse(not self.source or not self.target, f"{what} needs the ids of two spans.")
        _one_of(self.status, STATUS, f"{what}: status")
        _check_score(self.score, what)
        object.__setattr__(self, "sources", tuple(self.sources))


@dataclass(frozen=True, slots=True)
class Review:
    """How far a person is with a note."""

    state: str = "todo"
    annotator: str = ""

    def __post_init__(self) -> None:
        _one_of(self.state, REVIEW_STATES, "Review state")


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
        _refuse(not isinstance(self.text, str), f"The text of note {self.id!r} is not a string.")
        _refuse(not _is_unicode(self.text), f"The text of note {self.id!r} holds half a surrogate pair.")
        _refuse(not isinstance(self.deidentified, bool), f"Note {self.id!r}: deidentified is true or false.")
        object.__setattr__(self, "spans", tuple(sorted(self.spans, key=lambda span: span.sort_key)))
        object.__setattr__(self, "relations", tuple(sorted(self.relations, key=lambda one: id_key(one.id))))
        self._check_spans()
        self._check_relations()

    def _check_spans(self) -> None:
        length, seen = len(self.text), set()
        for span in self.spans:
            if not span.id:
                raise NoteError(f"A span of note {self.id!r} has no id; add spans with note.add().")
            if span.id in seen:
                raise NoteError(f"Note {self.id!r} has two spans with the id {span.id!r}.")
            if span.end > length:
                raise NoteError(
                    f"span {span.id!r} of note {self.id!r} ends at {span.end}, but the note has {length} characters. "
                    "Was the text edited?"
                )
            seen.add(span.id)

    def _check_relations(self) -> None:
        known = {span.id for span in self.spans}
        seen: set[str] = set()
        for relation in self.relations:
            _refuse(not relation.id, f"A relation of note {self.id!r} has no id; add relations with note.add().")
            _refuse(relation.id in seen, f"Note {self.id!r} has two relations with the id {relation.id!r}.")
            for end in (relation.source, relation.target):
                _refuse(end not in known, f"Relation {relation.id!r} of note {self.id!r} names no span {end!r}.")
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
        spans = _number(sorted(spans, key=lambda span: span.sort_key), {span.id for span in self.spans})
        relations = _number(list(relations), {relation.id for relation in self.relations})
        return self.replace(spans=self.spans + tuple(spans), relations=self.relations + tuple(relations))

    def update(self, spans: Iterable[Span]) -> Note:
        """A note in which these spans stand instead of those with the same ids; raises NoteError for a new id."""
        new = {span.id: span for span in spans}
        missing = new.keys() - {span.id for span in self.spans}
        _refuse(missing, f"Note {self.id!r} has no span {', '.join(map(repr, sorted(missing)))}.")
        return self.replace(spans=tuple(new.get(span.id, span) for span in self.spans))

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
    _check_name(identifier, "A note id", 200)
    unsafe = "\\" in identifier or {"", ".", ".."} & set(identifier.split("/"))
    _refuse(unsafe, "A note id may hold / between names, but no \\ and no empty, . or .. name (it names a file).")


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


def _number(items: list, taken: set[str]) -> list:
    """Give an id to each item that has none: its layer's prefix and the next free number."""
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
