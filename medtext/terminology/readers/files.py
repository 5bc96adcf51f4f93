"""The files of a release, in a folder, in a zip or given one by one, and their lines, each with its place.

Nothing is unpacked and nothing is held in memory: a file is read line by line, and every complaint names file and line.
"""

from __future__ import annotations

import csv
import hashlib
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from medtext.errors import FormatError

_CHUNK = 1 << 20  # bytes
_LONGEST = 1 << 20  # bytes of one line; what is longer is no table
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class ReleaseFile:
    """One file of a release; `name` is its path inside the release, with slashes."""

    name: str
    opener: Callable[[], BinaryIO] = field(repr=False, compare=False)

    @property
    def short(self) -> str:
        """The name without its folders."""
        return self.name.rpartition("/")[2]

    def open(self) -> BinaryIO:
        """The bytes of the file."""
        return self.opener()

    def sha256(self) -> str:
        """The hash of its content, in hexadecimal digits."""
        return file_hash(self.open())

    def lines(self, *, encoding: str = "utf-8", ended: bool = False) -> Iterator[tuple[int, str]]:
        """(number from 1, text without its end) of each line. `ended`: the last line must have an end too.

        Raises FormatError with file:line for bytes of another encoding, for a NUL, for a line without end.
        """
        try:
            with self.open() as stream:
                yield from _lines(stream, self.short, encoding, ended)
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise FormatError("the zip is damaged here. Was the download cut off?", where=self.short) from error

    def fail(self, line: int, message: str, *, column: int = 0) -> FormatError:
        """The error for a place in this file."""
        return FormatError(message, where=f"{self.short}:{line}:{column}" if column else f"{self.short}:{line}")


def file_hash(stream: BinaryIO) -> str:
    """The SHA-256 of what a stream holds, in hexadecimal digits; closes it."""
    digest = hashlib.sha256()
    with stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _lines(stream: BinaryIO, name: str, encoding: str, ended: bool) -> Iterator[tuple[int, str]]:
    number, raw = 0, b"\n"
    while raw := stream.readline(_LONGEST):
        number += 1
        if number == 1:
            if raw.startswith(_UTF16):
                raise FormatError("the file is UTF-16; save it as UTF-8.", where=f"{name}:1")
            raw = raw.removeprefix(b"\xef\xbb\xbf")
        if ended and not raw.endswith(b"\n"):
            raise FormatError("the last line has no end. Was the file cut off?", where=f"{name}:{number}")
        yield number, _decode(raw, encoding, f"{name}:{number}")


def _decode(raw: bytes, encoding: str, where: str) -> str:
    if b"\0" in raw:
        raise FormatError("a NUL byte: this is no text file.", where=f"{where}:{raw.index(0) + 1}")
    try:
        return raw.decode(encoding).rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise FormatError(
            f"byte {error.object[error.start]:#04x} is not {encoding}. Was the file saved in another encoding?",
            where=f"{where}:{error.start + 1}",
        ) from None


class Files:
    """All files below a folder or in a zip, or the files of a list; `used` remembers which were asked for."""

    def __init__(self, paths: Iterable[str | Path]) -> None:
        """Raises FormatError for a path that is not there or a zip that cannot be read."""
        self._files: dict[str, ReleaseFile] = {}
        self.used: dict[str, ReleaseFile] = {}
        self._roots: list[str] = []
        for path in map(Path, paths):
            self._roots.append(path.absolute().name)
            self._add(path)

    def _add(self, path: Path) -> None:
        if path.is_dir():
            for one in sorted(path.rglob("*")):
                if one.is_file():
                    self._put(one.relative_to(path).as_posix(), lambda one=one: one.open("rb"))
        elif not path.exists():
            raise FormatError("there is no such file or folder.", where=str(path))
        elif path.suffix.lower() == ".zip":
            self._add_zip(path)
        else:
            self._put(path.name, lambda: path.open("rb"))

    def _add_zip(self, path: Path) -> None:
        try:
            archive = zipfile.ZipFile(path)
        except zipfile.BadZipFile:
            raise FormatError("this is no whole zip file. Was the download cut off?", where=path.name) from None
        for info in archive.infolist():
            if not info.is_dir():
                self._put(info.filename, lambda info=info: archive.open(info))  # type: ignore[arg-type,return-value]

    def _put(self, name: str, opener: Callable[[], BinaryIO]) -> None:
        if name in self._files:
            raise FormatError(f"two files are called {name!r}. Give one release at a time.", where=name)
        self._files[name] = ReleaseFile(name, opener)

    def __iter__(self) -> Iterator[ReleaseFile]:
        return iter(self._files.values())

    def dated(self, pattern: str) -> re.Match[str] | None:
        """The first match of a regular expression in the names of what was given, and then of the files in it."""
        names = (*self._roots, *(one.name for one in self))
        return next((found for name in names if (found := re.search(pattern, name))), None)

    def match(self, pattern: str) -> list[ReleaseFile]:
        """The files whose name without folders fits a regular expression, whatever its case; they count as used."""
        found = [one for one in self if re.fullmatch(pattern, one.short, re.IGNORECASE)]
        self.used |= {one.name: one for one in found}
        return found

    def one(self, pattern: str, what: str) -> ReleaseFile | None:
        """The only file that fits, or None; raises FormatError when several do."""
        found = self.match(pattern)
        if len(found) > 1:
            names = ", ".join(one.name for one in found)
            raise FormatError(f"{len(found)} files are {what}: {names}. Give one release at a time.", where=names)
        return found[0] if found else None

    def need(self, pattern: str, what: str, expected: str) -> ReleaseFile:
        """The only file that fits; raises FormatError that says which file is expected."""
        found = self.one(pattern, what)
        if found is None:
            listed = ", ".join(sorted(one.short for one in self)[:8]) or "nothing"
            raise FormatError(f"no {what} is here; it is called {expected}. Found: {listed}", where=what)
        return found


def tab_rows(file: ReleaseFile, columns: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    """(line, cells in the order asked for) of a tab-separated file that is never quoted, read by its header."""
    wanted, picked, width = tuple(columns), [], 0
    for number, line in file.lines(ended=True):
        cells = line.split("\t")
        if not picked:
            picked, width = _picked(file, number, cells, wanted), len(cells)
        elif len(cells) != width:
            raise file.fail(number, f"{len(cells)} columns, but the header has {width}.", column=len(cells))
        else:
            yield number, [cells[at] for at in picked]
    if not picked:
        raise file.fail(1, "the file is empty.")


def _picked(file: ReleaseFile, number: int, header: list[str], wanted: tuple[str, ...]) -> list[int]:
    for name in wanted:
        if header.count(name) != 1:
            what = "stands twice in" if name in header else "is missing from"
            raise file.fail(number, f"column {name!r} {what} the header, which has: {', '.join(header)}")
    return [header.index(name) for name in wanted]


def bar_rows(file: ReleaseFile, width: int) -> Iterator[tuple[int, list[str]]]:
    """(line, cells) of an RRF file: no header, a bar after each of `width` columns."""
    for number, line in file.lines(ended=True):
        cells = line.split("|")
        if len(cells) != width + 1 or cells[-1]:
            found = len(cells) - (not cells[-1])
            raise file.fail(
                number, f"{found} columns; {file.short} has {width}, each with a bar after it.", column=found
            )
        yield number, cells[:-1]


def csv_rows(
    file: ReleaseFile, *, delimiter: str = ",", encoding: str = "utf-8", skip: int = 0
) -> Iterator[tuple[int, dict[str, str]]]:
    """(line, cell by column name) of a quoted table with a header; `skip` lines stand before the header."""
    place = [0]

    def lines() -> Iterator[str]:
        for number, line in file.lines(encoding=encoding):
            place[0] = number
            if number > skip:
                yield line + "\n"

    reader = csv.reader(lines(), delimiter=delimiter, strict=True)
    try:
        header = next(reader, None)
        if not header:
            raise file.fail(1, "the file is empty.")
        for cells in reader:
            if cells:
                yield place[0], _keyed(file, place[0], header, cells)
    except csv.Error as error:
        raise file.fail(place[0], f"{error}. Was the file cut off?") from None


def _keyed(file: ReleaseFile, number: int, header: list[str], cells: list[str]) -> dict[str, str]:
    if len(cells) != len(header):
        raise file.fail(number, f"{len(cells)} columns, but the header has {len(header)}.", column=len(cells))
    return dict(zip(header, cells, strict=True))


def require(file: ReleaseFile, row: Mapping[str, str], columns: Iterable[str], *, line: int = 1) -> None:
    """Raise FormatError for a column that a row lacks."""
    for name in columns:
        if name not in row:
            raise file.fail(line, f"column {name!r} is missing from the header, which has: {', '.join(row)}")
