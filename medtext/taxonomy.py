"""Which labels, layers, relations and code systems exist, and what is done with each class of identifier.

A taxonomy is one YAML file; it may build on others with `extends`. The labelling configuration, `check`, linking and
the colours all come from it. A policy is a YAML file too: class of identifier → action.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from medtext.config import Source, Table, find, read_yaml
from medtext.errors import ConfigError, NoteError, Problem
from medtext.note import Note, Relation
from medtext.span import Code, Span

AXES = ("presence", "temporality", "subject")
ACTIONS = ("keep", "generalise", "tag", "mask", "surrogate", "shift", "remove")

_TAXONOMY_KEYS = ("name", "version", "description", "extends", "labels", "relations")
_LABEL_KEYS = ("layer", "title", "guideline", "colour", "key", "assertion", "codes", "code", "safe_harbor")
_RELATION_KEYS = ("guideline", "from", "to")
_POLICY_KEYS = ("name", "description", "default", "actions", "reference_year")
_OLDEST_KEPT = 89  # years of age, 45 CFR 164.514(b)(2)(i)(C)
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


@dataclass(frozen=True, slots=True)
class Label:
    """One label: where it is used, how it looks, and what a span of it may carry."""

    name: str
    layer: str = "entity"
    title: str = ""
    guideline: str = ""
    colour: str = "#888888"
    key: str = ""
    assertion: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    code: Code | None = None
    safe_harbor: str = ""


@dataclass(frozen=True, slots=True)
class RelationType:
    """One kind of relation: from which labels to which; an empty tuple allows any."""

    name: str
    guideline: str = ""
    source: tuple[str, ...] = ()
    target: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """The labels and relations that a project uses, by name, in the order of the file."""

    name: str
    version: str
    labels: Mapping[str, Label] = field(repr=False)
    relations: Mapping[str, RelationType] = field(default_factory=dict, repr=False)

    @classmethod
    def load(cls, name: str | Path = "clinical") -> Taxonomy:
        """A shipped taxonomy by name, or your own by the path of its YAML file; raises ConfigError with file:line."""
        return _load(find(name, "", "taxonomy"), ())

    def layer(self, name: str) -> tuple[Label, ...]:
        """The labels of one layer, in order."""
        return tuple(label for label in self.labels.values() if label.layer == name)

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers in which labels exist, in order."""
        return tuple(dict.fromkeys(label.layer for label in self.labels.values()))

    def problems(self, note: Note) -> Iterator[Problem]:
        """What in a note the taxonomy does not allow; span ids and labels only, never text."""
        for span in note.spans:
            for message in self._span_problems(span):
                yield Problem(message, note_id=note.id)
        for relation in note.relations:
            for message in self._relation_problems(note, relation):
                yield Problem(message, note_id=note.id)

    def _span_problems(self, span: Span) -> Iterator[str]:
        label = self.labels.get(span.label)
        if label is None or label.layer != span.layer:
            known = ", ".join(one.name for one in self.layer(span.layer)) or "none"
            yield f"span {span.id!r}: unknown label {span.label!r} in layer {span.layer!r}. Labels: {known}"
            return
        if span.assertion:
            for axis in AXES:
                if getattr(span.assertion, axis) is not None and axis not in label.assertion:
                    yield f"span {span.id!r}: label {label.name} takes no {axis}."
        for code in span.codes:
            if code.system not in label.codes:
                systems = ", ".join(label.codes) or "no codes"
                yield f"span {span.id!r}: label {label.name} takes {systems}, not {code.system}."

    def _relation_problems(self, note: Note, relation: Relation) -> Iterator[str]:
        kind = self.relations.get(relation.type)
        if kind is None:
            known = ", ".join(self.relations) or "none"
            yield f"relation {relation.id!r}: unknown type {relation.type!r}. Types: {known}"
            return
        for end, allowed in ((relation.source, kind.source), (relation.target, kind.target)):
            label = note.span(end).label
            if allowed and label not in allowed:
                yield f"relation {relation.id!r}: {kind.name} does not join {label} {end!r}."


def _load(source: Source, seen: tuple[str, ...]) -> Taxonomy:
    top = read_yaml(source).allow(_TAXONOMY_KEYS, "a taxonomy")
    name = top.get_typed("name", str, "") or source.name.removesuffix(".yaml")
    if name in seen:
        raise ConfigError(f"{top.where('extends')}: {' → '.join((*seen, name))} extend each other in a circle.")
    labels: dict[str, Label] = {}
    relations: dict[str, RelationType] = {}
    for parent in _names(top, "extends"):
        base = _load(_beside(source, parent), (*seen, name))
        _merge(labels, base.labels, top, "label")
        _merge(relations, base.relations, top, "relation")
    own_labels = {key: _label(key, value) for key, value in top.tables("labels").items()}
    own_relations = {key: _relation(key, value) for key, value in top.tables("relations").items()}
    _merge(labels, own_labels, top, "label", group="labels")
    _merge(relations, own_relations, top, "relation", group="relations")
    taxonomy = Taxonomy(name, str(top.get("version", "1")), labels, relations)
    _check_keys(taxonomy, top)
    _check_ends(taxonomy, top)
    return taxonomy


def _beside(source: Source, name: str) -> Source:
    """A taxonomy named in `extends`: a path is meant from the file that names it."""
    if name.endswith((".yaml", ".yml")) and isinstance(source, Path):
        return source.parent / name
    return find(name, "", "taxonomy")


def _merge(into: dict, new: Mapping, top: Table, what: str, group: str = "extends") -> None:
    held = top.get(group)
    for name, one in new.items():
        if name in into and into[name] != one:
            where = held.where(name) if isinstance(held, Table) else top.where(group)
            raise ConfigError(f"{where}: {what} {name!r} clashes with the one of the same name that it extends.")
        into[name] = one


def _names(top: Table, key: str) -> tuple[str, ...]:
    value = top.get_typed(key, (str, list), [])
    value = [value] if isinstance(value, str) else value
    if not all(isinstance(one, str) for one in value):
        raise ConfigError(f"{top.where(key)}: {key!r} must list names.")
    return tuple(value)


def _label(name: str, entry: Table) -> Label:
    entry.allow(_LABEL_KEYS, f"label {name}")
    colour = entry.get_typed("colour", str, "#888888")
    if not _COLOUR.fullmatch(colour):
        raise ConfigError(f"{entry.where('colour')}: colour {colour!r} of label {name} is not written #rrggbb.")
    axes = _names(entry, "assertion")
    for axis in axes:
        if axis not in AXES:
            raise ConfigError(f"{entry.where('assertion')}: unknown axis {axis!r}. Axes: {', '.join(AXES)}")
    try:
        Span(((0, 1),), name, layer=entry.get_typed("layer", str, "entity"))
        code = Code.parse(entry["code"]) if "code" in entry else None
    except NoteError as error:
        raise ConfigError(f"{entry.where('code' if 'code' in entry else None)}: {error}") from error
    return Label(
        name,
        layer=entry.get_typed("layer", str, "entity"),
        title=entry.get_typed("title", str, name.replace("_", " ").capitalize()),
        guideline=entry.get_typed("guideline", str, "").strip(),
        colour=colour,
        key=str(entry.get("key", "")),
        assertion=axes,
        codes=_names(entry, "codes"),
        code=code,
        safe_harbor=entry.get_typed("safe_harbor", str, ""),
    )


def _relation(name: str, entry: Table) -> RelationType:
    entry.allow(_RELATION_KEYS, f"relation {name}")
    guideline = entry.get_typed("guideline", str, "").strip()
    return RelationType(name, guideline, _names(entry, "from"), _names(entry, "to"))


def _check_keys(taxonomy: Taxonomy, top: Table) -> None:
    """Two labels of one layer must not share a shortcut key."""
    taken: dict[tuple[str, str], str] = {}
    for label in taxonomy.labels.values():
        if not label.key:
            continue
        other = taken.setdefault((label.layer, label.key), label.name)
        if other != label.name:
            held = top.get("labels")
            where = held.where(label.name) if isinstance(held, Table) else top.where("extends")
            raise ConfigError(f"{where}: labels {other} and {label.name} share the key {label.key!r}.")


def _check_ends(taxonomy: Taxonomy, top: Table) -> None:
    held = top.get("relations")
    for kind in taxonomy.relations.values():
        for name in (*kind.source, *kind.target):
            if name not in taxonomy.labels:
                where = held.where(kind.name) if isinstance(held, Table) else top.where("relations")
                raise ConfigError(f"{where}: relation {kind.name} names the unknown label {name!r}.")


@dataclass(frozen=True, slots=True)
class Policy:
    """What is done with each class of identifier: label → action, and the action for every other class.

    `reference_year` is the year in which ages are counted; None takes the present one when a pipeline is built.
    """

    name: str
    description: str
    default: str
    actions: Mapping[str, str] = field(repr=False)
    reference_year: int | None = None

    def __post_init__(self) -> None:
        for label, action in (("default", self.default), *self.actions.items()):
            refused = _refused(label, action)
            if refused:
                raise ConfigError(f"Policy {self.name}: {refused}")

    @classmethod
    def load(cls, name: str | Path = "safe-harbor") -> Policy:
        """A shipped policy by name, or your own by path; raises ConfigError with file:line."""
        top = read_yaml(find(name, "policies", "policy")).allow(_POLICY_KEYS, "a policy")
        default = top.get_typed("default", str, "tag")
        held = top.get_typed("actions", dict, {})
        for key, action in (("default", default), *held.items()):
            refused = _refused(key, action)
            if refused:
                where = top.where("default") if key == "default" else held.where(key)
                raise ConfigError(f"{where}: {refused}")
        identifiers = {label.name for label in Taxonomy.load("phi").labels.values()}
        for label in held:
            if label not in identifiers:
                known = ", ".join(sorted(identifiers))
                raise ConfigError(f"{held.where(label)}: unknown identifier {label!r}. Identifiers: {known}")
        name = top.get_typed("name", str, "") or str(name)
        year = top.get_typed("reference_year", int, None)
        return cls(name, top.get_typed("description", str, "").strip(), default, dict(held), year)

    def first_kept_year(self) -> int:
        """The first year that may stay: who was born in an earlier one may be over 89 (Safe Harbor, class C)."""
        return (self.reference_year or dt.date.today().year) - _OLDEST_KEPT

    def action(self, label: str) -> str:
        """What is done with an identifier of this label."""
        return self.actions.get(label, self.default)


def _refused(label: str, action: object) -> str:
    """Why this action cannot be done with this label, or "": only a date can be shifted."""
    if action not in ACTIONS:
        return f"unknown action {action!r}. Actions: {', '.join(ACTIONS)}"
    if action == "shift" and label != "DATE":
        return f"{label} cannot be shifted; only DATE can. Choose tag, mask, surrogate or remove."
    return ""
