"""Short forms with several senses: MS, RA, PT and OD must not become nonsense."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtext.errors import ConfigError
from medtext.terminology.abbreviations import SURE, Abbreviations, matching
from medtext.terminology.concepts import load_concepts
from medtext.terminology.definitions import definitions

TABLE = Abbreviations.load()
UNSURE = None
CASES = [
    # what stands in which section → what the first short form in capitals of the table means
    ("MS", "54 yo F with relapsing MS on interferon.", "history_of_present_illness", "multiple sclerosis"),
    ("MS", "Given MS 4 mg IV for pain.", "hospital_course", "morphine sulfate"),
    ("MS", "MS: alert and oriented x3", "physical_exam", "mental status"),
    ("MS", "MS changes overnight, now lethargic.", "hospital_course", "mental status"),
    ("MS", "Echo: moderate MS, mild MR, valve area 1.2.", "imaging", "mitral stenosis"),
    ("MS", "MS. JONES was seen today.", "", "Ms."),
    ("MS", "MS: Denies joint pain or stiffness.", "review_of_systems", "musculoskeletal"),
    ("MS", "She has MS.", "", UNSURE),
    ("RA", "O2 sat 98% on RA", "vital_signs", "room air"),
    ("RA", "SpO2 95% RA", "physical_exam", "room air"),
    ("RA", "RA on methotrexate and prednisone", "past_medical_history", "rheumatoid arthritis"),
    ("RA", "PMH: HTN, RA, COPD", "past_medical_history", "rheumatoid arthritis"),
    ("RA", "The RA is moderately dilated, LV function normal.", "imaging", "right atrium"),
    ("RA", "Noted RA again.", "", UNSURE),
    ("PT", "PT was admitted with chest pain.", "hospital_course", "patient"),
    ("PT", "Continue PT/OT, home exercises", "plan", "physical therapy"),
    ("PT", "refer to PT for gait training", "plan", "physical therapy"),
    ("PT", "PT 14.2, INR 1.3, PTT 30", "labs", "prothrombin time"),
    ("PT", "2+ DP and PT pulses bilaterally", "physical_exam", "posterior tibial"),
    ("OD", "VA 20/40 OD, 20/20 OS", "physical_exam", "right eye"),
    ("OD", "s/p intentional tylenol OD, given NAC", "history_of_present_illness", "overdose"),
    ("OD", "lisinopril 10 mg PO OD", "medications", "once daily"),
    ("PE", "CTA negative for PE", "imaging", "pulmonary embolism"),
    ("PE", "Hx of DVT and PE on warfarin", "past_medical_history", "pulmonary embolism"),
    ("PE", "PE: Gen: NAD. Lungs clear.", "physical_exam", "physical exam"),
    ("CP", "Denies CP, SOB or palpitations.", "review_of_systems", "chest pain"),
    ("CP", "CP with spastic quadriplegia, wheelchair bound", "past_medical_history", "cerebral palsy"),
    ("DM", "Type 2 DM, HTN, CAD", "past_medical_history", "diabetes mellitus"),
    ("DM", "guaifenesin DM cough syrup", "medications", "dextromethorphan"),
    ("PCP", "Follow up with PCP in 1 week.", "disposition", "primary care physician"),
    ("PCP", "HIV, on bactrim for PCP prophylaxis", "assessment", "Pneumocystis pneumonia"),
    ("PCP", "Urine tox positive for PCP and cocaine", "labs", "phencyclidine"),
    ("CC", "CC: Right knee pain.", "chief_complaint", "chief complaint"),
    ("CC", "500 CC bolus of normal saline", "hospital_course", "cubic centimetre"),
    ("HR", "BP 120/80, HR 88, RR 16", "vital_signs", "heart rate"),
    ("AS", "Severe AS with valve area 0.8, planned for TAVR", "assessment", "aortic stenosis"),
    ("AS", "TAKE AS DIRECTED BY PHYSICIAN", "instructions", "the word as"),
    ("OR", "Taken to the OR for laparotomy", "hospital_course", "operating room"),
    ("OR", "NO FEVER OR CHILLS", "review_of_systems", "the word or"),
    ("OR", "(OR 2.3, 95% CI 1.2-3.4)", "", "odds ratio"),
    ("SBP", "SBP 90 despite pressors", "vital_signs", "systolic blood pressure"),
    ("SBP", "Cirrhosis with ascites, ceftriaxone for SBP", "assessment", "spontaneous bacterial peritonitis"),
    ("ALL", "ALL OTHER SYSTEMS NEGATIVE", "review_of_systems", "the word all"),
    ("TTP", "Abd soft, TTP in RLQ", "physical_exam", "tender to palpation"),
    ("CTA", "Lungs CTA bilaterally", "physical_exam", "clear to auscultation"),
    ("LE", "UA: LE positive, nitrite negative", "labs", "leukocyte esterase"),
    ("LE", "Bilateral LE edema", "physical_exam", "lower extremity"),
    ("PPD", "smokes 1 PPD x 20 years", "social_history", "packs per day"),
    ("PPD", "PPD placed, negative at 48 h, no TB exposure", "labs", "purified protein derivative"),
    ("SI", "Denies SI/HI, AH/VH", "physical_exam", "suicidal ideation"),
    ("MVA", "restrained driver in MVA yesterday", "history_of_present_illness", "motor vehicle accident"),
]


def read(short, text, section="", **options):
    start = text.index(short)
    return TABLE.resolve(text, start, start + len(short), section=section, **options)


@pytest.mark.parametrize(("short", "text", "section", "means"), CASES, ids=[case[1][:40] for case in CASES])
def test_a_short_form_means_what_its_place_says(short, text, section, means):
    found = read(short, text, section)
    assert (found.sense.means if found.sense else UNSURE) == means


def test_what_is_not_clear_stays_open_with_every_sense_ranked():
    found = read("MS", "She has MS.")
    assert found.sense is None
    assert {sense for sense, _ in found.ranked} == set(TABLE.senses("MS"))
    assert found.ranked[0][1] < SURE


def test_a_definition_in_the_note_decides_for_the_whole_note():
    text = "Monitor MS daily. Diagnosed with mitral stenosis (MS) in 2019."
    assert read("MS", text, defined=definitions(text)).sense.means == "mitral stenosis"
    strange = "MS daily. The Marburg score (MS) was 3."
    found = read("MS", strange, defined=definitions(strange))
    assert (found.sense.means, found.sense.label, found.why) == ("Marburg score", "", "definition")


def test_the_reason_names_the_cues():
    assert read("RA", "O2 sat 98% on RA", "vital_signs").why == "section+before+near"
    assert read("BPH", "BPH").why == "prior"


def test_a_plural_has_the_senses_of_the_singular():
    assert read("MIs", "two prior MIs, CABG", "past_medical_history").sense.means == "myocardial infarction"
    assert TABLE.senses("XYZ") == ()
    assert read("xyz", "xyz") is None


@settings(max_examples=60)
@given(st.sampled_from(TABLE.forms), st.text(max_size=40), st.text(max_size=40), st.sampled_from(["", "labs", "plan"]))
def test_the_senses_are_those_of_the_table_their_shares_add_up_and_the_first_is_chosen_or_none(
    short, one, two, section
):
    text = f"{one} {short} {two}"
    found = TABLE.resolve(text, len(one) + 1, len(one) + 1 + len(short), section=section)
    assert {sense for sense, _ in found.ranked} == set(TABLE.senses(short))
    shares = [share for _, share in found.ranked]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1, abs=0.001)
    assert found.sense is (found.ranked[0][0] if shares[0] >= SURE else None)


@pytest.mark.parametrize("short", TABLE.forms)
def test_the_priors_of_a_short_form_are_shares(short):
    assert sum(sense.prior for sense in TABLE.senses(short)) <= 110
    assert len({sense.means for sense in TABLE.senses(short)}) == len(TABLE.senses(short))
    assert all(sense.prior > 0 for sense in TABLE.senses(short))


def test_a_concept_that_a_sense_names_is_in_the_concept_table():
    forms = {(one.label, form.lower()) for one in load_concepts().concepts for form in one.forms}
    senses = [sense for short in TABLE.forms for sense in TABLE.senses(short) if sense.label]
    named = [one for one in senses if one.concept != one.means]
    assert [one.concept for one in named if (one.label, one.concept.lower()) not in forms] == []
    coded = [one for one in senses if (one.label, one.concept.lower()) in forms]
    assert len(coded) / len(senses) >= 0.75, "the rest is marked without a code"


@pytest.mark.parametrize(
    ("long", "means"),
    [("Multiple Sclerosis", "multiple sclerosis"), ("mitral valve stenosis", "mitral stenosis"),
     ("mental states", "mental status"), ("Marfan syndrome", None)],
)  # fmt: skip
def test_a_long_form_is_the_sense_whose_words_it_shares(long, means):
    found = matching(long, TABLE.senses("MS"))
    assert (found.means if found else None) == means


@pytest.mark.parametrize(
    ("yaml", "complaint"),
    [
        ("senses: {MS: [{means: a, colour: red}]}", "unknown key 'colour' in a sense of MS"),
        ("senses: {MS: [{means: a, near: [no]}]}", "must be in quotes"),
        ("senses: {NO: [{means: a}]}", "in quotes"),
        ("senses: {MS: [text]}", "must be mappings"),
        ("forms: {}", "unknown key 'forms'"),
    ],
)
def test_a_table_that_cannot_be_right_is_refused(tmp_path, yaml, complaint):
    path = tmp_path / "own.yaml"
    path.write_text(f'version: "1"\n{yaml}\n')
    with pytest.raises(ConfigError, match=complaint):
        Abbreviations.load(path)


def test_a_table_of_your_own(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text(
        'version: "7"\ngroups: {G: [left, r*]}\n'
        "senses: {ZZ: [{means: zig, prior: 50}, {means: zag, prior: 50, near: [G]}]}\n"
    )
    own = Abbreviations.load(path)
    assert (own.version, own.forms) == ("7", ("ZZ",))
    assert own.resolve("right ZZ", 6, 8).ranked[0][0].means == "zag"
