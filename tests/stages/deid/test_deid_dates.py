"""Dates as notes spell them."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtext.stages.deid.dates import is_date, year_of
from medtext.stages.deid.shift import shifted

_FORMS = ("%m/%d/%Y", "%Y-%m-%d", "%d.%m.%Y", "%B %d, %Y", "%d %b %Y", "%Y-%m-%dT10:15:00Z", "%m/%d/%Y 14:30", "%Y%m%d")
days = st.dates(dt.date(1950, 1, 13), dt.date(2049, 12, 28)).filter(lambda day: day.day > 12)


@settings(max_examples=60, deadline=None)
@given(day=days, form=st.sampled_from(_FORMS), weeks=st.integers(-104, 104))
def test_shifting_moves_the_day_and_keeps_the_spelling(day, form, weeks):
    moved = day + dt.timedelta(weeks=weeks)
    if moved.day > 12 and 1900 < moved.year < 2099:
        done = shifted(day.strftime(form), 7 * weeks)
        # "May" does not say whether the note writes months in full.
        ambiguous = {moved.strftime(form.replace("%B", "%b")), moved.strftime(form.replace("%b", "%B"))}
        assert done in (ambiguous if day.month == 5 else {moved.strftime(form)})


@pytest.mark.parametrize(
    ("text", "days", "wanted"),
    [
        ("3/4/24", 7, "3/11/24"),
        ("March 3rd, 2024", 7, "March 10th, 2024"),
        ("2 MAR 2024", -7, "24 FEB 2024"),
        ("the 21st of June", 1, "the 22nd of June"),
        ("12/30", 7, "01/06"),
        ("Monday, March 4, 2024 at 2 pm", 7, "Monday, March 11, 2024 at 2 pm"),
        ("March 3-5, 2024", 7, "March 10-12, 2024"),
        ("March 30-31, 2024", 2, "April 1-2, 2024"),
        ("March 30-31, 2024", 1, "March 31-April 1, 2024"),
        ("3/1-3/5/2024", -70, "12/22-12/26/2023"),
        ("3/1-3/5/2024", -63, "12/29/2023-1/2/2024"),
        ("March 30 to April 2, 2024", -91, "December 30, 2023 to January 2, 2024"),
        ("03/2024", -28, "02/2024"),
        ("3/45", -28, "2/45"),
        ("March 2024", -35, "February 2024"),
        ("March '24", -70, "January '24"),
        ("12-May-99", 21, "2-Jun-99"),
        ("Dec 31 07", 7, "Jan 7 08"),
        ("1950", -700, "1948"),
        ("Monday", 7, "Monday"),
        ("3/12/2024 at 1430 hrs", 7, "3/19/2024 at 1430 hrs"),
        ("the 3rd", 7, None),
        ("3/4 and more", 7, None),
        ("March 3 2024 Berg", 7, None),
        ("Thanksgiving", 7, None),
    ],
)
def test_spellings_are_kept(text, days, wanted):
    assert shifted(text, days) == wanted


@pytest.mark.parametrize(
    ("text", "year"),
    [
        ("03/12/2024", 2024),
        ("3/12/24", 2024),
        ("3/12/45", 1945),
        ("March '24", 2024),
        ("Dec 31 07", 2007),
        ("12-Mar-99", 1999),
        ("March 3rd", None),
        ("3/12", None),
        ("12/2023 to 1/2024", None),
    ],
)
def test_the_year_that_a_date_states(text, year):
    assert year_of(text) == year


def test_a_day_that_does_not_exist_is_no_date():
    assert is_date("02/29/2024")
    assert is_date("29/02/2024")
    assert not is_date("02/29/2023")
    assert not is_date("13/13/2024")


def test_a_date_without_a_year_moves_in_the_year_around_it():
    assert shifted("3/4", -60, year=2023) == "1/3"
    assert shifted("3/4", -60, year=2024) == "1/4"


@settings(max_examples=60, deadline=None)
@given(first=days, second=days, weeks=st.integers(-104, -1), form=st.sampled_from(_FORMS[:5]))
def test_shifting_keeps_every_interval(first, second, weeks, form):
    moved = [_read(shifted(day.strftime(form), 7 * weeks), form) for day in (first, second)]
    assert moved[1] - moved[0] == second - first


def _read(text, form):
    for spelling in (form, form.replace("%b", "%B"), form.replace("%B", "%b")):
        try:
            return dt.datetime.strptime(text, spelling).date()
        except ValueError:
            continue
    raise AssertionError(form)
