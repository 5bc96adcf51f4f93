"""What killed builds leave behind: removed when nobody can be at work in it, put back when it is needed."""

import os
import subprocess
import sys
import time

import pytest

from medtext.errors import WouldOverwriteError
from medtext.terminology.build import Edition, build_terminology
from medtext.terminology.placing import clear_leftovers, new_beside, put_in_place, restore, standing
from medtext.terminology.store import Terminology
from tests.releases import rf2

LONG_AGO = time.time() - 2 * 86_400


@pytest.fixture
def ended():
    """The number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def left_by(folder, process):
    """What a build of that process leaves when it is killed."""
    made = new_beside(folder)
    later = made.with_name(made.name.replace(f"-{os.getpid()}-", f"-{process}-"))
    made.rename(later)
    (later / "store.sqlite").write_bytes(b"half")
    return later


@pytest.mark.skipif(sys.platform == "win32", reason="processes cannot be asked without harm")
def test_the_next_build_removes_what_a_process_that_is_gone_has_left(tmp_path, ended):
    stale = left_by(tmp_path / "snomed", ended)
    build_terminology(Edition("rf2", rf2(tmp_path / "release")), tmp_path / "snomed")
    assert not stale.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["release", "snomed"]


def test_what_a_living_process_makes_stays(tmp_path):
    alive = left_by(tmp_path / "snomed", os.getpid())
    clear_leftovers(tmp_path / "snomed")
    assert alive.exists()


def test_what_another_machine_makes_stays_until_it_is_old(tmp_path, ended):
    other = tmp_path / f".snomed-00000000-{ended}-abcdefgh"
    other.mkdir()
    clear_leftovers(tmp_path / "snomed")
    assert other.exists()
    os.utime(other, (LONG_AGO, LONG_AGO))
    clear_leftovers(tmp_path / "snomed")
    assert not other.exists()


@pytest.mark.parametrize(
    "name", [".snomed-2025", ".snomed-2025-abcdefgh", ".snomed-notes", "snomed-2025", ".loinc-abcdefgh"]
)
def test_other_folders_are_left_alone_however_old(tmp_path, name):
    other = tmp_path / name
    other.mkdir()
    os.utime(other, (LONG_AGO, LONG_AGO))
    clear_leftovers(tmp_path / "snomed")
    assert other.exists()


def test_what_was_put_aside_when_the_kill_came_is_put_back(tmp_path):
    folder = tmp_path / "snomed"
    build_terminology(Edition("rf2", rf2(tmp_path / "release")), folder)
    aside = tmp_path / ".snomed-old-abcdefgh"
    aside.mkdir()
    folder.rename(aside / "snomed")
    restore(folder)
    assert not folder.exists(), "another process may be between its two renames"
    os.utime(aside, (LONG_AGO, LONG_AGO))
    with pytest.raises(WouldOverwriteError):
        build_terminology(Edition("rf2", tmp_path / "release"), folder)
    assert "SNOMED:11" in Terminology(folder)
    assert not aside.exists()


def test_what_was_replaced_goes_once_the_new_folder_stands(tmp_path):
    folder, aside = tmp_path / "snomed", tmp_path / ".snomed-old-abcdefgh"
    (aside / "snomed").mkdir(parents=True)
    folder.mkdir()
    clear_leftovers(folder)
    assert aside.exists()
    os.utime(aside, (LONG_AGO, LONG_AGO))
    clear_leftovers(folder)
    assert not aside.exists()


@pytest.mark.parametrize("before", [False, True], ids=["new", "anew"])
def test_who_comes_second_leaves_what_another_process_has_made_meanwhile(tmp_path, before):
    folder = tmp_path / "snomed"
    if before:
        folder.mkdir()
        (folder / "old").touch()
    found = standing(folder)
    first, second = new_beside(folder), new_beside(folder)
    (first / "first").touch()
    put_in_place(first, folder, instead_of=found)
    with pytest.raises(WouldOverwriteError, match="another process"):
        put_in_place(second, folder, instead_of=found)
    assert [path.name for path in folder.iterdir()] == ["first"]
