"""Where compiled terminologies lie that are asked for by name: `medtext.Terminology("icd10cm")`.

The folder is what MEDTEXT_TERMINOLOGIES names, else one of this user's. ICD-10-CM makes itself there on first use, from
the public-domain list in the package simple-icd-10-cm: a few seconds, whole or not at all, and once even where several
processes ask at the same time.
"""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

from medtext.errors import ConfigError, WouldOverwriteError
from medtext.terminology.build import META, build_terminology, packaged_icd10cm

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
    if not folder.exists() and str(path) in READY:
        _make_ready(folder)
    if folder.exists() or path.exists():
        return folder if folder.exists() else path
    held = ", ".join(sorted({*names(), *READY}))
    raise ConfigError(f"There is no compiled terminology {path.name!r}, here or in {home()}. There: {held}")


def names() -> list[str]:
    """The names of what is compiled in `home()`."""
    return sorted(path.parent.name for path in home().glob(f"[!.]*/{META}"))


def _make_ready(folder: Path) -> None:
    logger.info("building %s into %s, once", folder.name, folder)
    if sys.stderr.isatty():
        print(f"medtext: building {folder.name} into {folder}, once: a few seconds …", file=sys.stderr, flush=True)
    try:
        build_terminology(packaged_icd10cm(), folder)
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
