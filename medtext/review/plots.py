"""Drawings for reports: small SVG pictures without script, network or text of notes.

Each function gives one `<svg>`; colours are readable on light and dark pages and told apart without red and green.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import accumulate

from medtext.review.statistics import Estimate, Figure

# Okabe and Ito (2008): told apart by colour-blind readers too.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#999999", "#7F3C8D", "#11A579")
_ROW, _NAME, _WIDE = 22, 190, 420


@dataclass(frozen=True, slots=True)
class Plot:
    """A picture under a heading; `note` says how to read it, and is all that Markdown shows of it."""

    title: str
    svg: str
    note: str = ""


def stacked_bars(title: str, rows: Mapping[str, Mapping[str, int]], kinds: Sequence[str], note: str = "") -> Plot:
    """One bar a row, as long as its counts are many, cut by kind."""
    longest = max([sum(held.values()) for held in rows.values()] + [1])
    shown = [kind for kind in kinds if any(held.get(kind) for held in rows.values())]
    parts = [_legend(shown, kinds)]
    for line, (name, held) in enumerate(rows.items(), 1):
        counts = [held.get(kind, 0) for kind in shown]
        parts.append(_name(name, line))
        lefts = accumulate(counts, initial=0)
        for kind, count, left in zip(shown, counts, lefts, strict=False):
            x, wide = _NAME + _WIDE * left / longest, _WIDE * count / longest
            told = f"<title>{escape(name)}: {escape(kind)} {count}</title>"
            parts.append(_box(x, line * _ROW + 4, (wide, 14), _colour(kind, kinds), told) if count else "")
        parts.append(_text(_NAME + _WIDE * sum(counts) / longest + 5, line * _ROW + 15, f"{sum(counts):,}"))
    return Plot(title, _svg(_NAME + _WIDE + 70, (len(rows) + 1) * _ROW + 6, parts), note)


def intervals(
    title: str, rows: Mapping[str, Figure | Estimate], *, low: float = 0.0, high: float = 1.0, note: str = ""
) -> Plot:
    """One line a row from `low` to `high`: the interval as a bar, the value as a dot; nought is marked inside."""

    def x(value: float) -> float:
        return _NAME + _WIDE * (min(max(value, low), high) - low) / (high - low)

    bottom = len(rows) * _ROW + 6
    ticks = [low + (high - low) * step / 4 for step in range(5)]
    parts = [f'<path d="M{x(tick):.1f} 4V{bottom}" stroke="currentColor" opacity=".2"/>' for tick in ticks]
    parts += [_text(x(tick), bottom + 14, f"{tick:g}", "middle") for tick in ticks]
    if low < 0 < high:
        parts.append(f'<path d="M{x(0):.1f} 4V{bottom}" stroke="currentColor" opacity=".7"/>')
    for line, (name, one) in enumerate(rows.items()):
        parts.append(_name(name, line))
        if one.value is not None:
            left, right = x(one.value if one.low is None else one.low), x(one.value if one.high is None else one.high)
            parts.append(_box(left, line * _ROW + 7, (max(right - left, 1), 8), "#56B4E9"))
            told = f"<title>{escape(name)}: {one.value:.3f}</title>"
            parts.append(_dot(x(one.value), line * _ROW + 11, 4, told))
    return Plot(title, _svg(_NAME + _WIDE + 30, bottom + 20, parts), note)


def histogram(title: str, counts: Mapping[int, int], *, reach: int = 10, note: str = "") -> Plot:
    """Columns from -reach to reach; what lies beyond is counted in the outermost ones."""
    held = dict.fromkeys(range(-reach, reach + 1), 0)
    for value, count in counts.items():
        held[min(max(value, -reach), reach)] += count
    most, step, parts = max([*held.values(), 1]), _WIDE / len(held), []
    for place, (value, count) in enumerate(held.items()):
        tall = 120 * count / most
        name = f"{value:+d}" if abs(value) < reach else f"{'≤' if value < 0 else '≥'}{value:+d}"
        told = f"<title>{escape(name)}: {count}</title>"
        parts.append(_box(20 + place * step, 134 - tall, (step - 2, tall), "#0072B2", told))
        if not value % 5:
            parts.append(_text(20 + (place + 0.5) * step, 150, name, "middle"))
    return Plot(title, _svg(_WIDE + 40, 156, parts), note)


def reliability(title: str, bins: Sequence[tuple[float, float, int]], note: str = "") -> Plot:
    """Mean score → share that is right, one dot a bin, the larger the more spans; the line is perfect calibration."""
    side, left, top = 260, 50, 26
    most = max([count for *_, count in bins] + [1])
    parts = [f'<path d="M{left} {top + side}L{left + side} {top}" stroke="currentColor" opacity=".5"/>']
    parts.append(f'<path d="M{left} {top}V{top + side}H{left + side}" fill="none" stroke="currentColor"/>')
    for tick in (0, 0.25, 0.5, 0.75, 1):
        parts.append(_text(left - 6, top + side * (1 - tick) + 4, f"{tick:g}", "end"))
        parts.append(_text(left + side * tick, top + side + 16, f"{tick:g}", "middle"))
    dots = [(left + side * score, top + side * (1 - right), count) for score, right, count in bins]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in dots)
    parts.append(f'<polyline points="{line}" fill="none" stroke="#0072B2" opacity=".6"/>')
    for x, y, count in dots:
        size = 3 + 7 * (count / most) ** 0.5
        told = f"<title>{count} spans</title>"
        parts.append(_dot(x, y, size, told))
    parts.append(_text(left + side / 2, top + side + 34, "mean score", "middle"))
    parts.append(_text(left - 30, 12, "share right"))
    return Plot(title, _svg(left + side + 20, top + side + 42, parts), note)


def _svg(wide: float, tall: float, parts: Sequence[str]) -> str:
    inside = "".join(parts)
    return f'<svg class="plot" role="img" viewBox="0 0 {wide:.0f} {tall:.0f}" width="{wide:.0f}">{inside}</svg>'


def _colour(kind: str, kinds: Sequence[str]) -> str:
    return COLOURS[list(kinds).index(kind) % len(COLOURS)]


def _legend(shown: Sequence[str], kinds: Sequence[str]) -> str:
    parts, x = [], 0.0
    for kind in shown:
        parts.append(_box(x, 5, (10, 10), _colour(kind, kinds)) + _text(x + 14, 14, kind))
        x += 26 + 6.6 * len(kind)
    return "".join(parts)


def _box(x: float, y: float, size: tuple[float, float], colour: str, inside: str = "") -> str:
    wide, tall = size
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{tall:.1f}" fill="{colour}">{inside}</rect>'


def _dot(x: float, y: float, size: float, inside: str) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{size:.1f}" fill="#0072B2" opacity=".85">{inside}</circle>'


def _name(name: str, line: int) -> str:
    short = name if len(name) <= 27 else name[:26] + "…"
    return _text(_NAME - 8, line * _ROW + 15, short, "end")


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
