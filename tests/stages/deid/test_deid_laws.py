"""What holds for every text: nothing outside the findings changes, and nothing depends on chance."""

from __future__ import annotations

import datetime as dt
import logging
import os
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medtext.errors import NoteError
from medtext.note import Note
from medtext.span import Span
from medtext.stages.deid import Deid
from medtext.stages.deid.arbitrate import Finding, arbitrate
from medtext.stages.deid.keyed import Keyed
from medtext.stages.deid.lexicon import Lexicon

_PIECES = (
    *(
        "John ",
        "Dr. ",
        "Smith",
        "SMITH",
        "O'Malley's ",
        "Anna Berg, RN",
        "her daughter Ida ",
        "Name: ",
        "Wilson disease",
    ),
    *(
        "03/12/2024",
        "3/12 ",
        "March 3rd, 2024",
        "Monday ",
        "91-year-old ",
        "MRN: 12345 ",
        "(555) 123-4567",
        "12345-6789",
    ),
    *(
        "St. Mary's Hospital ",
        "Springfield, IL 62704",
        "12 Elm Street",
        "a@b.org",
        "https://x.org/a",
        "1.2.3.4",
        "4/5 ",
    ),
    *(
        "\x00",
        "\r\n",
        "\n",
        "\t",
        " ",
        "😀",
        "e\u0301",
        "\u202e",
        "שלום",
        "\u2028",
        "İ",
        "ß",
        "ǅ",
        "²",
        "’s ",
        "-",
        ", ",
    ),
    *("(", "[", ".", ":", "#", "/", "the ", "pain ", "x"),
)
texts = st.lists(st.sampled_from(_PIECES), max_size=25).map("".join) | st.text(max_size=80)
law = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@law
@given(text=texts)
def test_no_text_breaks_it_and_a_second_run_changes_nothing(deid, text):
    done = deid(Note("n", text))
    assert done.deidentified
    assert deid(done) is done


@law
@given(text=texts)
def test_every_character_outside_the_findings_stays(deid, text):
    findings = deid.detector.find(text)
    done = deid(Note("n", text))
    spans = sorted(done.layer("phi"), key=lambda span: span.start)
    assert len(spans) == len(findings)
    assert _between(text, [(one.start, one.end) for one in findings]) == _between(
        done.text, [(span.start, span.end) for span in spans]
    )


def _between(text: str, places: list[tuple[int, int]]) -> list[str]:
    ends = [0, *(end for _, end in places)]
    starts = [*(start for start, _ in places), len(text)]
    return [text[end:start] for end, start in zip(ends, starts, strict=True)]


@law
@given(text=texts)
def test_earlier_spans_come_along_with_their_text(deid, text):
    marked = "Mr. Abernathy has gout. " + text
    note = Note("n", marked, spans=(Span(((18, 22),), "PROBLEM", id="e1"),))
    done = deid(note)
    assert done.quote(done.span("e1")) == ("gout",)


findings = st.lists(
    st.builds(
        lambda start, length, label, score: Finding(start, start + length, label, score, "r"),
        st.integers(0, 60),
        st.integers(1, 12),
        st.sampled_from(["NAME", "DATE", "ID"]),
        st.sampled_from([0.5, 0.9]),
    ),
    max_size=20,
)


@settings(max_examples=60, deadline=None)
@given(found=findings, order=st.randoms())
def test_arbitration_is_disjoint_loses_nothing_and_knows_no_order(found, order):
    kept = arbitrate(found, ["NAME", "DATE", "ID"])
    assert all(before.end <= after.start for before, after in pairwise(kept))
    assert {at for one in kept for at in range(one.start, one.end)} == {
        at for one in found for at in range(one.start, one.end)
    }
    order.shuffle(found)
    assert arbitrate(found, ["NAME", "DATE", "ID"]) == kept


_IDENTIFIED = st.lists(st.sampled_from([one for one in _PIECES if len(one) > 3]), min_size=1, max_size=15).map(
    " ; ".join
)


@pytest.fixture(scope="module")
def removing(tmp_path_factory):
    """The stage under each way to let identifiers go."""
    key = tmp_path_factory.mktemp("key") / "key"
    key.write_text("a secret of more than sixteen bytes", encoding="utf-8")
    ways = [
        {"policy": "mask-all"},
        {},
        *({"replace": how, "key_file": key} for how in ("surrogate", "markov", "random")),
    ]
    return [Deid(**one) for one in ways]


@settings(max_examples=30, deadline=None)
@given(text=_IDENTIFIED)
def test_no_removed_value_is_left_as_a_value_in_any_output(removing, text):
    for stage in removing:
        done = stage(Note("n", text, meta={"patient": "p"}))
        acted = [one for one in stage.detector.find(text) if one.label not in ("DATE", "ZIP", "AGE")]
        values = {text[one.start : one.end].casefold() for one in acted}
        assert not values & {quote.casefold() for span in done.layer("phi") for quote in done.quote(span)}


_names = st.sampled_from(sorted(Lexicon.load().last))


@settings(max_examples=30, deadline=None)
@given(names=st.lists(_names, min_size=2, max_size=12, unique=True))
def test_two_names_of_one_patient_never_share_a_surrogate_across_notes(removing, names):
    stage, made = removing[2], {}
    for at, name in enumerate(names):
        done = stage(Note(f"n{at}", f"Dr. {name.capitalize()} came.", meta={"patient": "p"}))
        made[name] = [done.quote(span)[0] for span in done.layer("phi")]
    found = [one[0] for one in made.values() if one]
    assert len(set(found)) == len(found)


_BORN = st.dates(dt.date(1950, 1, 1), dt.date(2015, 12, 28))
_SPELLINGS = ("%m/%d/%Y", "%B %d, %Y", "%Y-%m-%d", "%d-%b-%Y", "%d %b %Y", "%b %d, %Y")


@law
@given(days=st.lists(_BORN, min_size=2, max_size=4, unique=True), form=st.sampled_from(_SPELLINGS))
def test_shifting_keeps_every_interval_of_a_patient_across_notes(shifting, days, form):
    texts = [f"Seen on {day.strftime(form)}." for day in days]
    made = [shifting(Note(f"n{at}", text, meta={"patient": "p"})).text for at, text in enumerate(texts)]
    moved = [_day(text.removeprefix("Seen on ").removesuffix("."), form) for text in made]
    assert len({new - old for new, old in zip(moved, days, strict=True)}) == 1


@pytest.fixture(scope="module")
def shifting(tmp_path_factory):
    key = tmp_path_factory.mktemp("key") / "key"
    key.write_text("a secret of more than sixteen bytes", encoding="utf-8")
    return Deid(policy="shifted-dates", key_file=key)


def _day(text: str, form: str) -> dt.date:
    """As it was written; a month called May may stand for a short name or a long one."""
    for one in (form, form.replace("%B", "%b"), form.replace("%b", "%B")):
        try:
            return dt.datetime.strptime(text, one).date()
        except ValueError:
            continue
    raise AssertionError("the spelling was not kept")


@settings(max_examples=60, deadline=None)
@given(values=st.lists(st.from_regex(r"[A-Z]{2}-[0-9]{4}", fullmatch=True), min_size=2, max_size=20, unique=True))
def test_numbers_of_one_shape_never_become_the_same(values):
    keyed = Keyed(b"a secret of more than sixteen bytes")
    made = [keyed.shape(value, "MRN", "p1") for value in values]
    assert len(set(made)) == len(values)
    assert all(one[:2].isupper() and one[2] == "-" and one[3:].isdigit() for one in made)


@pytest.mark.parametrize("count", [1, 2, 7, 100, 1000])
def test_a_permutation_reaches_every_place_once(count):
    keyed = Keyed(b"a secret of more than sixteen bytes")
    assert sorted(keyed.place(at, count, "p1") for at in range(count)) == list(range(count))


@law
@given(pieces=st.lists(st.sampled_from([one for one in _PIECES if len(one) > 5]), min_size=1, max_size=12))
def test_no_character_of_a_note_is_logged_or_raised(removing, caplog, pieces):
    text = " ; ".join(pieces)
    words = {word for word in text.split() if len(word) > 5}
    caplog.clear()
    with caplog.at_level(logging.DEBUG):
        for stage in removing:
            stage(Note("n", text))
    assert not any(word in record.getMessage() for word in words for record in caplog.records)
    with pytest.raises(NoteError) as raised:
        Deid(patient="whose")(Note("n", text))
    assert not any(word in str(raised.value) for word in words)


_SCRIPT = """
import warnings; warnings.simplefilter("ignore")
from medtext.note import Note
from medtext.stages.deid import Deid
text = "Mr. John Abbot and Dr. Mary Abbot met Ida Quill, Ida Berg and Ida at Lakeview Hospital on 3/4/2024. MRN: 88123."
print(Deid()(Note("n", text)).text)
for how in ("surrogate", "markov"):
    print(Deid(replace=how)(Note("n", text)).text)
"""


def test_the_result_is_the_same_under_any_hash_seed():
    root = str(Path(__file__).parents[3])
    runs = {
        subprocess.run(
            [sys.executable, "-c", _SCRIPT],
            env={**os.environ, "PYTHONHASHSEED": seed, "MEDTEXT_KEY": "a secret of more than sixteen bytes"},
            cwd=root,
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("0", "12345")
    }
    assert len(runs) == 1


@pytest.mark.parametrize(
    "piece", ["a", "A", "1", "1-", "1/", "A1", "Aa ", "John Smith ", "Smith, ", "a@", "a.b", "(", "Mr. "]
)
def test_the_time_stays_linear_without_a_blank_or_with_nothing_but(deid, piece):
    started = time.process_time()
    deid(Note("n", piece * (100_000 // len(piece))))
    assert time.process_time() - started < 8
