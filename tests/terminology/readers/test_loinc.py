"""LOINC and the files that come with it."""

import pytest

from medtext.errors import FormatError
from tests.releases import write

HEADER = ["LOINC_NUM", "COMPONENT", "PROPERTY", "SYSTEM", "CLASS", "STATUS", "SHORTNAME", "LONG_COMMON_NAME"]
HEADER += ["RELATEDNAMES2", "CONSUMER_NAME", "VersionLastChanged"]
SODIUM = [
    "1-8",
    "Sodium",
    "SCnc",
    "Ser",
    "CHEM",
    "ACTIVE",
    "Sodium Ser",
    'Sodium, "made up" in Serum',
    "Na; Serum",
    "Salt",
]
OLD = ["2-6", "Sodium", "SCnc", "Bld", "CHEM", "DEPRECATED", "", "Old sodium", "", ""]


def table(*rows):
    def quoted(cell):
        return '"' + cell.replace('"', '""') + '"'

    return "".join(",".join(map(quoted, row)) + "\n" for row in rows)


@pytest.fixture
def release(tmp_path):
    write(tmp_path / "LoincTable/Loinc.csv", table(HEADER, [*SODIUM, "2.81"], [*OLD, "2.9"]))
    write(tmp_path / "LoincTable/MapTo.csv", table(["LOINC", "MAP_TO", "COMMENT"], ["2-6", "1-8", ""]))
    names = table(["LoincNumber", "ConsumerName"], ["1-8", "Salt in blood"])
    write(tmp_path / "AccessoryFiles/ConsumerName/ConsumerName.csv", names)
    parts = table(
        ["LoincNumber", "LongCommonName", "PartNumber", "PartName", "PartTypeName"],
        ["1-8", "", "LP1-1", "Sodium", "COMPONENT"],
    )
    write(tmp_path / "AccessoryFiles/PartFile/LoincPartLink_Primary.csv", parts)
    tree = table(
        ["PATH_TO_ROOT", "SEQUENCE", "IMMEDIATE_PARENT", "CODE", "CODE_TEXT"],
        ["", "1", "", "LP1-1", "Sodium"],
        ["LP1-1", "1", "LP1-1", "1-8", "Sodium"],
    )
    write(tmp_path / "AccessoryFiles/ComponentHierarchyBySystem/ComponentHierarchyBySystem.csv", tree)
    return tmp_path


def test_codes_have_names_of_each_kind_and_axes(read, release):
    held = read("loinc", release)
    assert held.names("1-8", "name") == ['Sodium, "made up" in Serum']
    assert held.names("1-8", "related") == ["Na", "Serum"]
    assert held.names("1-8", "consumer") == ["Salt", "Salt in blood"]
    assert ("1-8", "SYSTEM", "Ser") in held.facts
    assert held.concepts["1-8"].kind == "CHEM"


def test_the_release_is_the_newest_version_by_number_and_not_by_letter(read, release):
    assert read("loinc", release).release == "2.81"


def test_a_deprecated_code_is_inactive_and_leads_to_another(read, release):
    held = read("loinc", release)
    assert not held.concepts["2-6"].active
    assert held.targets("2-6", "replaced_by") == ["1-8"]


def test_parts_and_hierarchy_are_read_where_they_are_there(read, release):
    held = read("loinc", release)
    assert held.concepts["LP1-1"].kind == "part"
    assert held.targets("1-8", "part_component") == ["LP1-1"]
    assert held.targets("1-8", "is_a") == ["LP1-1"]


def test_columns_may_stand_in_any_order(read, release, tmp_path_factory):
    rows = [HEADER, [*SODIUM, "2.81"], [*OLD, "2.9"]]
    other = write(tmp_path_factory.mktemp("turned") / "Loinc.csv", table(*(row[::-1] for row in rows)))
    first = read("loinc", release / "LoincTable/Loinc.csv").rows
    assert read("loinc", other).rows == first


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("LONG_COMMON_NAME", "NAME"), r"Loinc.csv:1: column 'LONG_COMMON_NAME' is missing"),
        (lambda text: text[:-20], r"Loinc.csv:3.*cut off|Loinc.csv:3:10: 10 columns"),
        (lambda text: text.replace('"2-6"', '"two"'), r"Loinc.csv:3: the LOINC_NUM is no LOINC code"),
    ],
)
def test_a_broken_table_is_refused_with_its_line(read, release, change, message):
    path = release / "LoincTable/Loinc.csv"
    path.write_text(change(path.read_text()))
    with pytest.raises(FormatError, match=message):
        read("loinc", release)


def test_the_public_subset_reads(read, shared_data):
    held = read("loinc", shared_data / "terminology/loinc")
    assert len(held.concepts) == 1_521
    assert held.release == ""
