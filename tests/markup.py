"""Notes written with their spans inside the text: `No <PROBLEM presence=absent>fever</PROBLEM>.`

Strict: whatever cannot be read raises MarkupError, so a test can never assert less than it shows. `&lt;` and `&amp;`
stand for the two signs that mean something here. Spans may be nested, not crossed, and have one fragment.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from medtext.note import Note
from medtext.span import Assertion, Span
from medtext.taxonomy import AXES

ATTRIBUTES = (*AXES, "layer", "id")
_TAG = re.compile(r"<(?P<close>/)?(?P<label>[A-Za-z_][A-Za-z0-9_]*)(?P<attributes>(?: [a-z]+=[A-Za-z0-9_-]+)*)>")
_ENTITY = re.compile(r"&(lt|amp);")
_SIGNS = {"lt": "<", "amp": "&"}


class MarkupError(ValueError):
    """The markup cannot be read."""


def parse(markup: str, *, note_id: str = "n1") -> Note:
    """The note that the markup shows."""
    text: list[str] = []
    length, opened, spans = 0, [], []
    for piece in _pieces(markup):
        if isinstance(piece, str):
            text.append(piece)
            length += len(piece)
        elif piece["close"]:
            spans.append(_closed(piece, opened, length))
        else:
            opened.append((piece["label"], _attributes(piece["attributes"]), length))
    if opened:
        raise MarkupError(f"<{opened[-1][0]}> is never closed.")
    return Note(note_id, "".join(text)).add(spans)


def render(note: Note, *, layers: Iterable[str] = ("entity",), omit: Assertion | None = None) -> str:
    """The markup of a note; axes that equal those of `omit` are left out, and so are ids."""
    spans = [span for span in note.spans if span.layer in set(layers)]
    marks = [(span.start, 1, -span.end, _open_tag(span, omit)) for span in spans]
    marks += [(span.end, 0, -span.start, f"</{span.label}>") for span in spans]
    out, last = [], 0
    for place, _, _, tag in sorted(marks, key=lambda mark: mark[:3]):
        out += [_escaped(note.text[last:place]), tag]
        last = place
    return "".join([*out, _escaped(note.text[last:])])


def _pieces(markup: str) -> Iterator[str | re.Match[str]]:
    last = 0
    for tag in _TAG.finditer(markup):
        yield _plain(markup[last : tag.start()])
        yield tag
        last = tag.end()
    yield _plain(markup[last:])


def _plain(piece: str) -> str:
    if "<" in piece or "&" in _ENTITY.sub("", piece):
        raise MarkupError(f"neither text nor a tag: {piece!r}")
    return _ENTITY.sub(lambda match: _SIGNS[match.group(1)], piece)


def _attributes(written: str) -> dict[str, str]:
    pairs = [pair.split("=") for pair in written.split()]
    found = dict(pairs)
    if len(found) < len(pairs) or not found.keys() <= set(ATTRIBUTES):
        raise MarkupError(f"attributes are {', '.join(ATTRIBUTES)}, once each: {written!r}")
    return found


def _closed(tag: re.Match[str], opened: list, length: int) -> Span:
    if tag["attributes"] or not opened or opened[-1][0] != tag["label"]:
        raise MarkupError(f"{tag.group()} closes no <{tag['label']}>.")
    label, attributes, start = opened.pop()
    assertion = Assertion(**{axis: attributes[axis] for axis in AXES if axis in attributes})
    layer, identifier = attributes.get("layer", "entity"), attributes.get("id", "")
    return Span(((start, length),), label, layer=layer, id=identifier, assertion=assertion)


def _open_tag(span: Span, omit: Assertion | None) -> str:
    values = {axis: getattr(span.assertion, axis) for axis in AXES} if span.assertion else {}
    left_out = {axis: getattr(omit, axis) for axis in AXES} if omit else {}
    shown = [f" {axis}={value}" for axis, value in values.items() if value and value != left_out.get(axis)]
    return f"<{span.label}{''.join(shown)}>"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
