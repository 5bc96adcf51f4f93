"""Forms that are ordinary words, and that no list takes a diagnosis, a drug or a test away."""

import pytest

from medtext.config import read_yaml
from medtext.terminology.concepts import load_concepts
from medtext.terminology.readers import about
from medtext.terminology.stopwords import EVERY, folded_form, stop_forms

SYSTEMS = ("SNOMED", "ICD10CM", "RXNORM", "LOINC", "HCPCS")


@pytest.mark.parametrize("system", SYSTEMS)
def test_ordinary_words_are_stopped_in_every_system(system):
    assert {
        "other",
        "may",
        "can",
        "cold",
        "lead",
        "fall",
        "patient",
        "history of",
        "past medical history",
    } <= stop_forms(system)


@pytest.mark.parametrize(
    ("system", "form"),
    [
        ("ICD10CM", "axis"),
        ("RXNORM", "Water"),
        ("RXNORM", "Thrive"),
        ("SNOMED", "Male"),
        ("HCPCS", "Short"),
        ("CPT", "no"),
    ],
)
def test_what_the_terminologies_name_and_notes_do_not_mean_is_stopped(system, form):
    assert folded_form(form) in stop_forms(system)


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize(
    "form", ["pain", "fever", "cough", "nausea", "sepsis", "stroke", "edema", "fracture", "aspirin"]
)
def test_symptoms_diseases_and_drugs_stay(system, form):
    assert form not in stop_forms(system)


def test_each_form_is_listed_once_and_as_it_is_compared():
    top = read_yaml(_file())
    for name in top:
        if name != "version":
            forms = top[name]
            assert all(isinstance(form, str) for form in forms), name
            assert [form for form in forms if form != folded_form(form)] == [], name
            assert len(set(forms)) == len(forms), name


def test_few_names_of_concepts_are_stopped_and_all_of_them_general():
    names = {folded_form(one.name) for one in load_concepts().concepts if one.label in ("PROBLEM", "MEDICATION")}
    stopped = {name for system in SYSTEMS for name in names & stop_forms(system)}
    assert stopped == {"oxygen"}, "RxNorm names it as a drug; the concept table still finds it"


def _file():
    from importlib.resources import files

    return files("medtext.terminology.rules").joinpath("stopwords.yaml")


def test_the_lists_are_for_systems_that_are_known():
    known = {
        system
        for reader in ("rf2", "icd10cm", "loinc", "rxnorm", "hcpcs", "cpt")
        for system in about(reader)["systems"]
    }
    assert set(read_yaml(_file())) - {"version", EVERY} <= known
