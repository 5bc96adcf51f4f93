"""The audit as a whole: what it counts, what it refuses, and that it never shows text."""

import pytest

from medtext import Note, audit, examples, write
from medtext.errors import ConfigError, WouldOverwriteError
from medtext.stages.deid import Deid

CLEAN = Note("n1", "[PATIENT-1] has a fever.", deidentified=True, meta={"ward": "a"})
LEAKING = Note("n2", "Pt Maria Delgado has a fever.", deidentified=True, meta={"ward": "b"})


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "known.csv"
    path.write_text("id,name\nn2,Maria Delgado\nn9,Berg\n")
    return path


def test_clean_notes_are_clean_and_leaks_are_listed_by_place():
    assert audit([CLEAN]).clean
    done = audit([LEAKING, CLEAN])
    assert not done.clean
    assert [(one.note, one.start, one.end, one.kinds) for one in done.suspects] == [("n2", 0, 16, ("name",))]
    assert done.notes == 2


def test_known_identifiers_are_looked_for_by_note(table):
    done = audit([CLEAN, LEAKING], known=table)
    assert ("n2", 3, 16) in [(one.note, one.start, one.end) for one in done.known]
    assert (done.rows_unused, done.notes_without_row) == (1, 1)
    with pytest.raises(ConfigError, match="No row of the known identifiers belongs to a note"):
        audit([CLEAN], known=table)


def test_an_identified_note_cannot_be_judged_and_is_never_clean():
    done = audit([CLEAN.replace(deidentified=False)])
    assert not done.clean
    assert done.problems[0].note_id == "n1"


def test_a_sample_is_drawn_and_its_findings_give_the_bound(tmp_path):
    notes = [CLEAN.replace(id=f"c{number}") for number in range(30)]
    path = tmp_path / "read.csv"
    done = audit(notes, sample=10, seed=3, by="ward", sample_file=path)
    assert len(done.drawn) == 10
    assert done.clean
    path.write_text(path.read_text().replace(",a,,", ",a,0,"))
    bound = audit(notes, findings=path).bound
    assert bound.upper == pytest.approx(1 - 0.05 ** (1 / 10))
    path.write_text(path.read_text().replace(",a,0,", ",a,2,", 1))
    assert not audit(notes, findings=path).clean
    with pytest.raises(WouldOverwriteError):
        audit(notes, sample=10, sample_file=path)
    with pytest.raises(ConfigError, match="name both or neither"):
        audit(notes, sample=10)


def test_files_of_any_format_are_audited(tmp_path):
    write([CLEAN], tmp_path / "a.jsonl")
    write([CLEAN], tmp_path / "text", format="text")
    assert audit(tmp_path / "a.jsonl").clean
    assert not audit(tmp_path / "text").clean
    assert audit(tmp_path / "text", deidentified=True).clean


def test_the_order_of_notes_does_not_matter(table):
    assert audit([CLEAN, LEAKING], known=table) == audit([LEAKING, CLEAN], known=table)


def test_no_report_shows_text(table):
    done = audit([CLEAN, LEAKING], known=table)
    for page in (done.report().markdown(), done.report().html(), str(done.to_dict()), repr(done)):
        assert "n2" in page
        assert not any(word in page for word in ("Maria", "Delgado", "fever", "Berg"))


def test_the_examples_are_seen_before_and_hardly_after_de_identification():
    deid = Deid()
    before = audit([note.replace(deidentified=True) for note in examples()])
    after = audit([deid(note) for note in examples()])
    assert len({one.note for one in before.suspects}) == len(examples())
    assert len(before.suspects) > 50
    assert len(after.suspects) <= 2
