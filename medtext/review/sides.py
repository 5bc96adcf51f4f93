"""The files that are compared: read by note id, and what is wrong with them told by note and span, never silently read.

A text that was edited, a note that is missing or of another project, and a label that nobody knows become Problems;
what they concern is left out of every figure. Files with no note in common are refused.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from medtext.errors import ConfigError, FormatError, IdentifiedNoteError, Problem
from medtext.formats import read
from medtext.note import Note
from medtext.span import Span
from medtext.taxonomy import Taxonomy

Notes = str | Path | Iterable[Note]
NOBODY = "(none)"


def notes_of(source: Notes, format: str | None = None, **options: object) -> Iterator[Note]:
    """The notes of a file, or those that are given."""
    return read(source, format=format, **options) if isinstance(source, str | Path) else iter(source)


def named_sides(
    sources: Mapping[str, Notes] | Sequence[Notes], format: str | None = None, people: Sequence[str] = ()
) -> dict[str, dict[str, Note]]:
    """Name → note id → note. A file is called by its annotator where all its notes name one, else by its own name.

    `people` takes these annotators out of one file that holds the work of several (Label Studio). Raises ConfigError
    for two sides of one name.
    """
    if people:
        return _people(sources, format, people)
    if isinstance(sources, Mapping):
        return {name: _by_id(notes_of(source, format)) for name, source in sources.items()}
    found: dict[str, dict[str, Note]] = {}
    for number, source in enumerate(sources, 1):
        notes = _by_id(notes_of(source, format))
        name = _name(source, notes, number)
        if name in found:
            raise ConfigError(f"Two of the files are by {name!r}. Give them as a mapping: name → notes.")
        found[name] = notes
    return found


def _people(
    sources: Mapping[str, Notes] | Sequence[Notes], format: str | None, people: Sequence[str]
) -> dict[str, dict[str, Note]]:
    held = list(sources.values() if isinstance(sources, Mapping) else sources)
    if len(held) != 1 or not isinstance(held[0], str | Path):
        raise ConfigError("people= takes annotators out of one file: give that file alone.")
    found = {}
    for name in people:
        notes = notes_of(held[0], format, annotator=name)
        found[name] = _by_id(note for note in notes if note.review and note.review.state == "done")
    return found


def _by_id(notes: Iterable[Note]) -> dict[str, Note]:
    found: dict[str, Note] = {}
    for note in notes:
        if note.id in found:
            raise FormatError(f"note {note.id!r} stands there twice.", note_id=note.id)
        found[note.id] = note
    return found


def _name(source: Notes, notes: Mapping[str, Note], number: int) -> str:
    names = {note.review.annotator if note.review else "" for note in notes.values()}
    if len(names) == 1 and (name := names.pop()):
        return name
    return Path(source).name.split(".")[0] if isinstance(source, str | Path) else f"annotator-{number}"


def common_notes(sides: Mapping[str, Mapping[str, Note]]) -> tuple[list[dict[str, Note]], list[Problem]]:
    """Each note that two sides or more hold, as name → note, by id; and what is wrong with the others.

    Where the texts differ, nothing is compared: offsets would mean different words. Raises FormatError when there is
    no note in common.
    """
    if len(sides) < 2:
        raise ConfigError("It takes the notes of two people or more.")
    found, problems = [], []
    for key in sorted({key for notes in sides.values() for key in notes}):
        held = {name: notes[key] for name, notes in sides.items() if key in notes}
        absent = [name for name in sides if name not in held]
        if len({note.text for note in held.values()}) > 1:
            problems.append(Problem(f"the text is not the same for {_listed(held)}. Was it edited?", note_id=key))
            continue
        if absent:
            problems.append(Problem(f"not among the notes of {_listed(absent)}.", note_id=key, severity="warning"))
        if len(held) > 1:
            found.append(held)
    if not found:
        raise FormatError("the files have no note in common. Are they of one project?")
    return found, problems


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))


def label_problems(note: Note, taxonomy: Taxonomy | None, layer: str, known: set[str] | None = None) -> list[Problem]:
    """Spans with a label that the taxonomy does not have; without one, with a label that is not among `known`."""
    if taxonomy is not None:
        known, severity = {label.name for label in taxonomy.layer(layer)}, "error"
    else:
        severity = "warning"
    if known is None:
        return []
    told = ", ".join(sorted(known)) or "none"
    return [
        Problem(f"span {span.id!r}: unknown label {span.label!r}. Labels: {told}", note_id=note.id, severity=severity)
        for span in note.layer(layer)
        if span.label not in known
    ]


def load_taxonomy(taxonomy: Taxonomy | str | Path | None) -> Taxonomy | None:
    """A taxonomy by name or path; None stays None."""
    return taxonomy if taxonomy is None or isinstance(taxonomy, Taxonomy) else Taxonomy.load(taxonomy)


def section_finder(notes: Iterable[Note]) -> Callable[[Span], str]:
    """Tells the label of the section in which a span begins; the first of these notes that has sections says where."""
    sections = next((held for note in notes if (held := note.layer("section"))), ())
    starts, known = [section.start for section in sections], {}

    def find(span: Span) -> str:
        start = span.at[0][0]
        if start not in known:
            before = reversed(sections[: bisect_right(starts, start)])
            known[start] = next((section.label for section in before if section.end > start), NOBODY)
        return known[start]

    return find


def problem_to_dict(problem: Problem) -> dict[str, str]:
    """A problem for JSON."""
    return {"note": problem.note_id, "severity": problem.severity, "message": problem.message}


def quote(note: Note, start: int, end: int) -> str:
    """The words of a place, for a report that was asked to show them; raises IdentifiedNoteError."""
    if not note.deidentified:
        raise IdentifiedNoteError(note.id)
    return " ".join(note.text[start:end].split())
