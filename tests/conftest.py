"""Fixtures that all tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of public data beside the checkout, or named by MEDTEXT_DATA; the test is skipped without it."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("MEDTEXT_DATA", beside))
    if not folder.is_dir():
        pytest.skip("shared data is not here")
    return folder
