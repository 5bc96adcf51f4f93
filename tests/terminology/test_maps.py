"""Rules of an ExtendedMap: one target a group, nothing guessed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtext.errors import ConfigError, UnknownCodeError
from medtext.terminology.build import Edition, build_terminology
from medtext.terminology.entries import Link
from medtext.terminology.maps import Patient, crosswalk, follow
from medtext.terminology.readers import reader
from medtext.terminology.readers.files import Files
from medtext.terminology.rows import MAP, LinkRow
from medtext.terminology.store import Terminology
from tests.releases import CORE, TABULAR, TO_ICD10CM, rf2, uuid, write

AT_ONSET = "IFA 445518008 | Age at onset of clinical finding (observable entity) |"
NOW = "IFA 424144002 | Current chronological age (observable entity) |"
FEMALE, MALE = "IFA 248152002 | Female (finding) |", "IFA 248153007 | Male (finding) |"
TOE = "IFA 11 | Toe ache |"


def rule(text, target="A00", group=1, priority=1, **told):
    return Link(MAP, "ICD10CM", target, group, priority, text, **told)


def ladder(*texts, group=1):
    """Rules of falling priority, the first to A01, the second to A02 …"""
    return [rule(text, f"A0{number}", group, number) for number, text in enumerate(texts, start=1)]


CONDITIONS = [MALE, FEMALE, TOE, "TRUE", "OTHERWISE TRUE", f"{MALE} AND {TOE}", f"{AT_ONSET} >= 2.0 years AND {FEMALE}"]
CONDITIONS += [f"{AT_ONSET} {sign} {number} {unit}" for sign in ("<", ">=") for number, unit in
               (("28.0", "days"), ("12.0", "months"), ("18.0", "years"))]  # fmt: skip
RULES = st.lists(
    st.builds(
        rule, st.sampled_from(CONDITIONS), st.sampled_from(["A01", "A02", ""]), st.integers(1, 2), st.integers(1, 4)
    ),
    max_size=6,
)
PATIENTS = st.builds(
    Patient,
    st.sampled_from(["female", "male"]),
    st.floats(0, 100),
    st.sets(st.sampled_from(["11", "12"])).map(frozenset),
)


def plain(text, patient):
    """Whether a rule holds for a patient of whom all is known, read as a person would."""
    held = []
    for part in text.split(" AND "):
        if "TRUE" in part:
            held.append(True)
        elif "Age" in part:
            sign, number, unit = part.rpartition("| ")[2].split()
            age = patient.age * {"days": 365.25, "months": 12, "years": 1}[unit]
            held.append(age < float(number) if sign == "<" else age >= float(number))
        elif "Toe" in part:
            held.append("11" in patient.findings)
        else:
            held.append(patient.sex == ("female" if "Female" in part else "male"))
    return all(held)


@settings(max_examples=60)
@given(RULES, PATIENTS)
def test_of_whom_all_is_known_the_first_rule_that_holds_decides(rules, patient):
    for found in follow(rules, patient):
        group = sorted((one for one in rules if one.group == found.group), key=lambda one: one.priority)
        target = next((one.target for one in group if plain(one.rule, patient)), "")
        assert (found.code.code if found.code else "") == target
        assert (found.needs, found.options) == ((), ())


@settings(max_examples=60)
@given(RULES, PATIENTS, st.sets(st.sampled_from(["sex", "age", "findings"])))
def test_what_is_not_known_leaves_the_answer_the_same_or_open(rules, patient, hidden):
    known = {name: getattr(patient, name) for name in ("sex", "age", "findings") if name not in hidden}
    for full, part in zip(follow(rules, patient), follow(rules, Patient(**known)), strict=True):
        assert part.group == full.group
        if part.needs:
            assert part.code is None
            assert full.code is None or full.code in part.options
        else:
            assert part.code == full.code


def test_each_group_gives_one_target_the_lowest_priority_first():
    rules = [*ladder("TRUE", "OTHERWISE TRUE"), *ladder("OTHERWISE TRUE", group=2)]
    assert [str(one.code) for one in follow(reversed(rules), Patient())] == ["ICD10CM:A01", "ICD10CM:A01"]


@pytest.mark.parametrize(
    ("text", "patient", "holds"),
    [
        (f"{AT_ONSET} < 18.0 years", Patient(age=17.9), True),
        (f"{AT_ONSET} < 18.0 years", Patient(age=18), False),
        (f"{AT_ONSET} <= 28.0 days", Patient(age=20 / 365.25), True),
        (f"{AT_ONSET} <= 28.0 days", Patient(age=0.1), False),
        (f"{AT_ONSET} < 24.0 months", Patient(age=1.5), True),
        (f"{NOW} >= 65.0 years", Patient(age=65), True),
        (f"{AT_ONSET} >= 12.0 years AND {AT_ONSET} < 19.0 years", Patient(age=12), True),
        (f"{AT_ONSET} >= 12.0 years AND {AT_ONSET} < 19.0 years", Patient(age=19), False),
        (f"{FEMALE} AND {AT_ONSET} < 19.0 years", Patient(sex="male"), False),
        (MALE, Patient(sex="male"), True),
        ("IFA 248153007|Male (finding)|", Patient(sex="female"), False),
        (TOE, Patient(findings=frozenset({"11"})), True),
        (TOE, Patient(findings=frozenset()), False),
    ],
)
def test_a_rule_is_read_as_it_says(text, patient, holds):
    (found,) = follow(ladder(text, "OTHERWISE TRUE"), patient)
    assert str(found.code) == ("ICD10CM:A01" if holds else "ICD10CM:A02")


@pytest.mark.parametrize(
    ("text", "needs"),
    [
        (MALE, ("sex",)),
        (f"{AT_ONSET} < 18.0 years", ("age",)),
        (f"{FEMALE} AND {AT_ONSET} < 18.0 years", ("sex", "age")),
        (TOE, ("whether SNOMED:11 Toe ache",)),
        ("IF THE MOON IS FULL", ("someone to read the rule 'IF THE MOON IS FULL'",)),
        (f"{AT_ONSET} < a few years", (f"someone to read the rule '{AT_ONSET} < a few years'",)),
    ],
)
def test_what_a_rule_lacks_is_named_and_never_guessed(text, needs):
    (found,) = follow(ladder(text, "OTHERWISE TRUE"), Patient())
    assert (found.code, found.needs) == (None, needs)
    assert [str(code) for code in found.options] == ["ICD10CM:A01", "ICD10CM:A02"]


def test_what_changes_nothing_need_not_be_known():
    rules = [rule(MALE, "A01", priority=1), rule("OTHERWISE TRUE", "A01", priority=2)]
    assert str(follow(rules, Patient())[0].code) == "ICD10CM:A01"
    assert follow(rules, Patient())[0].needs == ()


def test_a_rule_that_asks_for_the_code_itself_holds():
    (found,) = follow(ladder(TOE, "OTHERWISE TRUE"), Patient(), own="11")
    assert str(found.code) == "ICD10CM:A01"


def test_a_group_none_of_whose_rules_holds_has_no_target():
    (found,) = follow([rule(MALE)], Patient(sex="female"))
    assert (found.code, found.needs, found.options) == (None, (), ())


def test_advice_and_category_are_the_sources_own():
    (found,) = follow(
        [rule("TRUE", "", advice="UNCLEAR | ASK A CODER ", category="source concept is ambiguous")], Patient()
    )
    assert found.code is None
    assert found.advice == ("UNCLEAR", "ASK A CODER")
    assert found.describe() == {
        "group": 1, "category": "source concept is ambiguous", "rule": "TRUE", "advice": ["UNCLEAR", "ASK A CODER"],
    }  # fmt: skip


@pytest.mark.parametrize("given", [{"sex": "m"}, {"age": -1}, {"age": "40"}, {"age": float("nan")}])
def test_a_patient_that_cannot_be_is_refused(given):
    with pytest.raises(ConfigError):
        Patient(**given)


def row(number, code, text, target, *, group="1", priority="1", advice="", category="447637006"):
    return [uuid(number), "20200101", "1", CORE, TO_ICD10CM, code, group, priority, text, advice, target, "", category]


@pytest.fixture
def snomed(tmp_path):
    rows = [
        row(1, "12", FEMALE, "N94.9", category="447639009"),
        row(2, "12", "OTHERWISE TRUE", "N50.9", priority="2"),
        row(3, "12", "IFA 10 | Ache |", "R52", group="2"),
        row(4, "11", "TRUE", "S00.1?", advice="ALWAYS S00.1? | EPISODE OF CARE INFORMATION NEEDED"),
        row(5, "10", "TRUE", "", advice="CANNOT BE CLASSIFIED", category="447638001"),
    ]  # fmt: skip
    build_terminology(Edition("rf2", rf2(tmp_path / "release", map=rows)), tmp_path / "snomed")
    return Terminology(tmp_path / "snomed")


def test_a_compiled_release_keeps_rules_and_categories(snomed):
    first, second = crosswalk(snomed, "SNOMED:12", sex="female", findings=["SNOMED:11"])
    assert (str(first.code), first.category, first.rule) == ("ICD10CM:N94.9", "context dependent", FEMALE)
    assert str(second.code) == "ICD10CM:R52", "an ache of the toe is an ache"
    (none,) = crosswalk(snomed, "SNOMED:10")
    assert (none.code, none.category) == (None, "cannot be classified with available data")
    assert crosswalk(snomed, "SNOMED:12", system="ICD10") == ()
    with pytest.raises(UnknownCodeError):
        crosswalk(snomed, "SNOMED:99")


def test_a_code_without_its_seventh_character_says_so_and_which_there_are(snomed, tmp_path):
    (alone,) = crosswalk(snomed, "SNOMED:11")
    assert alone.needs == ("the seventh character: which encounter",)
    build_terminology(Edition("icd10cm", write(tmp_path / "icd10cm-tabular-2030.xml", TABULAR)), tmp_path / "icd")
    (found,) = crosswalk(snomed, "SNOMED:11", targets=Terminology(tmp_path / "icd"))
    assert str(found.code) == "ICD10CM:S00.1"
    assert [str(code) for code in found.options] == ["ICD10CM:S00.1XXA", "ICD10CM:S00.1XXD"]


def test_the_public_sample_of_maps(shared_data):
    files = Files([shared_data / "terminology/snomed_rf2_map_sample"])
    maps = [one for one in reader("rf2").rows(files) if isinstance(one, LinkRow) and one.relation == MAP]
    found = {}
    for one in maps:
        told = (one.target_system, one.target, one.group, one.priority, one.rule, one.advice, one.category)
        found[one.code] = follow([Link(MAP, *told)], Patient())
    assert {code: (str(one.code or ""), one.category) for code, (one,) in found.items()} == {
        "211339002": ("ICD10:S80.8", "properly classified"),
        "37535007": ("ICD10:Q99.9", "properly classified"),
        "299741008": ("", "cannot be classified with available data"),
        "1208339007": ("ICD10:G11.1", "properly classified"),
    }
    assert found["211339002"][0].advice == ("ALWAYS S80.8", "POSSIBLE REQUIREMENT FOR AN EXTERNAL CAUSE CODE")
