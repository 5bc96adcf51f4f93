"""What is found in invented sentences, marked up in tests/cases/deid.txt: exactly the marked places, nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

_TAG = re.compile(r"<([A-Z_]+)>(.*?)</\1>", re.DOTALL)
_FILE = Path(__file__).parent.parent.parent / "cases" / "deid.txt"


def _cases() -> list[str]:
    lines = _FILE.read_text(encoding="utf-8").split("\n")
    return [line.replace("⏎", "\n") for line in lines if line and not line.startswith("#")]


def _parsed(marked: str) -> tuple[str, set[tuple[int, int, str]]]:
    """The text without tags, and the places that were tagged; raises when a tag is not understood."""
    text, found, at = "", set(), 0
    for match in _TAG.finditer(marked):
        text += marked[at : match.start()]
        found.add((len(text), len(text) + len(match[2]), match[1]))
        text += match[2]
        at = match.end()
    text += marked[at:]
    assert not re.search(r"</?[A-Z_]+>", text), "a tag that is not closed, or nested"
    return text, found


@pytest.mark.parametrize("marked", _cases())
def test_exactly_the_marked_places_are_found(deid, marked):
    text, wanted = _parsed(marked)
    found = {(one.start, one.end, one.label) for one in deid.detector.find(text)}
    assert found == wanted, sorted((text[a:b], label) for a, b, label in found ^ wanted)
