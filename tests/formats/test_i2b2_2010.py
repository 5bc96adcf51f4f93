"""i2b2 2010."""

import pytest
from hypothesis import assume, given, settings

from medtext import Assertion, Note, Relation, Span, read
from medtext.errors import FormatError, Problem
from medtext.formats import without
from medtext.formats.i2b2_2010 import FORMAT
from tests.formats.roundtrip import again, law
from tests.laws import batches

TEXT = "He denies chest pain .\n\nMother had  breast cancer ."


def distinct(note: Note) -> bool:
    """Whether the ends of relations can be told by their places."""
    places = [span.at for span in without(note, FORMAT.loses).spans]
    return not note.relations or len(places) == len(set(places))


@settings(max_examples=60, deadline=None)
@given(batches())
def test_reading_what_was_written_gives_the_notes_without_what_i2b2_loses(tmp_path_factory, notes):
    assume(all(map(distinct, notes)))
    law(FORMAT, notes, again(FORMAT, notes, tmp_path_factory.mktemp("i2b2")))


def note() -> Note:
    spans = [Span(((10, 20),), "PROBLEM", assertion=Assertion("absent"))]
    spans += [Span(((37, 42),), "PROBLEM", assertion=Assertion("present", subject="family"))]
    return Note("n1", TEXT).add(spans, [Relation("PIP", "e1", "e2")])


def test_it_looks_as_the_challenge_has_it(tmp_path):
    FORMAT.write([note()], tmp_path, labels={"PROBLEM": "problem"})
    assert (tmp_path / "concept" / "n1.con").read_text().split("\n") == [
        'c="chest pain" 1:2 1:3||t="problem"',
        'c="breast" 3:2 3:2||t="problem"',
        "",
    ]
    assert (tmp_path / "ast" / "n1.ast").read_text().split("\n") == [
        'c="chest pain" 1:2 1:3||t="problem"||a="absent"',
        'c="breast" 3:2 3:2||t="problem"||a="associated_with_someone_else"',
        "",
    ]
    assert (tmp_path / "rel" / "n1.rel").read_text() == 'c="chest pain" 1:2 1:3||r="PIP"||c="breast" 3:2 3:2\n'
    (back,) = FORMAT.read(tmp_path, labels={"problem": "PROBLEM"})
    assert [(span.label, span.assertion, *back.quote(span)) for span in back.spans] == [
        ("PROBLEM", Assertion("absent"), "chest pain"),
        ("PROBLEM", Assertion(subject="other"), "breast"),
    ]
    assert next(iter(read(tmp_path))).text == TEXT


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("present", Assertion("present")),
        ("possible", Assertion("possible")),
        ("hypothetical", Assertion(temporality="hypothetical")),
        ("conditional", Assertion("present")),
        ("unheard_of", None),
    ],
)
def test_the_six_words_of_assertion_are_read(tmp_path, word, said):
    FORMAT.write([note()], tmp_path)
    file = tmp_path / "ast" / "n1.ast"
    file.write_text(file.read_text().replace('a="absent"', f'a="{word}"'))
    span = next(iter(FORMAT.read(tmp_path))).span("e1")
    assert span.assertion == said
    assert span.x == ({"i2b2": word} if word in ("conditional", "unheard_of") else {})


@pytest.mark.parametrize(
    ("kind", "old", "new", "message"),
    [
        ("con", "1:3", "1:9", "no word"),
        ("con", "1:3", "0:3", "no word"),
        ("con", "1:2", "1:1", "not what stands"),
        ("con", "1:2 1:3", "1:3 1:2", "before the first"),
        ("con", '||t="', "||Zzz", "form"),
        ("ast", "1:3", "1:9", "no word"),
        ("rel", "1:3", "1:4", "no concept"),
    ],
)
def test_a_broken_line_is_a_problem_with_its_place_and_others_are_read(tmp_path, kind, old, new, message):
    FORMAT.write([note(), Note("n2", "fine")], tmp_path)
    file = tmp_path / ("concept" if kind == "con" else kind) / f"n1.{kind}"
    file.write_text(file.read_text().replace(old, new, 1))
    problem, good = FORMAT.read(tmp_path)
    assert isinstance(problem, Problem)
    assert (problem.where, problem.note_id, good.id) == (f"{file}:1", "n1", "n2")
    assert message in problem.message
    assert "chest" not in str(problem)


def test_another_folder_is_refused(tmp_path):
    with pytest.raises(FormatError, match="txt/"):
        list(FORMAT.read(tmp_path))
