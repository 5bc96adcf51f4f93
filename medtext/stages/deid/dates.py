"""Dates as notes spell them: the year they state, and whether their numbers are a day.

A two-digit year is of this century up to two years ahead of the clock, else of the last. Of 03/04/2024 the month comes
first, unless only the other order is a date.
"""

from __future__ import annotations

import datetime as dt
import re

_YEAR = re.compile(r"(?<!\d)(?:1[89]|20)\d\d(?!\d)")
_SHORT_YEAR = re.compile(
    r"(?<![\d/.-])\d{1,2}[/-]\d{1,2}[/-](\d\d)(?!\d)|['’](\d\d)(?!\d)|[a-z]-(\d\d)(?!\d)|(?<!\d)\d{1,2}\s[a-z]{3,9}\.?\s(\d\d)(?!\d|\s?:)|[a-z]\.?\s\d{1,2},?\s{1,2}(\d\d)(?!\d|\s?:)",
    re.I,
)
NUMERIC = re.compile(r"(\d{1,4})([/.-])(\d{1,2})(?:\2(\d{1,4}))?(?![\d/])")
_AHEAD = 2  # years
LEAP_YEAR = 2000  # stands for the year that a date does not state, so that 29 February exists


def year_of(text: str) -> int | None:
    """The one year that a date states; None when it states none, or two that differ."""
    years = {int(year) for year in _YEAR.findall(text)}
    if not years:
        years = {century(int("".join(found))) for found in _SHORT_YEAR.findall(text)}
    return years.pop() if len(years) == 1 else None


def century(year: int) -> int:
    """The year that two digits mean: appointments lie a year or two ahead, what lies later is of the last century."""
    return year + (2000 if year <= dt.date.today().year - 2000 + _AHEAD else 1900)


def is_date(text: str) -> bool:
    """Whether the numbers at the head of the text are a day that exists, in one order or the other."""
    match = NUMERIC.match(text)
    return match is not None and numeric_date(match) is not None


def numeric_date(match: re.Match[str], year: int = LEAP_YEAR) -> tuple[dt.date, str] | None:
    """The day of a NUMERIC match and the order of its parts (ymd, mdy, dmy, md, dm); `year` where it states none."""
    first, second, third = match[1], match[3], match[4]
    if len(first) == 4:
        orders = [("ymd", first, second, third)] if third else []
    elif third is None:
        orders = [("md", year, first, second), ("dm", year, second, first)]
    else:
        stated = int(third) if len(third) == 4 else century(int(third))
        orders = [("mdy", stated, first, second), ("dmy", stated, second, first)]
    for order, stated, month, day in orders:
        try:
            return dt.date(int(stated), int(month), int(day)), order
        except ValueError:
            continue
    return None
