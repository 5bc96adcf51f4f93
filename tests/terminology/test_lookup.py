"""Codes one level at a time: from a compiled terminology, and from a table of concepts."""

import pytest

from medtext.errors import UnknownCodeError
from medtext.span import Code
from medtext.terminology.build import Edition, build_terminology
from medtext.terminology.concepts import load_concepts
from medtext.terminology.lookup import ConceptsTree, TerminologyTree
from medtext.terminology.store import Terminology
from tests.releases import rf2


@pytest.fixture(scope="module")
def tree():
    return ConceptsTree(load_concepts("starter"))


def test_every_code_of_the_concepts_is_in_the_tree_and_is_read_back(tree):
    concepts = load_concepts("starter")
    for level in tree.items([]):
        assert level["isLeaf"] is False
        below = tree.items([level["value"]])
        found = {Code.parse(one["value"].partition(" ")[0]) for one in below}
        assert found == {code for one in concepts.concepts if one.label == level["value"] for code in one.codes}
        assert len(found) == len(below)
        assert all(one["isLeaf"] for one in below)


def test_nothing_lies_below_a_code_and_an_unknown_label_is_told(tree):
    assert tree.items(["PROBLEM", "ICD10CM:I10 x"]) == []
    with pytest.raises(UnknownCodeError):
        tree.items(["NOTHING"])


def test_words_are_found_in_any_order(tree):
    found = [one["value"] for one in tree.search("PAIN chest")]
    assert any("Chest pain" in one for one in found)
    assert tree.search("") == tree.search("qwertz") == []
    assert len(tree.search("a", limit=3)) == 3


@pytest.fixture
def snomed(tmp_path):
    build_terminology(Edition("rf2", rf2(tmp_path / "release")), tmp_path / "snomed")
    return Terminology(tmp_path / "snomed")


def test_a_compiled_terminology_is_opened_a_level_at_a_time(snomed):
    tree = TerminologyTree(snomed)
    path, seen = [], []
    while items := tree.items(path):
        one = next((item for item in items if not item["isLeaf"]), items[0])
        seen.append(one["value"])
        path.append(one["value"])
    assert [value.partition(" ")[0] for value in seen] == ["SNOMED:10", "SNOMED:11", "SNOMED:12"]
    assert seen[1] == "SNOMED:11 Toe ache"


def test_the_tree_may_begin_at_a_code_and_holds_no_retired_one(snomed):
    (item,) = TerminologyTree(snomed, roots=["SNOMED:11"]).items([])
    assert item == {"value": "SNOMED:11 Toe ache", "isLeaf": False}
    every = [entry for entry in snomed if not entry.active]
    assert every
    below = [
        one["value"].partition(" ")[0] for root in ([], ["SNOMED:10"]) for one in TerminologyTree(snomed).items(root)
    ]
    assert not {str(entry.code) for entry in every} & set(below)
    for roots, path in ((["SNOMED:99999"], None), ([], ["SNOMED:99999 x"])):
        with pytest.raises(UnknownCodeError):
            TerminologyTree(snomed, roots=roots).items(path or [])


def test_a_level_is_cut_at_the_limit_and_names_are_searched(snomed):
    assert len(TerminologyTree(snomed, limit=1).items([])) == 1
    assert TerminologyTree(snomed).search("toe ache")[0]["value"] == "SNOMED:11 Toe ache"
