import pytest

from medtext.errors import ConfigError
from medtext.note import Note
from medtext.span import Candidate, Code, Span
from medtext.stages.linking import Linking

TEXT = "hypertension, type 2 diabetes, metformin, qwertz, hypertenssion, kidney cyst thing"


@pytest.fixture(scope="module")
def linking():
    return Linking()


def mark(*marked, **fields):
    spans = []
    for quote, label in marked:
        start = TEXT.index(quote)
        spans.append(Span(((start, start + len(quote)),), label, **fields))
    return Note("n", TEXT).add(spans)


def codes(note):
    return [list(map(str, span.codes)) for span in note.spans]


def test_a_sure_mention_gets_one_concept_in_each_system(linking):
    note = linking(mark(("hypertension", "PROBLEM"), ("metformin", "MEDICATION")))
    assert codes(note)[0] == ["SNOMED:38341003", "ICD10CM:I10"]
    assert codes(note)[1][0] == "RXNORM:6809"
    assert note.spans[0].candidates[0].release


def test_a_slip_of_the_pen_is_linked_and_says_so(linking):
    (span,) = linking(mark(("hypertenssion", "PROBLEM"))).spans
    assert span.candidates[0].match == "spelling"
    assert Code("ICD10CM", "I10") in span.codes


def test_what_is_only_alike_is_proposed_and_not_chosen(linking):
    (span,) = linking(mark(("kidney cyst thing", "PROBLEM"))).spans
    assert {one.match for one in span.candidates} == {"partial"}
    assert span.codes == ()


def test_what_is_unknown_or_has_no_codes_stays_as_it_was(linking):
    note = mark(("qwertz", "PROBLEM"), ("hypertension", "DOSE"), ("type 2", "NOT_OURS"))
    assert linking(note) == note


@pytest.mark.parametrize("status", ["predicted", "added"])
def test_spans_of_models_and_people_are_linked(linking, status):
    assert codes(linking(mark(("hypertension", "PROBLEM"), status=status)))[0]


@pytest.mark.parametrize("status", ["accepted", "corrected"])
def test_what_a_person_has_accepted_without_codes_gets_candidates_only(linking, status):
    (span,) = linking(mark(("hypertension", "PROBLEM"), status=status)).spans
    assert span.candidates
    assert span.codes == ()


def test_rejected_spans_and_codes_that_are_there_never_change(linking):
    rejected = mark(("hypertension", "PROBLEM"), status="rejected")
    assert linking(rejected) == rejected
    (span,) = linking(mark(("hypertension", "PROBLEM"), codes=(Code("SNOMED", "1"),))).spans
    assert span.codes == (Code("SNOMED", "1"),)


def test_candidates_that_are_there_never_change(linking):
    held = (Candidate(Code("SNOMED", "1"), "One"),)
    note = mark(("hypertension", "PROBLEM"), candidates=held)
    assert linking(note) == note


def test_fragments_are_read_as_one_mention(linking):
    text = "pain, severe, in the chest"
    note = Note("n", text).add([Span(((0, 4), (21, 26)), "PROBLEM")])
    assert linking(note).spans[0].candidates[0].display == "Chest pain"


def test_batches_and_single_notes_give_the_same(linking):
    notes = [mark(("hypertension", "PROBLEM")), mark(("metformin", "MEDICATION")), Note("e", "")]
    assert list(linking.pipe(notes)) == [linking(note) for note in notes]


def test_a_threshold_decides_what_is_sure():
    (span,) = Linking(threshold=0.99)(mark(("hypertenssion", "PROBLEM"))).spans
    assert span.candidates
    assert span.codes == ()


@pytest.mark.parametrize("options", [{"threshold": 0}, {"threshold": "high"}, {"threshold": True}, {"limit": 0}])
def test_bad_options_are_refused(options):
    with pytest.raises(ConfigError):
        Linking(**options)


def test_it_says_what_it_relies_on(linking):
    about = linking.describe()
    assert about["concepts"].startswith("starter@")
    assert {"SNOMED", "ICD10CM", "LOINC", "RXNORM"} == set(about["releases"])
    assert "MEDICATION" in about["labels"]
    assert "DOSE" not in about["labels"]


def test_what_was_looked_up_once_is_the_same_in_any_case_and_note(linking):
    notes = [mark(("hypertension", "PROBLEM")), Note("m", "HYPERTENSION").add([Span(((0, 12),), "PROBLEM")])]
    one, two = (linking(note).spans[0] for note in notes)
    assert (one.candidates, one.codes) == (two.candidates, two.codes)


def test_what_is_remembered_has_an_end(monkeypatch):
    monkeypatch.setattr("medtext.stages.linking._REMEMBERED", 1)
    linking = Linking()
    notes = [mark(("hypertension", "PROBLEM"), ("metformin", "MEDICATION")), mark(("type 2 diabetes", "PROBLEM"))]
    assert list(linking.pipe(notes)) == [Linking()(note) for note in notes]
    assert len(linking._known) == 1


def test_a_mention_written_out_is_remembered_apart_from_the_same_words_as_they_stand(linking):
    spelled = mark(("hypertension", "PROBLEM"))
    short = mark(("hypertension", "PROBLEM"), x={"expansion": "hypertension"})
    matches = [{one.match for one in linking(note).spans[0].candidates} for note in (spelled, short, spelled)]
    assert matches == [{"exact"}, {"abbreviation"}, {"exact"}]
