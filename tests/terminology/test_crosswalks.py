"""Codes by map in linking: what is settled is chosen, what stands open is proposed, what is retired is followed."""

import pickle

import pytest

from medtext.errors import ConfigError
from medtext.note import Note
from medtext.span import Candidate, Code, Span
from medtext.stages.linking import Linking
from medtext.stages.linking.patient import PatientReader
from medtext.terminology.build import Edition, build_terminology
from medtext.terminology.crosswalks import Crosswalks
from medtext.terminology.maps import Patient, crosswalk
from medtext.terminology.store import Terminology
from tests.releases import CORE, REPLACED_BY, ROWS, TABULAR, TO_ICD10CM, rf2, uuid, write

FEMALE = "IFA 248152002 | Female (finding) |"
ONSET = "IFA 445518008 | Age at onset of clinical finding (observable entity) |"


def row(number, code, text, target, *, group="1", priority="1", advice=""):
    return [
        uuid(number),
        "20200101",
        "1",
        CORE,
        TO_ICD10CM,
        code,
        group,
        priority,
        text,
        advice,
        target,
        "",
        "447637006",
    ]


MAPS = [
    row(1, "11", f"{FEMALE} AND {ONSET} >= 18.0 years", "N94.9"),
    row(2, "11", FEMALE, "N94.8", priority="2"),
    row(3, "11", "OTHERWISE TRUE", "N50.9", priority="3"),
    row(4, "12", "TRUE", "S00.1?", advice="ALWAYS S00.1? | EPISODE OF CARE INFORMATION NEEDED"),
    row(5, "10", "TRUE", "R52"),
    row(6, "10", "TRUE", "Z99.8", group="2"),
]  # fmt: skip


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    place = tmp_path_factory.mktemp("maps")
    build_terminology(Edition("rf2", rf2(place / "release", map=MAPS)), place / "snomed")
    build_terminology(Edition("icd10cm", write(place / "icd10cm-tabular-2030.xml", TABULAR)), place / "icd10cm")
    return place


def stage(folders, *names, **options):
    return Linking(terminology=[folders / name for name in names or ("snomed",)], **options)


def linked(linking, text, **meta):
    note = Note("n", text, meta=meta).add([Span(((0, len(text)),), "PROBLEM")])
    (span,) = linking(note).spans
    return span


def codes(span, system="ICD10CM"):
    return [code.code for code in span.codes if code.system == system]


def mapped(span):
    return [
        (one.code.code, one.match) for one in span.candidates if one.code.system == "ICD10CM" and one.match == "map"
    ]


@pytest.mark.parametrize(
    ("meta", "expected"),
    [
        ({"sex": "female", "age": 40}, ["N94.9"]),
        ({"sex": "F", "age": "17 years old"}, ["N94.8"]),
        ({"sex": "male"}, ["N50.9"]),
        ({"sex": "female"}, []),
        ({"age": 40}, []),
        ({"sex": "unknown", "age": "old"}, []),
        ({}, []),
    ],
)
def test_age_and_sex_of_the_note_choose_and_what_is_not_known_is_not_guessed(folders, meta, expected):
    span = linked(stage(folders), "toe ache", **meta)
    assert codes(span, "SNOMED") == ["11"]
    assert codes(span) == expected
    assert mapped(span), "the codes that remain are proposed"
    if not expected:
        assert len(mapped(span)) > 1


def test_the_keys_of_age_and_sex_are_the_callers(folders):
    linking = stage(folders, patient={"sex": "gender", "age": "age_at_visit"})
    assert codes(linked(linking, "toe ache", gender="male", sex="female")) == ["N50.9"]
    assert codes(linked(linking, "toe ache", gender="female", age_at_visit="90+")) == ["N94.9"]
    with pytest.raises(ConfigError, match="height"):
        stage(folders, patient={"height": "cm"})


def test_all_groups_of_a_map_are_chosen_together(folders):
    span = linked(stage(folders), "ache")
    assert codes(span) == ["R52", "Z99.8"]
    score = next(one.score for one in span.candidates if one.code.system == "SNOMED")
    assert {one.score for one in span.candidates if one.match == "map"} == {score}


def test_an_open_seventh_character_is_proposed_and_not_chosen(folders):
    span = linked(stage(folders, "snomed", "icd10cm"), "ache of big toe")
    assert codes(span, "SNOMED") == ["12"]
    assert codes(span) == []
    assert [code for code, _ in mapped(span)] == ["S00.1XXA", "S00.1XXD"]
    told = next(one for one in span.candidates if one.match == "map")
    assert told.display
    assert told.release == "2030"


def test_a_retired_code_is_mapped_as_what_replaces_it(folders):
    opened = Terminology(folders / "snomed")
    assert not opened["SNOMED:13"].active
    (target,) = crosswalk(opened, "SNOMED:13", sex="male")
    assert str(target.code) == "ICD10CM:N50.9"
    old = Candidate(Code("SNOMED", "13"), "Old toe ache", 0.9, "exact")
    found, chosen = Crosswalks([opened]).extend([old], [old.code], Patient(sex="male"), 0.8)
    assert [str(one.code) for one in found] == ["SNOMED:13", "ICD10CM:N50.9"]
    assert list(map(str, chosen)) == ["SNOMED:13", "ICD10CM:N50.9"]


def test_codes_that_replace_each_other_in_a_circle_end(tmp_path):
    circle = [
        [uuid(1), "20240101", "1", CORE, REPLACED_BY, "13", "14"],
        [uuid(2), "20240101", "1", CORE, REPLACED_BY, "14", "13"],
    ]
    concepts = [*ROWS["concept"], ["14", "20240101", "0", CORE, "900000000000074008"]]
    names = [*ROWS["description"], ["141", "20200101", "1", CORE, "14", "en", "900000000000003001", "Older ache", "0"]]
    release = rf2(tmp_path / "release", map=MAPS, association=circle, concept=concepts, description=names)
    build_terminology(Edition("rf2", release), tmp_path / "snomed")
    assert crosswalk(Terminology(tmp_path / "snomed"), "SNOMED:13") == ()


def test_a_code_that_the_name_itself_has_led_to_stays(folders):
    before = [
        Candidate(Code("SNOMED", "10"), "Ache", 0.9, "exact"),
        Candidate(Code("ICD10CM", "R51"), "", 0.9, "exact"),
    ]
    taken = [one.code for one in before]
    found, chosen = Crosswalks([Terminology(folders / "snomed")]).extend(before, taken, Patient(), 0.8)
    assert chosen == tuple(taken)
    assert {"R52", "Z99.8"} <= {one.code.code for one in found}


def test_what_is_not_sure_itself_chooses_nothing(folders):
    ache = Candidate(Code("SNOMED", "10"), "Ache", 0.5, "exact")
    _, chosen = Crosswalks([Terminology(folders / "snomed")]).extend([ache], [ache.code], Patient(), 0.8)
    assert chosen == (ache.code,)


def test_a_candidate_that_a_map_makes_surer_is_the_maps(folders):
    held = [
        Candidate(Code("SNOMED", "10"), "Ache", 0.9, "exact"),
        Candidate(Code("ICD10CM", "R52"), "", 0.1, "partial"),
    ]
    found, _ = Crosswalks([Terminology(folders / "snomed")]).extend(held, [held[0].code], Patient(), 0.8)
    assert [(one.match, one.score) for one in found if one.code.code == "R52"] == [("map", 0.9)]


def test_what_a_person_has_accepted_gets_candidates_only(folders):
    note = Note("n", "ache").add([Span(((0, 4),), "PROBLEM", status="accepted", codes=(Code("SNOMED", "10"),))])
    (span,) = stage(folders)(note).spans
    assert span.codes == (Code("SNOMED", "10"),)
    assert ("R52", "map") in mapped(span)


def test_terminologies_without_maps_change_nothing(folders):
    assert not Crosswalks([Terminology(folders / "icd10cm")])
    assert not Crosswalks([])


def test_a_stage_with_maps_can_be_sent_to_another_process(folders):
    linking = stage(folders)
    span = linked(linking, "ache")
    assert linked(pickle.loads(pickle.dumps(linking)), "ache") == span


@pytest.mark.parametrize(
    ("told", "age"),
    [
        (40, 40.0),
        ("40", 40.0),
        ("90+", 90.0),
        ("3 y", 3.0),
        ("7 months", None),
        (True, None),
        (-1, None),
        ("200", None),
    ],
)
def test_an_age_is_read_in_years_or_not_at_all(told, age):
    assert PatientReader({}).read(Note("n", "", meta={"age": told})).age == age


def test_the_public_sample_of_maps_brings_candidates(shared_data, tmp_path):
    sample = shared_data / "terminology/snomed_rf2_map_sample"
    (real,) = sample.glob("Refset/Map/*ExtendedMap*")
    known = ["211339002", "37535007", "299741008", "1208339007"]
    concepts = [[code, "20200101", "1", CORE, "900000000000074008"] for code in known]
    names = [
        [f"9{n}", "20200101", "1", CORE, code, "en", "900000000000003001", f"Concept {code}", "0"]
        for n, code in enumerate(known)
    ]
    made = rf2(
        tmp_path / "release",
        concept=concepts,
        description=names,
        relationship=[],
        language=[],
        association=[],
        map=None,
    )
    build_terminology(Edition("rf2", [*made.rglob("*.txt"), real]), tmp_path / "snomed")
    maps = Crosswalks([Terminology(tmp_path / "snomed")], system="ICD10")
    led = {}
    for code in known:
        one = Candidate(Code("SNOMED", code), "", 0.95, "exact")
        found, chosen = maps.extend([one], [one.code], Patient(), 0.8)
        led[code] = [str(candidate.code) for candidate in found[1:]], len(chosen) - 1
    assert led == {
        "211339002": (["ICD10:S80.8"], 1),
        "37535007": (["ICD10:Q99.9"], 1),
        "299741008": ([], 0),
        "1208339007": (["ICD10:G11.1"], 1),
    }
