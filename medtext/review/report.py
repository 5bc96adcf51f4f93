"""A report that people read: facts and tables, written as Markdown, as one HTML page without network, or as text.

Every table of figures shows each with its interval; in HTML a small drawing stands beside it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any, Protocol

from medtext.errors import FormatError
from medtext.formats import refuse_overwrite
from medtext.review.plots import Plot
from medtext.review.statistics import Estimate, Figure

Cell = str | int | Figure | Estimate | None
KINDS = (".json", ".md", ".html")
_MARKUP = re.compile(r"[\\|*`<>\[\]]|(?<![^\W_])_|_(?![^\W_])")  # an underscore inside a word means nothing
_STYLE = """
:root { color-scheme: light dark } body { font: 15px/1.5 system-ui, sans-serif; max-width: 92rem; margin: 2rem auto;
padding: 0 1rem } table { border-collapse: collapse; margin: .5rem 0 2rem }
caption { text-align: left; padding: .3rem 0 }
th, td { padding: .2rem .8rem .2rem 0; border-bottom: 1px solid #8884; text-align: right; white-space: nowrap }
th:first-child, td:first-child, .t { text-align: left } td.t { white-space: normal; min-width: 6rem }
.wide { overflow-x: auto } small { opacity: .7 }
svg { vertical-align: middle; margin-left: .4rem } svg.plot { display: block; max-width: 100%; margin: .5rem 0 }
svg text { font: 12px system-ui, sans-serif; fill: currentColor } figure { margin: 0 0 2rem }
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a heading; `note` says how to read them."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """A title, single facts, and tables with pictures between them."""

    title: str
    facts: Mapping[str, Cell] = field(default_factory=dict)
    tables: Sequence[Table | Plot] = ()

    def markdown(self) -> str:
        """The report as Markdown."""
        lines = [f"# {_plain(self.title)}", ""]
        lines += [f"- {_plain(name)}: {_plain(cell_text(value))}" for name, value in self.facts.items()]
        for table in self.tables:
            if isinstance(table, Table):  # pictures are for HTML; their figures stand in a table as well
                lines += ["", f"## {_plain(table.title)}", "", *_markdown_table(table)]
        return "\n".join(lines) + "\n"

    def html(self) -> str:
        """The report as one HTML page that needs no network and no script."""
        facts = "".join(f"<li>{escape(name)}: {_html_cell(value)}</li>" for name, value in self.facts.items())
        tables = "".join(map(_html_part, self.tables))
        head = f'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        title = escape(self.title)
        return (
            f"<!doctype html>\n<html lang=en><head>{head}<title>{title}</title><style>{_STYLE}</style></head>"
            f"<body><h1>{title}</h1><ul>{facts}</ul>{tables}</body></html>\n"
        )


class Reported(Protocol):
    """What can be written as a report: a result with its figures for machines and its tables for people."""

    def to_dict(self) -> dict[str, Any]: ...

    def report(self) -> Report: ...


def write_report(result: Reported, path: str | Path, *, overwrite: bool = False) -> None:
    """Write a result as .json, .md or .html, by the name of the file.

    Raises FormatError for another name, WouldOverwriteError when something is there, unless `overwrite`.
    """
    path = Path(path)
    check_report_name(path)
    refuse_overwrite(path, overwrite=overwrite)
    path.parent.mkdir(parents=True, exist_ok=True)
    made = path.with_name(f".{path.name}.new")
    made.write_text(render(result, path.suffix), encoding="utf-8")
    made.replace(path)


def check_report_name(path: str | Path) -> None:
    """Raise FormatError for a name that says no form of report."""
    if Path(path).suffix not in KINDS:
        raise FormatError(f"a report is written as {', '.join(KINDS)}.", where=str(path))


def render(result: Reported, kind: str) -> str:
    """A result as the text of a .json, .md or .html file."""
    if kind == ".json":
        return json.dumps(result.to_dict(), ensure_ascii=False, indent=1) + "\n"
    return result.report().html() if kind == ".html" else result.report().markdown()


def cell_text(value: Cell) -> str:
    """A cell in words: a share in per cent and any other figure as a number, with intervals; a dash for nothing."""
    if isinstance(value, Figure):
        return _figure_text(value)
    if isinstance(value, Estimate):
        return _estimate_text(value)
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else value


def _figure_text(figure: Figure) -> str:
    if figure.value is None:
        return "–"
    text = f"{per_cent(figure.value)} %"
    if figure.low is not None and figure.high is not None:
        text += f" ({per_cent(figure.low)}–{per_cent(figure.high)})"
    return f"{text} of {figure.whole:,}" if figure.whole is not None else text


def _estimate_text(estimate: Estimate) -> str:
    if estimate.value is None:
        return "–"
    text = f"{estimate.value:.3f}"
    return text if estimate.low is None else f"{text} ({estimate.low:.3f}–{estimate.high:.3f})"


def per_cent(share: float) -> str:
    """A share in per cent with one decimal; never 100.0 or 0.0 for what is not all or nothing."""
    text = f"{share * 100:.1f}"
    if text == "100.0" and share < 1:
        return "99.9"
    return "0.1" if text == "0.0" and share > 0 else text


def _plain(text: str) -> str:
    return _MARKUP.sub(r"\\\g<0>", " ".join(text.split()))


def _markdown_table(table: Table) -> Iterator[str]:
    yield _line(map(_plain, table.columns))
    yield _line(["---", *["---:"] * (len(table.columns) - 1)])
    for row in table.rows:
        yield _line(_plain(cell_text(cell)) for cell in row)
    if table.note:
        yield ""
        yield _plain(table.note)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _html_part(part: Table | Plot) -> str:
    if isinstance(part, Table):
        return _html_table(part)
    note = f"<figcaption><small>{escape(part.note)}</small></figcaption>" if part.note else ""
    return f"<h2>{escape(part.title)}</h2><figure>{note}{part.svg}</figure>"


def _html_table(table: Table) -> str:
    first = table.rows[0] if table.rows else ()
    words = [isinstance(cell, str) for cell in first] + [False] * len(table.columns)
    head = "".join(
        f"<th{' class=t' if left else ''}>{escape(name)}</th>" for name, left in zip(table.columns, words, strict=False)
    )
    rows = "".join(f"<tr>{''.join(map(_html_cell_of_row, row))}</tr>" for row in table.rows)
    note = f"<caption><small>{escape(table.note)}</small></caption>" if table.note else ""
    inside = f"<table>{note}<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    return f'<h2>{escape(table.title)}</h2><div class="wide">{inside}</div>'


def _html_cell_of_row(cell: Cell) -> str:
    return f"<td{' class=t' if isinstance(cell, str) else ''}>{_html_cell(cell)}</td>"


def _html_cell(cell: Cell) -> str:
    return escape(cell_text(cell)) + (_drawing(cell) if isinstance(cell, Figure) else "")


def _drawing(figure: Figure) -> str:
    """A line from 0 to 1, the interval as a bar and the value as a dot."""
    if figure.value is None or figure.low is None or figure.high is None:
        return ""
    left, wide = 2 + 60 * figure.low, 60 * (figure.high - figure.low)
    return (
        '<svg width="64" height="10" aria-hidden="true"><path d="M2 5h60" stroke="#8886"/>'
        f'<rect x="{left:.1f}" y="3" width="{max(wide, 0.5):.1f}" height="4" fill="#3b82f688"/>'
        f'<circle cx="{2 + 60 * figure.value:.1f}" cy="5" r="2" fill="#2563eb"/></svg>'
    )
