"""A span as flat features of text, as the annotation models of UIMA, GATE, BioC and W3C hold them.

What has a name of its own can be edited in those programs and wins on the way back: id, codes, the axes of the
assertion, comment. The rest stands as JSON under `medtext`. Features of other programs are kept in `x["features"]`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from medtext.errors import NoteError
from medtext.formats.carried import dumps
from medtext.formats.label_studio_regions import free_id
from medtext.formats.spanfile import (
    ASSERTION_KEYS,
    record_to_relation,
    record_to_span,
    relation_to_record,
    span_to_record,
)
from medtext.note import Relation
from medtext.span import ID, Span

OURS = "medtext"
SPAN_FEATURES = ("id", "codes", *ASSERTION_KEYS, "comment", OURS)
# What no feature says was drawn by a person: our own spans say their status under `medtext`.
DEFAULTS = {"layer": "entity", "status": "added"}


def span_to_features(span: Span) -> dict[str, str]:
    """Everything about a span but its place and label, as texts."""
    foreign = _foreign(span.x)
    record = span_to_record(span, "")
    features = {"id": span.id, **foreign}
    if span.codes:
        features["codes"] = " ".join(map(str, span.codes))
    features |= record.get("assertion", {})
    if span.comment:
        features["comment"] = span.comment
    said = {"id", "at", "quote", "label", "codes", "assertion", "comment", "x"}
    return features | _rest(record, said, span.x, foreign)


def features_to_span(
    features: Mapping[str, Any], *, at: Any, label: str, handle: str, taken: set[str], what: str
) -> Span:
    """The span of a place, a label and features; raises NoteError.

    Its id is that of the features, unless there is none or it is taken; then one is made from the program's `handle`.
    """
    record: dict[str, Any] = {**DEFAULTS, **_loads(features.get(OURS), what)}
    record |= {"at": at, "label": label, "id": own_id(features.get("id"), handle, taken)}
    record["codes"] = str(features.get("codes") or "").split(" ") if features.get("codes") else []
    record["assertion"] = {key: features[key] for key in ASSERTION_KEYS if features.get(key)}
    record["comment"] = features.get("comment") or ""
    record["x"] = _with_foreign(record.get("x"), features, SPAN_FEATURES)
    return record_to_span(record, what=what)


def relation_to_features(relation: Relation) -> dict[str, str]:
    """Everything about a relation but its type and its ends, as texts."""
    foreign = _foreign(relation.x)
    said = {"id", "type", "from", "to", "x"}
    return {"id": relation.id, **foreign} | _rest(relation_to_record(relation), said, relation.x, foreign)


def features_to_relation(
    features: Mapping[str, Any], *, type: str, ends: tuple[str, str], handle: str, taken: set[str], what: str
) -> Relation:
    """The relation of a type, the ids of two spans, and features; raises NoteError. Ids as in `features_to_span`."""
    record = {"status": "added", **_loads(features.get(OURS), what)}
    record |= {"id": own_id(features.get("id"), handle, taken), "type": type, "from": ends[0], "to": ends[1]}
    return record_to_relation({**record, "x": _with_foreign(record.get("x"), features, ("id", OURS))})


def own_id(wanted: Any, handle: str, taken: set[str]) -> str:
    """The wanted id where it is one and free, else one made from the handle; it is taken from now on."""
    ok = isinstance(wanted, str) and ID.fullmatch(wanted) and wanted not in taken
    name = wanted if ok else free_id(handle, taken)
    taken.add(name)
    return name


def _rest(record: dict[str, Any], said: set[str], x: Mapping[str, Any], foreign: Mapping[str, str]) -> dict[str, str]:
    kept = {key: value for key, value in record.items() if key not in said and DEFAULTS.get(key) != value}
    own = {key: value for key, value in x.items() if key != "features" or not foreign}
    kept |= {"x": own} if own else {}
    return {OURS: dumps(kept)} if kept else {}


def _foreign(x: Mapping[str, Any]) -> dict[str, str]:
    """The features of another program that were read, where they are still such."""
    held = x.get("features")
    ok = isinstance(held, dict) and all(isinstance(key, str) and isinstance(one, str) for key, one in held.items())
    return held if ok and not set(held) & set(SPAN_FEATURES) else {}


def _with_foreign(x: Any, features: Mapping[str, Any], own: tuple[str, ...]) -> dict[str, Any]:
    foreign = {key: str(value) for key, value in features.items() if key not in own and value is not None}
    return (x if isinstance(x, dict) else {}) | ({"features": foreign} if foreign else {})


def _loads(text: Any, what: str) -> dict[str, Any]:
    if not text:
        return {}
    try:
        record = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        record = None
    if not isinstance(record, dict):
        raise NoteError(f"the feature {OURS!r} of {what} is damaged. Remove it to read on without it.")
    return record
