"""Plain text: one note a file, the exact characters and nothing else.

The id of a note is its path below the folder, without suffix. A UTF-8 signature (BOM) is not part of the text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from medtext.errors import ConfigError, FormatError, NoteError, Problem
from medtext.formats import Format
from medtext.note import Note

BOM = "\ufeff"


def read(path: Path, *, encoding: str = "utf-8") -> Iterator[Note | Problem]:
    """The notes of a folder and the folders in it (`*.txt`, sorted), or of one file."""
    for file, note_id in note_files(path, ".txt"):
        try:
            yield Note(note_id, read_text(file, encoding))
        except FormatError as error:
            yield Problem(error.reason, where=error.where)
        except NoteError as error:
            yield Problem(str(error), where=str(file))


def write(notes: Iterable[Note], path: Path, *, encoding: str = "utf-8") -> None:
    """One file a note in the folder `path`; a `path` that ends in .txt is one file for one note."""
    if path.suffix.lower() != ".txt":
        path.mkdir(parents=True, exist_ok=True)
        for note in notes:
            write_text(note_path(path, note.id, ".txt"), note.text, encoding)
        return
    for number, note in enumerate(notes):
        if number:
            raise FormatError("one text file holds one note, and there are more. Name a folder.", where=str(path))
        write_text(path, note.text, encoding)


def read_stream(stream: BinaryIO, *, name: str, encoding: str = "utf-8") -> Iterator[Note | Problem]:
    """A pipe is one note, of the id `stdin`."""
    try:
        yield Note("stdin", decoded(stream.read(), encoding, name))
    except FormatError as error:
        yield Problem(error.reason, where=error.where)
    except NoteError as error:
        yield Problem(str(error), where=name)


def write_stream(notes: Iterable[Note], stream: BinaryIO, *, encoding: str = "utf-8") -> None:
    """The text of one note, and nothing else; raises FormatError for a second one."""
    for number, note in enumerate(notes):
        if number:
            raise FormatError("a pipe of text holds one note, and there are more. Name a folder.", where="-")
        stream.write(encoded(note.text, encoding, "-"))


def note_files(path: Path, suffix: str) -> Iterator[tuple[Path, str]]:
    """(file, note id) for each file of this suffix below a folder, sorted, or for the one file."""
    if path.is_file():
        yield path, path.stem
        return
    for file in sorted(path.rglob(f"*{suffix}")):
        if file.is_file():
            yield file, file.relative_to(path).as_posix().removesuffix(suffix)


def note_path(folder: Path, note_id: str, suffix: str) -> Path:
    """The file of a note, its folder made; raises FormatError for an id that cannot name one."""
    file = folder / f"{note_id}{suffix}"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.exists():
            raise FormatError(f"another note has this file already: note {note_id!r}.", where=str(file))
    except OSError as error:
        raise FormatError(f"the note id cannot be a file name: {error.strerror}.", note_id=note_id) from None
    return file


def read_text(path: Path, encoding: str) -> str:
    """The exact text of a file, newlines untouched; raises FormatError naming the first byte that cannot be read."""
    return decoded(path.read_bytes(), encoding, str(path))


def decoded(data: bytes, encoding: str, where: str) -> str:
    """The exact text of these bytes, without a signature; `where` names their source in errors."""
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        message = f"not {encoding} at byte {error.start}. Name the encoding with encoding=."
        raise FormatError(message, where=where) from None
    except LookupError:
        raise ConfigError(f"Unknown encoding {encoding!r}. Usual: utf-8, cp1252, latin-1, utf-16") from None
    return text.removeprefix(BOM)


def write_text(path: Path, text: str, encoding: str = "utf-8") -> None:
    """The exact text; a text that begins with U+FEFF gets a signature, so that its own one stays."""
    path.write_bytes(encoded(text, encoding, str(path)))


def encoded(text: str, encoding: str, where: str) -> bytes:
    """The text as bytes; raises FormatError for a character that the encoding lacks."""
    try:
        return (BOM + text if text.startswith(BOM) else text).encode(encoding)
    except UnicodeEncodeError as error:
        raise FormatError(f"{encoding} has no character for the one at {error.start}.", where=where) from None


FORMAT = Format(
    "text",
    "plain text, a folder of *.txt or one file: the text only",
    extensions=(".txt",),
    read=read,
    write=write,
    read_stream=read_stream,
    write_stream=write_stream,
    loses=frozenset(["spans", "relations", "deidentified", "meta", "review", "x"]),
)
