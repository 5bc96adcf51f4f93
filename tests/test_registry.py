"""Names of formats and stages: ours, and those that other packages bring by entry point."""

import subprocess
import sys

import pytest

from medtext.errors import StageError, UnknownNameError
from medtext.registry import STAGES, lookup, names

THEIRS = '''
from medtext import Span

class Shouting:
    """Marks words in capitals; a stage of another package."""

    name = "shouting"
    needs = frozenset()
    adds = frozenset({"entity"})

    def __init__(self, *, label="SHOUT"):
        self.label = label

    def __call__(self, note):
        start = note.text.index("HTN")
        return note.add([Span(((start, start + 3),), self.label)])
'''

USE = """
import sys
sys.path.insert(0, sys.argv[1])
import medtext
from medtext.registry import names
assert "shouting" in names("stage"), names("stage")
pipeline = medtext.load({"stages": [{"shouting": {"label": "PROBLEM"}}]})
note = pipeline(medtext.Note("n", "Pt has HTN."))
print(note.quote(note.spans[0])[0], note.spans[0].label)
"""


def test_a_stage_of_another_package_is_found_by_its_entry_point(tmp_path):
    (tmp_path / "shouting_stage.py").write_text(THEIRS)
    about = tmp_path / "shouting_stage-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: shouting-stage\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[medtext.stages]\nshouting = shouting_stage:Shouting\n")
    command = [sys.executable, "-c", USE, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == "HTN PROBLEM\n", done.stderr


def test_an_unknown_name_lists_those_that_exist():
    with pytest.raises(UnknownNameError, match=r"Unknown format 'bart'. Formats: argilla, bioc, brat, conll, csv"):
        lookup("format", "bart")
    assert set(STAGES) <= set(names("stage"))


def test_a_name_that_leads_nowhere_says_where_it_led(monkeypatch):
    monkeypatch.setitem(STAGES, "lost", "medtext.stages.nowhere:Lost")
    from medtext import registry

    registry._places.cache_clear()
    with pytest.raises(StageError, match=r"The stage 'lost' could not be loaded from medtext.stages.nowhere:Lost"):
        lookup("stage", "lost")
    monkeypatch.undo()
    registry._places.cache_clear()
