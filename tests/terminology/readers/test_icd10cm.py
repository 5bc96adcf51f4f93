"""ICD-10-CM: order file, tabular list and indexes."""

import importlib.util
from pathlib import Path

import pytest

from medtext.errors import FormatError
from tests.releases import ORDER, TABULAR, write

INDEX = """<ICD10CM.index><version>2030</version><letter><title>B</title>
<mainTerm><title>Bump<nemod>(acquired)</nemod></title><code>S00.-</code>
<term level="1"><title>brow</title><code>S00.1</code></term><term level="1"><title>chin</title><see>Chin</see></term>
</mainTerm></letter></ICD10CM.index>"""
DRUGS = """<ICD10CM.index><version>2030</version><indexHeading>
<head col="1">Substance</head><head col="2">Accident</head>
</indexHeading><letter><mainTerm><title>Madeupine</title>
<cell col="2">S00.2</cell><cell col="3">--</cell></mainTerm>
</letter></ICD10CM.index>"""


@pytest.fixture
def tabular(tmp_path):
    return write(tmp_path / "icd10cm-tabular-2030.xml", TABULAR)


@pytest.fixture
def order(tmp_path):
    return write(tmp_path / "icd10cm_order_2030.txt", ORDER)


def test_the_tabular_list_gives_codes_chapters_and_sections(read, tabular):
    held = read("icd10cm", tabular)
    assert held.release == "2030"
    assert {code: row.kind for code, row in held.concepts.items() if row.kind != "code"} == {
        "S00-T88": "chapter",
        "S00-S09": "section",
        "B20-B29": "chapter",
    }
    assert held.targets("S00", "is_a") == ["S00-S09"]
    assert held.targets("S00-S09", "is_a") == ["S00-T88"]
    assert held.names("S00.1", "inclusion") == ["Brow bump"]
    assert ("S00", "includes", "bump of skull") in held.facts
    assert ("S00.21", "excludes1", "small bump (S00.1)") in held.facts


def test_seventh_characters_are_put_on_every_code_below_and_filled_up_with_x(read, tabular):
    held = read("icd10cm", tabular)
    assert [code for code in held.concepts if code.startswith("S00.1")] == ["S00.1", "S00.1XXA", "S00.1XXD"]
    assert held.names("S00.1XXA") == ["Bump of brow, initial encounter"]
    assert held.targets("S00.1XXA", "is_a") == ["S00.1"]


def test_a_code_with_seventh_characters_of_its_own_takes_no_others(read, tabular):
    held = read("icd10cm", tabular)
    assert [code for code in held.concepts if code.startswith("S00.2")] == ["S00.2", "S00.21", "S00.21X1"]


def test_a_death_has_no_later_encounter(read, tabular):
    assert [code for code in read("icd10cm", tabular).concepts if code.startswith("S06.")] == ["S06.1X7", "S06.1X7A"]


def test_only_whole_codes_are_billable(read, tabular):
    held = read("icd10cm", tabular)
    assert {code for code, row in held.concepts.items() if row.billable} == {
        "S00.1XXA",
        "S00.1XXD",
        "S00.21X1",
        "S06.1X7A",
        "B20",
    }


def test_a_section_of_one_category_is_that_category(read, tabular):
    held = read("icd10cm", tabular)
    assert held.names("B20") == ["Virus disease"]
    assert held.targets("B20", "is_a") == ["B20-B29"]


def test_the_order_file_gives_names_billability_and_parents(read, order):
    held = read("icd10cm", order)
    assert {code: row.billable for code, row in held.concepts.items()} == {
        "B20": True,
        "S00": False,
        "S00.1": False,
        "S00.1XXA": True,
    }
    assert held.names("S00.1XXA") == ["Bump of brow, initial encounter", "Bump brow, init"]
    assert held.targets("S00.1XXA", "is_a") == ["S00.1"]
    assert held.release == "2030"


def test_order_file_and_tabular_list_of_one_year_go_together(read, order, tabular):
    held = read("icd10cm", order, tabular)
    assert held.targets("S00.1XXA", "is_a") == ["S00.1"]


def test_files_of_two_years_are_refused(read, tmp_path, tabular):
    other = write(tmp_path / "icd10cm_order_2029.txt", ORDER)
    with pytest.raises(FormatError, match=r"several releases: icd10cm_order_2029.txt \(2029\), .* \(2030\)"):
        read("icd10cm", other, tabular)


def test_two_tabular_lists_are_refused(read, tmp_path, tabular):
    other = write(tmp_path / "icd10cm-tabular-2029.xml", TABULAR)
    with pytest.raises(FormatError, match="2 files are a tabular list"):
        read("icd10cm", other, tabular)


def test_index_entries_are_terms_of_their_codes(read, tmp_path, tabular):
    index = write(tmp_path / "icd10cm-index-2030.xml", INDEX)
    drugs = write(tmp_path / "icd10cm-drug-2030.xml", DRUGS)
    held = read("icd10cm", tabular, index, drugs)
    found = {(row.code, row.name) for row in held.terms if row.kind == "index"}
    assert found == {("S00", "Bump"), ("S00.1", "Bump, brow"), ("S00.2", "Madeupine, Accident")}


def test_a_cut_tabular_list_is_refused_with_line_and_column(read, tabular):
    tabular.write_text(TABULAR[:-200])
    with pytest.raises(FormatError, match=r"icd10cm-tabular-2030.xml:\d+:\d+: the XML is broken"):
        read("icd10cm", tabular)


def test_another_xml_is_refused(read, tabular):
    tabular.write_text("<a><b/></a>")
    with pytest.raises(FormatError, match="holds no chapter"):
        read("icd10cm", tabular)


@pytest.mark.parametrize(
    ("line", "column"),
    [
        ("x0005 S002    1 Bump", 1),
        ("00005 S0/2    1 Bump", 7),
        ("00005 S002    2 Bump", 78),
        ("00005 S002    1 Bump", 78),
    ],
)
def test_a_broken_line_of_the_order_file_is_refused_with_its_place(read, order, line, column):
    order.write_text(f"{ORDER}{line}\n")
    with pytest.raises(FormatError, match=rf"icd10cm_order_2030.txt:5:{column}: this is no line"):
        read("icd10cm", order)


def test_without_any_file_of_it_the_expected_names_are_told(read, tmp_path):
    with pytest.raises(FormatError, match="neither an order file nor a tabular list"):
        read("icd10cm", tmp_path)


def test_the_expanded_tabular_list_has_exactly_the_codes_of_the_published_list(read, shared_data):
    """All 98,444 of them: an independent list comes with the package that carries the same tabular list."""
    spec = importlib.util.find_spec("simple_icd_10_cm")
    if spec is None:
        pytest.skip("the package simple-icd-10-cm is not installed")
    listed = (Path(spec.origin).parent / "data" / "code-list-April-2026.txt").read_text().split()
    expected = {code for code in listed if not code.isdigit()}
    held = read("icd10cm", shared_data / "terminology/icd10cm/icd10c-tabular-April-1-2026.xml")
    assert {code.replace(".", "") for code, row in held.concepts.items() if row.kind != "chapter"} == expected


def test_the_tabular_list_agrees_with_the_order_file_on_what_is_billable(read, shared_data):
    """Of the 74,260 billable codes of 2025, those 28 differ that 2026 has deleted or divided."""
    folder = shared_data / "terminology/icd10cm"
    order = read("icd10cm", folder / "icd10cm_order_2025.txt").concepts
    tabular = read("icd10cm", folder / "icd10c-tabular-April-1-2026.xml").concepts
    assert len(order) == 97_584
    billable = {code for code, row in order.items() if row.billable}
    differs = {code for code in billable if code not in tabular or not tabular[code].billable}
    assert len(differs) == 28
    assert not {code for code, row in order.items() if not row.billable and code in tabular and tabular[code].billable}
