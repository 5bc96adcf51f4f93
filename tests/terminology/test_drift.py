"""What a new release changes."""

from medtext.terminology.build import Edition, build_terminology
from medtext.terminology.drift import diff
from tests.releases import ORDER, ROWS, rf2, write


def compiled(folder, **changed):
    build_terminology(Edition("rf2", rf2(folder / "release", **changed)), folder / "compiled")
    return folder / "compiled"


def test_a_release_does_not_differ_from_itself(tmp_path):
    folder = compiled(tmp_path)
    assert list(diff(folder, folder)) == []


def test_added_removed_retired_renamed_and_remapped_codes(tmp_path):
    new = {kind: [list(row) for row in rows] for kind, rows in ROWS.items()}
    new["concept"][2][2] = "0"
    new["concept"] += [["14", "20250101", "1", "0", "0"]]
    new["association"].append(["00000010-0000", "20250101", "1", "0", "900000000000526001", "12", "11"])
    new["description"][1][7] = "Aching"
    new["map"][0][10] = "M79.672"
    old = [*ROWS["concept"], ["15", "20200101", "1", "0", "0"]]
    changes = list(diff(compiled(tmp_path / "old", concept=old), compiled(tmp_path / "new", **new)))
    assert [(one.kind, str(one.code), one.before, one.after) for one in changes] == [
        ("added", "SNOMED:14", "", ""),
        ("removed", "SNOMED:15", "", ""),
        ("retired", "SNOMED:12", "active", "replaced_by SNOMED:11"),
        ("renamed", "SNOMED:10", "Ache", "Aching"),
        ("remapped", "SNOMED:12", "M79.679 if OTHERWISE TRUE", "M79.672 if OTHERWISE TRUE"),
    ]


def test_the_other_way_round_what_was_retired_is_restored(tmp_path):
    retired = [[*row[:2], "0", *row[3:]] for row in ROWS["concept"]]
    old, new = compiled(tmp_path / "old", concept=retired), compiled(tmp_path / "new")
    kinds = [(one.kind, str(one.code)) for one in diff(old, new)]
    assert kinds == [("restored", f"SNOMED:{code}") for code in (10, 11, 12)]


def test_a_code_that_is_no_longer_billable(tmp_path):
    for name, text in (("2029", ORDER), ("2030", ORDER.replace("B20     1", "B20     0"))):
        path = write(tmp_path / f"icd10cm_order_{name}.txt", text)
        build_terminology(Edition("icd10cm", path), tmp_path / name)
    (change,) = diff(tmp_path / "2029", tmp_path / "2030")
    assert (change.kind, str(change.code), change.before, change.after) == ("billable", "ICD10CM:B20", "yes", "no")
