"""The bridge to spaCy: `note.to_doc(nlp)` and `Note.from_doc(doc)`; and medSpaCy, opened for the stages that offer it.

A Doc speaks tokens, so a span that cuts a token is widened in the Doc; the exact offsets travel in the span group's
attrs and come back as long as the span keeps its id. Everything but place, label, layer and id stays with the note.
"""

from __future__ import annotations

import warnings
from importlib import import_module
from importlib.metadata import version
from typing import Any

from medtext.errors import MissingExtraError
from medtext.note import Note
from medtext.span import Span


def note_to_doc(note: Note, nlp: Any) -> Any:
    """A Doc tokenised by `nlp`, one span group a layer; spans that cover no token are left out."""
    doc = nlp.make_doc(note.text)
    for layer in sorted({span.layer for span in note.spans}):
        spans = note.layer(layer)
        placed = [
            doc.char_span(one.start, one.end, label=one.label, span_id=one.id, alignment_mode="expand") for one in spans
        ]
        exact = {span.id: span.at for span in spans}
        group = [span for span in placed if span is not None]
        doc.spans[layer] = group
        doc.spans[layer].attrs["at"] = exact
    return doc


def doc_to_note(doc: Any, *, id: str, deidentified: bool) -> Note:
    """A note with the Doc's span groups as layers and its `ents` as entities where no group holds them."""
    found: list[Span] = []
    for layer, group in doc.spans.items():
        exact = group.attrs.get("at", {})
        found += [_span(span, str(layer), exact) for span in group]
    placed = {(span.at, span.label) for span in found}
    entities = [_span(ent, "entity", {}) for ent in doc.ents]
    found += [span for span in entities if (span.at, span.label) not in placed]
    return Note(id, doc.text, deidentified=deidentified).add(found)


def _span(span: Any, layer: str, exact: dict[str, Any]) -> Span:
    at = exact.get(span.id_)
    if at is None:
        at = ((span.start_char, span.end_char),)
    return Span(tuple(map(tuple, at)), span.label_ or "UNKNOWN", id=span.id_ if span.id_ in exact else "", layer=layer)


def open_medspacy(part: str) -> tuple[Any, Any, str]:
    """A blank English pipeline, the module `medspacy.<part>` and the version of medSpaCy; its warnings are kept quiet.

    Raises MissingExtraError where medSpaCy is absent.
    """
    try:
        release = version("medspacy")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its imports warn of regular expressions and pkg_resources
            import spacy
            from loguru import logger

            module = import_module(f"medspacy.{part}")
            logger.disable("PyRuSH")  # it prints every token of a note at level DEBUG
            return spacy.blank("en"), module, release
    except ImportError as error:
        raise MissingExtraError("The engine 'medspacy'", "medspacy", "medspacy") from error
