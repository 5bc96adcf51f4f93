"""Which forms of a compiled terminology are entities, and under which label."""

import pytest

from medtext.config import parse_yaml
from medtext.errors import ConfigError
from medtext.terminology.build import Edition, build_terminology
from medtext.terminology.labelled import LabelledForms, system_rules
from medtext.terminology.store import Terminology
from tests.releases import rf2

RULES = """
systems:
  SNOMED:
    labels: {finding: PROBLEM, disorder: null, "*": OTHER}
    terms: [name, synonym]
    ordinary: [ACHE]
"""


@pytest.fixture(scope="module")
def snomed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("labelled")
    build_terminology(Edition("rf2", rf2(folder / "release")), folder / "snomed")
    return Terminology(folder / "snomed")


def found(terminology, text, rules=RULES, **labels):
    forms = LabelledForms(terminology, system_rules(parse_yaml(rules), labels), score=0.5)
    return [(text[start:end], label) for start, end, label, _ in next(forms.find_many([text]))]


def test_a_kind_has_its_label_and_names_its_system_and_release(snomed):
    forms = LabelledForms(snomed, system_rules(parse_yaml(RULES), {}), score=0.5)
    ((start, end, label, source),) = next(forms.find_many(["A toe ache."]))
    assert (start, end, label, source.by, source.score) == (2, 10, "PROBLEM", "dictionary:SNOMED@20250301", 0.5)
    assert forms.releases == {"SNOMED": "20250301"}


def test_a_form_that_is_an_ordinary_word_is_left_out_whatever_its_case(snomed):
    assert found(snomed, "ache, Aches") == []
    assert found(snomed, "ache", RULES.replace("ACHE", "toe")) == [("ache", "PROBLEM")]


def test_ones_own_labels_stand_above_the_rules(snomed):
    assert found(snomed, "toe ache", SNOMED={"finding": "FINDING"}) == [("toe ache", "FINDING")]
    assert found(snomed, "toe ache", SNOMED={"finding": None}) == []
    assert found(snomed, "toe ache", "{}", SNOMED={"*": "SIGN"}) == [("toe ache", "SIGN")]


def test_codes_terms_and_systems_that_do_not_count_give_nothing(snomed):
    assert found(snomed, "toe ache", RULES + '    codes: "12|13"\n') == []
    assert found(snomed, "toe ache", RULES.replace("[name, synonym]", "[display]")) == []
    assert found(snomed, "toe ache", RULES.replace("SNOMED", "LOINC")) == []


def test_what_is_remembered_is_bounded_and_nothing_is_lost(snomed, monkeypatch):
    monkeypatch.setattr("medtext.terminology.labelled._HELD", 0)
    forms = LabelledForms(snomed, system_rules(parse_yaml(RULES), {}), score=0.5)
    texts = ["toe ache", "ache", "toe ache, coloured and toe ache"]
    assert [len(one) for one in forms.find_many(texts)] == [1, 0, 2]


def test_a_wrong_rule_or_label_is_refused(snomed):
    with pytest.raises(ConfigError, match=r"unknown key .label. in system X\. Known keys: labels, codes"):
        system_rules(parse_yaml("systems: {X: {label: {}}}"), {})
    with pytest.raises(ConfigError, match="the label of 'finding' in SNOMED must be a name, or null"):
        system_rules(parse_yaml(RULES), {"SNOMED": {"finding": 7}})
    with pytest.raises(ConfigError, match="'SNOMED' must be a mapping"):
        system_rules(parse_yaml(RULES), {"SNOMED": "PROBLEM"})
