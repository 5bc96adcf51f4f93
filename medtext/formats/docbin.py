"""spaCy's DocBin: a span group a layer, `ents` for trainers, and our record in the user data of each Doc.

A Doc speaks tokens: a span that cuts one is widened in the Doc, and exact again when it comes back. A blank after a
word is part of no token, so a span over nothing else stands in our record only, as rejected spans do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from medtext.errors import FormatError, NoteError, Problem
from medtext.formats import Format
from medtext.formats.carried import Mark, carry_shown, new_spans, restore
from medtext.formats.losses import with_spans
from medtext.note import Note

_KEY = "medtext"


def write(notes: Iterable[Note], path: Path, *, language: str = "en") -> None:
    """One file; all Docs are held in memory. `ents` are the longest entities that do not overlap."""
    import spacy
    from spacy.tokens import DocBin

    nlp = spacy.blank(language)
    store = DocBin(store_user_data=True)
    for note in notes:
        store.add(note_to_doc(note, nlp))
    store.to_disk(path)


def note_to_doc(note: Note, nlp: Any) -> Any:
    """A Doc with the spans that nobody rejected; raises FormatError when spaCy would not give the same text back."""
    from spacy.util import filter_spans

    doc = with_spans(note, (span for span in note.spans if span.status != "rejected")).to_doc(nlp)
    if doc.text != note.text:
        raise FormatError(f"the tokens of note {note.id!r} do not give back its text.", note_id=note.id)
    doc.ents = filter_spans(doc.spans.get("entity", []))
    doc.user_data[_KEY] = carry_shown(note, {span.id_ for group in doc.spans.values() for span in group})
    return doc


def read(path: Path) -> Iterator[Note | Problem]:
    """One note a Doc, from its span groups and from `ents` where no group holds the same; `Doc n` names a problem."""
    from spacy.tokens import DocBin
    from spacy.vocab import Vocab

    try:
        docs = DocBin().from_disk(path).get_docs(Vocab())
        number = 0
        for number, doc in enumerate(docs, 1):
            yield _note(doc, number, f"{path}: Doc {number}")
    except (ValueError, KeyError, TypeError, OSError, EOFError) as error:
        raise FormatError(f"this is no DocBin that can be read ({type(error).__name__}).", where=str(path)) from None
    except Exception as error:
        # msgpack and zlib raise errors that have no class in common.
        if type(error).__module__.partition(".")[0] not in ("zlib", "srsly", "msgpack"):
            raise
        raise FormatError("this is no DocBin that can be read.", where=str(path)) from None


def _note(doc: Any, number: int, where: str) -> Note | Problem:
    try:
        found = list(_marks(doc))
        if _KEY in doc.user_data:
            return restore(doc.user_data[_KEY], doc.text, found)
        return Note(f"doc-{number}", doc.text).add(new_spans(found))
    except FormatError as error:
        return Problem(error.reason, note_id=error.note_id, where=where)
    except NoteError as error:
        return Problem(str(error), where=where)


def _marks(doc: Any) -> Iterator[Mark]:
    placed = set()
    for layer, group in doc.spans.items():
        exact = group.attrs.get("at", {})
        for span in group:
            placed.add((span.start, span.end, span.label_))
            at = exact.get(span.id_, ())
            for start, end in at if _is_widened(doc, at, span) else [(span.start_char, span.end_char)]:
                yield Mark(start, end, span.label_ or "UNKNOWN", span.id_, _layer(layer))
    for span in doc.ents:
        if (span.start, span.end, span.label_) not in placed:
            yield Mark(span.start_char, span.end_char, span.label_ or "UNKNOWN", span.id_)


def _is_widened(doc: Any, at: Any, span: Any) -> bool:
    """Whether a span of the Doc is still what the exact place was widened to."""
    placed = doc.char_span(at[0][0], at[-1][1], alignment_mode="expand") if at else None
    return placed is not None and (placed.start, placed.end) == (span.start, span.end)


def _layer(name: str) -> str:
    """The name of a span group as that of a layer: spaCy's own default group `sc` holds entities."""
    ok = name != "sc" and name.isascii() and name.replace("_", "a").isalnum() and name[:1].islower()
    return name if ok and name.islower() and len(name) <= 32 else "entity"


FORMAT = Format(
    "docbin",
    "spaCy DocBin with span groups and ents",
    extensions=(".spacy",),
    read=read,
    write=write,
)
