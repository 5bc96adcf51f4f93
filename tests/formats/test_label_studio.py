"""Label Studio: what is written can be trusted there, and what a person did comes back."""

import copy
import dataclasses
import io
import json
import logging
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtext import Assertion, Candidate, Code, Note, Relation, Review, Span
from medtext.errors import ConfigError, FormatError, Problem
from medtext.formats.label_studio import FORMAT, labeling_config, note_to_task
from medtext.taxonomy import Label, RelationType, Taxonomy
from tests.laws import batches

TEXT = "Pt denies chest pain.\nHTN on lisinopril 10 mg; left and right arm pain."
PAIN, HTN = Code("SNOMED", "29857009"), Code("ICD10CM", "I10")


def sample() -> Note:
    spans = [
        Span(
            ((10, 20),),
            "PROBLEM",
            assertion=Assertion("absent"),
            codes=(PAIN,),
            candidates=(Candidate(PAIN, "Chest pain", 0.9), Candidate(HTN, "", 0.1)),
            score=0.9,
        ),
        Span(((22, 25),), "PROBLEM"),
        Span(((29, 39),), "MEDICATION"),
        Span(((40, 45),), "DOSE"),
        Span(((47, 51), (62, 70)), "PROBLEM"),
        Span(((0, 2),), "PATIENT", layer="phi"),
        Span(((0, 45),), "PLAN", layer="section"),
    ]
    note = Note("n1", TEXT, deidentified=True, meta={"ward": "3B"}, review=Review("todo")).add(spans)
    return note.add(relations=[Relation("dose_of", "e4", "e3")])


def parsed(value: object, **options) -> list[Note | Problem]:
    return list(FORMAT.read(io.BytesIO(json.dumps(value).encode()), name="t.json", **options))


def annotated(change=None, note: Note | None = None, **fields) -> dict:
    """The task of a note after a person has submitted it, with `change` done to the regions."""
    task = json.loads(json.dumps(note_to_task(note or sample())))
    result = copy.deepcopy(task["predictions"][0]["result"])
    task |= {"id": 17, "predictions": [{"id": 5, **task["predictions"][0]}]}
    annotation = {"id": 1, "completed_by": 3, "result": result, "created_at": "2026-01-01T00:00:00Z", **fields}
    if change:
        annotation["result"] = change(result) or result
    return task | {"annotations": [annotation]}


def review(change=None, **options) -> Note:
    (note,) = parsed([annotated(change)], **options)
    assert isinstance(note, Note), note
    return note


def named(result: list[dict], region: str, kind: str = "labels") -> dict:
    return next(item for item in result if item.get("id") == region and item["type"] == kind)


@settings(max_examples=60, deadline=None)
@given(batches())
def test_reading_what_was_written_gives_the_notes(notes):
    stream = io.BytesIO()
    FORMAT.write(notes, stream)
    stream.seek(0)
    assert list(FORMAT.read(stream, name="t.json")) == notes


@settings(max_examples=40, deadline=None)
@given(batches())
def test_submitting_without_a_change_accepts_and_changes_nothing_else(notes):
    for before in notes:
        (after,) = parsed([annotated(note=before)])
        assert after.replace(spans=(), relations=(), review=None) == before.replace(spans=(), relations=(), review=None)
        for old, new in zip(before.spans, after.spans, strict=True):
            shown = old.layer in ("entity", "phi")
            status = "accepted" if shown and old.status == "predicted" else old.status
            assert new == dataclasses.replace(old, status=status)


def test_a_task_shows_text_codes_and_one_prediction():
    task = note_to_task(sample())
    assert task["data"] == {
        "id": "n1",
        "text": TEXT,
        "codes": [{"value": "SNOMED:29857009 Chest pain"}, {"value": "ICD10CM:I10"}],
    }
    result = task["predictions"][0]["result"]
    assert {item["from_name"] for item in result if item["type"] == "labels"} == {"entity", "phi"}
    assert named(result, "e1", "choices")["value"]["choices"] == ["absent"]
    assert named(result, "e1", "taxonomy")["value"]["taxonomy"] == [["SNOMED:29857009 Chest pain"]]
    assert [item["id"] for item in result if item["type"] == "labels" and item["id"].startswith("e5")] == ["e5", "e5_2"]
    assert task["predictions"][0]["score"] == 0.9


def test_a_changed_label_place_axis_or_code_is_corrected_with_what_was():
    def change(result):
        named(result, "e1")["value"].update(start=3, labels=["TEST"])
        named(result, "e1", "choices")["value"]["choices"] = ["possible"]
        named(result, "e1", "taxonomy")["value"]["taxonomy"] = [["ICD10CM:I10"]]

    span = review(change).span("e1")
    assert (span.at, span.label, span.codes, span.status) == (((3, 20),), "TEST", (HTN,), "corrected")
    assert span.assertion == Assertion("possible")
    assert span.was == {
        "at": [[10, 20]],
        "label": "PROBLEM",
        "assertion": {"presence": "absent"},
        "codes": ["SNOMED:29857009"],
    }
    assert span.score == 0.9


def test_a_second_correction_keeps_the_oldest_values():
    def relabel(label):
        return lambda result: named(result, "e2")["value"].update(labels=[label])

    once = review(relabel("TEST"))
    (twice,) = parsed([annotated(relabel("PROCEDURE"), note=once)])
    assert (twice.span("e2").label, twice.span("e2").was) == ("PROCEDURE", {"label": "PROBLEM"})


def test_a_comment_alone_is_no_correction():
    def change(result):
        result.append(
            {"id": "e2", "from_name": "comment", "to_name": "text", "type": "textarea", "value": {"text": ["a", "b"]}}
        )

    span = review(change).span("e2")
    assert (span.comment, span.status) == ("a\nb", "accepted")


def test_a_deleted_region_is_rejected_and_so_is_its_relation():
    note = review(lambda result: [one for one in result if one.get("id") != "e4" and one["type"] != "relation"])
    assert [span.id for span in note.spans if span.status == "rejected"] == ["e4"]
    assert [(one.id, one.status) for one in note.relations] == [("r1", "rejected")]


def test_a_drawn_region_is_added_under_its_own_id_and_its_quote_is_not_trusted():
    def change(result):
        value = {"start": 20, "end": 25, "text": "\\n nonsense", "labels": ["TEST"]}
        result.append({"id": "aB3_x-Yz9Q", "from_name": "entity", "to_name": "text", "type": "labels", "value": value})
        result.append(
            {"from_id": "aB3_x-Yz9Q", "to_id": "e1", "type": "relation", "direction": "left", "labels": ["of"]}
        )

    note = review(change)
    assert note.span("aB3_x-Yz9Q") == Span(((20, 25),), "TEST", id="aB3_x-Yz9Q", status="added")
    assert ("of", "e1", "aB3_x-Yz9Q", "added") in [(r.type, r.source, r.target, r.status) for r in note.relations]


def test_a_copied_region_is_a_new_span():
    def change(result):
        copied = copy.deepcopy(named(result, "e2")) | {"id": "copy.1"}
        result.insert(0, copied | {"value": {"start": 3, "end": 9, "labels": ["PROBLEM"]}})

    note = review(change)
    assert (note.span("e2").status, note.span("e2").at) == ("accepted", ((22, 25),))
    assert (note.span("copy-1").status, note.span("copy-1").at) == ("added", ((3, 9),))


def test_fragments_are_what_the_relations_say():
    together = review()
    assert (together.span("e5").at, together.span("e5").status) == (((47, 51), (62, 70)), "accepted")
    apart = review(lambda result: [one for one in result if one.get("labels") != ["fragment"]])
    assert (apart.span("e5").at, apart.span("e5").was) == (((47, 51),), {"at": [[47, 51], [62, 70]]})
    assert (apart.span("e5_2").at, apart.span("e5_2").status) == (((62, 70),), "added")


def test_a_relation_called_like_our_own_joins_nothing():
    note = sample().add(relations=[Relation("fragment", "e1", "e2")])
    assert parsed([note_to_task(note)]) == [note]
    assert [span.at for span in parsed([annotated(note=note)])[0].spans] == [span.at for span in note.spans]


def test_spans_that_are_not_shown_wait_in_the_task():
    note = sample().update([Span(((22, 25),), "PROBLEM", id="e2", status="rejected")])
    task = note_to_task(note)
    assert not any(item.get("id") in ("e2", "h1") for item in task["predictions"][0]["result"])
    assert parsed([task]) == [note]
    assert [span.status for span in parsed([annotated(note=note)])[0].layer("section")] == ["predicted"]


def test_who_annotated_and_which_annotation_can_be_chosen():
    task = annotated()
    first = task["annotations"][0]
    by_mail = {"id": 9, "email": "b@example.org"}
    task["annotations"] += [
        {**first, "id": 2, "completed_by": by_mail, "created_at": "2026-02-01T00:00:00Z", "ground_truth": False},
        {**first, "id": 3, "was_cancelled": True, "created_at": "2026-03-01T00:00:00Z"},
        {**first, "id": 4, "ground_truth": True, "created_at": "2025-01-01T00:00:00Z", "completed_by": 4},
    ]
    assert parsed([task])[0].review == Review("done", "b@example.org")
    assert parsed([task], which="ground_truth")[0].review == Review("done", "4")
    assert parsed([task], annotator=3)[0].review == Review("done", "3")
    assert parsed([task], annotator="b@example.org")[0].review == Review("done", "b@example.org")
    assert parsed([task], annotator="nobody")[0] == sample()
    with pytest.raises(ConfigError, match="Unknown choice"):
        parsed([task], which="best")


def test_predictions_as_ids_are_read_with_a_warning(caplog):
    task = annotated(lambda result: [one for one in result if one.get("id") != "e2"]) | {"predictions": [5]}
    with caplog.at_level(logging.WARNING):
        (note,) = parsed([task])
    assert "e2" not in {span.id for span in note.spans}
    assert "only ids of predictions" in caplog.text
    (problem,) = parsed([task | {"annotations": []}])
    assert "neither an annotation nor a prediction" in problem.message


def test_tasks_of_others_are_read():
    value = {"start": 0, "end": 2, "labels": ["PER"]}
    result = [
        {"id": "x1", "from_name": "entity", "to_name": "text", "type": "labels", "value": value},
        {"id": "x1", "from_name": "sure", "to_name": "text", "type": "rating", "value": {**value, "rating": 3}},
        {"id": "q9", "from_name": "kind", "to_name": "text", "type": "choices", "value": {"choices": ["letter"]}},
    ]
    (note,) = parsed({"id": 4, "data": {"text": "Pt well.", "ward": 3}, "annotations": [{"id": 1, "result": result}]})
    assert (note.id, note.meta, note.span("x1").status) == ("task-4", {"ward": 3}, "added")
    assert note.span("x1").x["label_studio"][0]["value"]["rating"] == 3
    assert note.x["label_studio"][0]["from_name"] == "kind"


def test_exports_that_have_lost_the_regions_are_refused():
    with pytest.raises(FormatError, match="JSON_MIN"):
        parsed([{"text": "Zzz", "label": [], "id": 1}])
    with pytest.raises(FormatError, match=r"t\.json:1: not JSON.*other exports have lost"):
        list(FORMAT.read(io.BytesIO(b"id,text\n1,Zzz"), name="t.json"))
    with pytest.raises(FormatError, match="no list of tasks"):
        parsed("Zzz")


def _change(region: str, **value):
    return lambda result: named(result, region)["value"].update(value)


BROKEN = {
    "an end beyond the text": (_change("e1", end=999), "'e1'"),
    "an offset that is text": (_change("e1", start="10"), "'e1'"),
    "two labels": (_change("e1", labels=["A", "B"]), "'e1'"),
    "no label": (_change("e1", labels=[]), "'e1'"),
    "fragments with two labels": (_change("e5_2", labels=["TEST"]), "'e5_2'"),
    "fragments that overlap": (_change("e5_2", start=48), "e5"),
    "a comment that is no list": (
        lambda result: result.append(
            {"id": "e1", "from_name": "comment", "type": "textarea", "value": {"text": "Zzz"}}
        ),
        "'e1'",
    ),
    "two presences": (lambda r: named(r, "e1", "choices")["value"].update(choices=["absent", "present"]), "'e1'"),
    "an unknown presence": (lambda r: named(r, "e1", "choices")["value"].update(choices=["maybe"]), "maybe"),
    "a code that is none": (lambda r: named(r, "e1", "taxonomy")["value"].update(taxonomy=[["Zzz pain"]]), "'e1'"),
    "a relation to nothing": (lambda r: [one for one in r if one.get("id") != "e4"], "'e4'"),
    "the same region twice": (lambda r: [*r, r[0]], "twice"),
    "a region without a label": (
        lambda r: [one for one in r if (one.get("id"), one["type"]) != ("e1", "labels")],
        "'e1'",
    ),
    "regions that are no objects": (lambda r: [7], "list of regions"),
    "an id that is no text": (lambda r: r[0].update(id=["Zzz"]), "region"),
}


@pytest.mark.parametrize(("change", "message"), BROKEN.values(), ids=BROKEN.keys())
def test_a_malformed_task_is_a_problem_that_names_task_and_region_and_the_others_are_read(change, message):
    problem, note = parsed([annotated(change), note_to_task(Note("n2", "x"))])
    assert (problem.where, note.id) == ("t.json: task 17", "n2")
    assert message in problem.message
    assert not any(word in str(problem) for word in ("Zzz", "chest", "arm"))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_whatever_is_damaged_in_a_task_never_breaks_the_reader(data):
    task = annotated()
    place: object = task
    for _ in range(data.draw(st.integers(1, 6))):
        keys = list(place) if isinstance(place, dict) else list(range(len(place))) if isinstance(place, list) else []
        if not keys:
            break
        holder, key = place, data.draw(st.sampled_from(keys))
        place = holder[key]
    holder[key] = data.draw(st.sampled_from([None, 7, "Zzz", [], {}, [7], {"a": 7}, [["x"]], True, -1, 1.5]))
    items = parsed([task, note_to_task(Note("n2", "x"))])
    assert len(items) == 2
    assert items[1].id == "n2"


def test_the_text_of_another_version_is_noticed():
    task = annotated()
    task["data"]["text"] += " Edited."
    (problem,) = parsed([task])
    assert "sha256" in problem.message


def test_an_unknown_label_is_refused_before_label_studio_swallows_it():
    with pytest.raises(FormatError, match=r"span 'e1' of note 'n1' has the label 'FOO'.*Labels: PROBLEM"):
        FORMAT.write([Note("n1", TEXT).add([Span(((0, 2),), "FOO")])], io.BytesIO(), taxonomy="clinical")


def test_the_configuration_follows_the_taxonomy():
    view = ET.fromstring(labeling_config("clinical"))
    labels = {group.get("name"): [one.get("value") for one in group] for group in view.iter("Labels")}
    taxonomy = Taxonomy.load("clinical")
    assert labels == {layer: [one.name for one in taxonomy.layer(layer)] for layer in ("entity", "phi")}
    assert {one.get("name") for one in view.iter("Choices")} == {"presence", "temporality", "subject"}
    assert all(
        one.get("perRegion") == "true" for kind in ("Choices", "Taxonomy", "TextArea") for one in view.iter(kind)
    )
    assert view.find("Taxonomy").get("value") == "$codes"
    assert [one.get("value") for one in view.iter("Relation")] == [*taxonomy.relations, "fragment"]
    assert "pre-wrap" in view.find("Style").text


def test_every_hotkey_is_given_once():
    labels = [
        Label(name, layer=layer, key=key)
        for name, layer, key in [
            ("A", "entity", "1"),
            ("B", "entity", "q"),
            ("C", "phi", "1"),
            ("D", "phi", "2"),
            ("E", "phi", ""),
        ]
    ]
    view = ET.fromstring(labeling_config(Taxonomy("t", "1", {one.name: one for one in labels})))
    assert [one.get("hotkey") for one in view.iter("Label")] == ["1", "q", "3", "2", None]


def test_a_configuration_that_cannot_work_is_refused():
    def taxonomy(layer, *relations):
        return Taxonomy("t", "1", {"A": Label("A", layer=layer)}, {name: RelationType(name) for name in relations})

    with pytest.raises(ConfigError, match="no labels in layer 'phi'"):
        labeling_config(taxonomy("entity"))
    with pytest.raises(ConfigError, match="called like one of our controls"):
        labeling_config(taxonomy("codes"), layers=["codes"])
    with pytest.raises(ConfigError, match="joins the parts"):
        labeling_config(taxonomy("entity", "fragment"), layers=["entity"])
