"""Where the public corpora and terminology files lie that tests and benchmarks read."""

import os
from pathlib import Path

_BESIDE = Path(__file__).resolve().parent.parent.parent / "shared" / "data"


def folder() -> Path | None:
    """The folder that MEDTEXT_DATA names, or `shared/data` beside the checkout; None where it is absent."""
    path = Path(os.environ.get("MEDTEXT_DATA", _BESIDE))
    return path if path.is_dir() else None
