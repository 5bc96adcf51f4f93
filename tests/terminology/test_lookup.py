"""Codes one level at a time: from a compiled terminology, and from a table of concepts."""

import pytest

from medtext.errors import UnknownCodeError
from medtext.span import Code
from medtext.terminology.concepts import load_concepts
from medtext.terminology.lookup import ConceptsTree


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
