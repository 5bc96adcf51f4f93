"""A server that fails on purpose, and a token for it."""

import pytest

from tests.studio.server import running


@pytest.fixture
def label_studio(monkeypatch):
    """(address, state) of a small server that behaves as Label Studio does, and as it does when it is ill."""
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", "a-token")
    with running() as found:
        yield found
