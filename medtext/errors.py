"""Every error that medtext raises on purpose, and the report of what went wrong with one note.

    MedtextError
    ├── NoteError          (ValueError)        an impossible note, span, code, relation or edit
    ├── FormatError        (ValueError)        a broken file: file:line, note id, span id
    ├── ConfigError        (ValueError)        a taxonomy, policy, pipeline or rule file that cannot be right
    ├── UnknownNameError   (LookupError)       a name that no registry holds; the message lists those it does
    ├── UnknownCodeError   (KeyError)          a code that a terminology does not hold
    ├── MissingExtraError  (ImportError)       an optional package is needed; the message says how to install it
    ├── IdentifiedNoteError(PermissionError)   a note that has not been de-identified was about to leave
    ├── WouldOverwriteError(FileExistsError)   a file of a person's work was about to be replaced
    ├── ServerError        (ConnectionError)   an annotation server that could not be reached, or refused
    ├── VaultError         (ValueError)        a vault of another key, no vault at all, or a record that was changed
    └── StageError         (RuntimeError)      a stage could not be loaded or broke on a note

No message ever holds note text: note id, span id, offsets and file:line only.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


class MedtextError(Exception):
    """The root: `except MedtextError` catches everything raised on purpose."""


class NoteError(MedtextError, ValueError):
    """A note, span, code, relation or edit that cannot exist."""


class FormatError(MedtextError, ValueError):
    """A file that does not hold what its format says; `where` is file:line."""

    def __init__(self, message: str, *, where: str = "", note_id: str = "") -> None:
        super().__init__(f"{where}: {message}" if where else message)
        self.where = where
        self.note_id = note_id
        self.reason = message


class ConfigError(MedtextError, ValueError):
    """A taxonomy, policy, pipeline or rule file that cannot be right."""


class UnknownNameError(MedtextError, LookupError):
    """A name that no registry holds."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        plural = kind[:-1] + "ies" if kind.endswith("y") else kind + "s"
        listed = ", ".join(sorted(known)) or "none"
        super().__init__(f"Unknown {kind} {name!r}. {plural.capitalize()}: {listed}")


class UnknownCodeError(MedtextError, KeyError):
    """A code that a compiled terminology does not hold."""

    def __init__(self, code: str, terminology: str, systems: Iterable[str]) -> None:
        super().__init__(f"Terminology {terminology!r} holds no code {code!r}. Its systems: {', '.join(systems)}")

    # A KeyError would show its message in quotation marks.
    __str__ = Exception.__str__


class MissingExtraError(MedtextError, ImportError):
    """An optional package is needed and absent."""

    def __init__(self, what: str, package: str, extra: str) -> None:
        super().__init__(f"{what} needs {package}. Install it with: pip install 'medtext-annotate[{extra}]'")


class IdentifiedNoteError(MedtextError, PermissionError):
    """A note that has not been de-identified was about to be written or sent."""

    def __init__(self, note_id: str = "") -> None:
        if note_id:
            super().__init__(f"Note {note_id!r} has not been de-identified. Add a deid stage, or pass allow_phi=True.")
        else:
            super().__init__("This writes notes with their identifiers. Pass allow_phi=True if that is meant.")


class WouldOverwriteError(MedtextError, FileExistsError):
    """A file exists that holds somebody's work."""


class ServerError(MedtextError, ConnectionError):
    """A server that could not be reached, or refused; `passing` where another attempt may do, `after` some seconds."""

    def __init__(self, message: str, *, status: int = 0, passing: bool = False, after: float = 0.0) -> None:
        super().__init__(message)
        self.status = status
        self.passing = passing
        self.after = after


class VaultError(MedtextError, ValueError):
    """A vault that this secret does not open, a file that is no vault, or a record that is absent or was changed."""


class StageError(MedtextError, RuntimeError):
    """A stage could not be loaded, or broke on a note."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong with one note while the others went on; never holds note text."""

    message: str
    note_id: str = ""
    where: str = ""
    severity: str = "error"

    def __str__(self) -> str:
        place = ", ".join(part for part in (self.where, f"note {self.note_id!r}" if self.note_id else "") if part)
        return f"{self.severity}: {place}: {self.message}" if place else f"{self.severity}: {self.message}"
