"""One stage for all tests of it: loading takes a second or more."""

import warnings

import pytest


@pytest.fixture(scope="session")
def deid():
    """The stage as it comes: Safe Harbor, tags."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Presidio's dependencies warn while they are imported
        from medtext.stages.deid import Deid

        return Deid()
