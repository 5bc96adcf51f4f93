"""Short forms among the entities of a note: read in their place, defined by the note, or left open."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import medtext
from medtext.note import Note
from medtext.span import Source, Span
from medtext.stages.linking import Linking
from medtext.stages.phrases import Phrases
from medtext.stages.sections import Sections
from medtext.stages.sentences import Sentences
from medtext.terminology.abbreviations import Abbreviations
from medtext.terminology.concepts import load_concepts
from medtext.terminology.shortforms import ShortForms

SHORT = ShortForms(Abbreviations.load(), load_concepts())
STAGES = [Sections(), Sentences(), Phrases(), Linking()]


def marked(text):
    """(quote, label, codes) of the entities that phrases and linking give."""
    note = Note("n1", text)
    for stage in STAGES:
        note = stage(note)
    return [(note.text[one.start : one.end], one.label, " ".join(map(str, one.codes))) for one in note.layer("entity")]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Assessment: relapsing MS on interferon-free follow-up.", ("MS", "PROBLEM", "SNOMED:24700007 ICD10CM:G35")),
        ("Vitals: SpO2 98% on RA", None),
        ("PMH: HTN, RA, COPD", ("RA", "PROBLEM", "SNOMED:69896004 ICD10CM:M06.9")),
        ("PT was admitted yesterday.", None),
        ("Plan: refer to PT for gait training", ("PT", "PROCEDURE", "SNOMED:91251008")),
        ("Found down after intentional heroin OD, given naloxone.", ("OD", "PROBLEM", None)),
        ("Meds: lisinopril 10 mg PO OD", None),
        ("PE: Gen: NAD. Lungs clear.", None),
        ("Follow up with PCP in a week.", None),
    ],
)
def test_ms_ra_pt_and_od_are_no_nonsense(text, found):
    short = [one for one in marked(text) if one[0] in ("MS", "RA", "PT", "OD", "PE", "PCP")]
    if found is None:
        assert short == []
    else:
        assert [one[:2] for one in short] == [found[:2]]
        assert found[2] is None or short[0][2] == found[2]


def test_what_is_not_clear_has_candidates_of_each_sense_and_no_code():
    note = Note("n1", "She has MS.")
    for stage in STAGES:
        note = stage(note)
    (span,) = note.layer("entity")
    assert span.codes == ()
    assert {"Multiple sclerosis", "Mitral stenosis"} <= {one.display for one in span.candidates}
    assert {one.match for one in span.candidates} == {"abbreviation"}
    assert [one.by for one in span.sources] == ["rule:abbreviations/unsure@1"]


def test_what_a_note_defines_holds_in_all_of_it():
    text = "CGD again. He has congenital adrenal hyperplasia (CAH). His CAH is stable. Crude growth drops (CGD)."
    assert [one for one in marked(text) if one[0] in ("CAH", "CGD")] == [("CAH", "PROBLEM", "ICD10CM:E25.0")] * 2


def test_a_definition_that_says_otherwise_takes_a_known_short_form_away():
    assert ("CHF", "PROBLEM", "SNOMED:42343007 ICD10CM:I50.9") in marked("Known CHF.")
    assert [one for one in marked("The crisis help force (CHF) came. CHF left.") if one[0] == "CHF"] == []
    assert [one[1] for one in marked("Congestive heart failure (CHF). CHF stable.")] == ["PROBLEM"] * 3


def test_a_longer_match_is_left_as_it_is():
    assert [one[0] for one in marked("Continue PT/OT at home.")] == ["PT/OT"]


def test_without_the_table_short_forms_are_left_alone():
    text = "PE: lungs clear."
    note = Phrases(abbreviations=None)(Note("n1", text))
    assert [one.label for one in note.layer("entity")] == ["PROBLEM", "ANATOMY"]


def test_sources_name_the_dictionary_the_rule_and_its_cues():
    (span,) = Phrases()(Note("n1", "CT for PE")).layer("entity")[1:]
    assert [one.by for one in span.sources] == ["dictionary:" + load_concepts().source.partition(":")[2],
                                               "rule:abbreviations/before+near@1"]  # fmt: skip
    assert span.x == {"expansion": "pulmonary embolism"}


WORDS = [
    "MS",
    "PT",
    "RA",
    "CHF",
    "(CHF)",
    "congestive heart failure",
    "chest pain",
    "98%",
    "on",
    "was",
    ".",
    "\n",
    "é",
    "MIs",
]


@settings(max_examples=60)
@given(st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join), st.booleans())
def test_spans_stay_in_order_and_disjoint_and_what_is_no_short_form_stays(text, dictionary):
    held = [Span(((at, at + 10),), "PROBLEM", sources=(Source("dictionary:x@1"),)) for at in _all(text, "chest pain")]
    made = list(SHORT.read(Note("n1", text), held if dictionary else []))
    ends = [0, *(one.end for one in made)]
    assert all(end <= one.start < one.end <= len(text) for end, one in zip(ends, made, strict=False))
    assert [one for one in made if text[one.start : one.end] == "chest pain"] == (held if dictionary else [])


def _all(text, word):
    at = text.find(word)
    while at >= 0:
        yield at
        at = text.find(word, at + 1)


def test_the_rules_pipeline_reads_them():
    done = medtext.load("rules")(Note("n1", "HPI: relapsing MS, seen by neurology. Denies CP and SOB."))
    assert [done.text[one.start : one.end] for one in done.layer("entity")] == ["MS", "CP", "SOB"]
