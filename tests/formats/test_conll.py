"""CoNLL with offsets, and plain files of tokens and tags."""

import logging

import pytest
from hypothesis import given, settings

from medtext import Note, Span
from medtext.errors import ConfigError, FormatError, Problem
from medtext.formats.conll import FORMAT
from tests.formats.roundtrip import again, example, from_bytes, law, to_bytes
from tests.laws import batches


@settings(max_examples=60, deadline=None)
@given(batches())
def test_reading_what_was_written_gives_the_notes_without_what_conll_loses(notes):
    law(FORMAT, notes, again(FORMAT, notes, None))


def note(*spans: tuple[int, int, str], text: str = "No chest pain today.\nHTN") -> Note:
    return Note("n1", text).add([Span(((start, end),), label) for start, end, label in spans])


def test_it_looks_as_it_should():
    lines = to_bytes(FORMAT, [note((3, 13, "PROBLEM"), (9, 13, "PAIN"), (21, 23, "PART"))]).decode().split("\n")
    assert lines == [
        "# newdoc id = n1",
        "# deidentified = false",
        '# text = "No chest pain today.\\nHTN"',
        "# columns = FORM START END entity entity",
        "No\t0\t2\tO\tO",
        "chest\t3\t8\tB-PROBLEM\tO",
        "pain\t9\t13\tI-PROBLEM\tB-PAIN",
        "today\t14\t19\tO\tO",
        ".\t19\t20\tO\tO",
        "",
        "HT\t21\t23\tB-PART\tO",
        "N\t23\t24\tO\tO",
        *("", ""),
    ]


def test_what_a_person_has_rejected_is_not_written():
    back = from_bytes(FORMAT, to_bytes(FORMAT, [example()]))[0]
    assert ((5, 20),) not in [span.at for span in back.spans]


def test_layers_are_columns_and_can_be_chosen():
    data = to_bytes(FORMAT, [example()], layers=("phi",))
    assert b"# columns = FORM START END phi\n" in data
    assert [span.label for span in from_bytes(FORMAT, data)[0].spans] == ["PATIENT"]


def test_trainers_get_tokens_and_tags_of_the_longest_spans(caplog):
    with caplog.at_level(logging.WARNING):
        data = to_bytes(FORMAT, [note((3, 13, "PROBLEM"), (9, 13, "PAIN"))], offsets=False)
    assert data.decode() == (
        "-DOCSTART- -X- O\n\nNo\tO\nchest\tB-PROBLEM\npain\tI-PROBLEM\ntoday\tO\n.\tO\n\nHTN\tO\n\n"
    )
    assert "1 spans" in caplog.text
    (back,) = from_bytes(FORMAT, data)
    assert (back.text, [back.quote(span) for span in back.spans]) == ("No chest pain today .\nHTN", [("chest pain",)])


@pytest.mark.parametrize(
    "tags",
    [
        ["O", "B-X", "I-X", "B-X", "O", "B-Y"],  # IOB2
        ["O", "I-X", "I-X", "B-X", "O", "I-Y"],  # IOB
        ["O", "B-X", "E-X", "S-X", "O", "S-Y"],  # IOBES
        ["O", "B-X", "L-X", "U-X", "O", "U-Y"],  # BILOU
    ],
)
def test_all_kinds_of_tags_are_read(tags):
    words = ["a", "b", "c", "d", "e", "f"]
    data = "\n".join(f"{word} NN {tag}" for word, tag in zip(words, tags, strict=True)).encode()
    (back,) = from_bytes(FORMAT, data)
    assert [(span.label, *back.quote(span)) for span in back.spans] == [("X", "b c"), ("X", "d"), ("Y", "f")]


def test_documents_and_sentences_become_notes():
    data = b"-DOCSTART- O\n\na O\n\nb B-X\n\n-DOCSTART- O\n\nc O\n"
    assert [one.text for one in from_bytes(FORMAT, data)] == ["a\nb", "c"]
    assert [one.text for one in from_bytes(FORMAT, data, split="sentence")] == ["a", "b", "c"]
    with pytest.raises(ConfigError, match="document, sentence"):
        from_bytes(FORMAT, data, split="line")


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("chest\t3\t8", "chest\t4\t8", 6, "not what stands"),
        ("chest\t3\t8", "chest\t3\t800", 6, "not what stands"),
        ("chest\t3\t8", "chest\tx\t8", 6, "offsets"),
        ("chest\t3", "chest 3", 6, "columns"),
        ("# text", "# txet", 1, "JSON string"),
    ],
)
def test_a_broken_line_is_a_problem_with_its_place_and_others_are_read(old, new, line, message):
    data = to_bytes(FORMAT, [note((3, 13, "PROBLEM")), Note("n2", "fine")]).decode().replace(old, new, 1)
    problem, good = from_bytes(FORMAT, data.encode())
    assert isinstance(problem, Problem)
    assert (problem.where, good.id) == (f"f:{line}", "n2")
    assert message in problem.message
    assert "chest" not in str(problem)


def test_another_encoding_is_refused_with_its_line():
    with pytest.raises(FormatError, match="f:2: not UTF-8"):
        from_bytes(FORMAT, b"a O\n38\xb0 O\n")
    (problem,) = from_bytes(FORMAT, b"a O\nalone\n")
    assert problem.where == "f:2"
