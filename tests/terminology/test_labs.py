"""LOINC names come apart into their axes, and a note's specimen, unit and panel meet them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medtext.terminology.labs import LabContext, lab_rules, plain_unit

RULES = lab_rules()


@pytest.mark.parametrize(
    ("name", "axes"),
    [
        ("Glucose [Mass/volume] in Serum or Plasma", ("glucose", "mass/volume", "serum", "", "")),
        ("Sodium [Moles/volume] in Urine", ("sodium", "moles/volume", "urine", "", "")),
        ("Bands/100 leukocytes in Pleural fluid", ("bands/100 leukocytes", "fraction", "pleural fluid", "", "")),
        ("pH of Blood", ("ph", "", "blood", "", "")),
        ("Calcium [Mass/time] in 24 hour Urine", ("calcium", "mass/time", "urine", "", "24 hour")),
        ("Diastolic blood pressure--supine", ("diastolic blood pressure", "", "", "", "supine")),
        ("Cholesterol in HDL [Mass/volume] in Serum or Plasma", ("cholesterol in hdl", "mass/volume", "serum", "", "")),
        ("Hematocrit [Ratio] of Blood by Estimated", ("hematocrit", "ratio", "blood", "estimated", "")),
        ("Respiratory rate", ("respiratory rate", "", "", "", "")),
    ],
)  # fmt: skip
def test_a_long_common_name_comes_apart_into_its_axes(name, axes):
    parsed = RULES.parse(name)
    assert (parsed.component, parsed.property, parsed.specimen, parsed.method, parsed.timing) == axes


def test_people_leave_out_what_a_component_is_divided_by_and_say_what_is_in_brackets():
    assert "cd13" in RULES.parse("CD13 cells/100 cells in Blood").forms
    assert "vitamin b12" in RULES.parse("Cobalamin (Vitamin B12) [Mass/volume] in Serum").forms
    assert "cobalamin" in RULES.parse("Cobalamin (Vitamin B12) [Mass/volume] in Serum").forms


@pytest.mark.parametrize(
    ("unit", "told"),
    [
        ("mg/dL", "mass/volume"),
        ("MG / DL", "mass/volume"),
        ("mmol/L", "moles/volume"),
        ("mEq/L", "moles/volume"),
        ("U/L", "enzymatic activity/volume"),
        ("K/uL", "#/volume"),
        ("10^3/µL", "#/volume"),
        ("%", "fraction"),
        ("mmHg", "partial pressure"),
        ("ng/mL|ng/mL FEU", "mass/volume"),
    ],
)
def test_a_unit_tells_the_property(unit, told):
    assert told in RULES.unit_properties(unit)


def test_an_unknown_unit_tells_nothing():
    assert RULES.unit_properties("furlongs") == ()


@pytest.mark.parametrize(
    ("mention", "specimen", "expected"),
    [
        ("Sodium, Urine", "Blood", "urine"),
        ("Sodium", "CSF", "cerebrospinal fluid"),
        ("ascites albumin", "", "peritoneal fluid"),
        ("venous blood lactate", "", "blood"),
        ("red blood cells", "", ""),
        ("Sodium", "", ""),
    ],
)
def test_the_mention_names_its_specimen_before_the_context_does(mention, specimen, expected):
    assert RULES.read(mention, specimen=specimen)[1].specimen == expected


@pytest.mark.parametrize(
    ("mention", "reading"),
    [("WBC", "leukocytes"), ("K", "potassium"), ("Lymphs#", "lymphocytes"), ("Serum creatinine level", "creatinine"),
     ("Free T4", "thyroxine (t4) free"), ("Urine", "urine")],
)  # fmt: skip
def test_a_mention_is_read_in_the_words_of_loinc(mention, reading):
    assert reading in RULES.read(mention)[0]


def features(name, **told):
    return dict(RULES.features(RULES.parse(name), LabContext(**told)))


def test_specimen_and_property_agree_or_not():
    urine, blood = ("Sodium [Moles/volume] in Urine", "Sodium [Moles/volume] in Serum or Plasma")
    assert "specimen same" in features(urine, specimen="urine")
    assert "specimen other" in features(blood, specimen="urine")
    assert "specimen within serum" in features(blood, specimen="blood")
    assert "panel same" in features(blood, specimen="blood", panel="chemistry")
    assert "property same" in features(blood, properties=("moles/volume",))
    assert "property other" in features(blood, properties=("mass/volume",))


@given(st.text(max_size=60))
def test_any_name_and_any_mention_can_be_read(text):
    assert RULES.parse(text).component == RULES.parse(text).component
    readings, _ = RULES.read(text, specimen=text, unit=text, panel=text)
    assert len(set(readings)) == len(readings)
    assert plain_unit(plain_unit(text)) is not None


@pytest.mark.parametrize(
    ("text", "timings"),
    [
        ("fasting", {"fasting"}),
        ("2 hr post", {"2 hours post"}),
        ("2-hour post meal", {"2 hours post", "post meal"}),
        ("24h urine", {"24 hours"}),
        ("1 hour post 75 g glucose po", {"1 hours post"}),
        ("hours of work; 2 hearts", set()),
        ("", set()),
    ],
)
def test_timing_is_told_by_words_and_hours(text, timings):
    assert RULES.timing(text) == timings


@pytest.mark.parametrize("text", ["2 hr post meal", "24 h", "fasting", "trough", "dipstick, automated"])
def test_what_is_read_of_timing_and_method_reads_as_itself(text):
    for read in (RULES.timing, RULES.method):
        assert read(", ".join(read(text))) == read(text)
