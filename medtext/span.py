"""What is said about a place in a text: a span with its label, assertion, codes, candidates and sources.

Offsets are Unicode code points, half-open, over the exact text as read. Everything is frozen, compared by value and
checked when built: what cannot be raises NoteError. No `repr` shows what people wrote.
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
SOURCE_KINDS = ("model", "rule", "dictionary", "llm", "human", "import")

ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LAYER = re.compile(r"[a-z][a-z0-9_]{0,31}")
_SYSTEM = re.compile(r"[A-Z][A-Z0-9_]{0,31}")


def refuse(condition: object, message: str) -> None:
    """Raise NoteError when the condition holds."""
    if condition:
        raise NoteError(message)


def check_one_of(value: str | None, allowed: tuple[str, ...], what: str) -> None:
    """Raise NoteError for a value that is neither None nor allowed."""
    if value is not None and value not in allowed:
        raise NoteError(f"{what} {value!r} is not one of {', '.join(allowed)}.")


def check_score(score: float | None, what: str) -> None:
    """Raise NoteError for a score that is neither None nor a number from 0 to 1."""
    if score is None or (type(score) is float and 0 <= score <= 1):
        return
    ok = isinstance(score, (int, float)) and not isinstance(score, bool) and math.isfinite(score) and 0 <= score <= 1
    refuse(not ok, f"The score of {what} is not a number from 0 to 1.")


def check_name(name: str, what: str, longest: int) -> None:
    """Raise NoteError for a name that is empty, too long, or not printable."""
    ok = isinstance(name, str) and 0 < len(name) <= longest and name == name.strip() and name.isprintable()
    if not ok:
        raise NoteError(f"{what} must be 1 to {longest} printable characters without blanks at its ends.")


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
        refuse(not ok, f"Code system {self.system!r} must be capital letters, digits and _ (SNOMED, ICD10CM, …).")
        ok = isinstance(self.code, str) and self.code and self.code.isprintable() and not set(self.code) & {" ", "\t"}
        refuse(not ok, f"The {self.system} code is empty or holds blanks.")

    def __str__(self) -> str:
        return f"{self.system}:{self.code}"

    @classmethod
    def parse(cls, curie: str) -> Code:
        """`Code.parse("ICD10CM:I10")`; raises NoteError for anything but SYSTEM:code."""
        system, colon, code = curie.partition(":") if isinstance(curie, str) else ("", "", "")
        refuse(not colon, f"Code {curie!r} is not a CURIE such as SNOMED:38341003.")
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
        refuse(not isinstance(self.code, Code), "A candidate needs a Code.")
        check_score(self.score, f"candidate {self.code}")


@dataclass(frozen=True, slots=True)
class Source:
    """Who claims a span: `model|rule|dictionary|llm|human|import:name@version`, and how surely."""

    by: str
    score: float | None = None

    def __post_init__(self) -> None:
        kind, colon, name = self.by.partition(":") if isinstance(self.by, str) else ("", "", "")
        if not (kind in SOURCE_KINDS and colon and name and self.by.isprintable()):
            raise NoteError(f"Source {self.by!r} is not kind:name@version with a kind of {', '.join(SOURCE_KINDS)}.")
        check_score(self.score, f"source {self.by}")


@dataclass(frozen=True, slots=True)
class Assertion:
    """What the note says of a span. None on an axis means that it was not assessed, never a guess."""

    presence: str | None = None
    temporality: str | None = None
    subject: str | None = None

    def __post_init__(self) -> None:
        check_one_of(self.presence, PRESENCE, "Presence")
        check_one_of(self.temporality, TEMPORALITY, "Temporality")
        check_one_of(self.subject, SUBJECT, "Subject")

    def __bool__(self) -> bool:
        return any(value is not None for value in (self.presence, self.temporality, self.subject))


def _check_at(at: object, what: str) -> tuple[tuple[int, int], ...]:
    """The fragments as tuples; raises NoteError where they are none, empty, unsorted or overlapping."""
    if type(at) is tuple and len(at) == 1 and type(at[0]) is tuple and len(at[0]) == 2:
        start, end = at[0]
        if type(start) is type(end) is int and 0 <= start < end:
            return at  # one whole fragment, as of nearly all spans
    try:
        fragments = tuple((start, end) for start, end in at)  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        raise NoteError(f"{what} needs `at` as [start, end) pairs.") from None
    refuse(not fragments, f"{what} has no fragment.")
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
        if self.id and not ID.fullmatch(self.id):
            raise NoteError(f"{what}: an id is 1 to 64 letters, digits, _ or -.")
        put(self, "at", _check_at(self.at, what))
        check_name(self.label, f"The label of {what}", 100)
        if self.layer != "entity" and not (isinstance(self.layer, str) and _LAYER.fullmatch(self.layer)):
            raise NoteError(f"{what}: layer {self.layer!r} must be lower-case letters, digits and _.")
        check_one_of(self.status, STATUS, f"{what}: status")
        if self.assertion is not None:
            if not isinstance(self.assertion, Assertion):
                raise NoteError(f"{what}: not an Assertion.")
            put(self, "assertion", self.assertion or None)
        for name, kind in _PARTS:
            values = getattr(self, name)
            if values != ():
                put(self, name, _check_parts(values, kind, f"{what}: {name}"))
        if len(self.codes) > 1 and len(set(self.codes)) < len(self.codes):
            raise NoteError(f"{what} carries the same code twice.")
        check_score(self.score, what)

    def linked(self, candidates: tuple[Candidate, ...], codes: tuple[Code, ...]) -> Span:
        """This span with these candidates and codes, each code once; the rest was checked when it was built."""
        made = object.__new__(type(self))
        for name in self.__slots__:
            object.__setattr__(made, name, getattr(self, name))
        object.__setattr__(made, "candidates", candidates)
        object.__setattr__(made, "codes", codes)
        return made

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


def in_order(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Spans by their `sort_key`; ids are looked at only where place, layer and label do not settle the order."""
    spans = tuple(spans)
    keys = [(span.at[0][0], -span.at[-1][1], span.layer, span.label) for span in spans]
    if len(set(keys)) < len(keys):
        return tuple(sorted(spans, key=lambda span: span.sort_key))
    return tuple([span for _, span in sorted(zip(keys, spans, strict=True))])
