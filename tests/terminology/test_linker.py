import pytest
from hypothesis import given
from hypothesis import strategies as st

from medtext.span import Candidate, Code
from medtext.terminology.concepts import Concept, Concepts
from medtext.terminology.linker import Linker, choose
from medtext.terminology.wording import Wording, stem

WORDING = Wording(
    empty=frozenset({"of", "the", "and"}),
    modifiers=frozenset({"severe", "his"}),
    opposites=(("hypo-", "hyper-"), ("acute", "chronic"), ("left", "right")),
    spellings={"ae": "e", "oe": "e"},
)


def concept(label, name, codes, *synonyms):
    return Concept(label, name, synonyms, tuple(map(Code.parse, codes.split())))


CONCEPTS = Concepts(
    "own",
    "1",
    (
        concept("PROBLEM", "Hypertension", "SNOMED:1 ICD10CM:I10", "HTN", "high blood pressure"),
        concept("PROBLEM", "Type 1 diabetes mellitus", "ICD10CM:E10.9", "type 1 diabetes"),
        concept("PROBLEM", "Hyperthyroidism", "ICD10CM:E05.90"),
        concept("PROBLEM", "Shortness of breath", "ICD10CM:R06.02"),
        concept("PROBLEM", "Cough", "ICD10CM:R05.9"),
        concept("PROBLEM", "Severe cough", "ICD10CM:R05.8"),
        concept("PROBLEM", "Acute pancreatitis", "ICD10CM:K85.90"),
        concept("PROBLEM", "Anemia", "ICD10CM:D64.9"),
        concept("MEDICATION", "Acetaminophen-codeine", "RXNORM:161 RXNORM:2670 SNOMED:9"),
        concept("TEST", "Potassium", "LOINC:2823-3"),
        concept("PROBLEM", "Headache", "ICD10CM:R51.9"),
        concept("PROBLEM", "Hives", "ICD10CM:L50.9"),
        concept("PROBLEM", "HIV infection", "ICD10CM:B20", "HIV"),
    ),
    {"ICD10CM": "2026", "SNOMED": "gps"},
)
SYSTEMS = {"PROBLEM": ["SNOMED", "ICD10CM"], "MEDICATION": ["RXNORM"], "DISEASE": ["ICD10CM"], "DOSE": []}


@pytest.fixture(scope="module")
def linker():
    return Linker(CONCEPTS, systems=SYSTEMS, wording=WORDING)


def best(linker, mention, label="PROBLEM"):
    found = linker.candidates(mention, label)
    return (found[0].display, found[0].match) if found else None


@pytest.mark.parametrize(
    ("mention", "expected"),
    [
        ("HYPERTENSION", ("Hypertension", "exact")),
        ("high  blood\npressure", ("Hypertension", "exact")),
        ("breath shortness", ("Shortness of breath", "normalised")),
        ("severe shortness-of-breath", ("Shortness of breath", "normalised")),
        ("severe cough", ("Severe cough", "exact")),
        ("his coughs", ("Cough", "normalised")),
        ("anaemia", ("Anemia", "normalised")),
        ("headaches", ("Headache", "normalised")),
        ("hives", ("Hives", "exact")),
        ("hypertenssion", ("Hypertension", "spelling")),
        ("hpyertension", ("Hypertension", "spelling")),
        ("hyperetnsion", ("Hypertension", "spelling")),
        ("pancreatitis", ("Acute pancreatitis", "partial")),
        ("type 2 diabetes", None),
        ("hypothyroidism", None),
        ("chronic pancreatitis", None),
        ("broken toe", None),
        ("!!", None),
        ("", None),
    ],
)
def test_a_mention_finds_its_concept(linker, mention, expected):
    assert best(linker, mention) == expected


def test_candidates_carry_code_name_match_and_release(linker):
    first, second = linker.candidates("htn", "PROBLEM")
    assert first == Candidate(Code("SNOMED", "1"), "Hypertension", first.score, "exact", "gps")
    assert second == Candidate(Code("ICD10CM", "I10"), "Hypertension", second.score, "exact", "2026")
    assert first.score > 0.95


def test_codes_are_those_of_the_systems_of_the_label(linker):
    found = linker.candidates("acetaminophen codeine", "MEDICATION")
    assert [str(one.code) for one in found] == ["RXNORM:161", "RXNORM:2670"]


def test_a_label_finds_only_concepts_of_its_own(linker):
    assert linker.candidates("potassium", "PROBLEM") == ()


def test_a_label_that_the_concepts_do_not_know_finds_all_with_its_code_systems(linker):
    assert best(linker, "hypertension", "DISEASE") == ("Hypertension", "exact")
    assert linker.candidates("potassium", "DISEASE") == ()


@pytest.mark.parametrize("label", ["DOSE", "NOTHING"])
def test_labels_without_code_systems_are_not_linked(linker, label):
    assert linker.candidates("hypertension", label) == ()


def test_no_more_candidates_of_a_system_than_asked_for(linker):
    one = Linker(CONCEPTS, systems=SYSTEMS, wording=WORDING, limit=1)
    found = one.candidates("cough of the chest", "PROBLEM")
    assert len(found) == len({candidate.code.system for candidate in found}) == 1
    assert best(one, "breath") == best(linker, "breath")


@given(st.text(max_size=80))
def test_scores_fall_and_stay_between_0_and_1(mention):
    scores = [one.score for one in Linker(CONCEPTS, systems=SYSTEMS, wording=WORDING).candidates(mention, "PROBLEM")]
    assert scores == sorted(scores, reverse=True)
    assert all(0 < score <= 1 for score in scores)


@given(st.sampled_from([form for one in CONCEPTS.concepts if one.label == "PROBLEM" for form in one.forms]))
def test_every_form_finds_its_own_concept_exactly(form):
    found = Linker(CONCEPTS, systems=SYSTEMS, wording=WORDING).candidates(form.upper(), "PROBLEM")
    assert form in next(one.forms for one in CONCEPTS.concepts if one.name == found[0].display)
    assert found[0].match == "exact"


def scored(code, display, score):
    return Candidate(Code.parse(code), display, score)


@pytest.mark.parametrize(
    ("candidates", "chosen"),
    [
        ([], []),
        ([scored("A:1", "X", 0.7)], []),
        ([scored("A:1", "X", 0.9), scored("B:1", "X", 0.9), scored("A:2", "Y", 0.8)], ["A:1", "B:1"]),
        ([scored("A:1", "X", 0.9), scored("A:2", "Y", 0.9)], []),
        ([scored("A:1", "X", 0.9), scored("B:1", "Z", 0.85), scored("B:2", "Y", 0.1)], ["A:1", "B:1"]),
        ([Candidate(Code("A", "1"), "X", 0.99, "partial")], []),
    ],
)
def test_codes_are_chosen_when_one_concept_is_sure_and_alone(candidates, chosen):
    assert [str(code) for code in choose(candidates, 0.8)] == chosen


@pytest.mark.parametrize(
    ("one", "many"),
    [("biopsy", "biopsies"), ("headache", "headaches"), ("rash", "rashes"), ("diagnosis", "diagnoses"), ("toe", "toes"),
     ("abscess", "abscesses"), ("virus", "viruses"), ("cyst", "cysts"), ("eye", "eyes")],
)  # fmt: skip
def test_singular_and_plural_share_a_stem(one, many):
    assert stem(one) == stem(many)


def test_what_one_source_knows_for_sure_hides_what_is_merely_alike_in_another():
    sure = Concepts("one", "1", (concept("PROBLEM", "Hypertension", "ICD10CM:I10"),), {})
    alike = Concepts("two", "1", (concept("PROBLEM", "Portal hypertension", "ICD10CM:K76.6"),), {})
    for sources in ([sure, alike], [alike, sure]):
        found = Linker(sources, systems=SYSTEMS, wording=WORDING).candidates("hypertension", "PROBLEM")
        assert [str(one.code) for one in found] == ["ICD10CM:I10"]
    (found,) = Linker(alike, systems=SYSTEMS, wording=WORDING).candidates("hypertension", "PROBLEM")
    assert (str(found.code), found.match) == ("ICD10CM:K76.6", "partial")
