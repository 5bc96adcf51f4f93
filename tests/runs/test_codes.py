"""`check` with a compiled terminology: what a new release does to the codes of a file."""

import pytest

import medtext
from medtext import Code, Note, Source, Span
from medtext.cli import main
from medtext.errors import ConfigError, IdentifiedNoteError, WouldOverwriteError
from medtext.terminology.build import Edition, build_terminology
from tests.releases import ORDER, ROWS, rf2, write

TEXT = "ache and bump"


@pytest.fixture
def terminology(tmp_path):
    concepts = [*ROWS["concept"], ["14", "20240101", "0", "0", "0"], ["15", "20240101", "0", "0", "0"]]
    replaced = [
        *ROWS["association"],
        ["00000010-0000", "20240101", "1", "0", "900000000000526001", "14", "13"],
        ["00000011-0000", "20240101", "1", "0", "900000000000523009", "15", "10"],
    ]
    build_terminology(
        Edition("rf2", rf2(tmp_path / "rf2", concept=concepts, association=replaced)), tmp_path / "snomed"
    )
    order = write(tmp_path / "icd10cm_order_2030.txt", ORDER)
    build_terminology(Edition("icd10cm", order), tmp_path / "icd10cm")
    return [tmp_path / "snomed", tmp_path / "icd10cm"]


@pytest.fixture
def coded(tmp_path):
    """Writes a span file with one span that has these codes, and gives its path."""

    def make(*codes, **fields):
        span = Span(((0, 4),), "PROBLEM", codes=tuple(map(Code.parse, codes)), **fields)
        path = tmp_path / "spans.jsonl"
        medtext.write([Note("n1", TEXT, deidentified=True).add([span])], path, overwrite=True)
        return path

    return make


def messages(path, terminology):
    return [(one.severity, one.message) for one in medtext.check(path, terminology=terminology)]


@pytest.mark.parametrize(
    ("code", "severity", "message"),
    [
        ("SNOMED:99", "error", "span 'e1': SNOMED:99 is not in SNOMED 20250301."),
        ("SNOMED:13", "error", "span 'e1': SNOMED:13 is retired in SNOMED 20250301. It is now SNOMED:11."),
        (
            "SNOMED:15",
            "error",
            "span 'e1': SNOMED:15 is retired in SNOMED 20250301. Candidates: SNOMED:10 (possibly equivalent to).",
        ),
        ("ICD10CM:S00", "warning", "span 'e1': ICD10CM:S00 is not billable. One code lies below it."),
    ],
)
def test_each_code_that_is_wrong_is_told_with_what_stands_in_its_place(coded, terminology, code, severity, message):
    path = coded(code)
    assert messages(path, terminology) == [(severity, message)]
    assert medtext.check(path, terminology=terminology)[0].where == f"{path}:1"


def test_codes_in_use_and_codes_of_systems_that_were_not_given_are_no_problem(coded, terminology):
    assert messages(coded("SNOMED:11", "ICD10CM:B20"), terminology) == []
    assert messages(coded("SNOMED:99"), ()) == []
    assert messages(coded("SNOMED:99"), terminology[1]) == []
    assert messages(coded("SNOMED:99", status="rejected"), terminology) == []


def test_fixing_follows_replacements_and_keeps_the_history(coded, terminology, tmp_path):
    path = coded("SNOMED:14", "ICD10CM:B20", "SNOMED:15", status="accepted")
    before = path.read_bytes()
    medtext.check(path, terminology=terminology, fix=tmp_path / "fixed.jsonl")
    (note,) = medtext.read(tmp_path / "fixed.jsonl")
    (span,) = note.spans
    assert list(map(str, span.codes)) == ["SNOMED:11", "ICD10CM:B20", "SNOMED:15"]
    assert span.was == {"codes": ["SNOMED:14", "ICD10CM:B20", "SNOMED:15"]}
    assert span.sources == (Source("rule:terminology-SNOMED@20250301"),)
    assert span.status == "accepted"
    assert path.read_bytes() == before


def test_fixing_twice_changes_nothing_more_and_the_oldest_codes_stay(coded, terminology, tmp_path):
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    medtext.check(coded("SNOMED:13", was={"codes": ["SNOMED:1"]}), terminology=terminology, fix=first)
    medtext.check(first, terminology=terminology, fix=second)
    assert second.read_bytes() == first.read_bytes()
    assert next(iter(medtext.read(first))).spans[0].was == {"codes": ["SNOMED:1"]}


def test_two_codes_that_became_one_stand_once(coded, terminology, tmp_path):
    medtext.check(coded("SNOMED:11", "SNOMED:13"), terminology=terminology, fix=tmp_path / "fixed.jsonl")
    assert next(iter(medtext.read(tmp_path / "fixed.jsonl"))).spans[0].codes == (Code("SNOMED", "11"),)


def test_neither_the_file_itself_nor_another_one_is_replaced_unasked(coded, terminology, tmp_path):
    path = coded("SNOMED:13")
    with pytest.raises(ConfigError, match="stays as it is"):
        medtext.check(path, terminology=terminology, fix=path, overwrite=True)
    other = write(tmp_path / "fixed.jsonl", path.read_bytes())
    with pytest.raises(WouldOverwriteError):
        medtext.check(path, terminology=terminology, fix=other)


def test_identified_notes_are_written_only_when_allowed(terminology, tmp_path):
    path, fixed = tmp_path / "spans.jsonl", tmp_path / "fixed.jsonl"
    medtext.write([Note("n1", TEXT)], path, allow_phi=True)
    with pytest.raises(IdentifiedNoteError):
        medtext.check(path, terminology=terminology, fix=fixed)
    medtext.check(path, terminology=terminology, fix=fixed, allow_phi=True)
    assert fixed.exists()


def test_the_command_ends_with_1_and_writes_the_fixed_file(coded, terminology, tmp_path, capsys):
    path, fixed = coded("SNOMED:13"), tmp_path / "fixed.jsonl"
    command = ["check", str(path), "--terminology", str(terminology[0]), "--terminology", str(terminology[1])]
    assert main([*command, "--fix", str(fixed)]) == 1
    assert "It is now SNOMED:11" in capsys.readouterr().out
    assert main(["check", str(fixed), *command[2:]]) == 0
