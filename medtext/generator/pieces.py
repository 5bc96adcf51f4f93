"""A note in the making: a row of pieces, each plain text, an identifier, or a hard negative. Offsets come last."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import KW_ONLY, dataclass, field, replace

from medtext.note import Note
from medtext.span import Source, Span

SOURCE = Source("rule:generator@1")


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text. `label` makes it an identifier, `kind` a hard negative; `origin` is its place in the carrier.

    `known` says whether the lexicons that ship hold the names in it; None where it holds none.
    """

    text: str = field(repr=False)
    _: KW_ONLY
    label: str = ""
    form: str = ""
    known: bool | None = None
    kind: str = ""
    origin: int | None = None
    mess: tuple[str, ...] = ()

    def retyped(self, text: str, mess: str) -> Piece:
        """The piece as somebody else would have typed it."""
        return replace(self, text=text, mess=(*self.mess, mess))


def assembled(pieces: Iterable[Piece], note_id: str, carrier_id: str, meta: dict[str, object]) -> Note:
    """The pieces as one note: gold in the layer `phi`; hard negatives and what is the carrier's in `x`."""
    rows = list(_placed(pieces))
    text = "".join(piece.text for _, piece in rows)
    negatives = [[start, start + len(piece.text), piece.kind] for start, piece in rows if piece.kind]
    kept = [[piece.origin, piece.origin + len(piece.text), start] for start, piece in rows if piece.origin is not None]
    x = {"hard_negatives": negatives, "carrier": {"id": carrier_id, "kept": kept}}
    return Note(note_id, text, meta=meta, x=x).add(_span(start, piece) for start, piece in rows if piece.label)


def _placed(pieces: Iterable[Piece]) -> Iterator[tuple[int, Piece]]:
    at = 0
    for piece in pieces:
        if piece.text:
            yield at, piece
            at += len(piece.text)


def _span(start: int, piece: Piece) -> Span:
    told: dict[str, object] = {"form": piece.form}
    if piece.known is not None:
        told["in_lexicon"] = piece.known
    if piece.mess:
        told["mess"] = list(piece.mess)
    # A stop at the end belongs to the sentence as much as to "Jr." or "St."
    place = ((start, start + len(piece.text.rstrip("."))),)
    return Span(place, piece.label, layer="phi", status="added", sources=(SOURCE,), x={"generator": told})
