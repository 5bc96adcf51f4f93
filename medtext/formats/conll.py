"""CoNLL: one token a line with IOB2 tags; the exact text and the offsets stand beside the tokens.

Each layer has as many tag columns as it has spans over one token, so nested and overlapping spans stay. Files without
our comments are read too: TOKEN … TAG between blanks, a text rebuilt with a blank between tokens and a line a sentence.
Reference: https://universaldependencies.org/format.html for the comments, Ramshaw and Marcus 1995 for the tags.
"""

from __future__ import annotations

import json
import logging
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import BinaryIO

from medtext.errors import ConfigError, FormatError, NoteError, Problem
from medtext.formats import Format
from medtext.formats.carried import dumps
from medtext.formats.losses import with_spans, without
from medtext.formats.tokens import tokenize
from medtext.note import Note
from medtext.span import Span

logger = logging.getLogger(__name__)

_NEW, _TEXT, _COLUMNS, _CLEAN = "# newdoc id = ", "# text = ", "# columns = ", "# deidentified = "
_START = "-DOCSTART-"
SPLITS = ("document", "sentence")
_Line = tuple[int, str]


def write(
    notes: Iterable[Note], stream: BinaryIO, *, layers: Iterable[str] | None = None, offsets: bool = True
) -> None:
    """A block a note, sentences between blank lines; `layers` are the columns of tags (all, `entity` first).

    `offsets=False` writes TOKEN and TAG only, for trainers: one layer, of overlapping spans the longest.
    """
    wanted = None if layers is None else tuple(layers)
    left = 0
    for note in notes:
        kept = without(note, FORMAT.loses)
        kept = with_spans(kept, (span for span in kept.spans if wanted is None or span.layer in wanted))
        if offsets:
            lines = _lines(kept, wanted)
        else:
            flat = _flat(kept, (wanted or ("entity",))[0])
            left += len(kept.spans) - len(flat)
            lines = [f"{_START} -X- O", "", *_plain_lines(kept, flat)]
        stream.write(("\n".join(lines) + "\n\n").encode("utf-8"))
    if left:
        logger.warning("conll: %d spans overlap a longer one or stand in another layer, and were left out.", left)


def _lines(note: Note, wanted: tuple[str, ...] | None) -> Iterator[str]:
    tokens = tokenize(note.text, note.spans)
    layers = wanted or sorted({span.layer for span in note.spans}, key=lambda name: (name != "entity", name))
    columns = [(layer, tags) for layer in layers for tags in _columns(note.layer(layer), tokens)]
    yield f"{_NEW}{note.id}"
    yield f"{_CLEAN}{str(note.deidentified).lower()}"
    yield f"{_TEXT}{dumps(note.text)}"
    yield f"{_COLUMNS}FORM START END {' '.join(layer for layer, _ in columns)}".rstrip()
    breaks = _breaks(note, tokens)
    for number, (start, end) in enumerate(tokens):
        if number in breaks:
            yield ""
        form = note.text[start:end]
        row = ["_" if form.isspace() else form, str(start), str(end), *(tags[number] for _, tags in columns)]
        yield "\t".join(row)


def _columns(spans: Iterable[Span], tokens: list[tuple[int, int]]) -> list[list[str]]:
    """The tags of spans, in as many columns as it takes for no two spans to share a token."""
    columns: list[list[str]] = [["O"] * len(tokens)]
    for span in spans:
        inside = _inside(span, tokens)
        free = next((tags for tags in columns if all(tags[one] == "O" for one in inside)), None)
        if free is None:
            free = ["O"] * len(tokens)
            columns.append(free)
        _tag(free, inside, span.label)
    return columns


def _inside(span: Span, tokens: list[tuple[int, int]]) -> range:
    """The numbers of the tokens of a span, which begin and end with it."""
    first = bisect_left(tokens, span.start, key=lambda token: token[0])
    return range(first, bisect_right(tokens, span.end, key=lambda token: token[1]))


def _tag(tags: list[str], inside: range, label: str) -> None:
    for number in inside:
        tags[number] = f"{'B' if number == inside[0] else 'I'}-{label}"


def _breaks(note: Note, tokens: list[tuple[int, int]]) -> set[int]:
    """The tokens before which a sentence ends: where a sentence span begins, else after a line feed."""
    sentences = {span.start for span in note.layer("sentence")}
    pairs = enumerate(pairwise(tokens), 1)
    return {
        number
        for number, ((_, end), (start, _)) in pairs
        if (start in sentences if sentences else "\n" in note.text[end:start])
    }


def _flat(note: Note, layer: str) -> list[Span]:
    """The spans of a layer without those that overlap a longer one."""
    kept: list[Span] = []
    for span in sorted(note.layer(layer), key=lambda one: (one.start - one.end, one.start)):
        if all(span.end <= one.start or span.start >= one.end for one in kept):
            kept.append(span)
    return kept


def _plain_lines(note: Note, spans: list[Span]) -> Iterator[str]:
    tokens = [(start, end) for start, end in tokenize(note.text, spans) if not note.text[start:end].isspace()]
    (tags,) = _columns(spans, tokens)
    breaks = _breaks(note, tokens)
    for number, (start, end) in enumerate(tokens):
        if number in breaks:
            yield ""
        yield f"{note.text[start:end]}\t{tags[number]}"


def read(stream: BinaryIO, *, name: str, split: str = "document") -> Iterator[Note | Problem]:
    """One note a document. Of files without offsets `split="sentence"` makes a note of each sentence."""
    if split not in SPLITS:
        raise ConfigError(f"Unknown choice {split!r}. split: {', '.join(SPLITS)}")
    for number, block in enumerate(_blocks(stream, name, split), 1):
        where = f"{name}:{block[0][0]}"
        try:
            yield _note(block) if block[0][1].startswith(_NEW) else _rebuilt(block, f"{split}-{number}")
        except _LineError as error:
            yield Problem(str(error), where=f"{name}:{error.line}")
        except NoteError as error:
            yield Problem(str(error), where=where)


class _LineError(NoteError):
    """A line that is broken."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


def _blocks(stream: BinaryIO, name: str, split: str) -> Iterator[list[_Line]]:
    """The numbered lines of each document."""
    block: list[_Line] = []
    ours = False
    for number, data in enumerate(stream, 1):
        try:
            line = data.decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError as error:
            message = f"not UTF-8 at byte {error.start} of the line. Convert the file to UTF-8."
            raise FormatError(message, where=f"{name}:{number}") from None
        begins = line.startswith((_NEW, _START))
        ours = ours or line.startswith(_NEW)
        if begins or (split == "sentence" and not ours and not line.strip()):
            if any(one.strip() for _, one in block):
                yield block
            block = []
        if not line.startswith(_START):
            block.append((number, line))
    if any(one.strip() for _, one in block):
        yield block


def _note(block: list[_Line]) -> Note:
    """A note with its exact text; raises NoteError with the line of what does not agree with it."""
    says = {}
    rows = []
    for number, line in block:
        key = next((one for one in (_NEW, _TEXT, _COLUMNS, _CLEAN) if line.startswith(one)), None)
        if key and not rows:
            says[key] = line.removeprefix(key)
        elif line:
            rows.append((number, line.split("\t")))
    text = _text(says, block[0][0])
    layers = says.get(_COLUMNS, "").split(" ")[3:]
    places = []
    for number, row in rows:
        if len(row) != 3 + len(layers):
            raise _LineError(number, f"the line has {len(row)} columns, and there are {3 + len(layers)}.")
        places.append(_place(row, text, number))
    spans = []
    for column, layer in enumerate(layers, 3):
        spans += _decode([(*place, row[column]) for place, (_, row) in zip(places, rows, strict=True)], layer)
    return Note(says[_NEW], text, deidentified=says.get(_CLEAN) == "true").add(spans)


def _text(says: dict[str, str], line: int) -> str:
    try:
        text = json.loads(says.get(_TEXT, ""))
    except ValueError:
        text = None
    if not isinstance(text, str):
        raise _LineError(line, f"the document has no line {_TEXT.strip()!r} with its text as a JSON string.")
    return text


def _place(row: list[str], text: str, line: int) -> tuple[int, int]:
    try:
        start, end = int(row[1]), int(row[2])
    except ValueError:
        raise _LineError(line, "the second and third column are the offsets of the token.") from None
    there = text[start:end] if 0 <= start < end <= len(text) else ""
    if not there or (row[0] != there and not (row[0] == "_" and there.isspace())):
        raise _LineError(line, f"the token is not what stands at {start}–{end}. Was the text edited?")
    return start, end


def _rebuilt(block: list[_Line], note_id: str) -> Note:
    """A note of tokens only: a blank between tokens, a line feed where a blank line stands."""
    text, tags = "", []
    gap = ""
    for number, line in block:
        columns = line.split()
        if not columns:
            gap = "\n" if text else ""
        elif not line.startswith("# "):
            if len(columns) < 2:
                raise _LineError(number, "the line has one column; a token and its tag are wanted.")
            text += gap + columns[0]
            tags.append((len(text) - len(columns[0]), len(text), columns[-1]))
            gap = " "
    return Note(note_id, text).add(_decode(tags, "entity"))


def _decode(tags: list[tuple[int, int, str]], layer: str) -> Iterator[Span]:
    """Spans from IOB, IOB2, IOBES or BILOU tags: one ends where a tag begins another, or names another label."""
    begun: tuple[int, str] | None = None
    last = 0
    for start, end, tag in [*tags, (0, 0, "O")]:
        prefix, _, label = tag.partition("-")
        goes_on = begun and prefix in "IEL" and label == begun[1]
        if begun and not goes_on:
            yield Span(((begun[0], last),), begun[1], layer=layer, status="added")
            begun = None
        if label and not goes_on:
            begun = (start, label)
        last = end


FORMAT = Format(
    "conll",
    "CoNLL IOB2, a token a line with offsets; plain TOKEN TAG files are read with a rebuilt text",
    extensions=(".conll", ".iob", ".iob2", ".bio"),
    read=read,
    write=write,
    loses=frozenset(
        ["meta", "review", "x", "relations", "spans.id", "spans.fragments"]
        + [f"spans.{name}" for name in ("status", "assertion", "codes", "candidates", "score")]
        + [f"spans.{name}" for name in ("sources", "was", "comment", "x")]
    ),
    streams=True,
)
