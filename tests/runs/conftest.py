"""A tiny pipeline for the tests of runs."""

import pytest

from medtext import Pipeline
from tests.tiny import Censor, Finder


@pytest.fixture
def pipeline():
    return Pipeline([Censor(), Finder()])
