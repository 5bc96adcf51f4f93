"""Known identifiers in the output: every spelling, one wrong letter, and no part of another word."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtext import Note
from medtext.errors import FormatError
from medtext.review.known import KnownIdentifiers, one_apart

NAMES = st.text("abcdefghij", min_size=5, max_size=9)


def found(text, **columns):
    known = KnownIdentifiers({"n1": tuple(columns.items())})
    return [(text[one.start : one.end], one.kinds[0]) for one in known.find(Note("n1", text))]


@pytest.mark.parametrize(
    ("text", "value", "there"),
    [
        ("pt maria delgado seen", "Maria Delgado", ["maria delgado"]),
        ("DELGADO, MARIA", "Maria Delgado", ["DELGADO", "MARIA"]),
        ("Mr. O'Brien", "OBrien", ["O'Brien"]),
        ("Mr. OBrien", "O'Brien", ["OBrien"]),
        ("Mr. Muñoz", "Munoz", ["Muñoz"]),
        ("Ms. Delgdo came", "Delgado", ["Delgdo"]),
        ("Ms. Delagdo came", "Delgado", ["Delagdo"]),
        ("the delgdo sign", "Delgado", []),  # inexact only where it is written like a name
        ("Ann is planning, Anna too", "Ann", ["Ann"]),
        ("call (312) 555-0187 now", "312.555.0187", ["312) 555-0187"]),
        ("MRN0044812", "0044812", ["0044812"]),
        ("MRN 100448120", "0044812", []),
        ("seen 10044", "44", []),  # too short to mean anything
        ("born March 2, 1950.", "1950-03-02", ["March 2, 1950"]),
        ("born 3/2/50.", "1950-03-02", ["3/2/50"]),
        ("born 02 Mar 1950.", "03/02/1950", ["02 Mar 1950"]),
        ("born 1950.", "1950-03-02", []),
        ("at 12 Old Oak St., Apt 4", "12 old oak st apt 4", ["12 Old Oak St., Apt 4"]),
        ("an old oak", "12 old oak st apt 4", []),
    ],
)
def test_a_value_is_found_however_it_is_spelt(text, value, there):
    assert sorted(quote for quote, _ in found(text, value=value)) == sorted(there)


def test_a_value_inside_a_replacement_is_still_there():
    from medtext import Span

    note = Note("n1", "Berg").add([Span(((0, 4),), "PATIENT", layer="phi")])
    (one,) = KnownIdentifiers({"n1": (("surname", "Berg"),)}).find(note)
    assert one.kinds == ("known:surname",)


@settings(max_examples=60, deadline=None)
@given(NAMES, NAMES, st.sampled_from([" ", "-", ", ", "\n"]), st.sampled_from(["upper", "lower", "title"]))
def test_a_name_is_found_in_any_case_and_with_anything_between(first, last, between, case):
    written = getattr(f"{first}{between}{last}", case)()
    assert any(quote == written for quote, _ in found(f"Pt {written}.", name=f"{first} {last}"))


@settings(max_examples=60, deadline=None)
@given(NAMES, st.data())
def test_one_edit_is_one_apart_both_ways(word, data):
    at = data.draw(st.integers(0, len(word) - 1))
    made = data.draw(
        st.sampled_from([word[:at] + word[at + 1 :], word[:at] + "z" + word[at:], word[:at] + "z" + word[at + 1 :]])
    )
    assert one_apart(word, made)
    assert one_apart(made, word)
    assert not one_apart(word, word)
    assert not one_apart(word, made[:at] + "yx" + made[at + 1 :] + "w")


@pytest.mark.parametrize(
    ("one", "other"), [("abcde", "badce"), ("abcde", "abc"), ("abcde", "cbade"), ("abcd", "abdcx")]
)
def test_two_edits_are_too_far(one, other):
    assert not one_apart(one, other)
    assert not one_apart(other, one)


def test_rows_of_one_key_add_up_and_other_keys_are_not_looked_for(tmp_path):
    (tmp_path / "k.csv").write_text(
        "mrn,name,phone\np1,Berg,\np1,Bergson,555-0187\np2,Delgado,\n", encoding="utf-8-sig"
    )
    known = KnownIdentifiers.read(tmp_path / "k.csv", key_column="mrn", meta_key="patient")
    note = Note("n1", "Berg, Bergson, Delgado 5550187", meta={"patient": "p1"})
    assert [(one.start, one.kinds) for one in known.find(note)] == [
        (0, ("known:name",)),
        (6, ("known:name",)),
        (23, ("known:phone",)),
    ]
    assert known.find(note.replace(meta={})) == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name,phone\nBerg,1\n", "k.csv:1: the first line names no column 'id'"),
        ("id,name\nn1,Berg,Oak\n", "k.csv:2: the row has 3 fields, the heading 2"),
        ('id,name\nn1,"Berg\n', "k.csv: not a CSV table"),
        ("", "k.csv:1: the first line names no column 'id'"),
    ],
)
def test_a_broken_table_is_refused_without_its_values(tmp_path, text, told):
    (tmp_path / "k.csv").write_text(text)
    with pytest.raises(FormatError) as caught:
        KnownIdentifiers.read(tmp_path / "k.csv")
    assert told in str(caught.value)
    assert "Berg" not in str(caught.value)
