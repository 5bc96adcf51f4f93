"""doccano's JSON Lines."""

import json

import pytest
from hypothesis import given, settings

from medtext import Note, Span, read
from medtext.errors import ConfigError, Problem
from medtext.formats.doccano import FORMAT
from tests.formats.roundtrip import TEXT, again, example, from_bytes, law, to_bytes
from tests.laws import batches


@settings(max_examples=60, deadline=None)
@given(batches())
def test_reading_what_was_written_gives_the_notes(notes):
    law(FORMAT, notes, again(FORMAT, notes, None))
    law(FORMAT, notes, again(FORMAT, notes, None, layers=("section",)))


def line(note: Note) -> dict:
    return json.loads(to_bytes(FORMAT, [note]))


def back(record: dict, **options) -> Note:
    (note,) = from_bytes(FORMAT, json.dumps(record).encode(), **options)
    assert isinstance(note, Note), note
    return note


def test_offsets_are_those_of_the_page():
    labels = line(example())["label"]
    utf16 = TEXT.encode("utf-16-le")
    cut = {utf16[2 * start : 2 * end].decode("utf-16-le") for start, end, _ in labels}
    assert cut == {TEXT[start:end] for start, end in ((10, 20), (16, 20), (23, 26), (44, 46), (0, 2))}
    assert [12, 22, "PROBLEM"] in labels


def test_rejected_spans_and_other_layers_are_not_shown_and_come_home():
    note = example()
    assert len(line(note)["label"]) == 5
    assert back(line(note)) == note


def test_a_moved_boundary_keeps_id_codes_and_assertion():
    record = line(example())
    record["label"] = [[6, 22, "PROBLEM"] if one == [12, 22, "PROBLEM"] else one for one in record["label"]]
    moved = back(record).span("e1")
    assert (moved.at, moved.codes, moved.assertion) == (
        ((4, 20),),
        example().span("e1").codes,
        example().span("e1").assertion,
    )


def test_several_moved_boundaries_find_each_their_own_span():
    note = Note("n1", "fever, cough, pain, rash", deidentified=True)
    words = ["fever", "cough", "pain", "rash"]
    places = [(note.text.index(word), note.text.index(word) + len(word)) for word in words]
    note = note.add([Span((place,), "PROBLEM") for place in places])
    record = line(note)
    record["label"] = [[start, end - 1, label] for start, end, label in record["label"]]
    moved = back(record)
    assert [span.at for span in moved.spans] == [((start, end - 1),) for start, end in places]
    assert [span.id for span in moved.spans] == [span.id for span in note.spans]


def test_new_labels_are_added_and_missing_ones_are_gone():
    record = line(example())
    record["label"] = [one for one in record["label"] if one[2] != "PATIENT"] + [[5, 11, "NEW"]]
    note = back(record)
    assert {span.id for span in example().spans} - {span.id for span in note.spans} == {"p1"}
    (new,) = [span for span in note.spans if span.label == "NEW"]
    assert (new.at, new.status) == (((3, 9),), "added")


def test_a_new_label_never_takes_the_id_of_one_that_is_gone():
    record = line(example())
    record["label"] = [one for one in record["label"] if one != [18, 22, "PROBLEM"]] + [[5, 11, "NEW"]]
    assert {span.id for span in back(record).spans} - {span.id for span in example().spans} == {"e5"}
    assert "e2" not in [span.id for span in back(record).spans]


def test_a_project_with_relations_is_read():
    entities = [{"id": 7, "label": "A", "start_offset": 0, "end_offset": 3}]
    entities += [{"id": 9, "label": "B", "start_offset": 4, "end_offset": 8}]
    relations = [{"id": 1, "from_id": 7, "to_id": 9, "type": "of"}]
    record = {"id": 4, "text": "10mg ASA x", "ward": "3B", "Comments": [], "entities": entities, "relations": relations}
    note = back(record)
    assert (note.id, note.meta) == ("4", {"ward": "3B"})
    assert [(one.label, one.at) for one in note.spans] == [("A", ((0, 3),)), ("B", ((4, 8),))]
    assert [(one.type, one.source, one.target) for one in note.relations] == [("of", "e1", "e2")]


def test_offsets_of_an_import_from_python_can_be_read():
    record = {"id": 1, "text": "👩 fever", "label": [[2, 7, "X"]]}
    assert back(record, offsets="codepoint").quote(back(record, offsets="codepoint").spans[0]) == ("fever",)
    with pytest.raises(ConfigError, match="offsets"):
        back(record, offsets="bytes")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"label": [[0, 900, "X"]]}, "does not lie inside"),
        ({"label": [[1, 4, "X"]]}, "in two"),
        ({"label": [[0, "4", "X"]]}, "does not lie inside"),
        ({"label": [[0, 4]]}, "malformed"),
        ({"label": 7}, "malformed"),
        ({"text": None}, "no text"),
        ({"text": TEXT + "x"}, "sha256"),
        ({"medtext": "{Zzz"}, "damaged"),
        ({"relations": [{"from_id": 1, "to_id": 2, "type": "x"}]}, "relation"),
    ],
)
def test_a_broken_line_is_a_problem_and_others_are_read(change, message):
    lines = [json.dumps(line(example()) | change), json.dumps({"text": "fine", "label": []})]
    problem, good = from_bytes(FORMAT, "\n".join(lines).encode())
    assert isinstance(problem, Problem)
    assert (problem.where, good.id) == ("f:1", "line-2")
    assert message in problem.message
    assert "chest" not in str(problem)


def test_the_file_is_told_from_other_json_lines(tmp_path):
    (tmp_path / "n.jsonl").write_bytes(to_bytes(FORMAT, [example()]))
    assert list(read(tmp_path / "n.jsonl")) == [example()]
    (tmp_path / "p.jsonl").write_text('{"id":1,"text":"a fever","label":[[2,7,"X"]]}\n')
    assert next(iter(read(tmp_path / "p.jsonl"))).spans == (Span(((2, 7),), "X", id="e1", status="added"),)
    (tmp_path / "r.jsonl").write_text('{"id":1,"text":"a fever","label":"X"}\n')
    assert next(iter(read(tmp_path / "r.jsonl"))).meta == {"label": "X"}
