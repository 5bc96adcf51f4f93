"""Identifiers that are known beforehand, in every spelling, and tables that cannot be right."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtext.errors import ConfigError, NoteError
from medtext.note import Note
from medtext.stages.deid import Deid
from medtext.stages.deid.lexicon import Lexicon
from medtext.stages.deid.spellings import Spellings

_ROW = {
    "name": "Abernathy, Xiulan Mary-Ann",
    "nickname": "Xiu",
    "birth_date": "1961-02-03",
    "mrn": "AB-00448812",
    "phone": "(216) 555-0100",
    "address": "12 Elm Street Apt 4, Springfield, IL",
    "relatives": "José O'Malley; Will Young",
    "staff": "Dr. Qemal Tirana",
}


@pytest.fixture(scope="module")
def lexicon():
    return Lexicon.load()


def _found(text, lexicon, *values):
    return [text[one.start : one.end] for one in Spellings.of(values, lexicon).find(text, lexicon)]


@pytest.mark.parametrize(
    ("value", "label", "written"),
    [
        *(("Abernathy, Xiulan", "PATIENT", one) for one in ("xiulan", "XIULAN ABERNATHY", "Abernathy, Xiulan")),
        *(("Abernathy, Xiulan", "PATIENT", one) for one in ("Abernaty", "Abrenathy", "Abernathyy", "Abernethy")),
        *(("Abernathy, Xiulan", "PATIENT", one) for one in ("X. Abernathy", "X.A", "A. X")),
        *(("Mary-Ann O'Malley", "PATIENT", one) for one in ("Mary Ann", "Maryann", "OMalley", "O’Malley")),
        *(("José Núñez", "RELATIVE", one) for one in ("Jose Nunez", "JOSÉ", "nuñez")),
        *(("1961-02-03", "DATE", one) for one in ("02/03/1961", "2/3/61", "3.2.1961", "1961/02/03", "19610203")),
        *(("02/03/1961", "DATE", one) for one in ("Feb 3, 1961", "3rd of February 1961", "03-FEB-61", "1961-02-03")),
        *(("AB-00448812", "MRN", one) for one in ("ab00448812", "AB 0044-8812", "AB.00448812")),
        *(("00448812", "MRN", one) for one in ("448812", "0044 8812")),
        *(("(216) 555-0100", "PHONE", one) for one in ("2165550100", "216.555.0100", "555-0100", "+1 216 555 0100")),
        *(("12 Elm Street", "ADDRESS", one) for one in ("12 elm st", "12 ELM STREET", "12 Elm St.".rstrip("."))),
        ("jo@example.org", "EMAIL", "JO@example.org"),
    ],
)
def test_a_known_value_is_found_however_it_is_written(lexicon, value, label, written):
    assert _found(f"Seen: {written}. Well.", lexicon, (value, label)) == [written]


@pytest.mark.parametrize(
    ("value", "label", "text"),
    [
        ("Will Young", "PATIENT", "Will follow up with a young man, who will rest."),
        ("Allen Bowen", "PATIENT", "bowel sounds, aller, women"),
        ("Anna Berg", "PATIENT", "Bert, Hanna"),
        ("448812", "MRN", "4488123 and 1448812"),
        ("1961-02-03", "DATE", "1961, 02/04/1961, 2/3"),
        ("555-0100", "PHONE", "5550100123"),
        ("Foley", "PATIENT", "fole placed, foleys"),
    ],
)
def test_what_only_looks_like_a_known_value_stays(lexicon, value, label, text):
    assert _found(text, lexicon, (value, label)) == []


@settings(max_examples=60, deadline=None)
@given(at=st.integers(0, 8), letter=st.sampled_from("qxz"), kind=st.sampled_from(["left out", "exchanged", "put in"]))
def test_one_wrong_letter_in_a_long_name_hides_nothing(lexicon, at, letter, kind):
    name = "Abernathy"
    made = name[:at] + ("" if kind == "left out" else letter) + name[at + (kind != "put in") :]
    assert _found(f"seen: {made.capitalize()}.", lexicon, (name, "PATIENT")) == [made.capitalize()]


def test_a_table_serves_notes_by_their_id_or_patient(tmp_path):
    path = tmp_path / "known.csv"
    path.write_text("patient,name,mrn\np1,Xiulan Qemal,7-x-7\nn9,Orla Quaid,\n", encoding="utf-8")
    for source in (path, str(path), {"p1": {"name": "Xiulan Qemal", "mrn": "7-x-7"}, "n9": {"name": ["Orla Quaid"]}}):
        stage = Deid(known=source)
        assert stage(Note("n1", "xiulan 7X7", meta={"patient": "p1"})).text == "[PATIENT-1] [MRN-1]"
        assert stage(Note("n9", "we saw Quaid")).text == "we saw [PATIENT-1]"
        assert stage.describe()["known"] == {"rows": 2}


def test_every_column_finds_its_values():
    text = "xiu; Xiulan; "
    text += "3 Feb 1961; ab00448812; 555.0100; 12 elm st, apt 4; springfield; Jose OMalley; qemal. Ask Will. No."
    done = Deid(known={"p1": _ROW}, policy="mask-all")(Note("p1", text)).text
    for value in ("xiu", "iulan", "Feb", "0044", "0100", "elm", "spring", "Jose", "Malley", "qemal", "Will"):
        assert value not in done


def test_a_note_without_a_row_is_refused_unless_that_is_allowed():
    with pytest.raises(NoteError, match="no row"):
        Deid(known={"p1": _ROW})(Note("n1", "x"))
    assert Deid(known={"p1": _ROW}, known_optional=True)(Note("n1", "x")).text == "x"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("name,mrn\nA,1\n", "known.csv:1: no column says whose row"),
        ("patient,shoe_size\np1,4\n", "known.csv:2: unknown column 'shoe_size'"),
        ("patient,name\n,Abernathy\n", "known.csv:2: the row has no patient"),
        ("patient,name\np1,Abernathy,x\n", "known.csv:2: the row has no patient"),
    ],
)
def test_a_table_that_cannot_be_right_is_refused_without_its_values(tmp_path, body, message):
    (tmp_path / "known.csv").write_text(body, encoding="utf-8")
    with pytest.raises(ConfigError, match=message) as error:
        Deid(known=tmp_path / "known.csv")
    assert "Abernathy" not in str(error.value)


def test_a_table_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        Deid(known=tmp_path / "none.csv")
