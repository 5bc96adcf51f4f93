"""What holds for every text: nothing outside the findings changes, and nothing depends on chance."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medtext.note import Note
from medtext.span import Span
from medtext.stages.deid.arbitrate import Finding, arbitrate

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


_SCRIPT = """
import warnings; warnings.simplefilter("ignore")
from medtext.note import Note
from medtext.stages.deid import Deid
text = "Mr. John Abbot and Dr. Mary Abbot met Ida Quill, Ida Berg and Ida at Lakeview Hospital on 3/4/2024. MRN: 88123."
print(Deid()(Note("n", text)).text)
"""


def test_the_result_is_the_same_under_any_hash_seed():
    root = str(Path(__file__).parents[3])
    runs = {
        subprocess.run(
            [sys.executable, "-c", _SCRIPT],
            env={**os.environ, "PYTHONHASHSEED": seed},
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
