"""SNOMED CT in RF2, Snapshot and Full."""

import random
import zipfile

import pytest

from medtext.errors import FormatError
from tests import releases
from tests.releases import ROWS, rf2


def test_concepts_have_their_state_and_semantic_tag(read, tmp_path):
    held = read("rf2", rf2(tmp_path))
    assert {code: (row.kind, row.active) for code, row in held.concepts.items()} == {
        "10": ("finding", True),
        "11": ("finding", True),
        "12": ("disorder", True),
        "13": ("finding", False),
    }
    assert held.release == "20250301"


def test_the_us_language_reference_set_chooses_the_preferred_term(read, tmp_path):
    held = read("rf2", rf2(tmp_path))
    assert [row.name for row in held.terms if row.preferred] == ["Ache", "Toe ache"]
    assert [row.name for row in held.terms if not row.active] == ["Toe ach"]


def test_other_languages_are_left_out_and_counted(read, tmp_path):
    held = read("rf2", rf2(tmp_path))
    assert "Dolor de dedo" not in held.names("11")
    assert held.left_out["descriptions in other languages than en"] == 1
    assert read("rf2", tmp_path, language="es").names("11") == ["Dolor de dedo"]


def test_only_active_is_a_relations_make_parents(read, tmp_path):
    held = read("rf2", rf2(tmp_path))
    assert held.targets("12", "is_a") == ["11"]
    assert held.targets("11", "is_a") == ["10"]


def test_maps_keep_group_priority_rule_and_advice(read, tmp_path):
    held = read("rf2", rf2(tmp_path))
    maps = sorted((row for row in held.links if row.relation == "map"), key=lambda row: (row.code, row.priority))
    assert [
        (row.code, row.target_system, row.target, row.group, row.priority, row.rule, row.advice) for row in maps
    ] == [
        ("10", "ICD10CM", "", 1, 1, "TRUE", "CANNOT BE CLASSIFIED"),
        ("12", "ICD10CM", "M79.67", 1, 1, "IFA 11 | Toe |", "IF TOE"),
        ("12", "ICD10CM", "M79.679", 1, 2, "OTHERWISE TRUE", "ALWAYS M79.679"),
    ]
    assert held.left_out["rows of maps to other code systems"] == 1


def test_a_retired_concept_leads_to_its_replacement(read, tmp_path):
    assert read("rf2", rf2(tmp_path)).targets("13", "replaced_by") == ["11"]


def test_a_full_release_gives_the_newest_state_in_any_order_and_with_repeated_rows(read, tmp_path):
    plain = read("rf2", rf2(tmp_path / "plain"))
    old = {kind: [[row[0], "20190101", "0", *row[3:]] for row in rows] for kind, rows in ROWS.items()}
    mixed = {kind: [*rows, *old[kind], *rows] for kind, rows in ROWS.items()}
    for rows in mixed.values():
        random.Random(4).shuffle(rows)
    full = read("rf2", rf2(tmp_path / "full", state="Full", **mixed))
    kept = [{row for row in one.rows if type(row).__name__ != "Tally"} for one in (plain, full)]
    assert kept[0] == kept[1]
    assert full.left_out["older states of concepts, or repeated rows"] == 8


def test_a_zip_reads_like_its_folder(read, tmp_path):
    folder = rf2(tmp_path / "release")
    with zipfile.ZipFile(tmp_path / "release.zip", "w") as archive:
        for path in folder.rglob("*.txt"):
            archive.write(path, path.relative_to(tmp_path))
    assert read("rf2", tmp_path / "release.zip").rows == read("rf2", folder).rows


def broken(tmp_path, kind, change):
    folder = rf2(tmp_path)
    path = folder / "Snapshot" / releases.NAMES[kind].format(state="Snapshot")
    path.write_bytes(change(path.read_bytes()))
    return folder


BROKEN = {
    "cut in a line": (lambda raw: raw[:-5], r"Description.*:10: the last line has no end"),
    "cut in a column": (lambda raw: raw + b"141\t2020\r\n", r"Description.*:11:2: 2 columns, but the header has 9"),
    "another encoding": (
        lambda raw: raw.replace(b"coloured", b"colour\xe9d"),
        r"Description.*:5:\d+: byte 0xe9 is not",
    ),
    "another header": (lambda raw: raw.replace(b"conceptId", b"concept"), "'conceptId' is missing from the header"),
    "no number": (lambda raw: raw.replace(b"112\t2020", b"112\tx"), r"Description.*:5: the id or the effectiveTime"),
    "UTF-16": (lambda raw: raw.decode().encode("utf-16"), "the file is UTF-16"),
    "NUL bytes": (lambda raw: raw.replace(b"Toe", b"T\0e"), "a NUL byte"),
    "nothing": (lambda raw: b"", "the file is empty"),
}


@pytest.mark.parametrize("change", BROKEN)
def test_a_broken_file_is_refused_with_its_place(read, tmp_path, change):
    how, message = BROKEN[change]
    with pytest.raises(FormatError, match=message):
        read("rf2", broken(tmp_path, "description", how))


def test_files_of_several_releases_are_refused(read, tmp_path):
    folder = rf2(tmp_path)
    path = next(folder.rglob("sct2_Description*"))
    path.rename(path.with_name(path.name.replace("20250301", "20240901")))
    with pytest.raises(FormatError, match=r"several releases: .*\(20240901\), .*\(20250301\)"):
        read("rf2", folder)


def test_a_delta_is_not_enough(read, tmp_path):
    with pytest.raises(FormatError, match="no concept file is here"):
        read("rf2", rf2(tmp_path, state="Delta"))


def test_a_cut_zip_is_refused(read, tmp_path):
    path = releases.write(tmp_path / "release.zip", b"PK\x03\x04 and then nothing")
    with pytest.raises(FormatError, match="no whole zip file"):
        read("rf2", path)


def test_the_public_sample_of_a_release(read, shared_data):
    snapshot = read("rf2", shared_data / "terminology/snomed_rf2_sample/Snapshot")
    assert len(snapshot.concepts) == 103
    assert snapshot.release == "20180731"
    assert snapshot.targets("246188002", "replaced_by") == ["404684003"]
    full = read("rf2", shared_data / "terminology/snomed_rf2_sample/Full")
    # The sample's Full files were taken without one concept of its Snapshot.
    assert snapshot.concepts.keys() - full.concepts.keys() == {"762705008"}
    assert full.concepts.items() <= snapshot.concepts.items()
    assert {row for row in full.terms if row.active} <= {row for row in snapshot.terms if row.active}


def test_the_public_sample_of_maps(read, shared_data):
    with_maps = read("rf2", shared_data / "terminology/snomed_rf2_map_sample")
    systems = {row.target_system for row in with_maps.links if row.relation == "map"}
    assert systems == {"ICD10"}
