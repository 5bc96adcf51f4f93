"""Where compiled terminologies lie that are asked for by name: `medtext.Terminology("icd10cm")`.

The folder is what MEDTEXT_TERMINOLOGIES names, else one of this user's. ICD-10-CM makes itself there on first use, from
the public-domain list in the package simple-icd-10-cm: a few seconds, whole or not at all, and once even where several
processes ask at the same time; one that an older medtext made from the same list is made anew.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from pathlib import Path

from medtext.errors import ConfigError, WouldOverwriteError
from medtext.terminology.build import FORMAT, META, build_terminology, packaged_icd10cm
from medtext.terminology.readers.files import file_hash

logger = logging.getLogger(__name__)

VARIABLE = "MEDTEXT_TERMINOLOGIES"
READY = ("icd10cm",)


def home() -> Path:
    """The folder of compiled terminologies; it may not be there yet."""
    if named := os.environ.get(VARIABLE):
        return Path(named).expanduser()
    if sys.platform == "win32":
        data = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        data = Path.home() / "Library" / "Application Support"
    else:
        data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return data / "medtext" / "terminologies"


def locate(terminology: str | Path) -> Path:
    """The compiled folder that a name or path means; one of READY is built first where it is not there yet.

    A path that leads to a compiled folder is that folder, whatever lies in `home()`. Raises ConfigError for a name that
    is not there, or that cannot be built because the folder cannot be written.
    """
    path = Path(terminology)
    if isinstance(terminology, Path) or len(path.parts) != 1 or (path / META).is_file():
        return path
    folder = home() / path
    if str(path) in READY:
        outdated = _is_outdated(folder)
        if outdated or not folder.exists():
            _make_ready(folder, outdated=outdated)
    if folder.exists() or path.exists():
        return folder if folder.exists() else path
    held = ", ".join(sorted({*names(), *READY}))
    raise ConfigError(f"There is no compiled terminology {path.name!r}, here or in {home()}. There: {held}")


def names() -> list[str]:
    """The names of what is compiled in `home()`."""
    return sorted(path.parent.name for path in home().glob(f"[!.]*/{META}"))


def _is_outdated(folder: Path) -> bool:
    """Whether a folder has a format of before, and is ours: made from the packaged list and nothing else."""
    try:
        meta = json.loads((folder / META).read_text(encoding="utf-8"))
        made = [(source["reader"], source["options"], source["inputs"]) for source in meta["sources"]]
        kind, number = FORMAT.rsplit("/", 1)
        before = meta["format"].startswith(f"{kind}/") and int(meta["format"].rsplit("/", 1)[1]) < int(number)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return False
    if not before:
        return False
    packaged = packaged_icd10cm()
    with Path(str(packaged.paths)).open("rb") as stream:
        ours = [{"name": Path(str(packaged.paths)).name, "sha256": file_hash(stream)}]
    return made == [(packaged.reader, {}, ours)]


def _make_ready(folder: Path, *, outdated: bool) -> None:
    why = "anew, for this version of medtext" if outdated else "once"
    logger.info("building %s into %s, %s", folder.name, folder, why)
    if sys.stderr.isatty():
        print(f"medtext: building {folder.name} into {folder}, {why}: a few seconds …", file=sys.stderr, flush=True)
    try:
        build_terminology(packaged_icd10cm(), folder, overwrite=outdated)
    except WouldOverwriteError:
        return  # another process was quicker
    except OSError as error:
        if (folder / META).is_file():
            return
        raise ConfigError(
            f"The terminology {folder.name!r} is built on first use, and that failed in {folder.parent}: "
            f"{error.strerror or error}. Set {VARIABLE} to a folder that can be written, or to one where "
            f"`medtext terminology build {folder.name}` has been run."
        ) from error
