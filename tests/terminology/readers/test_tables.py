"""HCPCS, CPT and tables of one's own."""

import pytest

from medtext.errors import ConfigError, FormatError
from tests.releases import write


def record(code, number, kind, text, *, short="", ended=""):
    line = f"{code:>5}{number:05d}{kind}{text:<80}{short:<28}".ljust(284) + f"{ended:<8}"
    return line.ljust(320) + "\r\n"


RECORDS = "".join(
    [
        "Disclaimer of some kind\r\n\r\n",
        record("A1", 100, 7, "A modifier made up"),
        record("A0001", 100, 3, "A bandage that is long enough to need", short="Bandage"),
        record("A0001", 200, 4, "two records"),
        record("D0120", 100, 3, "A dental code"),
        record("99213", 100, 3, "A visit"),
        record("B0001", 100, 3, "A thing of the past", ended="20200101"),
    ]
)


def test_hcpcs_records_join_their_descriptions(read, tmp_path):
    held = read("hcpcs", write(tmp_path / "HCPC2030.txt", RECORDS))
    assert held.names("A0001", "name") == ["A bandage that is long enough to need two records"]
    assert held.names("A0001", "short") == ["Bandage"]
    assert held.concepts["A1"].kind == "modifier"
    assert not held.concepts["B0001"].active
    assert held.release == "2030"


def test_cpt_and_cdt_rows_are_left_out_and_counted(read, tmp_path):
    table = (
        'HCPC\tLONG DESCRIPTION\tSHORT DESCRIPTION\nA0001\tA bandage 5" long\tBandage\n99213\tA visit\t\nD0120\tA\t\n'
    )
    for path in (write(tmp_path / "a/HCPC2030.txt", RECORDS), write(tmp_path / "b/hcpcs_2030.tsv", table)):
        held = read("hcpcs", path)
        assert "99213" not in held.concepts
        assert "D0120" not in held.concepts
        assert held.left_out == {"CPT codes, which are the AMA's": 1, "CDT codes, which are the ADA's": 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (RECORDS[:-200], r"HCPC.txt:8: \d+ characters; a record has 320"),
        (RECORDS + "something else\r\n", r"HCPC.txt:9:1: this is no HCPCS record"),
        (RECORDS + record("B0002", 200, 4, "no first record"), r"HCPC.txt:9:1: a description goes on"),
        ("nothing of the kind\n", r"HCPC.txt:1: no HCPCS code is in the file"),
    ],
)
def test_broken_hcpcs_records_are_refused_with_their_line(read, tmp_path, text, message):
    with pytest.raises(FormatError, match=message):
        read("hcpcs", write(tmp_path / "HCPC.txt", text))


def test_the_public_hcpcs_records_and_table_agree(read, shared_data):
    folder = shared_data / "terminology/hcpcs"
    records, table = read("hcpcs", folder / "HCPC2019_CONTR_ANWEB.txt"), read("hcpcs", folder / "hcpcs_2019.tsv")
    assert records.concepts.keys() == table.concepts.keys()
    assert len(records.concepts) == 6_800


def test_a_licensed_cpt_list_is_read_below_its_notices(read, tmp_path):
    text = (
        "A notice, of the owner\n\nConcept Id\tCPT Code\tLong\tMedium\tShort\tConsumer\n1\t00000\tMade up\t\tMU\tMade\n"
    )
    held = read("cpt", write(tmp_path / "Consolidated_Code_List_2030.txt", text))
    assert [(one.name, one.kind) for one in held.terms] == [("Made up", "name"), ("MU", "short"), ("Made", "consumer")]
    assert held.release == "2030"


def test_a_table_that_is_no_cpt_list_is_refused(read, tmp_path):
    with pytest.raises(FormatError, match=r"x.csv:2: the code is not a CPT code"):
        read("cpt", write(tmp_path / "x.csv", "code,description\nA0001,Bandage\n"))
    with pytest.raises(FormatError, match="no line names the column"):
        read("cpt", write(tmp_path / "x.csv", "a,b\n1,2\n"))


OWN = 'item,label,also,up,state,colour\n7,"Kit, large",big kit|kit,,1,red\n8,Small kit,,7,retired,\n'
COLUMNS = {"code": "item", "name": "label", "synonyms": "also", "parent": "up", "active": "state"}


def test_a_table_of_ones_own_is_read_by_its_column_map(read, tmp_path):
    held = read("table", write(tmp_path / "own.csv", OWN), system="LOCAL", columns=COLUMNS)
    assert held.names("7") == ["Kit, large", "big kit", "kit"]
    assert held.targets("8", "is_a") == ["7"]
    assert [row.active for row in held.concepts.values()] == [True, False]
    assert held.facts == [("7", "colour", "red")]


def test_semantic_tags_become_kinds(read, tmp_path):
    path = write(tmp_path / "own.tsv", "10\tAche (finding)\n")
    held = read("table", path, system="SNOMED", header=["code", "name"], tags=True)
    assert [(row.name, row.kind, row.preferred) for row in held.terms] == [
        ("Ache (finding)", "fsn", False),
        ("Ache", "name", True),
    ]
    assert held.concepts["10"].kind == "finding"


@pytest.mark.parametrize(
    ("text", "columns", "message"),
    [
        ("code,name\n1\n", None, r"own.csv:2:1: 1 columns, but the header has 2"),
        ("code,name\n1,\n", None, r"own.csv:2: the code or the name is not one"),
        ("code,name\na b,x\n", None, r"own.csv:2: the code or the name is not one"),
        ("code,label\n1,x\n", None, r"own.csv:1: which columns hold code and name"),
        ("code,label\n1,x\n", {"code": "code", "name": "title"}, "column 'title' is missing"),
        ("", None, "the file is empty"),
    ],
)
def test_a_broken_table_is_refused_with_its_line(read, tmp_path, text, columns, message):
    with pytest.raises(FormatError, match=message):
        read("table", write(tmp_path / "own.csv", text), system="LOCAL", columns=columns)


def test_an_unknown_meaning_lists_the_known_ones(read, tmp_path):
    with pytest.raises(ConfigError, match=r"Unknown meaning 'colour' of a column. Meanings: code, name"):
        read("table", write(tmp_path / "own.csv", "a,b\n1,2\n"), system="LOCAL", columns={"colour": "a"})


def test_the_public_global_patient_set(read, shared_data):
    path = shared_data / "terminology/snomed_gps/gps.tsv"
    held = read("table", path, system="SNOMED", header=["code", "name"], tags=True)
    assert held.names("29857009", "name") == ["Chest pain"]
    assert held.concepts["29857009"].kind == "finding"
