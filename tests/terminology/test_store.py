"""A compiled terminology: whole or not at all, the same whatever the order of the files, and quick to ask."""

import json
import os
import pickle
import random
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import medtext
from medtext.errors import ConfigError, FormatError, UnknownCodeError, UnknownNameError, WouldOverwriteError
from medtext.span import Code
from medtext.terminology import build as building
from medtext.terminology.build import Edition, build_terminology, packaged_icd10cm
from medtext.terminology.hierarchy import Hierarchy, write_hierarchy
from medtext.terminology.store import Terminology, list_terminologies
from tests.releases import ROWS, TABULAR, rf2, write


@pytest.fixture
def snomed(tmp_path):
    build_terminology(Edition("rf2", rf2(tmp_path / "release")), tmp_path / "snomed")
    return Terminology(tmp_path / "snomed")


@pytest.fixture
def icd(tmp_path):
    build_terminology(Edition("icd10cm", write(tmp_path / "icd10cm-tabular-2030.xml", TABULAR)), tmp_path / "icd")
    return Terminology(tmp_path / "icd")


def codes(entries):
    return [str(one.code) for one in entries]


def files_of(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_an_entry_has_names_and_its_place_in_the_hierarchy(snomed):
    entry = snomed["SNOMED:11"]
    assert entry.name == "Toe ache"
    assert entry.names == ("Toe ache", "Toe ache, coloured", "Ache of toe (finding)")
    assert (entry.kind, entry.active, entry.billable, entry.release) == ("finding", True, None, "20250301")
    assert codes(entry.parents) == ["SNOMED:10"]
    assert codes(entry.children) == ["SNOMED:12"]
    assert codes(snomed["SNOMED:12"].ancestors) == ["SNOMED:10", "SNOMED:11"]
    assert snomed["SNOMED:12"].is_a(snomed["SNOMED:10"])
    assert not snomed["SNOMED:10"].is_a(snomed["SNOMED:12"])


def test_maps_come_by_group_and_priority_and_may_have_no_target(snomed):
    first, second = snomed["SNOMED:12"].maps
    assert (str(first.code), first.priority, first.rule) == ("ICD10CM:M79.67", 1, "IFA 11 | Toe |")
    assert str(second.code) == "ICD10CM:M79.679"
    assert snomed["SNOMED:10"].maps[0].code is None


def test_a_retired_code_knows_its_replacement_and_a_code_in_use_has_none(snomed):
    assert not snomed["SNOMED:13"].active
    assert snomed["SNOMED:13"].replacement == Code("SNOMED", "11")
    assert snomed["SNOMED:11"].replacements == ()


def test_a_name_that_comes_from_the_fully_specified_name_where_there_is_no_other(snomed):
    assert snomed["SNOMED:12"].name == "Ache of big toe (disorder)"


def test_look_up_by_curie_and_by_code(snomed):
    assert snomed[Code("SNOMED", "10")] == snomed["SNOMED:10"]
    assert "SNOMED:10" in snomed
    assert "ICD10CM:10" not in snomed
    assert 10 not in snomed
    assert snomed.get("nonsense") is None
    with pytest.raises(
        UnknownCodeError, match=r"^Terminology 'snomed' holds no code 'SNOMED:99'. Its systems: SNOMED$"
    ):
        snomed["SNOMED:99"]
    with pytest.raises(KeyError):
        snomed[Code("LOINC", "1-8")]


def test_iteration_goes_by_system_and_code(tmp_path):
    tabular = write(tmp_path / "icd10cm-tabular-2030.xml", TABULAR)
    editions = [Edition("rf2", rf2(tmp_path / "release")), Edition("icd10cm", tabular)]
    build_terminology(editions, tmp_path / "both")
    both = Terminology(tmp_path / "both")
    assert codes(both) == sorted(codes(both))
    assert len(list(both)) == len(both)
    assert codes(both.system("SNOMED")) == ["SNOMED:10", "SNOMED:11", "SNOMED:12", "SNOMED:13"]
    assert both.releases == {"SNOMED": "20250301", "ICD10CM": "2030"}


def test_search_wants_all_words_and_takes_the_last_as_a_beginning(snomed):
    assert codes(snomed.search("toe ac")) == ["SNOMED:11", "SNOMED:12", "SNOMED:13"]
    assert codes(snomed.search("ACHE")) == ["SNOMED:10", "SNOMED:11", "SNOMED:12", "SNOMED:13"]
    assert codes(snomed.search("toe", limit=1)) == ["SNOMED:11"]
    assert snomed.search("toe", system="ICD10CM") == []
    assert snomed.search('"; * (') == []
    assert snomed.search('toe" OR "ache') == []


def test_notes_and_billability_of_icd10cm(icd):
    assert icd["ICD10CM:S00.1XXA"].billable
    assert icd["ICD10CM:S00.1"].billable is False
    assert icd["ICD10CM:S00"].facts == {"includes": ("bump of skull",)}
    assert codes(icd["ICD10CM:S00.1XXA"].ancestors) == [
        f"ICD10CM:{one}" for one in ("S00", "S00-S09", "S00-T88", "S00.1")
    ]


def test_the_folder_says_what_was_read_whose_it_is_and_what_was_left_out(snomed):
    (source,) = snomed.meta["sources"]
    assert source["release"] == "20250301"
    assert "SNOMED International" in source["notice"]
    assert source["left_out"]["rows of maps to other code systems"] == 1
    assert len(source["inputs"]) == 6
    assert all(len(one["sha256"]) == 64 for one in source["inputs"])
    assert snomed.meta["counts"] | {"concepts": 4, "inactive": 1, "links": 4, "stray_terms": 0} == snomed.meta["counts"]


def test_rows_in_another_order_and_repeated_compile_to_the_same_folder(snomed, tmp_path):
    mixed = {kind: [*rows, *rows] for kind, rows in ROWS.items()}
    for kind, rows in mixed.items():
        if kind != "description":
            random.Random(1).shuffle(rows)
    build_terminology(Edition("rf2", rf2(tmp_path / "mixed", **mixed)), tmp_path / "again")
    again = Terminology(tmp_path / "again")
    assert [one.describe() for one in again] == [one.describe() for one in snomed]


def test_the_same_files_compile_to_the_same_bytes(tmp_path):
    folder = rf2(tmp_path / "release")
    for name in ("a/one", "b/one"):
        build_terminology(Edition("rf2", folder), tmp_path / name)
    assert files_of(tmp_path / "a/one") == files_of(tmp_path / "b/one")


def test_a_folder_that_is_there_is_replaced_only_when_asked(snomed, tmp_path):
    edition = Edition("rf2", tmp_path / "release")
    with pytest.raises(WouldOverwriteError, match="snomed exists"):
        build_terminology(edition, snomed.folder)
    build_terminology(edition, snomed.folder, overwrite=True)
    assert snomed["SNOMED:10"].name == "Ache"


def test_a_folder_that_is_no_terminology_is_never_replaced(tmp_path):
    kept = write(tmp_path / "mine/thesis.txt", "years of work")
    with pytest.raises(WouldOverwriteError, match="is no compiled terminology"):
        build_terminology(Edition("rf2", rf2(tmp_path / "release")), tmp_path / "mine", overwrite=True)
    assert kept.read_text() == "years of work"


def full_disk(monkeypatch):
    """SQLite's own refusal: no page more than these."""
    opened = building.TableWriter.__init__

    def small(self, path):
        opened(self, path)
        self._db.execute("PRAGMA max_page_count = 12")

    monkeypatch.setattr(building.TableWriter, "__init__", small)


def test_a_full_disk_leaves_the_old_folder_as_it_was(snomed, tmp_path, monkeypatch):
    before = files_of(snomed.folder)
    full_disk(monkeypatch)
    with pytest.raises(OSError, match="No space left on device"):
        build_terminology(Edition("rf2", tmp_path / "release"), snomed.folder, overwrite=True)
    assert files_of(snomed.folder) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["release", "snomed"]


def test_a_disk_that_fills_up_at_the_last_file_leaves_the_old_folder_as_it_was(snomed, tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError(28, "No space left on device")

    before = files_of(snomed.folder)
    monkeypatch.setattr(building, "_described", refuse)
    with pytest.raises(OSError, match="No space"):
        build_terminology(Edition("rf2", tmp_path / "release"), snomed.folder, overwrite=True)
    assert files_of(snomed.folder) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["release", "snomed"]


def test_a_broken_file_leaves_the_old_folder_as_it_was(snomed, tmp_path):
    before = files_of(snomed.folder)
    path = next((tmp_path / "release").rglob("der2_cRefset_Association*"))
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(FormatError, match="has no end"):
        build_terminology(Edition("rf2", tmp_path / "release"), snomed.folder, overwrite=True)
    assert files_of(snomed.folder) == before


def test_whoever_has_the_old_folder_open_keeps_it(snomed, tmp_path):
    assert snomed["SNOMED:10"].name == "Ache"
    changed = [*ROWS["concept"], ["14", "20250101", "1", "0", "0"]]
    build_terminology(Edition("rf2", rf2(tmp_path / "next", concept=changed)), snomed.folder, overwrite=True)
    assert len(list(snomed)) == 4
    assert len(Terminology(snomed.folder)) == 5


def test_a_concept_file_that_was_cut_off_between_two_lines_is_noticed(tmp_path):
    folder = rf2(tmp_path / "release", concept=ROWS["concept"][:1])
    with pytest.raises(FormatError, match=r"6 of 8 terms name concepts that the release does not hold"):
        build_terminology(Edition("rf2", folder), tmp_path / "out")
    meta = build_terminology(Edition("rf2", folder), tmp_path / "out", partial=True)
    assert meta["counts"]["stray_terms"] == 6
    assert meta["counts"]["stray_parents"] == 1


def test_another_release_than_the_one_that_was_meant_is_refused(tmp_path):
    edition = Edition("rf2", rf2(tmp_path / "release"), "20240901")
    with pytest.raises(FormatError, match="the files are of release 20250301, not 20240901"):
        build_terminology(edition, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_circle_of_parents_is_refused(tmp_path):
    circle = [*ROWS["relationship"], ["205", "20200101", "1", "0", "10", "12", "0", "116680003", "0", "0"]]
    with pytest.raises(FormatError, match="3 concepts lie in or below a circle"):
        build_terminology(Edition("rf2", rf2(tmp_path / "release", relationship=circle)), tmp_path / "out")


def test_unknown_readers_and_options_list_the_known_ones(tmp_path):
    with pytest.raises(UnknownNameError, match=r"Unknown terminology reader 'rf3'. .*: cpt, hcpcs, icd10cm"):
        build_terminology(Edition("rf3", tmp_path), tmp_path / "out")
    with pytest.raises(ConfigError, match=r"Reader 'rf2' has no option 'speed'. Options: language"):
        build_terminology(Edition("rf2", tmp_path, options={"speed": 1}), tmp_path / "out")


def test_what_is_no_folder_of_ours_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="is no compiled terminology"):
        Terminology(tmp_path)
    write(tmp_path / "meta.json", "{")
    with pytest.raises(ConfigError, match=r"meta.json is damaged"):
        Terminology(tmp_path)


def test_a_newer_format_is_refused_by_name(snomed):
    path = snomed.folder / "meta.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": "medtext-terminology/9"}))
    with pytest.raises(ConfigError, match="has the format 'medtext-terminology/9'; this medtext reads"):
        Terminology(snomed.folder)


def test_a_file_that_was_cut_is_noticed_at_once_and_one_that_was_changed_when_verified(snomed):
    path = snomed.folder / "hierarchy/parents.npy"
    raw = path.read_bytes()
    path.write_bytes(raw[:-1] + b"x")
    assert Terminology(snomed.folder)
    with pytest.raises(ConfigError, match=r"parents.npy is missing or damaged"):
        Terminology(snomed.folder, verify=True)
    path.write_bytes(raw[:-1])
    with pytest.raises(ConfigError, match=r"parents.npy is missing or damaged"):
        Terminology(snomed.folder)


def test_compiled_folders_are_listed_by_name(snomed, icd, tmp_path):
    assert [one.meta["name"] for one in list_terminologies(tmp_path)] == ["icd", "snomed"]
    assert [one.meta["name"] for one in list_terminologies(icd.folder)] == ["icd"]


def test_a_terminology_is_its_path_when_pickled_and_serves_threads_and_forks(snomed):
    assert pickle.loads(pickle.dumps(snomed))["SNOMED:10"].name == "Ache"
    found = []
    thread = threading.Thread(target=lambda: found.append(snomed["SNOMED:10"].name))
    thread.start()
    thread.join()
    assert found == ["Ache"]
    child = os.fork()
    if not child:
        os._exit(0 if snomed["SNOMED:10"].name == "Ache" else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_the_package_offers_it_all():
    assert medtext.Terminology is Terminology
    assert medtext.build_terminology is build_terminology


links = st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19)), max_size=60)


@settings(max_examples=50)
@given(links)
def test_ancestors_are_all_that_parents_lead_to(tmp_path_factory, pairs):
    """Against plain walking; the greater number is always the child, so that there is no circle."""
    down = [(max(pair), min(pair)) for pair in pairs if pair[0] != pair[1]]
    folder = tmp_path_factory.mktemp("arrays") / "hierarchy"
    write_hierarchy(folder, [child for child, _ in down], [parent for _, parent in down], 20, what="test")
    held = Hierarchy(folder)
    for number in range(20):
        above = {parent for child, parent in down if child == number}
        assert held.parents(number) == sorted(above)
        assert held.children(number) == sorted({child for child, parent in down if parent == number})
        while more := {parent for child, parent in down if child in above} - above:
            above |= more
        assert held.ancestors(number) == sorted(above)
        assert [other for other in range(20) if held.is_a(number, other)] == sorted(above | {number})
        below = held.descendants(number)
        assert below == [other for other in range(20) if other != number and held.is_a(other, number)]


@pytest.fixture(scope="module")
def whole_icd10cm(tmp_path_factory):
    pytest.importorskip("simple_icd_10_cm", reason="the package simple-icd-10-cm is not installed")
    folder = tmp_path_factory.mktemp("icd10cm") / "icd10cm"
    build_terminology(packaged_icd10cm(), folder)
    return Terminology(folder)


def test_icd10cm_is_built_from_the_package_in_one_step(whole_icd10cm):
    assert len(whole_icd10cm) == 98_466
    entry = whole_icd10cm["ICD10CM:E11.65"]
    assert (entry.name, entry.billable) == ("Type 2 diabetes mellitus with hyperglycemia", True)
    assert codes(whole_icd10cm.search("type 2 diabetes hyperglyc"))[0] == "ICD10CM:E11.65"


def test_twenty_thousand_look_ups_a_second_and_ancestors_in_fifty_microseconds(whole_icd10cm):
    """The bars of the design, with room to spare on a busy machine."""
    asked = random.Random(1).sample([str(one.code) for one in whole_icd10cm], 5_000)
    begun = time.perf_counter()
    found = [whole_icd10cm[one] for one in asked]
    assert len(found) / (time.perf_counter() - begun) > 20_000
    begun = time.perf_counter()
    for one in found:
        whole_icd10cm.hierarchy.ancestors(one.number)
    assert (time.perf_counter() - begun) / len(found) < 50e-6
