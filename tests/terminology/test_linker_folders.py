"""One linker over concepts and compiled terminologies: restrictions, replacements, context, abbreviations."""

import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtext.errors import FormatError
from medtext.note import Note, Relation
from medtext.span import Code, Span
from medtext.stages.linking import Linking
from medtext.terminology.build import Edition, build_terminology
from medtext.terminology.concepts import Concept, Concepts
from medtext.terminology.linker import Linker, Restriction
from medtext.terminology.readings import Context
from medtext.terminology.store import Terminology
from tests.releases import TABULAR, rf2, write
from tests.shared import folder as shared

SYSTEMS = {
    "PROBLEM": ["SNOMED", "ICD10CM"],
    "TEST": ["LOINC"],
    "MEDICATION": ["RXNORM"],
}
LABS = """LOINC_NUM,LONG_COMMON_NAME,STATUS
2951-2,Sodium [Moles/volume] in Serum or Plasma,ACTIVE
2955-3,Sodium [Moles/volume] in Urine,ACTIVE
2947-0,Sodium [Moles/volume] in Blood,ACTIVE
2345-7,Glucose [Mass/volume] in Serum or Plasma,ACTIVE
14749-6,Glucose [Moles/volume] in Serum or Plasma,ACTIVE
5792-7,Glucose [Mass/volume] in Urine by Test strip,ACTIVE
6690-2,Leukocytes [#/volume] in Blood by Automated count,ACTIVE
26464-8,Leukocytes [#/volume] in Blood,ACTIVE
1111-1,Sodium old [Moles/volume] in Serum or Plasma,DEPRECATED
"""
DRUGS = """rxcui\ttty\tname
29046\tIN\tlisinopril
104377\tSCD\tlisinopril 10 MG Oral Tablet
314077\tSCD\tlisinopril 20 MG Oral Tablet
316151\tSCDC\tlisinopril 10 MG
4603\tIN\tfurosemide
202991\tBN\tLasix
"""


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    place = tmp_path_factory.mktemp("terminologies")
    (place / "Loinc.csv").write_text(LABS)
    (place / "MapTo.csv").write_text("LOINC,MAP_TO,COMMENT\n1111-1,2951-2,\n")
    (place / "drugs.tsv").write_text(DRUGS)
    columns = {"code": "rxcui", "name": "name", "kind": "tty"}
    editions = {
        "snomed": Edition("rf2", rf2(place / "release")),
        "icd10cm": Edition("icd10cm", write(place / "icd10cm-tabular-2030.xml", TABULAR)),
        "loinc": Edition("loinc", [place / "Loinc.csv", place / "MapTo.csv"]),
        "rxnorm": Edition("table", place / "drugs.tsv", options={"system": "RXNORM", "columns": columns}),
    }
    for name, edition in editions.items():
        build_terminology(edition, place / name)
    return {name: place / name for name in editions}


@pytest.fixture(scope="module")
def linker(folders):
    return Linker(list(folders.values()), systems=SYSTEMS)


def codes(found):
    return [str(one.code) for one in found]


def test_every_name_of_a_compiled_terminology_finds_its_concept(folders, linker):
    for name, label in (("snomed", "PROBLEM"), ("icd10cm", "PROBLEM"), ("rxnorm", "MEDICATION")):
        for entry in Terminology(folders[name]):
            for form in entry.names if entry.active else ():
                assert str(entry.code) in codes(linker.candidates(form, label))


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(sorted(SYSTEMS)), st.text(max_size=40) | st.sampled_from(["toe ache", "sodium", "lisinopril 10 mg"])
)
def test_candidates_are_sorted_unique_and_within_the_limit(linker, label, mention):
    found = linker.candidates(mention, label, Context(specimen=mention, unit=mention, strength=mention))
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    assert len({one.code for one in found}) == len(found)
    assert all(codes(found).count(one) == 1 for one in codes(found))
    for system in SYSTEMS[label]:
        scores = [one.score for one in found if one.code.system == system]
        assert len(scores) <= 5
        assert sum(scores) <= 1.0005


def test_a_label_may_take_some_kinds_or_what_lies_below_a_code_alone(folders):
    def found(rule, mention):
        one = Linker(folders["snomed"], systems=SYSTEMS, restrictions={"PROBLEM": {"SNOMED": rule}})
        return codes(one.candidates(mention, "PROBLEM"))

    assert found(Restriction(), "ache of big toe")[0] == "SNOMED:12"
    assert "SNOMED:12" not in found(Restriction(kinds=("finding",)), "ache of big toe")
    assert "SNOMED:10" not in found(Restriction(under=("11",)), "ache")
    assert "SNOMED:12" in found(Restriction(under=("11",)), "ache of big toe")


def test_a_retired_concept_is_proposed_as_the_one_that_replaces_it(linker):
    (first, *_) = linker.candidates("old toe ache", "PROBLEM")
    assert (str(first.code), first.display, first.match) == ("SNOMED:11", "Toe ache", "exact")
    found = linker.candidates("sodium old", "TEST", Context(specimen="serum"))
    assert codes(found)[0] == "LOINC:2951-2"
    assert "LOINC:1111-1" not in codes(found)


@pytest.mark.parametrize(
    ("mention", "context", "code"),
    [
        ("sodium", Context(specimen="urine"), "2955-3"),
        ("sodium, urine", Context(), "2955-3"),
        ("sodium", Context(specimen="Blood", panel="Chemistry"), "2951-2"),
        ("glucose", Context(specimen="serum", unit="mg/dL"), "2345-7"),
        ("glucose", Context(specimen="serum", unit="mmol/L"), "14749-6"),
        ("glucose", Context(specimen="urine"), "5792-7"),
        ("WBC", Context(unit="K/uL", panel="hematology", specimen="blood"), "6690-2"),
    ],
)
def test_specimen_unit_and_panel_choose_among_tests(linker, mention, context, code):
    assert codes(linker.candidates(mention, "TEST", context))[0] == f"LOINC:{code}"


GLUCOSE = """LOINC_NUM,LONG_COMMON_NAME,STATUS
2345-7,Glucose [Mass/volume] in Serum or Plasma,ACTIVE
1558-6,Fasting glucose [Mass/volume] in Serum or Plasma,ACTIVE
1521-4,Glucose [Mass/volume] in Serum or Plasma --2 hours post meal,ACTIVE
1518-0,Glucose [Mass/volume] in Serum or Plasma --2 hours post 75 g glucose PO,ACTIVE
1507-3,Glucose [Mass/volume] in Serum or Plasma --1 hour post 75 g glucose PO,ACTIVE
2341-6,Glucose [Mass/volume] in Blood by Test strip manual,ACTIVE
2339-0,Glucose [Mass/volume] in Blood,ACTIVE
2889-4,Protein [Mass/time] in 24 hour Urine,ACTIVE
2888-6,Protein [Mass/volume] in Urine,ACTIVE
20578-1,Vancomycin [Mass/volume] in Serum or Plasma,ACTIVE
4090-7,Vancomycin [Mass/volume] in Serum or Plasma --peak,ACTIVE
4092-3,Vancomycin [Mass/volume] in Serum or Plasma --trough,ACTIVE
"""
BLOOD = {"specimen": "blood", "unit": "mg/dL"}


@pytest.fixture(scope="module")
def timed(tmp_path_factory):
    place = tmp_path_factory.mktemp("timed")
    (place / "Loinc.csv").write_text(GLUCOSE)
    build_terminology(Edition("loinc", place / "Loinc.csv", "2.80"), place / "loinc")
    return place / "loinc"


@pytest.mark.parametrize(
    ("mention", "context", "code"),
    [
        ("glucose", Context(specimen="serum", unit="mg/dL"), "2345-7"),
        ("1 hour post glucose", Context(specimen="serum"), "1507-3"),
        ("glucose", Context(specimen="serum", timing="1 hr after 75 g"), "1507-3"),
        ("2h postprandial glucose", Context(specimen="serum"), "1521-4"),
        ("fasting glucose", Context(), "1558-6"),
        ("glucose", Context(**BLOOD), "2339-0"),
        ("glucose", Context(**BLOOD, method="fingerstick"), "2341-6"),
        ("24 hr urine protein", Context(), "2889-4"),
        ("protein", Context(specimen="urine", unit="mg/dL"), "2888-6"),
        ("vancomycin", Context(specimen="serum"), "20578-1"),
        ("vancomycin trough", Context(), "4092-3"),
        ("vancomycin", Context(timing="pre-dose"), "4092-3"),
        ("vancomycin peak", Context(), "4090-7"),
    ],
)
def test_timing_and_method_choose_among_tests(timed, mention, context, code):
    linker = Linker(timed, systems=SYSTEMS)
    assert codes(linker.candidates(mention, "TEST", context))[0] == f"LOINC:{code}"


def test_the_stage_reads_timing_and_method_beside_a_test(timed):
    text = "vancomycin (trough) 12 ug/mL\nfingerstick blood glucose 140 mg/dL"
    spans = [
        Span(((start, start + len(word)),), "TEST")
        for word in ("vancomycin", "glucose")
        for start in [text.index(word)]
    ]
    one, two = Linking(terminology=timed)(Note("n", text).add(spans)).spans
    first = [next(c.code.code for c in span.candidates if c.code.system == "LOINC") for span in (one, two)]
    assert first == ["4092-3", "2341-6"]


@pytest.mark.parametrize(
    ("mention", "context", "code"),
    [
        ("lisinopril", Context(), "29046"),
        ("lisinopril", Context(strength="10 mg"), "316151"),
        ("lisinopril", Context(strength="10 mg", form="tablet"), "104377"),
        ("lisinopril 20 mg tablet", Context(), "314077"),
        ("Furosemide (Lasix)", Context(), "4603"),
    ],
)
def test_strength_and_form_choose_among_drugs(linker, mention, context, code):
    assert codes(linker.candidates(mention, "MEDICATION", context))[0] == f"RXNORM:{code}"


def test_where_a_name_is_found_as_it_stands_nothing_merely_alike_is_proposed(linker):
    found = [one for one in linker.candidates("ache", "PROBLEM") if one.code.system == "SNOMED"]
    assert [one.match for one in found] == ["exact"]


def test_a_drug_that_is_found_as_it_stands_brings_nothing_merely_alike(linker):
    for mention in ("lisinopril", "lisinopril tablet", "Furosemide (Lasix)"):
        assert {one.match for one in linker.candidates(mention, "MEDICATION")} <= {"exact", "normalised"}
    assert {one.match for one in linker.candidates("lisinoprill", "MEDICATION")} & {"spelling", "partial"}


def test_what_a_table_knows_without_a_code_of_a_system_is_not_taken_for_something_alike(folders):
    known = Concept("PROBLEM", "Ache of the old toe", (), (Code("ICD10CM", "R52"),))
    alike = Concept("PROBLEM", "Ache of the big toe", (), (Code("SNOMED", "12"),))
    found = Linker(Concepts("own", "1", (known, alike), {}), systems=SYSTEMS).candidates(
        "ache of the old toe", "PROBLEM"
    )
    assert codes(found) == ["ICD10CM:R52"]


def test_abbreviations_are_written_out_by_whoever_knows_them(folders):
    senses = {"TA": ["toe ache"]}
    linker = Linker(folders["snomed"], systems=SYSTEMS, abbreviations=lambda short: senses.get(short, ()))
    first = linker.candidates("TA", "PROBLEM")[0]
    assert (str(first.code), first.match) == ("SNOMED:11", "abbreviation")
    assert linker.candidates("XY", "PROBLEM") == ()


def test_a_table_of_concepts_and_a_folder_are_asked_together(folders):
    concepts = Concepts("own", "1", (Concept("PROBLEM", "Sore toe", (), (Code("SNOMED", "11"),)),), {"SNOMED": "own"})
    linker = Linker([concepts, folders["snomed"]], systems=SYSTEMS)
    first = linker.candidates("sore toe", "PROBLEM")[0]
    assert (str(first.code), first.display, first.release) == ("SNOMED:11", "Sore toe", "own")
    found = codes(linker.candidates("toe ache", "PROBLEM"))
    assert found[0] == "SNOMED:11"
    assert len(found) == len(set(found))


def test_a_heading_gives_way_to_a_code_that_can_be_billed(linker):
    found = [one for one in linker.candidates("bump of skull", "PROBLEM") if one.code.system == "ICD10CM"]
    assert found == sorted(found, key=lambda one: -one.score)


def test_a_pickled_linker_answers_the_same(linker):
    again = pickle.loads(pickle.dumps(linker))
    for mention, label in (("toe ache", "PROBLEM"), ("sodium", "TEST"), ("lasix", "MEDICATION")):
        assert again.candidates(mention, label) == linker.candidates(mention, label)


def test_a_folder_without_a_candidate_index_is_refused(folders, tmp_path):
    build_terminology(Edition("rf2", rf2(tmp_path / "release")), tmp_path / "old")
    one = Linker(tmp_path / "old", systems=SYSTEMS)
    (tmp_path / "old" / "candidates" / "candidates.json").unlink()
    with pytest.raises(FormatError, match="Build the terminology again"):
        one.candidates("toe", "PROBLEM")


def test_the_stage_reads_unit_specimen_and_dose_beside_a_mention(folders):
    text = "Urine sodium 40 mmol/L, glucose 99 mg/dL\nlisinopril 10 mg tablet daily"
    note = Note("n", text)

    def at(quote, label, span_id):
        start = text.index(quote)
        return Span(((start, start + len(quote)),), label, id=span_id)

    spans = [at("sodium", "TEST", "e1"), at("glucose", "TEST", "e2"), at("99 mg/dL", "VALUE", "e3")]
    spans += [at("lisinopril", "MEDICATION", "e4"), at("10 mg", "DOSE", "e5")]
    note = note.add(spans, relations=[Relation("value_of", "e3", "e2"), Relation("dose_of", "e5", "e4")])
    linked = Linking(terminology=[folders["loinc"], folders["rxnorm"]])(note)
    first = {(span.id, one.code.system): one.code.code for span in linked.spans for one in reversed(span.candidates)}
    assert first["e1", "LOINC"] == "2955-3"
    assert first["e2", "LOINC"] == "2345-7"
    assert first["e4", "RXNORM"] == "104377"


def test_names_of_the_patient_set_lead_to_their_concepts(tmp_path):
    if shared() is None:
        pytest.skip("the shared data is not here (set MEDTEXT_DATA to its folder)")
    lines = (shared() / "terminology/snomed_gps/gps.tsv").read_text("utf-8").splitlines()[::13]
    (tmp_path / "gps.tsv").write_text("\n".join(lines) + "\n", "utf-8")
    options = {"system": "SNOMED", "header": ["code", "name"], "tags": True}
    build_terminology(Edition("table", tmp_path / "gps.tsv", options=options), tmp_path / "gps")
    linker = Linker(tmp_path / "gps", systems={"ANY": ["SNOMED"]}, limit=20)
    for line in lines[::7]:
        code, name = line.split("\t")[:2]
        assert f"SNOMED:{code}" in codes(linker.candidates(name.rpartition(" (")[0], "ANY"))
