"""`medtext terminology …`"""

import json

import pytest

from medtext.cli import main
from medtext.terminology import build as building
from tests.inference.tiny_encoder import tiny_encoder
from tests.releases import TABULAR, rf2, write


@pytest.fixture
def folder(tmp_path, capsys):
    path = write(tmp_path / "icd10cm-tabular-2030.xml", TABULAR)
    assert main(["terminology", "build", "icd10cm", str(path), "-o", str(tmp_path / "icd")]) == 0
    told = capsys.readouterr().err
    assert "National Center for Health Statistics" in told
    assert "icd: 14 concepts" in told
    return tmp_path / "icd"


def test_icd10cm_is_built_without_files_into_the_folder_of_those_with_a_name(tmp_path, monkeypatch, capsys):
    path = write(tmp_path / "icd10cm-tabular-2030.xml", TABULAR)
    monkeypatch.setattr(building, "packaged_icd10cm", lambda: building.Edition("icd10cm", path))
    monkeypatch.setenv("MEDTEXT_TERMINOLOGIES", str(tmp_path / "home"))
    assert main(["terminology", "list"]) == 0
    assert "no compiled terminology in" in capsys.readouterr().err
    assert main(["terminology", "build", "icd10cm"]) == 0
    assert main(["terminology", "list"]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'home' / 'icd10cm'}\tICD10CM 2030\t14 concepts\tpublic domain\n"
    assert main(["terminology", "show", "icd10cm", "ICD10CM:S00.1"]) == 0
    assert main(["terminology", "build", "icd10cm"]) == 2
    assert "icd10cm exists. Pass --overwrite to replace it." in capsys.readouterr().err


def test_list_tells_release_size_and_licence(folder, capsys):
    assert main(["terminology", "list", str(folder.parent)]) == 0
    assert capsys.readouterr().out == f"{folder}\tICD10CM 2030\t14 concepts\tpublic domain\n"


def test_vectors_encodes_the_names_once_and_says_where_they_lie(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MEDTEXT_TERMINOLOGIES", str(tmp_path / "home"))
    model = tiny_encoder(tmp_path / "tiny", [["bump"], ["brow"]])
    for _ in range(2):
        assert main(["terminology", "vectors", str(folder), "--model", str(model)]) == 0
        told = capsys.readouterr().err
        (made,) = (tmp_path / "home" / ".vectors").iterdir()
        assert f"{made}: " in told
        assert told.rstrip().endswith(" names")
    assert main(["terminology", "vectors", str(folder), "--model", str(tmp_path)]) == 2
    assert "needs model.onnx and tokenizer.json" in capsys.readouterr().err


def test_search_prints_codes_and_ends_with_1_when_there_are_none(folder, capsys):
    assert main(["terminology", "search", str(folder), "brow", "bump"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "ICD10CM:S00.1\tBump of brow\tcode\t"
    assert main(["terminology", "search", str(folder), "unheard"]) == 1


def test_show_prints_what_is_known_of_a_code(folder, capsys):
    assert main(["terminology", "show", str(folder), "ICD10CM:S00.1"]) == 0
    out = capsys.readouterr().out
    assert "name: Bump of brow" in out
    assert "- Brow bump [inclusion]" in out
    assert "- ICD10CM:S00.1XXA Bump of brow, initial encounter" in out
    assert main(["terminology", "show", str(folder), "ICD10CM:X99"]) == 2
    assert "holds no code 'ICD10CM:X99'" in capsys.readouterr().err


def test_tree_prints_items_and_says_what_did_not_fit(folder, capsys):
    assert main(["terminology", "tree", str(folder), "ICD10CM:S00", "--limit", "3"]) == 0
    captured = capsys.readouterr()
    (item,) = json.loads(captured.out)["items"]
    assert [one["alias"] for one in item["children"]] == ["ICD10CM:S00.1", "ICD10CM:S00.2"]
    assert "4 concepts below did not fit" in captured.err


def test_diff_prints_a_line_a_change(folder, tmp_path, capsys):
    path = write(tmp_path / "next/icd10cm-tabular-2031.xml", TABULAR.replace("2030", "2031").replace("Brow", "Great b"))
    path.write_text(path.read_text().replace("Bump of chin", "Chin bump"))
    assert main(["terminology", "build", "icd10cm", str(path), "-o", str(tmp_path / "new")]) == 0
    capsys.readouterr()
    assert main(["terminology", "diff", str(folder), str(tmp_path / "new")]) == 0
    captured = capsys.readouterr()
    assert captured.out == "renamed\tICD10CM:S00.2\tChin bump\tBump of chin\tChin bump\n"
    assert "0 added, 0 removed, 0 retired, 0 restored, 1 renamed" in captured.err
    assert main(["terminology", "diff", str(folder), str(tmp_path / "new"), "--kind", "added"]) == 0
    assert capsys.readouterr().out == ""


def test_a_table_is_built_with_its_options(tmp_path, capsys):
    path = write(tmp_path / "own.csv", "item,label\n7,Kit\n")
    command = ["terminology", "build", "table", str(path), "-o", str(tmp_path / "own"), "--option", "system=LOCAL"]
    assert main([*command, "--column", "code=item", "--column", "name=label", "--release", "5"]) == 0
    assert main(["terminology", "show", str(tmp_path / "own"), "LOCAL:7"]) == 0
    assert "release: '5'" in capsys.readouterr().out


def test_wrong_use_ends_with_2_and_says_how(tmp_path, capsys):
    out = str(tmp_path / "out")
    assert main(["terminology", "build", "loinc", "-o", out]) == 2
    assert "Give the release files of loinc. Only icd10cm comes with medtext." in capsys.readouterr().err
    assert main(["terminology", "build", "rf2", str(tmp_path / "none"), "-o", out]) == 2
    assert "there is no such file or folder" in capsys.readouterr().err
    cut = rf2(tmp_path / "release", concept=[["10", "20200101", "1", "0", "0"]])
    assert main(["terminology", "build", "rf2", str(cut), "-o", out]) == 2
    assert "Pass --partial for an extension" in capsys.readouterr().err


def test_show_follows_the_rules_of_a_map(tmp_path, capsys):
    build = ["terminology", "build", "rf2", str(rf2(tmp_path / "release")), "-o", str(tmp_path / "snomed")]
    assert main(build) == 0
    show = ["terminology", "show", str(tmp_path / "snomed"), "SNOMED:12", "--crosswalk"]
    assert main(show) == 0
    out = capsys.readouterr().out
    assert "- whether SNOMED:11 Toe" in out.partition("crosswalk:")[2]
    assert main([*show, "ICD10", "--sex", "female", "--age", "40"]) == 0
    assert "crosswalk: []" in capsys.readouterr().out
