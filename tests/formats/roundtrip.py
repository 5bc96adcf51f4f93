"""The law of a format, and the notes of a few lines that its examples use."""

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from medtext import Assertion, Code, Note, Relation, Span, read
from medtext.formats import Format, get_format, without
from medtext.formats.losses import LOSABLE

XML = "".join(map(chr, (*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF)))
TEXT = "👩🏽 denies chest pain.\r\nHTN\u2028on lisinopril 10 mg."


def example() -> Note:
    """A note with an emoji, line ends, overlap, nesting, fragments, ten codes, assertion and relation."""
    problem = Span(
        ((10, 20),),
        "PROBLEM",
        id="e1",
        assertion=Assertion("absent", "current", "patient"),
        codes=tuple(Code("SNOMED", str(number)) for number in range(10)),
        score=0.5,
        comment="see plan",
    )
    spans = [
        problem,
        Span(((16, 20),), "PROBLEM", id="e2", status="accepted"),
        Span(((5, 20),), "PROBLEM", id="e3", status="rejected"),
        Span(((23, 26), (44, 46)), "DRUG", id="e4", layer="entity"),
        Span(((0, 2),), "PATIENT", id="p1", layer="phi"),
        Span(((0, 22),), "HPI", id="h1", layer="section"),
    ]
    return Note("n1", TEXT, deidentified=True, meta={"patient": "p7"}, spans=tuple(spans)).add(
        relations=[Relation("dose_of", "e4", "e1")]
    )


def to_bytes(one: Format, notes: Iterable[Note], **options: Any) -> bytes:
    stream = io.BytesIO()
    one.write(notes, stream, **options)
    return stream.getvalue()


def from_bytes(one: Format, data: bytes, **options: Any) -> list:
    return list(one.read(io.BytesIO(data), name="f", **options))


def again(one: Format, notes: list[Note], folder: Path, **options: Any) -> list:
    """What comes back of notes that were written in a format."""
    if one.streams:
        return from_bytes(one, to_bytes(one, notes, **options))
    path = folder / f"notes{one.extensions[0] if one.extensions else ''}"
    one.write(notes, path, **options)
    return list(one.read(path))


def bare(note: Note, loses: Iterable[str]) -> tuple:
    """What must come back of a note: all but what is lost, ids of spans and relations aside where these are lost."""
    loses = set(loses)
    note = without(note, loses)
    if "spans.id" not in loses:
        return (note,)
    spans = sorted((repr(span.at), repr(anonymous(span))) for span in note.spans)
    return note.replace(spans=(), relations=()), spans, sorted(_linked(note))


def anonymous(span: Span) -> tuple:
    return tuple(getattr(span, name) for name in span.__slots__ if name != "id")


def _linked(note: Note) -> Iterable[tuple]:
    for one in note.relations:
        ends = (repr(anonymous(note.span(end))) for end in (one.source, one.target))
        yield one.type, *ends


def law(one: Format, notes: list[Note], back: list) -> None:
    """read(write(notes)) is the notes without what the format loses, in any order of files."""
    assert one.loses <= LOSABLE
    assert {n.id: bare(n, one.loses) for n in back} == {n.id: bare(n, one.loses) for n in notes}


def fits_xml(note: Note) -> bool:
    """Whether XML can hold a note: its text, and what it says in words of its own."""
    words = [note.id, note.text, *(part for span in note.spans for part in (span.label, span.comment))]
    words += [one.type for one in note.relations]
    return not set(XML) & set("".join(words))


__all__ = ["TEXT", "again", "bare", "example", "fits_xml", "from_bytes", "get_format", "law", "to_bytes"]


def told_by_content(one: Format, folder: Path) -> None:
    """A file whose extension several formats share is read back without naming the format."""
    path = folder / f"notes{one.extensions[-1] if one.extensions else ''}"
    if one.streams:
        with path.open("wb") as stream:
            one.write([example()], stream)
    else:
        one.write([example()], path)
    law(one, [example()], list(read(path)))
