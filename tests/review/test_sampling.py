"""The sample: drawn fairly and repeatably; a table that is not filled in gives no bound."""

import csv
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtext.errors import ConfigError, FormatError, WouldOverwriteError
from medtext.review.sampling import bound, draw, read_findings, write_table

STRATA = st.dictionaries(st.text("abcdef", min_size=1, max_size=4), st.sampled_from(["x", "y", "z"]), min_size=1)


@settings(max_examples=60, deadline=None)
@given(STRATA, st.integers(1, 30), st.integers(0, 3), st.randoms(use_true_random=False))
def test_a_sample_has_the_wished_size_is_fair_and_does_not_depend_on_order(strata, many, seed, source):
    drawn = draw(strata, many, seed=seed)
    assert len(drawn) == len(set(drawn)) == min(many, len(strata))
    assert all(strata[note] == stratum for note, stratum in drawn)
    taken = Counter(stratum for _, stratum in drawn)
    for stratum, size in Counter(strata.values()).items():
        assert abs(taken[stratum] - len(drawn) * size / len(strata)) < 1
    mixed = dict(source.sample(list(strata.items()), len(strata)))
    assert draw(mixed, many, seed=seed) == drawn


def test_seeds_draw_other_notes_and_every_note_has_its_chance():
    strata = {f"n{number}": "" for number in range(20)}
    taken = Counter(note for seed in range(400) for note, _ in draw(strata, 5, seed=seed))
    assert set(taken) == set(strata)
    assert all(60 < number < 140 for number in taken.values())


def filled(path, leaks):
    write_table([(f"n{number}", "") for number in range(len(leaks))], path, overwrite=True)
    with path.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows({**row, "leaks": value} for row, value in zip(rows, leaks, strict=True))
    return path


def test_a_filled_table_gives_the_bound(tmp_path):
    leaks = read_findings(filled(tmp_path / "a.csv", ["0"] * 299 + ["3"]))
    said = bound(leaks, list(leaks))
    assert (said.leaks, said.sample) == (1, 300)
    assert said.upper == pytest.approx(0.01572, abs=1e-5)


def test_findings_in_notes_of_another_file_are_refused():
    with pytest.raises(ConfigError, match="name 1 notes that are not here, first 'b'"):
        bound({"a": 0, "b": 0}, ["a", "c"])


@pytest.mark.parametrize("value", ["", " ", "no", "-1", "1.5", "²"])
def test_an_unread_note_is_not_a_clean_one(tmp_path, value):
    with pytest.raises(FormatError, match=r"a.csv:3: under 'leaks' a whole number is wanted"):
        read_findings(filled(tmp_path / "a.csv", ["0", value]))


def test_a_note_that_stands_twice_and_an_empty_table_are_refused(tmp_path):
    (tmp_path / "a.csv").write_text("note,stratum,leaks,remark\nn1,,0,\nn1,,0,\n")
    with pytest.raises(FormatError, match=r"a.csv:3: the row names no note, or one that stood before"):
        read_findings(tmp_path / "a.csv")
    (tmp_path / "a.csv").write_text("note,stratum,leaks,remark\n")
    with pytest.raises(FormatError, match="holds no notes"):
        read_findings(tmp_path / "a.csv")


def test_a_table_that_people_have_filled_is_not_overwritten(tmp_path):
    path = filled(tmp_path / "a.csv", ["0"])
    with pytest.raises(WouldOverwriteError):
        write_table([("n1", "")], path)
    with pytest.raises(ConfigError):
        draw({"n1": ""}, 0)
