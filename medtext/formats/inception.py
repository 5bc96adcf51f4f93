"""INCEpTION and other UIMA programs: a folder of CAS files, JSON or XMI, through dkpro-cassis.

Needs the extra `inception`. Spans and relations are custom layers with features; UIMA counts UTF-16 code units and
dkpro-cassis converts. A span of several fragments is one annotation a fragment, joined by `part_of`. XMI cannot hold
control characters; the JSON form can.
"""

from __future__ import annotations

import json
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from medtext.errors import ConfigError, FormatError, MissingExtraError, NoteError, Problem
from medtext.formats import Format
from medtext.formats.carried import carry_note, dumps, restore_note
from medtext.formats.features import (
    SPAN_FEATURES,
    features_to_relation,
    features_to_span,
    relation_to_features,
    span_to_features,
)
from medtext.formats.offsets import check_place
from medtext.formats.text import note_files, note_path
from medtext.note import Note, Relation
from medtext.span import Span

SPAN, RELATION, NOTE = (f"webanno.custom.Medtext{name}" for name in ("Span", "Relation", "Note"))
VARIANTS = ("json", "xmi")
_TYPES = "TypeSystem.xml"
# What INCEpTION itself needs or makes, and nobody annotates.
_FURNITURE = ("uima.", "de.tudarmstadt.ukp.dkpro.core.api.segmentation.", "de.tudarmstadt.ukp.dkpro.core.api.metadata.")
_LABELS = ("label", "value", "PosValue", "DependencyType", "entity")
_FAULTS = (ValueError, KeyError, TypeError, AttributeError, IndexError, RuntimeError, SyntaxError, RecursionError)


def write(notes: Iterable[Note], path: Path, *, variant: str = "json") -> None:
    """One file a note; `variant="xmi"` adds TypeSystem.xml. Raises FormatError for what XMI cannot hold."""
    if variant not in VARIANTS:
        raise ConfigError(f"Unknown choice {variant!r}. variant: {', '.join(VARIANTS)}")
    types = type_system()
    path.mkdir(parents=True, exist_ok=True)
    if variant == "xmi":
        (path / _TYPES).write_text(types.to_xml(), encoding="utf-8")
    for note in notes:
        cas = note_to_cas(note, types)
        try:
            data = cas.to_json() if variant == "json" else cas.to_xmi()
        except ValueError:
            message = f"note {note.id!r} holds a control character, which XMI cannot. Use variant='json'."
            raise FormatError(message, note_id=note.id) from None
        note_path(path, note.id, f".{variant}").write_bytes(data.encode("utf-8"))


def type_system() -> Any:
    """The UIMA type system of our layers."""
    cassis = _cassis()
    types = cassis.TypeSystem()
    span = types.create_type(SPAN, "uima.tcas.Annotation")
    relation = types.create_type(RELATION, "uima.tcas.Annotation")
    note = types.create_type(NOTE, "uima.cas.AnnotationBase")
    strings = ((span, ("label", *SPAN_FEATURES, "features", "part_of")), (relation, ("label", "id", "medtext")))
    for kind, names in (*strings, (relation, ("features",)), (note, ("medtext",))):
        for name in names:
            types.create_feature(kind, name, "uima.cas.String")
    # The names by which INCEpTION knows the two ends of a relation layer.
    for name in ("Governor", "Dependent"):
        types.create_feature(relation, name, SPAN)
    return types


def _cassis() -> Any:
    try:
        import cassis
    except ImportError:
        raise MissingExtraError("The inception format", "dkpro-cassis", "inception") from None
    return cassis


def note_to_cas(note: Note, types: Any) -> Any:
    """A note as a CAS; raises FormatError where a span would not stand over its own text."""
    cas = _cassis().Cas(types)
    cas.sofa_string, cas.sofa_mime = note.text, "text/plain"
    make, heads = types.get_type, {}
    for span in note.spans:
        for number, (start, end) in enumerate(span.at):
            told = {"part_of": span.id} if number else _told(span_to_features(span), SPAN_FEATURES)
            one = make(SPAN)(begin=start, end=end, label=span.label, **told)
            cas.add(one)
            if one.get_covered_text() != note.text[start:end]:
                raise FormatError(f"span {span.id!r} of note {note.id!r} is not what stands there.", note_id=note.id)
            heads.setdefault(span.id, one)
    for one in note.relations:
        source, target = heads[one.source], heads[one.target]
        told = _told(relation_to_features(one), ("id", "medtext"))
        ends = {"Governor": source, "Dependent": target, "begin": target.begin, "end": target.end}
        cas.add(make(RELATION)(label=one.type, **ends, **told))
    cas.add(make(NOTE)(medtext=carry_note(note)))
    return cas


def _told(features: dict[str, str], known: tuple[str, ...]) -> dict[str, str]:
    """The features that our types have; those of other programs, whose names may be no UIMA names, as JSON in one."""
    foreign = {key: value for key, value in features.items() if key not in known}
    told = {key: value for key, value in features.items() if key in known}
    return told | ({"features": dumps(foreign)} if foreign else {})


def read(path: Path) -> Iterator[Note | Problem]:
    """The notes of a folder of .json or .xmi files (with their TypeSystem.xml beside or above), or of one file."""
    cassis = _cassis()
    types: dict[Path, Any] = {}
    for file, note_id in [one for suffix in VARIANTS for one in note_files(path, f".{suffix}")]:
        try:
            yield cas_to_note(_load(cassis, file, path, types), note_id)
        except FormatError as error:
            yield Problem(error.reason, note_id=note_id, where=error.where or str(file))
        except NoteError as error:
            yield Problem(str(error), note_id=note_id, where=str(file))
        except UserWarning:
            # dkpro-cassis warns and leaves an offset that it cannot convert as it is: it would stand elsewhere.
            yield Problem("an annotation begins or ends where no character does.", note_id=note_id, where=str(file))
        except _FAULTS as error:
            yield Problem(f"this is no CAS that can be read ({type(error).__name__}).", where=str(file))


def _load(cassis: Any, file: Path, root: Path, types: dict[Path, Any]) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        return _parse(cassis, file, root, types)


def _parse(cassis: Any, file: Path, root: Path, types: dict[Path, Any]) -> Any:
    if file.suffix != ".xmi":
        with file.open("rb") as stream:
            return cassis.load_cas_from_json(stream)
    places = [folder / _TYPES for folder in (file.parent, *file.parents) if folder.is_relative_to(root.parent)]
    known = next((place for place in places if place.is_file()), None)
    if known is None:
        raise FormatError(f"there is no {_TYPES} beside it. Export the type system too.", where=str(file))
    if known not in types:
        with known.open("rb") as stream:
            types[known] = cassis.load_typesystem(stream)
    with file.open("rb") as stream:
        return cassis.load_cas_from_xmi(stream, typesystem=types[known])


def cas_to_note(cas: Any, note_id: str) -> Note:
    """The note of a CAS, ours or another's: every annotation with a label is a span, every layer of pairs relations."""
    text = cas.sofa_string or ""
    every = list(cas.select_all_fs())
    carried = [one for one in every if one.type.name == NOTE]
    note = restore_note(carried[0].medtext, text) if carried else Note(note_id, text)
    shown = [one for one in every if not one.type.name.startswith(_FURNITURE) and one.type.name != NOTE]
    pairs = [one for one in shown if _has(one, "Governor") and _has(one, "Dependent")]
    placed = [one for one in shown if _has(one, "begin") and not any(one is pair for pair in pairs)]
    ids: dict[int, str] = {}
    spans = _spans(placed, note, ids)
    return note.replace(spans=tuple(spans), relations=tuple(_relations(pairs, ids)))


def _has(one: Any, feature: str) -> bool:
    return one.type.get_feature(feature) is not None


def _spans(placed: list[Any], note: Note, ids: dict[int, str]) -> Iterator[Span]:
    parts: dict[str, list[Any]] = defaultdict(list)
    heads = []
    known = {getattr(one, "id", None) for one in placed}
    for one in placed:
        owner = getattr(one, "part_of", None)
        (parts[owner] if owner in known and owner else heads).append(one)
    taken: set[str] = set()
    for one in heads:
        what = f"annotation {one.xmiID} of note {note.id!r}"
        pieces = [one, *parts.pop(getattr(one, "id", None) or "", [])]
        at = sorted(check_place(piece.begin, piece.end, len(note.text), what=what) for piece in pieces)
        features, label = _features(one)
        span = features_to_span(features, at=at, label=label, handle=str(one.xmiID), taken=taken, what=what)
        ids.update((piece.xmiID, span.id) for piece in pieces)
        yield span


def _relations(pairs: list[Any], ids: dict[int, str]) -> Iterator[Relation]:
    taken: set[str] = set()
    for one in pairs:
        ends = [ids.get(end.xmiID) if end is not None else None for end in (one.Governor, one.Dependent)]
        what = f"relation {one.xmiID}"
        if ends[0] is None or ends[1] is None:
            raise NoteError(f"{what} has an end that is no span.")
        features, label = _features(one)
        yield features_to_relation(
            features, type=label, ends=(ends[0], ends[1]), handle=f"r{one.xmiID}", taken=taken, what=what
        )


def _features(one: Any) -> tuple[dict[str, Any], str]:
    """(features, label) of an annotation; the label of another's is its value, or the name of its type."""
    held = {name: getattr(one, name, None) for name in sorted(feature.name for feature in one.type.all_features)}
    plain = {key: value for key, value in held.items() if isinstance(value, str | int | float | bool)}
    plain = {key: value for key, value in plain.items() if key not in ("begin", "end", "part_of")}
    if one.type.name in (SPAN, RELATION):
        foreign, label = json.loads(plain.pop("features", "{}")), plain.pop("label", "")
        return plain | foreign, label or "UNKNOWN"
    name = next((name for name in _LABELS if isinstance(plain.get(name), str)), "")
    label = plain.pop(name, "") or one.type.name.rpartition(".")[2]
    return plain, label


def _recognises(path: Path) -> bool:
    if path.is_file():
        return False
    first = next((file for suffix in VARIANTS for file in path.rglob(f"*.{suffix}")), None)
    if first is None:
        return False
    with first.open("rb") as stream:
        head = stream.read(4096)
    return b"%TYPES" in head or b"%FEATURE_STRUCTURES" in head or b"www.omg.org/XMI" in head


FORMAT = Format(
    "inception",
    "INCEpTION and UIMA CAS, a folder of JSON CAS or XMI files",
    read=read,
    write=write,
    recognises=_recognises,
)
