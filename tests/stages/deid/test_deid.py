"""The stage as a user meets it: policies, replacements, options, what it says of itself."""

from __future__ import annotations

import dataclasses
import datetime as dt
import logging
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from medtext.errors import ConfigError, NoteError
from medtext.note import Note
from medtext.span import Span
from medtext.stages.deid import Deid
from medtext.stages.deid.surrogate import Pools
from medtext.taxonomy import Policy

_KEY = "a secret of more than sixteen bytes"
_TEXT = (
    "Mr. John Abbot (MRN: 88123) was born 02/03/1961 and seen by Mary Quill, MD on March 3rd, 2024.\n"
    "Abbot is 91 years old, lives in Springfield, IL 62704 and was seen at Lakeview Hospital. Call 555-123-4567.\n"
)


def _policy(tmp_path: Path, body: str) -> Policy:
    path = tmp_path / "own.yaml"
    path.write_text("name: own\n" + body, encoding="utf-8")
    return Policy.load(path)


def test_safe_harbor_keeps_the_year_the_zip_area_and_ninety_plus(deid):
    assert deid(Note("n", _TEXT)).text == (
        "Mr. [PATIENT-1] (MRN: [MRN-1]) was born 1961 and seen by [PROVIDER-1], MD on 2024.\n"
        "[PATIENT-1] is 90+ years old, lives in [PLACE-1], IL 627 and was seen at [HOSPITAL-1]. Call [PHONE-1].\n"
    )


def test_spans_lie_over_the_replacements_and_name_their_rule(deid):
    done = deid(Note("n", _TEXT))
    assert [(span.label, done.quote(span)[0]) for span in done.layer("phi")][:2] == [
        ("PATIENT", "[PATIENT-1]"),
        ("MRN", "[MRN-1]"),
    ]
    assert {source.by for span in done.spans for source in span.sources} == {"rule:identifiers@1"}


def test_a_year_that_tells_an_age_over_89_goes_and_a_sparse_zip_area_is_000(deid):
    assert deid(Note("n", "DOB: 03/12/1931. Zip code 05901.")).text == "DOB: [DATE-1]. Zip code 000."


def test_the_years_that_stay_follow_the_clock_or_the_year_that_a_policy_names():
    this_year = dt.date.today().year
    note = Note("n", f"Born 3/4/{this_year - 89}, her sister 5/6/{this_year - 90}.")
    assert str(this_year - 89) in Deid()(note).text
    assert str(this_year - 90) not in Deid()(note).text
    policy = dataclasses.replace(Policy.load("safe-harbor"), reference_year=2000)
    assert Deid(policy=policy)(Note("n", "Seen 1/2/1911 and 1/2/1910.")).text == "Seen 1911 and [DATE-2]."


def test_a_short_year_that_may_tell_an_age_over_89_goes_where_a_note_tells_one(deid):
    assert "2024" in deid(Note("n", "Seen 3/4/24.")).text
    assert "2024" not in deid(Note("n", "102-year-old woman, DOB 3/4/24.")).text


def test_what_was_removed_is_counted(tmp_path):
    policy = Policy("gone", "", "remove", {})
    assert Deid(policy=policy)(Note("n", "Dr. Berg and Dr. Abbot came.")).x == {"deid_removed": {"PROVIDER": 2}}


def test_presidio_is_not_loaded_for_our_own_rules():
    code = "import sys; from medtext.stages.deid import Deid; Deid(); print('presidio_analyzer' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_masking_keeps_the_length_of_the_text():
    done = Deid(policy="mask-all")(Note("n", _TEXT))
    assert len(done.text) == len(_TEXT)
    assert "Abbot" not in done.text
    assert "2024" not in done.text


def test_the_limited_data_set_keeps_dates_and_towns():
    text = Deid(policy="limited-data-set")(Note("n", _TEXT)).text
    assert "March 3rd, 2024" in text
    assert "Springfield, IL 62704" in text
    assert "Abbot" not in text


def test_what_a_policy_keeps_never_hides_what_it_removes(tmp_path):
    stage = Deid(policy=_policy(tmp_path, "default: tag\nactions: {PROFESSION: keep}\n"))
    assert "Abernathy" not in stage(Note("n", "Occupation: driver for Mr. Abernathy")).text


def test_removal_leaves_no_span(tmp_path):
    done = Deid(policy=_policy(tmp_path, "default: remove\n"))(Note("n", "Mr. Abernathy came."))
    assert done.text == "Mr.  came."
    assert done.spans == ()


def test_two_people_never_share_a_number_and_one_person_keeps_theirs(deid):
    text = (
        "Mr. John Abernathy and his wife Mary Abernathy came. John spoke; Mary agreed. Mrs. Abernathy left. Abernathy."
    )
    assert deid(Note("n", text)).text == (
        "Mr. [PATIENT-1] and his wife [RELATIVE-1] came. [PATIENT-1] spoke; [RELATIVE-1] agreed. "
        "Mrs. [PATIENT-2] left. [PATIENT-3]."
    )


_NAMED = "Mr. John Abernathy, MRN: AB-123. ABERNATHY came. J. Abernathy went."
_MINE = {"patient": "p1"}


def test_surrogates_are_consistent_keyed_and_keep_case_and_shape(monkeypatch):
    monkeypatch.setenv("MEDTEXT_KEY", _KEY)
    stage = Deid(replace="surrogate")
    first = stage(Note("a", _NAMED, meta=_MINE))
    again = stage(Note("b", _NAMED, meta=_MINE))
    assert first.text == again.text
    name, record, shouted, short = (first.quote(span)[0] for span in first.layer("phi"))
    assert name.istitle()
    assert re.fullmatch(r"[A-Z]{2}-\d{3}", record)
    assert shouted == name.split()[1].upper()
    assert short == f"{name[0]}. {name.split()[1]}"
    assert not {"John", "Abernathy", "ABERNATHY", "AB-123"} & set(first.text.replace(",", " ").split())
    assert stage(Note("a", _NAMED, meta={"patient": "p2"})).text != first.text
    monkeypatch.setenv("MEDTEXT_KEY", _KEY + "!")
    assert Deid(replace="surrogate")(Note("a", _NAMED, meta=_MINE)).text != first.text


def test_a_made_up_name_keeps_the_gender_and_is_in_no_list_of_names(monkeypatch):
    monkeypatch.setenv("MEDTEXT_KEY", _KEY)
    stage = Deid(replace="surrogate")
    pools = Pools.load(stage.detector.clinical.lexicon)
    text = stage(Note("a", "Mrs. Dorothy Abernathy came.", meta=_MINE)).text
    first, last = text.removeprefix("Mrs. ").removesuffix(" came.").lower().split()
    assert first in pools.made["first_f"]
    assert last in {*pools.made["last"], *pools.longer}


def test_random_surrogates_differ_from_mention_to_mention_and_need_no_secret(monkeypatch):
    monkeypatch.delenv("MEDTEXT_KEY", raising=False)
    done = Deid(replace="random")(Note("a", "Mr. Abernathy came. " * 20))
    assert len({done.quote(span) for span in done.layer("phi")}) > 15


def test_a_markov_chain_keeps_a_surrogate_for_a_while_and_is_the_same_again(monkeypatch):
    monkeypatch.setenv("MEDTEXT_KEY", _KEY)
    note = Note("a", "Mr. Abernathy came. " * 60)
    done = Deid(replace="markov")(note)
    quotes = [done.quote(span) for span in done.layer("phi")]
    stayed = sum(one == other for one, other in pairwise(quotes))
    assert 30 < stayed < 54
    assert Deid(replace="markov")(note).text == done.text


def test_marks_lie_over_the_unchanged_text_of_a_note_that_stays_identified():
    note = Note("n", _TEXT, meta={"ward": 3})
    done = Deid(replace="mark")(note)
    assert (done.text, done.meta, done.deidentified) == (_TEXT, {"ward": 3}, False)
    assert [(span.label, done.quote(span)[0]) for span in done.layer("phi")][:2] == [
        ("PATIENT", "John Abbot"),
        ("MRN", "88123"),
    ]
    tagged = Deid()(note)
    assert [span.label for span in tagged.layer("phi")] == [span.label for span in done.layer("phi")]


def test_only_a_date_can_be_shifted(tmp_path):
    for body in ("default: shift\n", "default: tag\nactions: {PATIENT: shift}\n"):
        with pytest.raises(ConfigError, match="cannot be shifted"):
            _policy(tmp_path, body)
    with pytest.raises(ConfigError, match="cannot be shifted"):
        Policy("own", "", "tag", {"AGE": "shift"})


def test_what_others_wrote_beside_the_text_goes_as_well():
    span = Span(((0, 2),), "PROBLEM", id="e1", comment="Abernathy", x={"by": "Abernathy"})
    note = Note("n", "gout of Mr. Abernathy", spans=(span,), x={"owner": "Abernathy"})
    done = Deid()(note)
    assert done.x == {}
    assert (done.span("e1").comment, done.span("e1").x) == ("", {})


def test_a_named_patient_key_must_be_there():
    with pytest.raises(NoteError, match="subject"):
        Deid(patient="subject")(Note("n", "x"))


def test_a_name_in_an_address_is_no_ordinary_word(deid):
    text = "Mr. John Q. Abernathy wrote from jo.abernathy@example.org."
    assert "bernathy" not in deid(Note("n", text)).text


def test_dates_of_one_patient_move_together_by_whole_weeks(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDTEXT_KEY", _KEY)
    stage = Deid(policy=_policy(tmp_path, "default: tag\nactions: {DATE: shift}\n"))
    one = stage(Note("a", "On 03/12/2024.", meta={"patient": "p1"})).text
    two = stage(Note("b", "On 03/12/2024.", meta={"patient": "p1"})).text
    assert one == two != "On 03/12/2024."


@pytest.mark.parametrize("environment", [None, "short"])
def test_surrogates_without_a_proper_secret_are_refused(monkeypatch, environment):
    monkeypatch.delenv("MEDTEXT_KEY", raising=False)
    if environment:
        monkeypatch.setenv("MEDTEXT_KEY", environment)
    with pytest.raises(ConfigError, match="secret"):
        Deid(replace="surrogate")


def test_a_key_file_serves_as_the_secret(tmp_path, monkeypatch):
    monkeypatch.delenv("MEDTEXT_KEY", raising=False)
    (tmp_path / "key").write_text(_KEY, encoding="utf-8")
    assert Deid(replace="surrogate", key_file=tmp_path / "key")(Note("n", "Mr. Abernathy.")).text != "Mr. Abernathy."


def test_known_meta_values_are_found_in_any_case():
    stage = Deid(known={"name": "PATIENT", "record": "MRN"})
    note = Note("n", "xiulan came; QEMAL too. 7-x-7", meta={"name": "Qemal Xiulan", "record": "7-x-7"})
    assert stage(note).text == "[PATIENT-1] came; [PATIENT-2] too. [MRN-1]"


def test_meta_is_dropped_unless_it_is_named():
    note = Note("n", "x", meta={"patient": "Ann Berg", "ward": 3})
    assert Deid()(note).meta == {}
    assert Deid(keep_meta=["ward"])(note).meta == {"ward": 3}


def test_no_note_text_is_logged(caplog, deid):
    with caplog.at_level(logging.DEBUG):
        deid(Note("n", _TEXT, meta={"name": "Abbot"}))
    assert "Abbot" not in caplog.text
    assert "88123" not in caplog.text


def test_hospitals_may_stay():
    assert "Lakeview Hospital" in Deid(hospitals=False)(Note("n", _TEXT)).text


def test_it_says_what_names_rely_on(deid):
    about = deid.describe()
    assert about["names"] == "lexicons and context, no neural model"
    assert about["lexicon"]["first_names"] >= 1200
    assert about["lexicon"]["family_names"] >= 2500
    assert about["policy"] == "safe-harbor"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"replace": "magic"}, "Unknown replacement 'magic'"),
        ({"recognizers": ["no.such.Recognizer"]}, "could not be loaded"),
        ({"recognizers": ["collections.OrderedDict"]}, "no Presidio recogniser"),
        ({"known": {"name": "PERSON"}}, "unknown label 'PERSON'"),
    ],
)
def test_what_cannot_be_had_stops_at_load(options, message):
    with pytest.raises(ConfigError, match=message):
        Deid(**options)


def test_a_recogniser_of_presidio_joins_in():
    stage = Deid(recognizers=["presidio_analyzer.predefined_recognizers.UsSsnRecognizer"], threshold=0.01)
    assert stage.describe()["recognizers"] == ["UsSsnRecognizer"]
    assert "[SSN-1]" in stage(Note("n", "His number is 078-05-1121.")).text
