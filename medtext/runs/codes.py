"""Codes against a compiled terminology: what is unknown, retired or not billable, and what stands in its place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from medtext.errors import Problem
from medtext.note import Note
from medtext.span import Code, Source, Span
from medtext.terminology.entries import Entry
from medtext.terminology.store import Terminology

Given = Terminology | str | Path


class CodeBook:
    """Several terminologies as one: each code is judged by the first that knows its system, others by none."""

    def __init__(self, terminologies: Given | Sequence[Given]) -> None:
        single = isinstance(terminologies, Terminology | str | Path)
        given = [terminologies] if single else list(terminologies)  # type: ignore[arg-type]
        opened = [one if isinstance(one, Terminology) else Terminology(one) for one in given]
        self._homes = {system: one for one in reversed(opened) for system in one.releases}

    def problems(self, note: Note) -> Iterator[Problem]:
        """Errors for codes that are unknown or retired, with where they lead; warnings for those not billable."""
        for span in note.spans:
            for code in span.codes if span.status != "rejected" else ():
                if told := self._judged(code):
                    message, severity = told
                    yield Problem(f"span {span.id!r}: {code} {message}", note_id=note.id, severity=severity)

    def _judged(self, code: Code) -> tuple[str, str] | None:
        home = self._homes.get(code.system)
        if home is None:
            return None
        entry, release = home.get(code), home.releases[code.system]
        if entry is None:
            return f"is not in {code.system} {release}".rstrip() + ".", "error"
        if not entry.active:
            return f"is retired in {code.system} {release}".rstrip() + f". {_ways(entry)}", "error"
        if entry.billable is False:
            return f"is not billable. {_billable_below(entry)}", "warning"
        return None

    def fixed(self, note: Note) -> Note:
        """The note with each retired code replaced that leads to one code of the same meaning in use.

        What a span's codes were stays in `was`, and a source says which release replaced them.
        """
        spans = tuple(self._fixed(span) for span in note.spans)
        return note if spans == note.spans else replace(note, spans=spans)

    def _fixed(self, span: Span) -> Span:
        codes = tuple(dict.fromkeys(self._current(code) for code in span.codes))
        if codes == span.codes or span.status == "rejected":
            return span
        changed = {code.system for code in span.codes if self._current(code) != code}
        by = [self._source(system) for system in sorted(changed)]
        was = {"codes": [str(code) for code in span.codes]} | dict(span.was or {})
        return replace(span, codes=codes, was=was, sources=(*span.sources, *by))

    def _source(self, system: str) -> Source:
        return Source(f"rule:terminology-{system}@{self._homes[system].releases[system] or 'unknown'}")

    def _current(self, code: Code) -> Code:
        """The code in use that a retired one leads to, over several steps where it must be; else the code itself."""
        home, at, seen = self._homes.get(code.system), code, set()
        while home is not None and at not in seen:
            seen.add(at)
            entry = home.get(at)
            if entry is None or (not entry.active and entry.replacement is None):
                return code
            if entry.active:
                return at
            at = entry.replacement or at
        return code


def _ways(entry: Entry) -> str:
    """Where a retired code leads, in words."""
    if entry.replacement:
        return f"It is now {entry.replacement}."
    found = [f"{link.code} ({link.relation.replace('_', ' ')})" for link in entry.replacements]
    return f"Candidates: {', '.join(found)}." if found else "Nothing stands in its place."


def _billable_below(entry: Entry) -> str:
    count = len(entry.children)
    return f"{count} codes lie below it." if count != 1 else "One code lies below it."
