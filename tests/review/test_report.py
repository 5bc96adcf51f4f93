"""Reports: three spellings of one thing, with nothing in them that could become markup."""

import json

import pytest

from medtext.errors import FormatError, WouldOverwriteError
from medtext.review.plots import histogram, intervals, reliability, stacked_bars
from medtext.review.report import Report, Table, cell_text, per_cent, write_report
from medtext.review.statistics import Estimate, Figure

NASTY = "<b>|*x*`_y_[z](w)\nnext"


class Result:
    def to_dict(self):
        return {"one": Figure(0.5, 0.4, 0.6, 1, 2).to_dict()}

    def report(self):
        rows = [(NASTY, 1234567, Figure(0.5, 0.4, 0.6, 1, 2)), ("b", None, Figure(None))]
        return Report("Title & more", {"fact": NASTY}, [Table("T", ("name", "n", "f"), rows, "how to read it")])


def test_markdown_holds_one_line_a_row_and_no_foreign_markup():
    lines = Result().report().markdown().split("\n")
    (row,) = [line for line in lines if "1,234,567" in line]
    assert row == r"| \<b\>\|\*x\*\`\_y\_\[z\](w) next | 1,234,567 | 50.0 % (40.0–60.0) of 2 |"
    assert "| b | – | – |" in lines
    assert r"- fact: \<b\>\|\*x\*\`\_y\_\[z\](w) next" in lines


def test_an_underscore_inside_a_word_stays():
    assert "HEALTH_PLAN" in Report("HEALTH_PLAN").markdown()


def test_html_escapes_draws_and_asks_for_nothing():
    page = Result().report().html()
    assert "&lt;b&gt;" in page
    assert "<b>" not in page
    assert page.count("<svg") == 1
    assert "http" not in page.replace("http-equiv", "")


def test_a_share_that_is_not_all_is_never_shown_as_all():
    assert [per_cent(one) for one in (0, 1e-9, 0.12345, 0.99999, 1)] == ["0.0", "0.1", "12.3", "99.9", "100.0"]
    assert cell_text(Figure(0.99999)) == "99.9 %"


@pytest.mark.parametrize("name", ["a.json", "a.md", "new/a.html"])
def test_the_name_decides_the_form_and_nothing_is_overwritten(tmp_path, name):
    write_report(Result(), tmp_path / name)
    first = (tmp_path / name).read_text(encoding="utf-8")
    assert json.loads(first) if name.endswith("json") else "Title" in first
    with pytest.raises(WouldOverwriteError):
        write_report(Result(), tmp_path / name)
    write_report(Result(), tmp_path / name, overwrite=True)
    assert [one.name for one in (tmp_path / name).parent.iterdir()] == [name.split("/")[-1]]


def test_another_name_is_refused(tmp_path):
    with pytest.raises(FormatError, match=r"\.json, \.md, \.html"):
        write_report(Result(), tmp_path / "a.txt")


def test_pictures_stand_in_html_alone_and_escape_what_they_are_told():
    rows = {NASTY: {"one": 2, "two": 1}}
    parts = [
        stacked_bars("Bars", rows, ["one", "two", "three"]),
        intervals("Lines", {NASTY: Figure(0.5, 0.4, 0.6), "none": Figure(None)}, low=-1),
        histogram("Columns", {-30: 1, 0: 4, 2: 1}),
        reliability("Dots", [(0.2, 0.1, 3), (0.9, 1.0, 1)]),
    ]
    report = Report("Title", {}, parts)
    page = report.html()
    assert page.count('class="plot"') == len(parts)
    assert "<b>" not in page
    assert "three" not in page
    assert "≤-10: 1" in page
    assert "svg" not in report.markdown()


def test_a_figure_that_is_no_share_is_shown_as_a_number():
    assert [cell_text(one) for one in (Estimate(None), Estimate(-0.25), Estimate(1.5, 1, 2))] == [
        "–",
        "-0.250",
        "1.500 (1.000–2.000)",
    ]
