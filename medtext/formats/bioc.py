"""BioC, XML and JSON, through the package bioc. Needs the extra `bioc`.

A note is a document of one passage at offset 0; a label is the infon `type`, all else other infons, which are strings.
XML cannot hold control characters; the JSON form can. Reference: Comeau et al. 2013, https://bioc.sourceforge.net
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from medtext.errors import ConfigError, FormatError, MissingExtraError, NoteError, Problem
from medtext.formats import Format
from medtext.formats.carried import carry_note, restore_note
from medtext.formats.features import (
    features_to_relation,
    features_to_span,
    relation_to_features,
    span_to_features,
)
from medtext.formats.offsets import check_place
from medtext.note import Note, Relation
from medtext.span import Span

VARIANTS = ("xml", "json")
_ENDS = ("source", "target")
# Between passages stand a few characters at most; more is another way of counting.
_WIDEST_GAP = 1000
_FAULTS = (ValueError, KeyError, TypeError, AttributeError, IndexError, SyntaxError, RecursionError, AssertionError)


def write(notes: Iterable[Note], path: Path, *, variant: str = "") -> None:
    """One collection; `variant` xml or json, without it that of the file name, else XML. Notes are held in memory."""
    bioc = _bioc()
    variant = variant or ("json" if path.suffix.lower() == ".json" else "xml")
    if variant not in VARIANTS:
        raise ConfigError(f"Unknown choice {variant!r}. variant: {', '.join(VARIANTS)}")
    collection = bioc.BioCCollection()
    collection.source = "medtext"
    for note in notes:
        document = note_to_document(note)
        if variant == "xml":
            _check_xml(bioc, document)
        collection.add_document(document)
    data = bioc.biocjson.dumps(collection) if variant == "json" else bioc.biocxml.dumps(collection)
    path.write_bytes(data.encode("utf-8"))


def _bioc() -> Any:
    try:
        import bioc
        import bioc.biocjson
        import bioc.biocxml
    except ImportError:
        raise MissingExtraError("The bioc format", "bioc", "bioc") from None
    return bioc


def _check_xml(bioc: Any, document: Any) -> None:
    alone = bioc.BioCCollection()
    alone.add_document(document)
    try:
        bioc.biocxml.dumps(alone)
    except ValueError:
        message = f"note {document.id!r} holds a control character, which XML cannot. Use variant='json'."
        raise FormatError(message, note_id=document.id) from None


def note_to_document(note: Note) -> Any:
    """A note as a BioC document."""
    bioc = _bioc()
    document, passage = bioc.BioCDocument(), bioc.BioCPassage()
    document.id, document.infons["medtext"] = note.id, carry_note(note)
    passage.offset, passage.text = 0, note.text
    document.add_passage(passage)
    for span in note.spans:
        one = bioc.BioCAnnotation()
        one.id, one.text = span.id, " ".join(note.quote(span))
        one.infons = {"type": span.label, **_infons(span_to_features(span))}
        for start, end in span.at:
            one.add_location(bioc.BioCLocation(start, end - start))
        passage.add_annotation(one)
    for relation in note.relations:
        one = bioc.BioCRelation()
        one.id, one.infons = relation.id, {"type": relation.type, **_infons(relation_to_features(relation))}
        for end, role in zip((relation.source, relation.target), _ENDS, strict=True):
            one.add_node(bioc.BioCNode(end, role))
        passage.add_relation(one)
    return document


def _infons(features: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in features.items() if key not in ("id", "type")}


def read(path: Path) -> Iterator[Note | Problem]:
    """One note a document, from one file; passages are joined at their offsets."""
    bioc = _bioc()
    is_json = first_bytes(path).lstrip().startswith(b"{")
    try:
        text = path.read_bytes().decode("utf-8-sig")
        collection = bioc.biocjson.loads(text) if is_json else bioc.biocxml.load(str(path))
        documents = list(collection.documents)
    except _FAULTS as error:
        raise FormatError(f"this is no BioC that can be read ({type(error).__name__}).", where=str(path)) from None
    for number, document in enumerate(documents, 1):
        where = f"{path}: document {number}"
        try:
            yield document_to_note(document)
        except FormatError as error:
            yield Problem(error.reason, note_id=error.note_id, where=where)
        except NoteError as error:
            yield Problem(str(error), where=where)
        except _FAULTS as error:
            yield Problem(f"the document is malformed ({type(error).__name__}).", where=where)


def first_bytes(path: Path, size: int = 4096) -> bytes:
    """The first bytes of a file."""
    with path.open("rb") as stream:
        return stream.read(size)


def document_to_note(document: Any) -> Note:
    """The note of a BioC document, ours or another's; raises NoteError with the annotation that is wrong."""
    holders = [document, *document.passages, *(one for passage in document.passages for one in passage.sentences)]
    text = _text(document)
    carried = document.infons.get("medtext")
    rest = {key: value for key, value in document.infons.items() if key != "medtext"}
    note = restore_note(carried, text) if carried else Note(str(document.id), text, meta=rest)
    ids: dict[str, str] = {}
    taken: set[str] = set()
    spans = [_span(one, text, ids, taken) for holder in holders for one in holder.annotations]
    taken = set()
    relations = [_relation(one, ids, taken) for holder in holders for one in holder.relations]
    return note.replace(spans=tuple(spans), relations=tuple(relations))


def _text(document: Any) -> str:
    """The text of all passages, each at its offset, line feeds between them."""
    text = ""
    pieces = []
    for passage in document.passages:
        pieces += [passage] if passage.text or not passage.sentences else list(passage.sentences)
    for piece in pieces:
        gap = piece.offset - len(text)
        if not 0 <= gap <= _WIDEST_GAP:
            raise NoteError(f"a passage begins at {piece.offset}, but {len(text)} characters stand before it.")
        text += "\n" * gap + (piece.text or "")
    return text


def _span(one: Any, text: str, ids: dict[str, str], taken: set[str]) -> Span:
    what = f"annotation {one.id!r}"
    if any(place.length < 1 for place in one.locations) or not one.locations:
        raise NoteError(f"{what} has no place, or an empty one.")
    at = sorted(check_place(place.offset, place.end, len(text), what=what) for place in one.locations)
    there = "".join(text[start:end] for start, end in at)
    if one.text and "".join(one.text.split()) != "".join(there.split()):
        raise NoteError(f"the text of {what} is not what stands at {at[0][0]}–{at[-1][1]}. Are these code points?")
    infons = {key: value for key, value in one.infons.items() if value is not None}
    label = str(infons.pop("type", "") or "UNKNOWN")
    features = {**infons, "id": one.id}
    span = features_to_span(features, at=at, label=label, handle=str(one.id), taken=taken, what=what)
    ids.setdefault(str(one.id), span.id)
    return span


def _relation(one: Any, ids: dict[str, str], taken: set[str]) -> Relation:
    """A relation of two nodes, its source the node of that role or the first."""
    what = f"relation {one.id!r}"
    nodes = sorted(one.nodes, key=lambda node: _ENDS.index(node.role) if node.role in _ENDS else 0)
    if len(nodes) != 2:
        raise NoteError(f"{what} has {len(nodes)} nodes; a relation joins two spans.")
    ends = [ids.get(str(node.refid), "") for node in nodes]
    if not all(ends):
        raise NoteError(f"{what} names an annotation that is not there.")
    infons = {key: value for key, value in one.infons.items() if value is not None}
    kind = str(infons.pop("type", "") or "related")
    features = {**infons, "id": one.id}
    return features_to_relation(
        features, type=kind, ends=(ends[0], ends[1]), handle=f"r{one.id}", taken=taken, what=what
    )


def _recognises(path: Path) -> bool:
    head = first_bytes(path)
    return b"<collection" in head or (b'"documents"' in head and b'"source"' in head)


FORMAT = Format(
    "bioc",
    "BioC XML or JSON, one collection",
    extensions=(".xml", ".json"),
    read=read,
    write=write,
    recognises=_recognises,
)
