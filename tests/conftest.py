"""What all tests share: where the public data lies that some of them read."""

import os
from pathlib import Path

import pytest

_BESIDE = Path(__file__).resolve().parent.parent.parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of public corpora and terminology files; skips the test where it is absent."""
    path = Path(os.environ.get("MEDTEXT_DATA", _BESIDE))
    if not path.is_dir():
        pytest.skip("shared data is not here (set MEDTEXT_DATA to its folder)")
    return path
