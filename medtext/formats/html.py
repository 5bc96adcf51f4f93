"""The view: notes as one HTML page that needs no network and no script; `render` gives the same to a notebook.

The text is cut at every boundary of a span, so nested, overlapping and discontinuous spans are all shown. Labels and
badges are made by the style sheet: what a reader copies from the page is the note's own text. Colours come from the
taxonomy; a check box hides a label by setting its colour to transparent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from importlib.resources import files
from typing import BinaryIO

from medtext import __version__
from medtext.errors import IdentifiedNoteError
from medtext.formats import Format
from medtext.formats.stretches import Stretch, stretches
from medtext.note import Note
from medtext.span import Span
from medtext.taxonomy import Taxonomy

_UNDRAWN = ("section", "sentence")
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_GLYPHS = {code: chr(0x2400 + code) for code in range(32)} | {127: "␡", 9: "\t", 10: "\n", 13: "&#13;"}


@dataclass(frozen=True, slots=True)
class View:
    """Notes as HTML: a notebook shows it, `str(view)` is the markup."""

    html: str = field(repr=False)

    def _repr_html_(self) -> str:
        return self.html

    def __str__(self) -> str:
        return self.html


def render(notes: Note | Iterable[Note], *, taxonomy: Taxonomy | None = None, allow_phi: bool = False) -> View:
    """One note or several as HTML for a notebook; raises IdentifiedNoteError as `write` does, unless `allow_phi`."""
    notes = [notes] if isinstance(notes, Note) else list(notes)
    for note in notes:
        if not (note.deidentified or allow_phi):
            raise IdentifiedNoteError(note.id)
    page = _Page(taxonomy or Taxonomy.load("clinical"), linked=False)
    body = "".join(page.article(note) for note in notes)
    scope = "v" + hashlib.sha256(body.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    style = f"<style>{_css()}</style>"
    return View(f'<div class="medtext {scope}">{style}<main>{body}</main>{page.aside(f".medtext.{scope}")}</div>')


def write(notes: Iterable[Note], stream: BinaryIO, *, taxonomy: Taxonomy | None = None) -> None:
    """One page for all notes, written as they come: the legend and the list of notes stand at its end, shown beside."""
    page = _Page(taxonomy or Taxonomy.load("clinical"))
    stream.write(_head().encode())
    for note in notes:
        stream.write(page.article(note).encode())
    stream.write(f"</main>{page.aside('body.medtext')}</body></html>\n".encode())


def _head() -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="generator" content="medtext {__version__}"><title>Notes</title><style>{_css()}</style></head>'
        '<body class="medtext"><a class="skip" href="#legend">Legend and list of notes</a><main>\n'
    )


def _css() -> str:
    return files("medtext.formats").joinpath("html.css").read_text(encoding="utf-8")


class _Page:
    """What is collected while notes are rendered: which labels occurred, how often, and which notes there are."""

    def __init__(self, taxonomy: Taxonomy, *, linked: bool = True) -> None:
        self.taxonomy, self.linked = taxonomy, linked
        self.counts: dict[tuple[str, str], int] = {}
        self.classes: dict[tuple[str, str], int] = {}
        self.index: list[tuple[str, int]] = []

    def class_of(self, span: Span) -> int:
        return self.classes.setdefault((span.layer, span.label), len(self.classes))

    def article(self, note: Note) -> str:
        """One note, and its labels counted."""
        drawn = [span for span in note.spans if span.layer not in _UNDRAWN]
        for span in note.spans:
            key = span.layer, span.label
            if span.layer != "sentence":
                self.counts[key] = self.counts.get(key, 0) + 1
        self.index.append((note.id, len(drawn)))
        cards = _Cards(self, note)
        parts = (cards.stretch(one) for one in stretches(note, drawn, note.layer("section")))
        text = "".join(parts) or '<span class="empty">This note is empty.</span>'
        named = f' id="n{len(self.index)}"' if self.linked else ""
        long = " long" if len(self.index) > 20 else ""
        return (
            f'<article class="note{long}"{named}><header>{_facts(note, len(drawn))}</header>'
            f'<div class="text" dir="auto">{text}</div></article>\n'
        )

    def aside(self, scope: str) -> str:
        """The legend with its check boxes, the list of notes, and the colours of all labels that occurred."""
        many = f"{len(self.index):,} note" + ("s" if len(self.index) != 1 else "")
        layers = sorted({layer for layer, _ in self.counts}, key=lambda one: (one in _UNDRAWN, one == "phi", one))
        groups = "".join(self._group(layer) for layer in layers)
        tags = '<label><input type="checkbox" class="c-tags" checked><span>Labels in the text</span></label>'
        notes = "".join(
            f'<li><a href="#n{number}"><span>{_safe(name)}</span><em>{count}</em></a></li>'
            for number, (name, count) in enumerate(self.index, 1)
        )
        several = self.linked and len(self.index) > 1
        listed = f'<details open class="notes"><summary>Notes</summary><ol class="index">{notes}</ol></details>'
        how = "Point at a marked word, or tab to it, to see what is known of it."
        return (
            f'<aside id="legend"><h1>medtext</h1><p>{many}. {how}</p>{listed if several else ""}'
            f'<div class="legend">{tags}</div>{groups}{self._style(scope)}</aside>'
        )

    def _group(self, layer: str) -> str:
        rows = [(label, count) for (held, label), count in self.counts.items() if held == layer]
        rows.sort(key=lambda row: (-row[1], row[0]))
        lines = "".join(self._row(layer, label, count) for label, count in rows)
        state = "" if layer in _UNDRAWN else " open"
        return f'<details{state}><summary>{_safe(layer)}</summary><div class="legend">{lines}</div></details>'

    def _row(self, layer: str, label: str, count: int) -> str:
        shown = f'<span title="{_safe(label)}">{_safe(self.title(label))}</span><em>{count:,}</em>'
        if layer in _UNDRAWN:
            return f"<label>{shown}</label>"
        number, colour = self.classes[layer, label], self._colour(label)
        box = f'<input type="checkbox" class="c{number}" checked>'
        return f'<label style="--c:{colour}">{box}<u></u>{shown}</label>'

    def title(self, label: str) -> str:
        """A label as people read it."""
        known = self.taxonomy.labels.get(label)
        return known.title if known else label.replace("_", " ")

    def _colour(self, label: str) -> str:
        known = self.taxonomy.labels.get(label)
        return known.colour if known else "#868e96"

    def _style(self, scope: str) -> str:
        rules = []
        for (_, label), number in self.classes.items():
            off = f"{scope}:has(.c{number}:not(:checked))"
            rules.append(f"{scope}{{--k{number}:{self._colour(label)}}}{off}{{--k{number}:transparent}}")
            rules.append(f"{off} .t{number}{{display:none}}")
        return f"<style>{''.join(rules)}</style>"


class _Cards:
    """The markup of one note's stretches; each span's card is made once."""

    def __init__(self, page: _Page, note: Note) -> None:
        self.page, self.note = page, note
        self.made: dict[str, str] = {}
        self.spans = {span.id: span for span in note.spans}
        self.related: dict[str, list[tuple[str, str]]] = {}
        for one in note.relations:
            name = one.type.replace("_", " ")
            self.related.setdefault(one.source, []).append((name, one.target))
            self.related.setdefault(one.target, []).append((f"has {name.removesuffix(' of')}", one.source))

    def stretch(self, one: Stretch) -> str:
        """A stretch of text with what covers it, and the labels of the spans that end with it."""
        text = _safe(self.note.text[one.start : one.end])
        titles = (_safe(self.page.title(span.label)) for span in one.sections)
        before = "".join(f'<span class="section" data-t="{title}"></span>' for title in titles)
        text = f'<span class="heading">{text}</span>' if one.heading else text
        return before + (self._mark(one, text) if one.covering or one.drawn else text)

    def _mark(self, one: Stretch, text: str) -> str:
        names = ["first"] if one.starting else []
        look = [f"--lanes:{max(one.drawn, default=0) + 1}"]
        for lane, (span, inside) in sorted(one.drawn.items()):
            look.append(f"--b{lane}:var(--k{self.page.class_of(span)})")
            if not inside:
                look.append(f"--p{lane}:2px;--g{lane}:transparent")
            elif _is_muted(span):
                look.append(f"--p{lane}:4px;--g{lane}:transparent")
        if one.covering:
            inner = one.covering[0]
            look.append(f"--c:var(--k{self.page.class_of(inner)})")
            names += [name for name, holds in _looks(inner).items() if holds]
            if "muted" in names or "rejected" in names:
                text = f"<s>{text}</s>"  # not the mark itself: its label is not denied
        focus = ' tabindex="0"' if one.starting else ""
        tags = "".join(self._tag(span) for span in one.ending)
        card = "".join(self._card(span) for span in one.covering)
        card = f'<span class="card">{card}</span>' if card else ""
        return f'<mark class="{" ".join(names)}" style="{";".join(look)}"{focus}>{text}{tags}{card}</mark>'

    def _tag(self, span: Span) -> str:
        number = self.page.class_of(span)
        named = "" if span.layer == "phi" and span.label in "".join(self.note.quote(span)) else span.label
        badges = "".join(f'<i class="{name}" data-t="{name}"></i>' for name in _badges(span))
        if not named and not badges:
            return ""
        return f'<span class="tag t{number}" style="--c:var(--k{number})" data-t="{_safe(named)}">{badges}</span>'

    def _card(self, span: Span) -> str:
        if span.id not in self.made:
            rows = "".join(f"<span>{row}</span>" for row in self._rows(span))
            self.made[span.id] = f'<span style="--c:var(--k{self.page.class_of(span)})">{rows}</span>'
        return self.made[span.id]

    def _rows(self, span: Span) -> Iterator[str]:
        yield f"<b>{_safe(span.label)}</b> {self._quoted(span)}"
        if span.assertion:
            axes = (span.assertion.presence, span.assertion.temporality, span.assertion.subject)
            yield " · ".join(axis for axis in axes if axis)
        displays = {one.code: one.display for one in span.candidates}
        for code in span.codes:
            yield f"<code>{_safe(str(code))}</code> {_safe(displays.get(code, ''))}"
        others = [one for one in span.candidates if one.code not in span.codes]
        for one in others[:6]:
            told = f"<code>{_safe(str(one.code))}</code> {_safe(one.display)}{_score(one.score)}"
            yield f'<span class="dim">{told}</span>'
        if len(others) > 6:
            yield f'<span class="dim">and {len(others) - 6} more candidates</span>'
        for name, other in self.related.get(span.id, ()):
            yield f"{_safe(name)} → {self._quoted(self.spans[other])}"
        if span.comment:
            yield f"“{_safe(span.comment)}”"
        sources = ", ".join(_safe(one.by) for one in span.sources)
        told = [span.id, span.layer, "" if span.status == "predicted" else span.status, sources]
        yield f'<span class="dim">{" · ".join(one for one in told if one)}{_score(span.score)}</span>'

    def _quoted(self, span: Span) -> str:
        quote = " … ".join(" ".join(part.split()) for part in self.note.quote(span))
        return _safe(quote if len(quote) <= 160 else quote[:160].rpartition(" ")[0] + " …")


def _facts(note: Note, drawn: int) -> str:
    safe = '<span class="chip safe">de-identified</span>'
    state = safe if note.deidentified else '<span class="chip unsafe">identified</span>'
    review = f"<span>review: {note.review.state}</span>" if note.review else ""
    return f"<h2>{_safe(note.id)}</h2>{state}<span>{len(note.text):,} characters · {drawn:,} spans</span>{review}"


def _is_muted(span: Span) -> bool:
    return span.assertion is not None and span.assertion.presence == "absent"


def _looks(span: Span) -> Mapping[str, bool]:
    return {"muted": _is_muted(span), "rejected": span.status == "rejected", "phi": span.layer == "phi"}


def _badges(span: Span) -> list[str]:
    """What sets a span apart from a present, current finding of the patient, and what a person did with it."""
    usual = ("present", "current", "patient", "predicted", "accepted", None)
    said = span.assertion
    axes = (said.presence, said.temporality, said.subject) if said else ()
    return [name for name in (*axes, span.status) if name not in usual]


def _score(score: float | None) -> str:
    return "" if score is None else f" · {score:.2f}"


def _safe(text: str) -> str:
    """Text that no browser takes for markup; control characters as visible signs."""
    return escape(text).translate(_GLYPHS)


FORMAT = Format(
    "html",
    "a page to look at, self-contained (write only)",
    extensions=(".html", ".htm"),
    write=write,
    streams=True,
)
