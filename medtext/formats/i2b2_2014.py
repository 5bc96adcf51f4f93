"""i2b2 2014: one XML file a note, its text and a tag an identifier (or any other span) with offsets in code points.

A tag is named after the category of its TYPE, which is our label; the categories stand in i2b2_2014.yaml.
Reference: Stubbs and Uzuner 2015, Annotating longitudinal clinical narratives for de-identification.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from medtext.errors import FormatError, NoteError, Problem
from medtext.formats import Format
from medtext.formats.features import own_id
from medtext.formats.losses import without
from medtext.formats.offsets import check_place
from medtext.formats.text import note_files, note_path
from medtext.note import Note
from medtext.span import Span

_ROOT = "deIdi2b2"
_BLANK = re.compile(r"\s")
_UNFIT = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@cache
def _categories() -> Mapping[str, str]:
    """Label → category."""
    import yaml

    held = yaml.safe_load((files("medtext.formats") / "i2b2_2014.yaml").read_text(encoding="utf-8"))
    return {label: category for category, labels in held.items() for label in labels}


def write(notes: Iterable[Note], path: Path, *, layers: Iterable[str] | None = None) -> None:
    """One file a note; `layers` are those that are written (all). What a person rejected is not written.

    Raises FormatError for a control character, which XML cannot hold.
    """
    wanted = None if layers is None else set(layers)
    path.mkdir(parents=True, exist_ok=True)
    for note in notes:
        kept = without(note, FORMAT.loses - {"spans.layer"})
        tags = [_tag(span, note) for span in kept.spans if wanted is None or span.layer in wanted]
        body = [f"<TEXT>{_escaped(note.text)}</TEXT>", "<TAGS>", *tags, "</TAGS>"]
        data = "\n".join(['<?xml version="1.0" encoding="UTF-8" ?>', f"<{_ROOT}>", *body, f"</{_ROOT}>", ""])
        unfit = _UNFIT.search(data)
        if unfit:
            message = f"note {note.id!r} holds U+{ord(unfit[0]):04X}, which XML cannot."
            raise FormatError(message, note_id=note.id)
        note_path(path, note.id, ".xml").write_bytes(data.encode("utf-8"))


def _escaped(text: str) -> str:
    """As the challenge writes it, CDATA, unless that would change the text: parsers make a line feed of CRLF."""
    return escape(text, {"\r": "&#13;"}) if "\r" in text or "]]>" in text else f"<![CDATA[{text}]]>"


def _tag(span: Span, note: Note) -> str:
    told = {
        "id": span.id,
        "start": str(span.start),
        "end": str(span.end),
        "text": note.text[span.start : span.end],
        "TYPE": span.label,
        "comment": span.comment,
    }
    attributes = " ".join(f"{key}={quoteattr(value)}" for key, value in told.items())
    return f"<{_categories().get(span.label, 'OTHER')} {attributes} />"


def read(path: Path) -> Iterator[Note | Problem]:
    """The notes of a folder, or of one file."""
    for file, note_id in note_files(path, ".xml"):
        try:
            yield _note(file, note_id)
        except NoteError as error:
            yield Problem(str(error), note_id=note_id, where=str(file))
        except FormatError as error:
            yield Problem(error.reason, note_id=note_id, where=error.where)


def _note(file: Path, note_id: str) -> Note:
    from xml.etree import ElementTree

    try:
        root = ElementTree.fromstring(file.read_bytes())
    except ElementTree.ParseError as error:
        raise FormatError("this is no XML.", where=f"{file}:{error.position[0]}") from None
    except (ValueError, LookupError) as error:
        raise FormatError(f"this is no XML that can be read ({type(error).__name__}).", where=str(file)) from None
    text = root.findtext("TEXT")
    if text is None:
        raise FormatError("there is no element TEXT in it.", where=str(file))
    taken: set[str] = set()
    spans = [_span(tag, text, taken) for tag in root.iterfind("TAGS/*") if "start" in tag.attrib]
    return Note(note_id, text, spans=tuple(spans))


def _span(tag: Any, text: str, taken: set[str]) -> Span:
    """A span of a tag; raises NoteError when it does not stand over its own text."""
    held = tag.attrib
    what = f"tag {held.get('id', tag.tag)!r}"
    edges = [held.get("start", ""), held.get("end", "")]
    numbers = [int(edge) if edge.isdecimal() and edge.isascii() else None for edge in edges]
    start, end = check_place(*numbers, len(text), what=what)
    # Whoever wrote the attribute may have made a blank of each line end, as XML does.
    if "text" in held and _BLANK.sub(" ", held["text"]) != _BLANK.sub(" ", text[start:end]):
        raise NoteError(f"the text of {what} is not what stands at {start}–{end}.")
    label = held.get("TYPE") or tag.tag
    layer = "phi" if tag.tag in _categories().values() else "entity"
    identifier = own_id(held.get("id"), held.get("id") or tag.tag, taken)
    return Span(((start, end),), label, id=identifier, layer=layer, status="added", comment=held.get("comment", ""))


def _recognises(path: Path) -> bool:
    file = next(path.rglob("*.xml"), None) if path.is_dir() else path
    if file is None:
        return False
    with file.open("rb") as stream:
        return f"<{_ROOT}>".encode() in stream.read(512)


FORMAT = Format(
    "i2b2_2014",
    "i2b2 2014 de-identification, a folder of XML files",
    read=read,
    write=write,
    loses=frozenset(
        ["meta", "review", "deidentified", "x", "relations"]
        + [f"spans.{name}" for name in ("layer", "fragments", "status", "assertion", "codes", "candidates")]
        + [f"spans.{name}" for name in ("score", "sources", "was", "x")]
    ),
    recognises=_recognises,
)
