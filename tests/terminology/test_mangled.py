"""Real release files cut, mangled, repeated and shuffled; a disk that fills up; a build that is killed.

A clear error names file and line, and the folder that stood there before is as it was.
"""

import random
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest

from medtext.errors import FormatError
from medtext.terminology.build import Edition, build_terminology
from medtext.terminology.store import Terminology, list_terminologies
from tests.terminology.test_store import files_of

GPS = {"system": "SNOMED", "header": ["code", "name"], "tags": True}
# Reader, its options, the files that are given (the first is the one that is mangled), and how many of its lines.
SOURCES = {
    "table": (GPS, "snomed_gps/gps.tsv", 2_000),
    "loinc": ({}, "loinc/LoincUniversalLabOrdersValueSet.csv", 2_000),
    "icd10cm": ({}, "icd10cm/icd10cm_order_2025.txt", 2_000),
    "rxnorm": ({}, "rxnorm/RXNCONSO_sample_RXNORM_MTHSPL.RRF", 2_000),
    "hcpcs": ({}, "hcpcs/HCPC2019_CONTR_ANWEB.txt", 2_000),
    "rf2": ({}, "snomed_rf2_sample/Snapshot", 0),
}
HEADED = {"loinc", "rf2"}
FREE_ORDER = ("table", "loinc", "rxnorm", "rf2")


@pytest.fixture(params=list(SOURCES))
def source(request, shared_data, tmp_path):
    """(reader, options, what is given to it, the file to mangle): a real file, or its first lines."""
    name = request.param
    options, path, lines = SOURCES[name]
    real = shared_data / "terminology" / path
    if real.is_dir():
        shutil.copytree(real, tmp_path / "files")
        return name, options, tmp_path / "files", next((tmp_path / "files").rglob("sct2_Concept*"))
    held = tmp_path / "files" / real.name
    held.parent.mkdir()
    held.write_bytes(b"".join(real.read_bytes().splitlines(keepends=True)[:lines]))
    return name, options, held, held


def built(source, folder, **options):
    name, own, given, _ = source
    build_terminology(Edition(name, given, options=own), folder, **options)
    return Terminology(folder)


def refused(source, folder, mangled: bytes):
    """What is said of a mangled file; the folder that was there must be as it was, and nothing else beside it."""
    built(source, folder)
    before = files_of(folder)
    source[3].write_bytes(mangled)
    with pytest.raises(FormatError) as caught:
        built(source, folder, overwrite=True)
    assert files_of(folder) == before
    assert sorted(one.name for one in folder.parent.iterdir()) == [folder.name]
    return str(caught.value)


def test_a_byte_of_another_encoding_is_told_with_line_and_column(source, tmp_path):
    raw = source[3].read_bytes().splitlines(keepends=True)
    at = len(raw) // 2
    raw[at] = raw[at][:40] + b"\xb5\xff" + raw[at][40:]
    if source[0] == "hcpcs":
        pytest.skip("the records are cp1252, in which any byte is a letter")
    said = refused(source, tmp_path / "out" / "one", b"".join(raw))
    assert f"{source[3].name}:{at + 1}:" in said
    assert "is not utf-8. Was the file saved in another encoding?" in said


def test_a_file_of_zeros_or_of_utf_16_is_told(source, tmp_path):
    text = source[3].read_bytes()
    said = refused(source, tmp_path / "out" / "one", text[:200] + bytes(4096))
    assert source[3].name in said
    source[3].write_bytes(text.decode("cp1252").encode("utf-16"))
    with pytest.raises(FormatError, match=r"UTF-16|NUL|no HCPCS|record"):
        built(source, tmp_path / "out" / "two")


def test_a_file_that_is_cut_inside_a_line_is_told(source, tmp_path):
    text = source[3].read_bytes()
    cut = text[: len(text) // 2]
    cut = cut if cut[-1:] not in b"\r\n" else cut[:-2]
    if source[0] in ("table", "loinc"):
        # A name may be cut anywhere and is still a name; what tells is the row that lacks cells.
        cut = cut[: cut.rindex(b"\n") + 1] + b"1234"
    said = refused(source, tmp_path / "out" / "one", cut)
    assert re.search(rf"{re.escape(source[3].name)}:\d+", said)


def test_rows_that_are_repeated_change_nothing(source, tmp_path):
    once = [one.describe() for one in built(source, tmp_path / "once")]
    lines = source[3].read_bytes().splitlines(keepends=True)
    head = lines[:1] if source[0] in HEADED else []
    source[3].write_bytes(b"".join(head + [line for line in lines[len(head) :] for _ in (0, 1)]))
    if source[0] == "hcpcs":
        pytest.skip("a record goes on in the next: repeated lines are another text")
    assert [one.describe() for one in built(source, tmp_path / "twice")] == once


@pytest.mark.parametrize("source", FREE_ORDER, indirect=True)
def test_rows_in_another_order_change_nothing(source, tmp_path):
    once = {str(one.code): (one.name, sorted(one.names)) for one in built(source, tmp_path / "once")}
    lines = source[3].read_bytes().splitlines(keepends=True)
    head = 1 if source[0] in HEADED else 0
    rest = [line if line.endswith(b"\n") else line + b"\n" for line in lines[head:]]
    random.Random(1).shuffle(rest)
    source[3].write_bytes(b"".join(lines[:head] + rest))
    again = {str(one.code): (one.name, sorted(one.names)) for one in built(source, tmp_path / "again")}
    assert again == once


def test_files_of_two_releases_are_not_mixed(shared_data, tmp_path):
    folder = shared_data / "terminology" / "icd10cm"
    files = [folder / "icd10cm_order_2025.txt", folder / "icd10c-tabular-April-1-2026.xml"]
    with pytest.raises(FormatError, match=r"several releases: icd10cm_order_2025.txt \(2025\), .* \(2026\)"):
        build_terminology(Edition("icd10cm", files), tmp_path / "out")
    with pytest.raises(FormatError, match="the files are of release 2025, not 2026"):
        build_terminology(Edition("icd10cm", files[0], "2026"), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def command(shared_data, out):
    path = str(shared_data / "terminology" / "icd10cm" / "icd10cm_order_2025.txt")
    return [sys.executable, "-m", "medtext", "terminology", "build", "icd10cm", path, "-o", str(out), "--overwrite"]


@pytest.fixture
def standing(shared_data, tmp_path):
    """A small folder that stands where the next is to be built, and its files."""
    (tmp_path / "files").mkdir()
    lines = (shared_data / "terminology/icd10cm/icd10cm_order_2025.txt").read_bytes().splitlines(keepends=True)
    (tmp_path / "files" / "icd10cm_order_2024.txt").write_bytes(b"".join(lines[:200]))
    out = tmp_path / "home" / "icd10cm"
    build_terminology(Edition("icd10cm", tmp_path / "files" / "icd10cm_order_2024.txt"), out)
    return out, files_of(out)


@pytest.mark.parametrize("megabytes", [1, 12])
def test_a_disk_that_is_full_half_way_is_told_and_the_old_folder_stays(shared_data, standing, megabytes):
    """The system's own limit on the size of a file: the first is met while rows are read, the other by the store."""
    out, before = standing
    resource = pytest.importorskip("resource")
    limit = megabytes << 20

    def limited():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    done = subprocess.run(command(shared_data, out), preexec_fn=limited, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "No space left on device" in done.stderr or "File too large" in done.stderr
    assert "Traceback" not in done.stderr
    assert files_of(out) == before
    assert [one.name for one in out.parent.iterdir()] == ["icd10cm"]


@pytest.mark.parametrize("part", ["store.sqlite", "forms"])
def test_a_build_that_is_killed_leaves_the_old_folder_and_the_next_one_goes_through(shared_data, standing, part):
    out, before = standing
    running = subprocess.Popen(command(shared_data, out), stderr=subprocess.DEVNULL)
    while running.poll() is None and not list(out.parent.glob(f".icd10cm-*/{part}")):
        time.sleep(0.02)
    running.send_signal(signal.SIGKILL)
    assert running.wait() == -signal.SIGKILL
    assert files_of(out) == before
    assert [one.folder for one in list_terminologies(out.parent)] == [out]
    build_terminology(Edition("icd10cm", out.parent.parent / "files"), out, overwrite=True)
    assert Terminology(out, verify=True)
