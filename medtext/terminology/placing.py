"""How a folder that is being made takes its place: beside it first, then by one rename.

What is being made lies hidden beside its place, as `.NAME-HOST-PROCESS-…`; what it replaces is put aside for a moment,
as `.NAME-old-…`. A kill leaves them behind; they are known by their names.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

from medtext.errors import WouldOverwriteError

_DAY = 86_400  # seconds; no build takes so long
_MINUTE = 60  # seconds; no two renames take so long
_MADE = re.compile(r"(?:([0-9a-f]{8})-(\d+)-)?\w{8}")


def new_beside(folder: Path) -> Path:
    """A new empty folder, hidden beside the place of another."""
    return Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-{_host()}-{os.getpid()}-"))


def standing(folder: Path) -> int | None:
    """What tells the folder that stands here from one that takes its place; None where none stands."""
    try:
        return folder.stat().st_ino
    except OSError:
        return None


def put_in_place(made: Path, folder: Path, *, instead_of: int | None) -> None:
    """Rename, in place of what stood there when the work began, `instead_of`, or of nothing.

    What stood there goes only when the new folder stands, and whoever has it open keeps it. Raises WouldOverwriteError
    where another process has made one meanwhile: that one stays.
    """
    made.chmod(0o755)
    now = standing(folder)
    if now is None or instead_of is None:
        _rename_first(made, folder)
        return
    if now != instead_of:
        raise WouldOverwriteError(f"{folder}: another process has just made it anew.")
    aside = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-old-"))
    old = folder.rename(aside / folder.name)
    try:
        made.rename(folder)
    except OSError:
        old.rename(folder)
        raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def restore(folder: Path) -> None:
    """Put back what a kill between two renames left aside."""
    if not folder.exists():
        for aside in _beside(folder, "old-"):
            if (aside / folder.name).is_dir() and _old(aside, _MINUTE):
                (aside / folder.name).rename(folder)
                aside.rmdir()
                return


def clear_leftovers(folder: Path) -> None:
    """Remove what killed builds of a folder left: older than a day, or of a process of this machine that is gone."""
    for made in _beside(folder, ""):
        told = _MADE.fullmatch(made.name.removeprefix(f".{folder.name}-"))
        if told and (_old(made) or _is_gone(told[1], told[2])):
            shutil.rmtree(made, ignore_errors=True)
    for aside in _beside(folder, "old-"):
        if folder.exists() and _old(aside):
            shutil.rmtree(aside, ignore_errors=True)


def _beside(folder: Path, kind: str) -> Iterator[Path]:
    start = f".{folder.name}-{kind}"
    if folder.parent.is_dir():
        yield from (one for one in sorted(folder.parent.iterdir()) if one.name.startswith(start) and one.is_dir())


def _old(path: Path, seconds: float = _DAY) -> bool:
    try:
        return time.time() - path.stat().st_mtime > seconds
    except OSError:
        return False


def _is_gone(host: str | None, process: str | None) -> bool:
    """Whether a process of this machine has ended; on Windows that cannot be asked without harm."""
    if process is None or host != _host() or sys.platform == "win32":
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False


def _host() -> str:
    """Eight characters for this machine: a folder may be shared with others, whose processes are not seen here."""
    return f"{zlib.crc32(platform.node().encode()):08x}"


def _rename_first(made: Path, folder: Path) -> None:
    """Rename to a place where nothing stood; whoever comes second is told so, and the first stays."""
    try:
        made.rename(folder)
    except OSError:
        if folder.exists():
            raise WouldOverwriteError(f"{folder} exists: another process has just made it.") from None
        raise
