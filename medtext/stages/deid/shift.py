"""The same spelling of a date some days later: whole dates, parts of dates, ranges, times attached.

A date is read piece by piece; one that holds a piece which is not understood is not moved at all, so that nothing of it
can stay by accident. What the spelling leaves open is chosen so that intervals hold:

- a date without a year is moved in the year of the dates around it (`year`);
- a month is moved as its 15th day, a year as its 1st of July, so both are right to half a month and half a year;
- a weekday stays what it is, because whole weeks keep it; a time of day stays;
- an age stays: the birth date moves with the visits, so the age at each is the same.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass

from medtext.stages.deid.dates import LEAP_YEAR, NUMERIC, century, numeric_date

_LONG = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
_SHORT = tuple(name[:3].lower() for name in _LONG)
_ZONE = r"(?:\s?(?:Z|UTC|GMT|[ECMP][SD]T|[+-]\d{2}:?\d{2})\b)?"
_PIECE = re.compile(
    rf"(?P<clock>T?\d{{1,2}}:\d{{2}}(?::\d{{2}}(?:\.\d{{1,6}})?)?(?:\s{{0,2}}[ap]\.?m\b\.?)?{_ZONE}"
    r"|\d{1,2}\s?[ap]\.?m\b\.?|\d{4}\s?(?:hrs?|hours)\b|(?<=/\d\d\s)(?:[01]\d|2[0-3])[0-5]\d$|(?<=\d{4}\s)(?:[01]\d|2[0-3])[0-5]\d$"
    r"|(?<=/\d\d\s\s)(?:[01]\d|2[0-3])[0-5]\d$)"
    r"|(?P<numeric>\d{4}[/.-]\d{1,2}[/.-]\d{1,2}(?!\d)|\d{1,2}(?P<sep>[/.-])\d{1,2}(?P=sep)(?:\d{4}|\d\d)(?!\d)"
    r"|\d{1,2}[/-](?:1[89]|20)\d\d(?!\d)|\d{1,2}/\d{1,2}(?!\d))"
    r"|(?P<compact>(?:1[89]|20)\d\d[01]\d[0-3]\d(?!\d))"
    r"|(?P<year>(?:1[89]|20)\d\d(?!\d)|['’]\d\d(?!\d)|(?<=[a-z]-)\d\d(?!\d)|(?<=\d\s)\d\d(?!\d|st|nd|rd|th)|(?<=\d,\s)\d\d(?!\d)"
    r"|(?<=\d\s\s)\d\d(?!\d|st|nd|rd|th)|(?<=\d,\s\s)\d\d(?!\d))"
    r"|(?P<day>\d{1,2}(?:\s?(?:st|nd|rd|th)\b)?(?!\d))"
    r"|(?P<weekday>(?:mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:day)?\b\.?)"
    r"|(?P<month>(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)(?![a-z]))"
    r"|(?P<filler>(?:the|of|at|to|through|and|on)\b|[\s,.&@–-])",
    re.IGNORECASE,
)
_MONTH_YEAR = re.compile(r"(\d{1,2})([/-])((?:1[89]|20)\d\d|3[2-9]|[4-9]\d)()")  # 03/2024, and 3/45, which is no day
# What the months, days and years of a date in words may be, and which of them make each of its one or two days.
_SHAPES = {
    "MDY": ("MDY",),
    "MD": ("MD",),
    "DM": ("DM",),
    "DMY": ("DMY",),
    "YMD": ("YMD",),
    "MY": ("MY",),
    "M": ("M",),
    "Y": ("Y",),
    **{two: (two[: len(two) // 2], two[len(two) // 2 :]) for two in ("MDMD", "MDYMDY", "DMDM", "DMYDMY", "MYMY", "MM")},
    **{"MDMDY": ("MD", "MDY"), "DMDMY": ("DM", "DMY"), "MMY": ("M", "MY"), "MDD": ("MD", "D"), "DDM": ("D", "DM")},
    **{"MDDY": ("MD", "DY"), "DDMY": ("D", "DMY")},
}
_Part = dict[str, re.Match[str]]
_Edits = list[tuple[int, int, str]]


@dataclass(frozen=True, slots=True)
class _Day:
    """One day of a date in words: its pieces, some of them shared with the other day, and where it moves."""

    parts: _Part
    old: dt.date
    new: dt.date


def shifted(text: str, days: int, *, year: int | None = None) -> str | None:
    """The date some days later in the same spelling; None when it is not wholly understood.

    `year` is that of a date which states none.
    """
    pieces = list(_pieces(text))
    if not pieces or pieces[-1].end() != len(text):
        return None
    held = [one for one in pieces if _kind(one) in ("numeric", "compact", "year", "day", "month")]
    if not held:
        return text if any(_kind(one) == "weekday" for one in pieces) else None
    try:
        if all(_kind(one) == "numeric" for one in held) and len(held) <= 2:
            edits = _numeric(held, days, year)
        elif [_kind(one) for one in held] == ["compact"]:
            edits = _compact(held[0], days)
        else:
            edits = _words(held, days, year)
    except (ValueError, OverflowError):
        return None
    return None if edits is None else _edited(text, edits)


def _pieces(text: str) -> Iterator[re.Match[str]]:
    at = 0
    while match := _PIECE.match(text, at):
        yield match
        at = match.end()


def _kind(piece: re.Match[str]) -> str:
    return next(name for name, value in piece.groupdict().items() if value is not None and name != "sep")


def _edited(text: str, edits: _Edits) -> str:
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text


# ---- dates in numbers


def _numeric(held: list[re.Match[str]], days: int, year: int | None) -> _Edits | None:
    """One day, or a range whose first day may leave its year to the second: 3/1-3/5/2024."""
    found = [_read(one[0]) for one in held]
    stated = next((known.year for match, known in found if match[4] and known), None)
    edits, written = [], []
    for piece, (match, _) in zip(held, found, strict=True):
        known = _month_and_year(match) or _in_year(match, stated or year)
        if known is None:
            return None
        moved = known[0] + dt.timedelta(days=days)
        written.append(moved)
        edits.append((piece.start(), piece.end(), _like_numeric(match, known[1], moved)))
    if stated and len(held) == 2 and not found[0][0][4] and written[0].year != written[1].year:
        start, end, new = edits[0]
        edits[0] = (start, end, f"{new}{found[0][0][2]}{written[0].year}")
    return edits


def _read(text: str) -> tuple[re.Match[str], dt.date | None]:
    match = _MONTH_YEAR.fullmatch(text) or NUMERIC.fullmatch(text)
    if match is None:
        raise ValueError
    known = None if match.re is _MONTH_YEAR else numeric_date(match)
    return match, known[0] if known else None


def _month_and_year(match: re.Match[str]) -> tuple[dt.date, str] | None:
    if match.re is not _MONTH_YEAR:
        return None
    year = int(match[3])
    return dt.date(year if year > 99 else century(year), int(match[1]), 15), "my"


def _in_year(match: re.Match[str], year: int | None) -> tuple[dt.date, str] | None:
    return (numeric_date(match, year) if year else None) or numeric_date(match)


def _like_numeric(match: re.Match[str], order: str, moved: dt.date) -> str:
    values = {"y": moved.year, "m": moved.month, "d": moved.day}
    old = [one for one in (match[1], match[3], match[4]) if one]
    padded = all(len(one) != 1 for one in old)  # 12/13 tells nothing, 3/14 tells that 3 is not written 03
    return match[2].join(_like(values[part], old[at], padded=padded) for at, part in enumerate(order))


def _like(value: int, old: str, *, padded: bool) -> str:
    """A number as wide as the old one was: a year cut to two digits, a day padded to two."""
    if value > 99:
        return f"{value % 100:02d}" if len(old) == 2 else str(value)
    return f"{value:02d}" if padded else str(value)


def _compact(piece: re.Match[str], days: int) -> _Edits:
    day = dt.date(int(piece[0][:4]), int(piece[0][4:6]), int(piece[0][6:]))
    return [(piece.start(), piece.end(), (day + dt.timedelta(days=days)).strftime("%Y%m%d"))]


# ---- dates in words


def _words(held: list[re.Match[str]], days: int, year: int | None) -> _Edits | None:
    """March 3rd, 2024; 3-5 March; March '24; March 30 to April 2, 2024."""
    letters = {"month": "M", "day": "D", "year": "Y"}
    written = "".join(letters.get(_kind(one), "?") for one in held)
    shape = _SHAPES.get("DMY" if written == "DMD" and len(held[2][0]) == 2 else written)  # 26 JUL 21
    if shape is None:
        return None
    pieces, parts = iter(held), []
    for group in shape:
        parts.append({letter: next(pieces) for letter in group})
    shared = {letter: piece for part in parts for letter, piece in part.items()}
    found = [_day(part, shared, days, year) for part in parts]
    return [edit for one in found for edit in _day_edits(one, found)]


def _day(part: _Part, shared: _Part, days: int, year: int | None) -> _Day:
    month, number, stated = shared.get("M"), part.get("D"), part.get("Y") or shared.get("Y")
    month = part.get("M") or month
    count = _year(stated[0]) if stated else year or LEAP_YEAR
    wanted = (_SHORT.index(month[0][:3].lower()) + 1 if month else 7, _number(number) if number else 15 if month else 1)
    try:
        old = dt.date(count, *wanted)
    except ValueError:
        if stated:
            raise
        old = dt.date(LEAP_YEAR, *wanted)
    return _Day(part, old, old + dt.timedelta(days=days))


def _year(text: str) -> int:
    digits = text.lstrip("'’")
    return int(digits) if len(digits) == 4 else century(int(digits))


def _number(day: re.Match[str]) -> int:
    return int(re.match(r"\d+", day[0])[0])  # type: ignore[index]


def _day_edits(one: _Day, found: list[_Day]) -> Iterator[tuple[int, int, str]]:
    """The new pieces of a day; where a month or year that two days share now differs, each gets its own."""
    last = found[-1]
    for letter, piece in one.parts.items():
        if letter == "M":
            yield piece.start(), piece.end(), _month_like(one.new.month, piece)
        elif letter == "Y":
            digits = piece[0].lstrip("'’")
            sign = piece[0][: len(piece[0]) - len(digits)]
            yield piece.start(), piece.end(), sign + _like(one.new.year, digits, padded=True)
        else:
            written = _day_like(one.new.day, piece[0])
            own = next((other.parts["M"] for other in found if "M" in other.parts), piece)
            if "M" not in one.parts and any(other.new.month != one.new.month for other in found):
                month = _month_like(one.new.month, own)
                written = f"{month} {written}" if one is last else f"{written} {month}"
            apart = "Y" in last.parts and "Y" not in one.parts and last.new.year != one.new.year
            yield piece.start(), piece.end(), f"{written}, {one.new.year}" if apart else written


def _month_like(month: int, old: re.Match[str]) -> str:
    name, word = _LONG[month - 1], old[0]
    after = old.string[old.end() : old.end() + 1]
    before = old.string[old.start() - 1 : old.start()]
    # "May" is both: short where a hyphen or a dot stands beside it, as in 12-May-24
    long = len(word) > 4 or word.lower() in ("june", "july") or (word.lower() == "may" and "-" not in (before, after))
    name = name if long and after != "." else name[:3]
    return name.upper() if word.isupper() else name.lower() if word.islower() else name


def _day_like(day: int, old: str) -> str:
    written = _like(day, "", padded=old.startswith("0"))
    ending = re.search(r"[a-z]+$", old, re.IGNORECASE)
    if not ending:
        return written
    new = "th" if 10 <= day % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return written + (new.upper() if ending[0].isupper() else new)
