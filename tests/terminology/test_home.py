"""Terminologies by name: where they lie, the one that makes itself, and what is said where it cannot."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from medtext.errors import ConfigError
from medtext.terminology import home as homes
from medtext.terminology.build import FORMAT, META, Edition, build_terminology
from medtext.terminology.home import home, locate, names
from medtext.terminology.placing import standing
from medtext.terminology.store import Terminology
from tests.releases import TABULAR, rf2, write


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty home."""
    monkeypatch.setenv("MEDTEXT_TERMINOLOGIES", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


@pytest.fixture
def small(tmp_path, monkeypatch):
    """The packaged list is a small one."""
    path = write(tmp_path / "icd10cm-tabular-2030.xml", TABULAR)
    monkeypatch.setattr(homes, "packaged_icd10cm", lambda: Edition("icd10cm", path))


def test_the_variable_says_where_it_is_and_without_it_the_platform(monkeypatch, place):
    assert home() == place
    monkeypatch.delenv("MEDTEXT_TERMINOLOGIES")
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    monkeypatch.setattr(homes.sys, "platform", "linux")
    assert home() == Path("/data/medtext/terminologies")
    monkeypatch.setenv("LOCALAPPDATA", "/local")
    monkeypatch.setattr(homes.sys, "platform", "win32")
    assert home() == Path("/local/medtext/terminologies")
    monkeypatch.setattr(homes.sys, "platform", "darwin")
    assert home() == Path.home() / "Library/Application Support/medtext/terminologies"


def test_icd10cm_makes_itself_on_first_use_and_is_found_from_then_on(place, small, monkeypatch):
    assert Terminology("icd10cm").releases == {"ICD10CM": "2030"}
    assert names() == ["icd10cm"]
    monkeypatch.setattr(homes, "build_terminology", None)
    assert Terminology("icd10cm").folder == place / "icd10cm"


def outdate(folder, **changed):
    """A folder as an older medtext would have left it."""
    meta = json.loads((folder / META).read_text())
    (folder / META).write_text(json.dumps(meta | {"format": "medtext-terminology/1"} | changed))


def test_one_that_an_older_medtext_made_is_made_anew_and_said_in_one_line(place, small, caplog):
    Terminology("icd10cm")
    outdate(place / "icd10cm")
    caplog.clear()
    with caplog.at_level("INFO", logger="medtext.terminology.home"):
        assert len(Terminology("icd10cm")) > 0
    assert [record.getMessage() for record in caplog.records if "anew" in record.getMessage()]
    assert len([record for record in caplog.records if record.name == homes.__name__]) == 1
    assert json.loads((place / "icd10cm" / META).read_text())["format"] == FORMAT
    assert [path.name for path in place.iterdir()] == ["icd10cm"]


@pytest.mark.parametrize("changed", [{"format": "medtext-terminology/99"}, {"format": "other/1"}, {"sources": []}])
def test_what_is_newer_or_made_otherwise_is_refused_and_left_alone(place, small, changed):
    Terminology("icd10cm")
    outdate(place / "icd10cm", **changed)
    before = (place / "icd10cm" / META).read_bytes()
    with pytest.raises(ConfigError, match="Build it again"):
        Terminology("icd10cm")
    assert (place / "icd10cm" / META).read_bytes() == before


def test_what_a_user_has_built_from_files_of_their_own_is_theirs(place, small, tmp_path):
    own = write(tmp_path / "own" / "icd10cm-tabular-2029.xml", TABULAR.replace("2030", "2029"))
    build_terminology(Edition("icd10cm", own), place / "icd10cm")
    outdate(place / "icd10cm")
    with pytest.raises(ConfigError, match="Build it again"):
        Terminology("icd10cm")


def test_a_compiled_folder_at_the_path_comes_before_the_name(place, tmp_path):
    build_terminology(Edition("rf2", rf2(tmp_path / "release")), tmp_path / "icd10cm")
    assert Terminology("icd10cm").releases == {"SNOMED": "20250301"}
    assert not place.exists()


def test_any_compiled_folder_in_the_home_is_found_by_its_name(place, tmp_path):
    build_terminology(Edition("rf2", rf2(tmp_path / "release")), place / "snomed-2025")
    assert Terminology("snomed-2025")["SNOMED:10"].name == "Ache"


def test_an_unknown_name_lists_those_that_are_there(place, tmp_path):
    build_terminology(Edition("rf2", rf2(tmp_path / "release")), place / "snomed")
    with pytest.raises(ConfigError, match=r"no compiled terminology 'loinc', here or in .*There: icd10cm, snomed$"):
        Terminology("loinc")
    with pytest.raises(ConfigError, match=r"^other.loinc is no compiled terminology"):
        Terminology("other/loinc")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_home_that_is_read_only_is_told_with_the_way_out(place, small):
    place.mkdir(mode=0o500)
    with pytest.raises(ConfigError, match=r"failed in .*home: .*Set MEDTEXT_TERMINOLOGIES to a folder"):
        locate("icd10cm")


def test_a_home_that_cannot_be_made_is_told_with_the_way_out(place, small):
    place.write_text("a file where the folder should be")
    with pytest.raises(ConfigError, match=r"failed in .*home: .*Set MEDTEXT_TERMINOLOGIES to a folder"):
        locate("icd10cm")
    assert place.read_text() == "a file where the folder should be"


def test_what_another_process_makes_between_the_look_and_the_build_stays(place, small, monkeypatch):
    edition, other = homes.packaged_icd10cm(), []

    def later():
        if not other:
            build_terminology(edition, place / "icd10cm")
            other.append(standing(place / "icd10cm"))
        return edition

    monkeypatch.setattr(homes, "packaged_icd10cm", later)
    assert len(Terminology("icd10cm")) == 14
    assert [standing(place / "icd10cm")] == other


def test_processes_that_ask_at_the_same_time_all_get_it_and_leave_one(place, tmp_path):
    write(tmp_path / "icd10cm-tabular-2030.xml", TABULAR)
    code = (
        "import medtext.terminology.home as h; from medtext.terminology.build import Edition\n"
        "h.packaged_icd10cm = lambda: Edition('icd10cm', 'icd10cm-tabular-2030.xml')\n"
        "from medtext import Terminology; print(len(Terminology('icd10cm')))"
    )
    command = [sys.executable, "-c", code]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    assert [one.communicate()[0].strip() for one in running] == ["14"] * 4
    assert [path.name for path in place.iterdir()] == ["icd10cm"]
