"""A terminology as a tree to choose from."""

import pytest

from medtext.errors import ConfigError
from medtext.terminology.build import Edition, build_terminology
from medtext.terminology.store import Terminology
from medtext.terminology.tree import taxonomy_items
from tests.releases import TABULAR, write


@pytest.fixture
def icd(tmp_path):
    build_terminology(Edition("icd10cm", write(tmp_path / "icd10cm-tabular-2030.xml", TABULAR)), tmp_path / "icd")
    return Terminology(tmp_path / "icd")


def aliases(items):
    return [alias for one in items for alias in (one["alias"], *aliases(one.get("children", [])))]


def test_every_concept_stands_once_below_its_parent(icd):
    items, left = taxonomy_items(icd)
    assert sorted(aliases(items)) == [str(one.code) for one in icd]
    assert left == 0
    assert items[0] == {
        "value": "Viruses made up",
        "alias": "ICD10CM:B20-B29",
        "children": [{"value": "Virus disease", "alias": "ICD10CM:B20"}],
    }


def test_the_tree_is_cut_by_level_and_says_what_did_not_fit(icd):
    items, left = taxonomy_items(icd, limit=5)
    assert sorted(aliases(items)) == [f"ICD10CM:{one}" for one in ("B20", "B20-B29", "S00-S09", "S00-T88")]
    assert len(aliases(items)) + left == len(icd)


def test_a_tree_may_begin_at_any_code(icd):
    items, _ = taxonomy_items(icd, roots=["ICD10CM:S00.1"])
    assert aliases(items) == ["ICD10CM:S00.1", "ICD10CM:S00.1XXA", "ICD10CM:S00.1XXD"]


def test_too_many_roots_are_refused(icd):
    with pytest.raises(ConfigError, match="2 concepts have no parent"):
        taxonomy_items(icd, limit=1)
