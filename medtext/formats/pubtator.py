"""PubTator: title and abstract on a line each, then a line a mention with offsets, type and concept.

The line feed after the title counts as one character; line ends inside a note become blanks, so that offsets stay.
Concept-level relations of others are kept in `x["pubtator"]`. Reference: Wei et al. 2013, PubTator.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from medtext.errors import FormatError, NoteError, Problem
from medtext.formats import Format
from medtext.formats.losses import blank_breaks, without
from medtext.note import Note
from medtext.span import Code, Span

_TEXT = re.compile(r"([^|\t]+)\|([ta])\|(.*)", re.DOTALL)
_MESH = re.compile(r"[A-Z][0-9]{6,9}")
_Line = tuple[int, str]


def write(notes: Iterable[Note], stream: BinaryIO) -> None:
    """A block a note: the first line of a note is its title. Codes of MeSH stand bare, others as SYSTEM:code."""
    for note in notes:
        if "|" in note.id:
            raise FormatError(f"the note id {note.id!r} holds |, which ends an id in PubTator.", note_id=note.id)
        stream.write(("".join(f"{line}\n" for line in _lines(note)) + "\n").encode("utf-8"))


def _lines(note: Note) -> Iterator[str]:
    kept = without(note, FORMAT.loses - {"x"})
    text = kept.text
    cut = note.text.find("\n")
    # The break after the title stands for one character: only a blank may be put there.
    yield f"{note.id}|t|{text[:cut] if cut >= 0 else text}"
    if cut >= 0:
        yield f"{note.id}|a|{text[cut + 1 :]}"
    for span in kept.spans:
        concept = "|".join(_concept(one, note, span) for one in span.codes)
        yield "\t".join(
            [note.id, str(span.start), str(span.end), _shown(text[span.start : span.end]), span.label, concept]
        )
    held = note.x.get("pubtator")
    for row in held if isinstance(held, list) else []:
        if isinstance(row, list) and all(isinstance(one, str) for one in row):
            yield "\t".join([note.id, *map(_shown, row)])


def _concept(code: Code, note: Note, span: Span) -> str:
    if "|" in code.code:
        message = f"a code of span {span.id!r} of note {note.id!r} holds |, which parts codes in PubTator."
        raise FormatError(message, note_id=note.id)
    return code.code if code.system == "MESH" and _MESH.fullmatch(code.code) else str(code)


def _shown(text: str) -> str:
    return blank_breaks(text).replace("\t", " ")


def read(stream: BinaryIO, *, name: str) -> Iterator[Note | Problem]:
    """One note a block: the title, a line feed, the abstract."""
    for block in _blocks(stream, name):
        try:
            yield _note(block, name)
        except FormatError as error:
            yield Problem(error.reason, note_id=error.note_id, where=error.where)


def _blocks(stream: BinaryIO, name: str) -> Iterator[list[_Line]]:
    block: list[_Line] = []
    for number, data in enumerate(stream, 1):
        try:
            line = data.decode("utf-8-sig" if number == 1 else "utf-8").removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError as error:
            message = f"not UTF-8 at byte {error.start} of the line. Convert the file to UTF-8."
            raise FormatError(message, where=f"{name}:{number}") from None
        if line:
            block.append((number, line))
        elif block:
            yield block
            block = []
    if block:
        yield block


def _note(block: list[_Line], name: str) -> Note:
    texts: dict[str, str] = {}
    rows: list[tuple[int, list[str]]] = []
    note_id = ""
    for number, line in block:
        told = _TEXT.fullmatch(line) if not rows else None
        if told and told[2] not in texts:
            note_id, texts[told[2]] = note_id or told[1], told[3]
        else:
            rows.append((number, line.split("\t")))
    if "t" not in texts:
        raise FormatError("the block does not begin with ID|t|title.", where=f"{name}:{block[0][0]}")
    text = texts["t"] + (f"\n{texts['a']}" if "a" in texts else "")
    spans, others = [], []
    for number, row in rows:
        where = f"{name}:{number}"
        if len(row) >= 5 and row[1].isdecimal() and row[2].isdecimal():
            spans.append(_span(row, text, where, note_id))
        elif len(row) > 1:
            others.append(row[1:])
        else:
            raise FormatError("the line is neither a mention nor a relation.", where=where, note_id=note_id)
    try:
        return Note(note_id, text, x={"pubtator": others} if others else {}).add(spans)
    except NoteError as error:
        raise FormatError(str(error), where=f"{name}:{block[0][0]}", note_id=note_id) from None


def _span(row: list[str], text: str, where: str, note_id: str) -> Span:
    start, end, mention, label = int(row[1]), int(row[2]), row[3], row[4]
    concept = row[5] if len(row) > 5 else ""
    if end > len(text):
        message = f"a mention ends at {end}, but the note has {len(text)} characters. Was the text edited?"
        raise FormatError(message, where=where, note_id=note_id)
    if _shown(text[start:end]) != mention:
        message = f"the mention is not what stands at {start}–{end}. Was the text edited?"
        raise FormatError(message, where=where, note_id=note_id)
    codes = tuple(dict.fromkeys(_codes(concept)))
    x = {"pubtator": concept} if concept and not codes else {}
    try:
        return Span(((start, end),), label, status="added", codes=codes, x=x)
    except NoteError as error:
        raise FormatError(str(error), where=where, note_id=note_id) from None


def _codes(concept: str) -> Iterator[Code]:
    """The codes of a concept column: bare MeSH ids, SYSTEM:code, several between |; -1 is none."""
    for one in concept.split("|"):
        try:
            yield Code("MESH", one) if _MESH.fullmatch(one) else Code.parse(one)
        except NoteError:
            continue


FORMAT = Format(
    "pubtator",
    "PubTator, title and abstract with mentions and concepts",
    extensions=(".pubtator",),
    read=read,
    write=write,
    loses=frozenset(
        ["text.newlines", "meta", "review", "deidentified", "x", "relations", "spans.id", "spans.layer"]
        + [f"spans.{name}" for name in ("fragments", "status", "assertion", "candidates", "score")]
        + [f"spans.{name}" for name in ("sources", "was", "comment", "x")]
    ),
    streams=True,
)
