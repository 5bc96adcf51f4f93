"""RxNorm names come apart into ingredients, strengths, form and brand; mentions are read in RxNorm's words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medtext.terminology.drugs import DrugContext, drug_rules, strengths_of

RULES = drug_rules()


@pytest.mark.parametrize(
    ("name", "ingredients", "strengths", "form", "brand"),
    [
        ("furosemide 40 MG Oral Tablet [Lasix]", ("furosemide",), {(40.0, "mg")}, "tablet", "lasix"),
        ("piperacillin / tazobactam Injection", ("piperacillin", "tazobactam"), set(), "injection", ""),
        ("amlodipine 5 MG / valsartan 160 MG Oral Tablet", ("amlodipine", "valsartan"), {(5.0, "mg"), (160.0, "mg")},
         "tablet", ""),
        ("levothyroxine sodium 0.05 MG Oral Tablet", ("levothyroxine sodium",), {(0.05, "mg")}, "tablet", ""),
        ("metformin", ("metformin",), set(), "", ""),
    ],
)  # fmt: skip
def test_a_name_comes_apart(name, ingredients, strengths, form, brand):
    parsed = RULES.parse(name)
    assert (parsed.ingredients, set(parsed.strengths), parsed.form, parsed.brand) == (
        ingredients,
        strengths,
        form,
        brand,
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("40 mg", {(40.0, "mg")}),
        ("40mg", {(40.0, "mg")}),
        ("50 mcg", {(0.05, "mg")}),
        ("1 g", {(1000.0, "mg")}),
        ("1,000 units", {(1000.0, "unit")}),
        ("5 mg/ml", {(5.0, "mg")}),
        ("two tablets", set()),
        ("B12", set()),
    ],
)
def test_strengths_are_read_in_one_unit(text, expected):
    assert strengths_of(text) == expected


@pytest.mark.parametrize(
    ("mention", "reading"),
    [
        ("Furosemide (Lasix)", "furosemide"),
        ("Furosemide (Lasix)", "lasix"),
        ("KCL (Bolus)", "potassium chloride"),
        ("Heparin Sodium", "heparin"),
        ("Insulin - Regular", "insulin, regular, human"),
        ("Sodium Bicarbonate 8.4%", "sodium bicarbonate"),
        ("lisinopril 10 mg tablet", "lisinopril 10 mg oral tablet"),
        ("Acetaminophen-IV", "acetaminophen"),
    ],
)
def test_a_mention_is_read_in_the_words_of_rxnorm(mention, reading):
    assert reading in RULES.read(mention)[0]


def test_a_salt_that_is_the_drug_stays():
    assert RULES.base("potassium chloride") == "potassium chloride"
    assert RULES.base("morphine sulfate") == "morphine"


def test_strength_and_form_agree_or_not():
    name = RULES.parse("lisinopril 10 MG Oral Tablet")
    same = dict(RULES.features(name, DrugContext(strengths_of("10 mg"), "tablet")))
    other = dict(RULES.features(name, DrugContext(strengths_of("20 mg"), "injection")))
    assert set(same) == {"strength same", "form same"}
    assert set(other) == {"strength other", "form other"}


@given(st.text(max_size=60))
def test_any_text_can_be_read(text):
    RULES.parse(text)
    readings, _ = RULES.read(text, strength=text, form=text)
    assert len(set(readings)) == len(readings)
