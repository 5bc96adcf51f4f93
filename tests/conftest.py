"""What tests share: where the public data lies that some of them read, and small files of notes."""

import json
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

from tests.shared import folder
from tests.tiny import TEXTS, TROUBLES, write_lines

# The gate tries the same examples each time; `make fuzz` looks for new ones.
settings.register_profile("gate", derandomize=True, deadline=None)
settings.register_profile("fuzz", deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "gate"))


_HOME = "MEDTEXT_TERMINOLOGIES"


def pytest_configure(config):
    """Terminologies that make themselves on first use do so in a folder of this run, once for all its processes."""
    if not hasattr(config, "workerinput"):
        os.environ[_HOME] = tempfile.mkdtemp(prefix="medtext-terminologies-")


def pytest_unconfigure(config):
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ.pop(_HOME), ignore_errors=True)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of public corpora and terminology files; skips the test where it is absent."""
    path = folder()
    if path is None:
        pytest.skip("shared data is not here (set MEDTEXT_DATA to its folder)")
    return path


@pytest.fixture
def plain_notes(tmp_path):
    """A file of four plain notes."""
    return write_lines(tmp_path / "notes.jsonl", [json.dumps({"id": key, "text": text}) for key, text in TEXTS.items()])


@pytest.fixture
def troubled_notes(tmp_path):
    """A file with two good notes, a broken line, one that breaks a stage, one without text, an empty one, a repeat."""
    return write_lines(tmp_path / "troubled.jsonl", TROUBLES)
