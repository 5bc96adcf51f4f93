"""What a run did, counted: notes, problems, and spans by layer and label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from medtext.errors import Problem
from medtext.formats import losses
from medtext.note import Note


@dataclass(frozen=True, slots=True)
class RunReport:
    """What a run did. `read` counts the notes that could be read, `kept` those that an earlier run had finished."""

    output: str
    read: int = 0
    written: int = 0
    kept: int = 0
    errors: int = 0
    warnings: int = 0
    spans: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    dropped: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    def __str__(self) -> str:
        target = "standard output" if self.output == "-" else self.output
        resumed = f" ({self.kept} of them before)" if self.kept else ""
        pace = (self.written - self.kept) / self.seconds if self.seconds else 0
        return (
            f"{many(self.read, 'note')} read, {self.written:,} written to {target}{resumed}, "
            f"{many(self.errors, 'error')}, {many(self.warnings, 'warning')}, "
            f"{self.seconds:.1f} s ({pace:.1f} notes/s)"
        )

    def table(self) -> str:
        """The spans as a small table of layer, label and count, most frequent first."""
        rows = [
            (layer, label, count)
            for layer, labels in self.spans.items()
            for label, count in sorted(labels.items(), key=lambda one: (-one[1], one[0]))
        ]
        wide = max((len(label) for _, label, _ in rows), default=5)
        lines = [f"{layer:<10} {label:<{wide}} {count:>7,}" for layer, label, count in rows]
        return "\n".join([f"{'layer':<10} {'label':<{wide}} {'spans':>7}", *lines])


def many(count: int, what: str) -> str:
    """A count and its noun, in the plural where that is right."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


class Tally:
    """Counts while notes flow by; every problem goes on to all that listen."""

    def __init__(
        self,
        *listeners: Callable[[Problem], object] | None,
        loses: frozenset[str] = frozenset(),
        on_note: Callable[[Note], object] | None = None,
    ) -> None:
        self.listeners = [one for one in listeners if one is not None]
        self.loses = loses
        self.on_note = on_note
        self.read = self.written = self.kept = 0
        self.severities: Counter[str] = Counter()
        self.spans: Counter[tuple[str, str]] = Counter()
        self.dropped: Counter[str] = Counter()

    def problem(self, problem: Problem) -> None:
        """Count a problem and pass it on."""
        self.severities[problem.severity] += 1
        for tell in self.listeners:
            tell(problem)

    def incoming(self, notes: Iterable[Note]) -> Iterator[Note]:
        """The notes as they are read; an empty one is kept, with a warning."""
        for note in notes:
            self.read += 1
            if not note.text.strip():
                self.problem(Problem("the note is empty.", note_id=note.id, severity="warning"))
            yield note

    def outgoing(self, notes: Iterable[Note]) -> Iterator[Note]:
        """The notes as they are written."""
        for note in notes:
            self.written += 1
            self.spans.update((span.layer, span.label) for span in note.spans)
            self.dropped.update(losses(note, self.loses))
            if self.on_note is not None:
                self.on_note(note)
            yield note

    def before(self, notes: Iterable[Note]) -> Iterator[Note]:
        """The notes that an earlier run had finished."""
        for note in self.outgoing(notes):
            self.kept += 1
            yield note

    def report(self, output: object, *, seconds: float = 0.0) -> RunReport:
        """The counts so far, in an order that does not depend on when they were made."""
        spans: dict[str, dict[str, int]] = {}
        for (layer, label), count in sorted(self.spans.items()):
            spans.setdefault(layer, {})[label] = count
        return RunReport(
            output=str(output),
            read=self.read,
            written=self.written,
            kept=self.kept,
            errors=self.severities["error"],
            warnings=self.severities["warning"],
            spans=spans,
            dropped=dict(sorted(self.dropped.items())),
            seconds=seconds,
        )
