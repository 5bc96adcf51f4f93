"""Dates as notes spell them: their year, and the same spelling some days later.

A two-digit year up to 39 is of this century, later ones of the last. Of 03/04/2024 the month comes first, unless only
the other order is a date.
"""

from __future__ import annotations

import datetime as dt
import re

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_LONG = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
_YEAR = re.compile(r"(?<!\d)(?:1[89]|20)\d\d(?!\d)")
_SHORT_YEAR = re.compile(
    r"(?<![\d/.-])\d{1,2}[/-]\d{1,2}[/-](\d\d)(?!\d)|['’](\d\d)(?!\d)|[a-z]-(\d\d)(?!\d)|[a-z]\.?\s\d{1,2},?\s{1,2}(\d\d)(?!\d|\s?:)",
    re.I,
)
_NUMERIC = re.compile(r"(\d{1,4})([/.-])(\d{1,2})(?:\2(\d{1,4}))?(?![\d/])")
_COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)")
_MONTH_WORD = re.compile(r"(?<![a-z])(" + "|".join(_MONTHS) + r")[a-z]{0,6}", re.I)
_DAY = re.compile(r"(?<![\d:'’])(\d{1,2})(st|nd|rd|th)?(?![\d:])", re.I)
_CLOCK = re.compile(r"[,T@\s-]*(?:\bat\s)?\d{1,2}:\d{2}.*$|[,@\s]*\d{1,2}\s?[ap]\.?m\b.*$", re.I | re.S)
_LEAP = 2000  # a date without a year is moved within a leap year, so that 29 February exists


def year_of(text: str) -> int | None:
    """The one year that a date states; None when it states none, or two that differ."""
    years = {int(year) for year in _YEAR.findall(text)}
    if not years:
        years = {_century(int("".join(found))) for found in _SHORT_YEAR.findall(text)}
    return years.pop() if len(years) == 1 else None


def _century(year: int) -> int:
    return year + (2000 if year < 40 else 1900)


def is_date(text: str) -> bool:
    """Whether the numbers at the head of the text are a day that exists, in one order or the other."""
    match = _NUMERIC.match(text)
    return match is not None and _numeric_date(match) is not None


def _numeric_date(match: re.Match[str]) -> tuple[dt.date, str] | None:
    """The day and the order of its parts (ymd, mdy, dmy, md, dm)."""
    first, second, third = match[1], match[3], match[4]
    if len(first) == 4:
        orders = [("ymd", first, second, third)] if third else []
    elif third is None:
        orders = [("md", _LEAP, first, second), ("dm", _LEAP, second, first)]
    else:
        year = int(third) if len(third) == 4 else _century(int(third))
        orders = [("mdy", year, first, second), ("dmy", year, second, first)]
    for order, year, month, day in orders:
        try:
            return dt.date(int(year), int(month), int(day)), order
        except ValueError:
            continue
    return None


def shifted(text: str, days: int) -> str | None:
    """The date some days later in the same spelling, its time of day kept; None when it is no single whole date."""
    clock = _CLOCK.search(text)
    head, tail = (text[: clock.start()], text[clock.start() :]) if clock else (text, "")
    done = _shifted_numeric(head, days) if not _MONTH_WORD.search(head) else _shifted_words(head, days)
    return None if done is None else done + tail


def _shifted_numeric(text: str, days: int) -> str | None:
    found = list(_NUMERIC.finditer(text))
    if len(found) != 1 or re.search(r"\d", text[: found[0].start()] + text[found[0].end() :]):
        return _shifted_compact(text, days)
    match = found[0]
    known = _numeric_date(match)
    if known is None:
        return None
    moved = _moved(known[0], days)
    if moved is None:
        return None
    values = {"y": moved.year, "m": moved.month, "d": moved.day}
    old = [match[1], match[3], match[4]]
    padded = all(len(one) != 1 for one in old if one)  # 12/13 tells nothing, 3/14 tells that 3 is not written 03
    new = match[2].join(_like(values[part], old[place], padded=padded) for place, part in enumerate(known[1]))
    return text[: match.start()] + new + text[match.end() :]


def _shifted_compact(text: str, days: int) -> str | None:
    match = _COMPACT.fullmatch(text)
    try:
        moved = _moved(dt.date(*map(int, match.groups())), days) if match else None
    except ValueError:
        return None
    return moved.strftime("%Y%m%d") if moved else None


def _like(value: int, old: str, *, padded: bool) -> str:
    """A number as wide as the old one was: a year cut to two digits, a day padded to two."""
    if value > 99:
        return f"{value % 100:02d}" if len(old) == 2 else str(value)
    return f"{value:02d}" if padded else str(value)


def _moved(day: dt.date, days: int) -> dt.date | None:
    try:
        return day + dt.timedelta(days=days)
    except OverflowError:
        return None


def _shifted_words(text: str, days: int) -> str | None:
    """March 3rd, 2024 and its kin: month word, day and year each in its place."""
    months = list(_MONTH_WORD.finditer(text))
    years = list(_YEAR.finditer(text))
    numbers = [one for one in _DAY.finditer(text) if not any(y.start() <= one.start() < y.end() for y in years)]
    if len(months) != 1 or len(years) > 1 or len(numbers) != 1 or re.search(r"['’]\d", text):
        return None
    month, number, year = months[0], numbers[0], years[0] if years else None
    try:
        known = dt.date(int(year[0]) if year else _LEAP, _MONTHS.index(month[1].lower()) + 1, int(number[1]))
    except ValueError:
        return None
    moved = _moved(known, days)
    if moved is None:
        return None
    edits = [(month, _month_like(moved.month, month[0])), (number, _day_like(moved.day, number))]
    edits += [(year, str(moved.year))] if year else []
    for match, new in sorted(edits, key=lambda edit: -edit[0].start()):
        text = text[: match.start()] + new + text[match.end() :]
    return text


def _month_like(month: int, old: str) -> str:
    name = _LONG[month - 1]
    name = name if len(old) > 4 or old.lower() in ("june", "july") else name[:3]
    return name.upper() if old.isupper() else name.lower() if old.islower() else name


def _day_like(day: int, old: re.Match[str]) -> str:
    written = _like(day, old[1], padded=old[1].startswith("0"))
    if not old[2]:
        return written
    ending = "th" if 10 <= day % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return written + (ending.upper() if old[2].isupper() else ending)
