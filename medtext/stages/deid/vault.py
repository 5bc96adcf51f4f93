"""The vault: an append-only file of encrypted records, one a de-identified note, that lead back to the originals.

Its first line names the format and holds a salt. From the salt and one secret, HKDF-SHA256 makes a key for the records
(AES-256-GCM, a random nonce each, the note id as associated data), another that hides the note ids (HMAC-SHA256), and a
value that tells a wrong secret. Without the secret the file shows how many records there are, and nothing of any.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from base64 import b64decode, b64encode
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

from medtext.errors import ConfigError, NoteError, VaultError
from medtext.stages.deid.surrogate import KEY_VARIABLE, read_key

FORMAT_NAME = "medtext-vault/1"
_SALT = 16  # bytes
_NONCE = 12  # bytes, as NIST SP 800-38D recommends; drawn at random it serves 2**32 records of one vault
_PADDED = 256  # bytes: the length of a record tells little of how long the originals are
_LONGEST_HEADER = 1000


def read_secret(key_file: str | Path | None) -> bytes:
    """The secret from a file or from MEDTEXT_KEY; raises ConfigError when there is none or it is too short."""
    if not key_file and not os.environ.get(KEY_VARIABLE):
        raise ConfigError(f"The vault needs a secret. Set {KEY_VARIABLE}, or give key_file.")
    return read_key(key_file)


@dataclass(frozen=True, slots=True)
class _Keys:
    """What one secret and one salt make: a key a purpose, so that none tells anything of another."""

    records: bytes = field(repr=False)
    ids: bytes = field(repr=False)
    check: bytes = field(repr=False)


class Vault:
    """One vault, opened with its secret. `writing=True` makes the file where there is none, and proves it may grow.

    What is read from it is what it held at the first look.

    Raises VaultError for a file that is no vault, was made with another secret, or cannot be read (or written to).
    """

    def __init__(self, path: str | Path, secret: bytes, *, writing: bool = False) -> None:
        self.path = Path(os.path.abspath(path))
        if writing:
            with _locked(self.path, create=True) as stream:
                if not stream.seek(0, os.SEEK_END):
                    _append(stream, _header(secret))
                    _keep_name(self.path)
        header = _read_header(self.path)
        self.fingerprint = hashlib.sha256(header["salt"]).hexdigest()[:12]
        self._keys = _keys(secret, header["salt"])
        if not hmac.compare_digest(self._keys.check, header["check"]):
            raise VaultError(f"The vault {self.path} was made with another secret. Nothing was processed.")

    def append(self, note_id: str, record: Mapping[str, Any]) -> None:
        """Keep a record: it is on the disk when this returns. The last one of a note counts."""
        self.extend([(note_id, record)])

    def extend(self, records: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        """Keep records of notes: all are on the disk when this returns, with one wait for the disk."""
        lines = b"".join(self._sealed(note_id, record) for note_id, record in records)
        if lines:
            with _locked(self.path) as stream:
                _append(stream, lines)

    def _sealed(self, note_id: str, record: Mapping[str, Any]) -> bytes:
        """A record as its line."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = os.urandom(_NONCE)
        sealed = nonce + AESGCM(self._keys.records).encrypt(nonce, _padded(note_id, record), _bound_to(note_id))
        line = json.dumps({"id": self._hidden(note_id), "sealed": b64encode(sealed).decode()}, separators=(",", ":"))
        return line.encode() + b"\n"

    def records(self, note_id: str) -> list[dict[str, Any]]:
        """All records of a note, the last first; raises VaultError that names the note when one was changed."""
        places = self._index[0].get(self._hidden(note_id), [])
        with _readable(self.path) as stream:
            return [self._opened(note_id, _line_at(stream, place)) for place in reversed(places)]

    @property
    def damaged(self) -> list[int]:
        """The numbers of the lines that are no whole record: torn by a crash, or damaged."""
        return self._index[1]

    @cached_property
    def _index(self) -> tuple[dict[str, list[int]], list[int]]:
        """Where the records of each hidden note id begin, in bytes, and which lines are none."""
        places: dict[str, list[int]] = defaultdict(list)
        damaged: list[int] = []
        with _readable(self.path) as stream:
            at = len(stream.readline())
            for number, line in enumerate(stream, start=2):
                record = _parsed(line)
                if record:
                    places[record["id"]].append(at)
                else:
                    damaged.append(number)
                at += len(line)
        return dict(places), damaged

    def _opened(self, note_id: str, line: bytes) -> dict[str, Any]:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        try:
            sealed = b64decode(_parsed(line)["sealed"], validate=True)
            plain = AESGCM(self._keys.records).decrypt(sealed[:_NONCE], sealed[_NONCE:], _bound_to(note_id))
        except (InvalidTag, ValueError, KeyError):
            raise VaultError(f"The record of note {note_id!r} in {self.path} was changed; it cannot be used.") from None
        return json.loads(plain)

    def _hidden(self, note_id: str) -> str:
        return b64encode(hmac.new(self._keys.ids, note_id.encode("utf-8"), hashlib.sha256).digest()).decode()


def _keys(secret: bytes, salt: bytes) -> _Keys:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    def derived(purpose: str) -> bytes:
        return HKDF(SHA256(), length=32, salt=salt, info=f"{FORMAT_NAME} {purpose}".encode()).derive(secret)

    return _Keys(derived("records"), derived("note ids"), derived("check"))


def _header(secret: bytes) -> bytes:
    salt = os.urandom(_SALT)
    held = {"salt": b64encode(salt).decode(), "check": b64encode(_keys(secret, salt).check).decode()}
    return json.dumps({"format": FORMAT_NAME, **held}, separators=(",", ":")).encode() + b"\n"


def _read_header(path: Path) -> dict[str, bytes]:
    with _readable(path) as stream:
        line = stream.readline(_LONGEST_HEADER)
    try:
        header = json.loads(line)
        version = header["format"]
        if version == FORMAT_NAME and line.endswith(b"\n"):
            return {key: b64decode(header[key], validate=True) for key in ("salt", "check")}
    except (ValueError, KeyError, TypeError):
        version = None
    if isinstance(version, str) and version.startswith("medtext-vault/") and version != FORMAT_NAME:
        raise VaultError(f"{path} is a vault {version!r}; this version of medtext reads {FORMAT_NAME!r}.")
    raise VaultError(f"{path} is no vault, or its first line is damaged.")


def _padded(note_id: str, record: Mapping[str, Any]) -> bytes:
    """A record as JSON, with blanks up to a multiple of 256 bytes."""
    try:
        plain = json.dumps(record, separators=(",", ":"), allow_nan=False).encode("ascii")
    except (TypeError, ValueError, RecursionError):
        raise NoteError(f"Note {note_id!r} holds a value that JSON cannot, so the vault cannot keep it.") from None
    return plain + b" " * (-len(plain) % _PADDED)


def _bound_to(note_id: str) -> bytes:
    """The associated data: a record opens for its own note only."""
    return f"{FORMAT_NAME} {note_id}".encode()


def _parsed(line: bytes) -> dict[str, str]:
    """A line as it was written; empty when it is no record."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    whole = isinstance(record, dict) and all(isinstance(record.get(key), str) for key in ("id", "sealed"))
    return record if whole else {}


def _line_at(stream: BinaryIO, place: int) -> bytes:
    stream.seek(place)
    return stream.readline()


def _append(stream: BinaryIO, line: bytes) -> None:
    """Add a line, or several, and see them on the disk. What a crash tore off before it stays a line of its own."""
    if stream.seek(0, os.SEEK_END):
        stream.seek(-1, os.SEEK_END)
        line = line if stream.read(1) == b"\n" else b"\n" + line
    stream.write(line)
    stream.flush()
    os.fsync(stream.fileno())


@contextmanager
def _readable(path: Path) -> Iterator[BinaryIO]:
    try:
        with path.open("rb") as stream:
            yield stream
    except OSError as error:
        raise VaultError(f"The vault {path} cannot be read: {error.strerror}.") from None


@contextmanager
def _locked(path: Path, *, create: bool = False) -> Iterator[BinaryIO]:
    """The file, open to grow by this process alone; only its owner may read what it makes."""
    try:
        if create:
            path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "a+b", opener=_private if create else _present) as stream:
            _lock(stream)
            yield stream
    except OSError as error:
        raise VaultError(f"The vault {path} cannot be written: {error.strerror}.") from None


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _present(path: str, flags: int) -> int:
    """A vault that went away during a run is not made anew: its first line, and so its key, would be another."""
    return os.open(path, flags & ~os.O_CREAT)


def _keep_name(path: Path) -> None:
    """See the name of a new file on the disk too, where the system lets folders be opened."""
    if hasattr(os, "O_DIRECTORY"):
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _lock(stream: BinaryIO) -> None:
    """Wait until no other process writes; the system lifts the lock when the file is closed."""
    try:
        import fcntl
    except ImportError:  # not on Windows: there a line is one write to a file opened to append
        return
    fcntl.flock(stream, fcntl.LOCK_EX)
