"""i2b2 2010: `txt/`, `concept/*.con`, `ast/*.ast` and `rel/*.rel`; places are line:word, words stand between blanks.

So a span is widened to whole words. Of what is asserted one word is told; the ends of a relation are places, so of two
spans in one place either may come back as its end. Reference: Uzuner et al. 2011, 2010 i2b2/VA challenge.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from medtext.errors import FormatError, NoteError, Problem
from medtext.formats import Format
from medtext.formats.losses import blank_breaks, without
from medtext.formats.text import note_files, note_path, read_text, write_text
from medtext.note import Note, Relation
from medtext.span import Assertion, Span

_PLACE = r'="(.*)" (\d+):(\d+) (\d+):(\d+)'
_CONCEPT = re.compile(f'c{_PLACE}\\|\\|t="(.*)"')
_ASSERTION = re.compile(f'c{_PLACE}\\|\\|t="(.*)"\\|\\|a="(.*)"')
_RELATION = re.compile(f'c{_PLACE}\\|\\|r="(.*)"\\|\\|c{_PLACE}')
ASSERTIONS = {
    "present": Assertion("present"),
    "absent": Assertion("absent"),
    "possible": Assertion("possible"),
    "conditional": Assertion("present"),
    "hypothetical": Assertion(temporality="hypothetical"),
    "associated_with_someone_else": Assertion(subject="other"),
}
_Place = tuple[int, int]


class _Grid:
    """The words of a text by line and number, both ways; lines count from 1, words from 0."""

    def __init__(self, text: str) -> None:
        self.lines: list[list[_Place]] = []
        self.begins: list[int] = []
        start = 0
        for line in text.split("\n"):
            self.lines.append([(start + one.start(), start + one.end()) for one in re.finditer(r"\S+", line)])
            self.begins.append(start)
            start += len(line) + 1

    def cell(self, offset: int, edge: int) -> str:
        """`line:word` of the word that begins (edge 0) or ends (edge 1) at an offset."""
        row = bisect_right(self.begins, offset - edge) - 1
        number = [word[edge] for word in self.lines[row]].index(offset)
        return f"{row + 1}:{number}"

    def place(self, numbers: Iterable[str]) -> _Place:
        """The place from a first word to a last; raises NoteError when there are no such words."""
        row, word, last_row, last_word = map(int, numbers)
        try:
            if min(row, last_row) < 1:
                raise IndexError
            start, end = self.lines[row - 1][word][0], self.lines[last_row - 1][last_word][1]
        except IndexError:
            raise NoteError(f"there is no word {row}:{word} or {last_row}:{last_word}. Was the text edited?") from None
        return start, end


def write(notes: Iterable[Note], path: Path, *, labels: Mapping[str, str] | None = None) -> None:
    """Up to four files a note; `labels` renames ours (PROBLEM → problem). What a person rejected is not written."""
    for folder in ("txt", "concept"):
        (path / folder).mkdir(parents=True, exist_ok=True)
    for note in notes:
        kept = without(note, FORMAT.loses - {"relations", "spans.assertion"})
        grid = _Grid(kept.text)
        write_text(note_path(path / "txt", note.id, ".txt"), kept.text)
        spoken = {span.id: _spoken(span, kept, grid) for span in kept.spans}
        named = {span.id: f't="{(labels or {}).get(span.label, span.label)}"' for span in kept.spans}
        asserted = [(span.id, _asserted(span.assertion)) for span in kept.spans if span.assertion]
        files = {
            "con": [f"{spoken[span.id]}||{named[span.id]}" for span in kept.spans],
            "ast": [f'{spoken[name]}||{named[name]}||a="{word}"' for name, word in asserted if word],
            "rel": [f'{spoken[one.source]}||r="{one.type}"||{spoken[one.target]}' for one in kept.relations],
        }
        for kind, lines in files.items():
            if lines or kind == "con":
                folder = path / ("concept" if kind == "con" else kind)
                write_text(note_path(folder, note.id, f".{kind}"), "".join(f"{line}\n" for line in lines))


def _spoken(span: Span, note: Note, grid: _Grid) -> str:
    first, last = grid.cell(span.start, 0), grid.cell(span.end, 1)
    if grid.place(f"{first}:{last}".split(":")) != (span.start, span.end):
        raise FormatError(f"span {span.id!r} of note {note.id!r} is not what stands at {first}.", note_id=note.id)
    return f'c="{blank_breaks(note.text[span.start : span.end])}" {first} {last}'


def _asserted(said: Assertion) -> str:
    """The one word of the challenge, in the order in which its guideline prefers them."""
    if said.subject in ("family", "other"):
        return "associated_with_someone_else"
    return "hypothetical" if said.temporality == "hypothetical" else said.presence or ""


def read(path: Path, *, labels: Mapping[str, str] | None = None) -> Iterator[Note | Problem]:
    """The notes under `txt/` with what the other folders say; `labels` renames theirs (problem → PROBLEM)."""
    if not (path / "txt").is_dir():
        raise FormatError(
            "i2b2 2010 keeps texts in a folder txt/ beside concept/. Name the folder above.", where=str(path)
        )
    for file, note_id in note_files(path / "txt", ".txt"):
        try:
            yield _note(path, file, note_id, labels or {})
        except FormatError as error:
            yield Problem(error.reason, note_id=note_id, where=error.where)


def _note(path: Path, file: Path, note_id: str, labels: Mapping[str, str]) -> Note:
    text = read_text(file, "utf-8")
    grid = _Grid(text)
    said = {}
    for where, found in _lines(path / "ast" / f"{note_id}.ast", _ASSERTION):
        said[_place(grid, found[1:5], where), found[5]] = found[6]
    spans = []
    for where, found in _lines(path / "concept" / f"{note_id}.con", _CONCEPT):
        place, label = _place(grid, found[1:5], where), found[5]
        _check_words(text, place, found[0], where)
        word = said.get((place, label), "")
        x = {"i2b2": word} if (word and word not in ASSERTIONS) or word == "conditional" else {}
        told = {"status": "added", "assertion": ASSERTIONS.get(word), "x": x}
        try:
            spans.append(Span((place,), labels.get(label, label), **told))
        except NoteError as error:
            raise FormatError(str(error), where=where) from None
    note = Note(note_id, text).add(spans)
    return note.add(relations=_relations(path / "rel" / f"{note_id}.rel", note, grid))


def _relations(file: Path, note: Note, grid: _Grid) -> list[Relation]:
    ids = {(span.start, span.end): span.id for span in reversed(note.spans)}
    made = []
    for where, found in _lines(file, _RELATION):
        ends = [ids.get(_place(grid, numbers, where)) for numbers in (found[1:5], found[7:11])]
        if ends[0] is None or ends[1] is None:
            raise FormatError("the relation names a place where no concept stands.", where=where)
        made.append(Relation(found[5], ends[0], ends[1], status="added"))
    return made


def _lines(file: Path, pattern: re.Pattern[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """(file:line, parts) of each line; raises FormatError for a line of another form."""
    if not file.is_file():
        return
    for number, line in enumerate(read_text(file, "utf-8").split("\n"), 1):
        where, found = f"{file}:{number}", pattern.fullmatch(line.removesuffix("\r"))
        if line.strip() and not found:
            raise FormatError("the line is not of the form that i2b2 2010 has here.", where=where)
        if found:
            yield where, found.groups()


def _place(grid: _Grid, numbers: Iterable[str], where: str) -> _Place:
    try:
        place = grid.place(numbers)
    except NoteError as error:
        raise FormatError(str(error), where=where) from None
    if place[0] >= place[1]:
        raise FormatError("the last word stands before the first.", where=where)
    return place


def _check_words(text: str, place: _Place, stated: str, where: str) -> None:
    """The challenge lower-cased its concepts: case does not count, nor do blanks."""
    if text[slice(*place)].casefold().split() != stated.casefold().split():
        raise FormatError(f"the concept is not what stands at {place[0]}–{place[1]}. Was the text edited?", where=where)


FORMAT = Format(
    "i2b2_2010",
    "i2b2 2010 concepts, assertions and relations, a folder of txt/ concept/ ast/ rel/",
    read=read,
    write=write,
    loses=frozenset(
        ["meta", "review", "deidentified", "x", "spans.id", "spans.edges", "relations.id"]
        + [f"spans.{name}" for name in ("layer", "fragments", "status", "assertion", "codes", "candidates")]
        + [f"spans.{name}" for name in ("score", "sources", "was", "comment", "x")]
        + [f"relations.{name}" for name in ("status", "score", "sources", "x")]
    ),
    recognises=lambda path: path.is_dir() and (path / "txt").is_dir() and (path / "concept").is_dir(),
)
