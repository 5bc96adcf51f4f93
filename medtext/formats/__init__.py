"""How notes are read and written: one file per format, all with the same shape, and the one front door to them.

A format module holds `FORMAT = Format(...)` with a `read` and a `write`:

* stream formats (`streams=True`), on binary streams: `read(stream, *, name, **options)`, `write(notes, stream, …)`;
* the others: `read(path, **options)` and `write(notes, path, **options)` on a file or folder.

A reader yields notes, and a `Problem` for a record it cannot read; it raises FormatError when nothing can be read.
`loses` names what the format cannot hold, in the words of `LOSABLE`; the front door counts what is dropped and says so.
`recognises(path)` tells a file or folder of the format by what is in it, where its name does not tell enough.
"""

from __future__ import annotations

import dataclasses
import inspect
import logging
import os
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from medtext.errors import ConfigError, FormatError, IdentifiedNoteError, Problem, WouldOverwriteError
from medtext.formats.losses import LOSABLE, losses, without
from medtext.note import Note
from medtext.registry import lookup, names

logger = logging.getLogger(__name__)

__all__ = ["LOSABLE", "Format", "Written", "detect", "first_line", "get_format", "losses", "read", "without", "write"]

_VAULT = b'{"format":"medtext-vault/'


@dataclass(frozen=True, slots=True)
class Format:
    """One format: its name, how its files are called, how it is read and written, and what it cannot hold.

    With `streams`, `read` and `write` take open files; a format of folders may take pipes by functions of their own.
    """

    name: str
    description: str
    extensions: tuple[str, ...] = ()
    read: Callable[..., Iterator[Note | Problem]] | None = None
    write: Callable[..., None] | None = None
    loses: frozenset[str] = frozenset()
    streams: bool = False
    read_stream: Callable[..., Iterator[Note | Problem]] | None = None
    write_stream: Callable[..., None] | None = None
    recognises: Callable[[Path], bool] | None = None

    def __post_init__(self) -> None:
        unknown = self.loses - LOSABLE
        if unknown:
            raise ValueError(f"Format {self.name!r} loses {sorted(unknown)}, which is not among {sorted(LOSABLE)}.")

    def options(self, *, writing: bool = False) -> tuple[str, ...]:
        """What its reader or writer lets the user choose, in order."""
        function = self.write if writing else self.read
        parameters = inspect.signature(function).parameters.values() if function else ()
        return tuple(one.name for one in parameters if one.kind is one.KEYWORD_ONLY and one.name != "name")

    def check_options(self, options: Iterable[str], *, writing: bool = False) -> None:
        """Raise ConfigError for an option that it does not have, listing those it has."""
        known = self.options(writing=writing)
        for option in options:
            if option not in known:
                verb = "written" if writing else "read"
                listed = ", ".join(known) or "none"
                raise ConfigError(f"Format {self.name!r} is not {verb} with {option!r}. Options: {listed}")


@dataclass(frozen=True, slots=True)
class Written:
    """What was written: how many notes, and what the format could not hold (field → how many times)."""

    path: str
    format: str
    notes: int
    dropped: Counter[str] = field(default_factory=Counter)


def get_format(name: str) -> Format:
    """The format of this name; raises UnknownNameError that lists them."""
    return lookup("format", name)


def detect(path: str | Path, *, writing: bool = False) -> str:
    """The name of the format a path is in: by what is in the file or folder, else by its extension.

    For an output it is the format that owns the extension; the others have to be named.
    """
    path = Path(path)
    if writing:
        return "text" if path.is_dir() else _OWNERS.get(path.suffix.lower()) or _by_extension(path, writing=True)
    if path.is_dir():
        folders = (one for one in _readable() if one.recognises and not one.extensions)
        return next((one.name for one in folders if one.recognises(path)), "text")
    return _by_extension(path, writing=False)


# Of formats that share an extension, the one that an output of that name is in.
_OWNERS = {".jsonl": "jsonl", ".json": "label_studio"}


def _readable() -> Iterator[Format]:
    return (one for one in map(get_format, names("format")) if one.read)


def _by_extension(path: Path, *, writing: bool) -> str:
    """The format of a file: of those with its extension the one that recognises it, else one that is known by it."""
    suffix = path.suffix.lower()
    fitting = [one for one in map(get_format, names("format")) if suffix in one.extensions]
    fitting = [one for one in fitting if (one.write if writing else one.read)]
    told = [] if writing else [one.name for one in fitting if one.recognises and one.recognises(path)]
    plain = [one.name for one in fitting if one.recognises is None]
    if told or len(plain) == 1 or (writing and len(fitting) == 1):
        return (told or plain or [fitting[0].name])[0]
    known = ", ".join(names("format"))
    raise FormatError(f"cannot tell the format from the name. Name it with format=. Formats: {known}", where=str(path))


def first_line(path: Path) -> bytes:
    """The first line of a file that is not blank, or the first 64 KiB of it; raises FormatError when it is not there.

    Formats that share an extension are told apart by it.
    """
    with _opened(path) as stream:
        while line := stream.readline(65536):
            if line.strip():
                return line
    return b""


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        stream = path.open("rb")
    except FileNotFoundError:
        raise FormatError("there is no such file.", where=str(path)) from None
    except IsADirectoryError:
        raise FormatError("this is a folder, but the format wants a file.", where=str(path)) from None
    with stream:
        yield stream


def read(
    path: str | Path,
    *,
    format: str | None = None,
    on_problem: Callable[[Problem], object] | None = None,
    deidentified: bool | None = None,
    **options: Any,
) -> Iterator[Note]:
    """Notes from a file or folder, lazily; `-` is standard input (name the format then).

    A record that cannot be read raises FormatError, or goes to `on_problem` while the others are read.
    `deidentified=True` states that these notes hold no identifiers; None leaves what the file says.
    """
    name = format or ("jsonl" if str(path) == "-" else detect(path))
    one = get_format(name)
    if one.read is None:
        raise FormatError(f"format {name!r} can only be written.", where=str(path))
    one.check_options(options)
    seen: set[str] = set()
    for item in _items(one, path, options):
        problem = item if isinstance(item, Problem) else _repeated(item, seen)
        if problem is None:
            yield item if deidentified is None else item.replace(deidentified=deidentified)
        elif on_problem is None:
            raise FormatError(problem.message, where=problem.where or str(path), note_id=problem.note_id)
        else:
            on_problem(problem)


def _items(one: Format, path: str | Path, options: dict[str, Any]) -> Iterator[Note | Problem]:
    if str(path) == "-":
        reader = one.read if one.streams else one.read_stream
        if reader is None:
            raise FormatError(f"format {one.name!r} cannot be read from standard input.", where="-")
        yield from reader(sys.stdin.buffer, name="<stdin>", **options)
    elif one.streams:
        with _opened(Path(path)) as stream:
            yield from one.read(stream, name=str(path), **options)
    elif Path(path).exists():
        yield from one.read(Path(path), **options)
    else:
        raise FormatError("there is no such file or folder.", where=str(path))


def _repeated(note: Note, seen: set[str]) -> Problem | None:
    if note.id in seen:
        return Problem("this note id stood before; ids must be unique.", note_id=note.id)
    seen.add(note.id)
    return None


def write(
    notes: Iterable[Note],
    path: str | Path,
    *,
    format: str | None = None,
    overwrite: bool = False,
    allow_phi: bool = False,
    **options: Any,
) -> Written:
    """Write notes to a file or folder and say what was dropped; `-` is standard output.

    The result appears whole under its name or not at all. Raises IdentifiedNoteError for a note that is not
    de-identified, unless `allow_phi`; raises WouldOverwriteError when something is there, unless `overwrite`.
    """
    name = format or ("jsonl" if str(path) == "-" else detect(path, writing=True))
    one = get_format(name)
    if one.write is None:
        raise FormatError(f"format {name!r} can only be read.", where=str(path))
    one.check_options(options, writing=True)
    done = Written(str(path), name, 0)
    tally = Counter[str]()
    flow = _guarded(notes, one, allow_phi, tally, done.dropped)
    if str(path) == "-":
        _write_stdout(one, flow, options)
    else:
        refuse_overwrite(Path(path), overwrite=overwrite)
        _write_whole(one, flow, Path(path), options)
    if done.dropped:
        lost = ", ".join(f"{what} ({count})" for what, count in sorted(done.dropped.items()))
        logger.warning("%s cannot hold: %s", name, lost)
    return dataclasses.replace(done, notes=tally["notes"])


def refuse_overwrite(path: Path, *, overwrite: bool) -> None:
    """Raise WouldOverwriteError when something is at `path`, saying what, unless `overwrite`; a vault always stays."""
    if overwrite and any(_is_vault(one) for one in (path.rglob("*") if path.is_dir() else [path])):
        raise WouldOverwriteError(f"{path} is or holds a vault, which is never overwritten. Name another output.")
    if overwrite or not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return
    held = f"{sum(1 for _ in path.iterdir())} files" if path.is_dir() else _held(path)
    raise WouldOverwriteError(f"{path} exists and holds {held}. Pass overwrite=True to replace it.")


def _is_vault(path: Path) -> bool:
    """Whether a file holds the way back to identified notes (`stages/deid/vault.py`), which nothing can restore."""
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        return stream.read(len(_VAULT)) == _VAULT


def _held(path: Path) -> str:
    if path.suffix != ".jsonl":
        return f"{path.stat().st_size} bytes"
    with path.open("rb") as stream:
        return f"{sum(1 for line in stream if line.strip())} notes"


def _guarded(
    notes: Iterable[Note], one: Format, allow_phi: bool, tally: Counter[str], dropped: Counter[str]
) -> Iterator[Note]:
    for note in notes:
        if not (note.deidentified or allow_phi):
            raise IdentifiedNoteError(note.id)
        dropped.update(losses(note, one.loses))
        tally["notes"] += 1
        yield note


def _write_stdout(one: Format, notes: Iterable[Note], options: dict[str, Any]) -> None:
    writer = one.write if one.streams else one.write_stream
    if writer is None:
        raise FormatError(f"format {one.name!r} cannot be written to standard output.", where="-")
    writer(notes, sys.stdout.buffer, **options)
    sys.stdout.buffer.flush()


def _write_whole(one: Format, notes: Iterable[Note], path: Path, options: dict[str, Any]) -> None:
    """Write under a temporary name beside `path`, then rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    room = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        made = room / path.name
        if one.streams:
            with made.open("wb") as stream:
                one.write(notes, stream, **options)
                stream.flush()
                os.fsync(stream.fileno())
        else:
            one.write(notes, made, **options)
        if path.is_dir():
            shutil.rmtree(path)
        os.replace(made, path)
    finally:
        shutil.rmtree(room, ignore_errors=True)
