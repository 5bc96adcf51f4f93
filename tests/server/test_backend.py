"""Predictions for tasks: only for notes that may be seen, only what the project shows, and readable again."""

import json

import pytest

from medtext.errors import ConfigError, IdentifiedNoteError, NoteError
from medtext.formats.label_studio import labeling_config, note_to_task, task_to_note
from medtext.server.backend import Backend
from tests.server.conftest import SECRET


@pytest.fixture(scope="session")
def backend(pipeline):
    return Backend(pipeline)


def read_back(task, prediction):
    return task_to_note({**task, "predictions": [{"id": 1, **prediction}]})


def test_a_prediction_is_read_back_as_what_the_pipeline_says(backend, pipeline, bare, task):
    (made,) = backend.predict([task], label_config=labeling_config("clinical"))
    found = read_back(task, json.loads(json.dumps(made)))
    said = pipeline(bare).keep(["entity", "phi"])
    assert found.spans == said.spans
    # A relation is its type and its two ends there: Label Studio has no place for its score and sources.
    ends = [[(one.type, one.source, one.target) for one in each.relations] for each in (found, said)]
    assert ends[0] == ends[1]
    assert len(found.spans) > 3
    assert made["model_version"] == backend.version
    assert 0 <= made["score"] <= 1


def test_hidden_spans_stay_and_keep_their_ids(backend, hidden):
    task = {"id": 7, **note_to_task(hidden)}
    (made,) = backend.predict([task])
    found = read_back(task, made)
    assert {span.id for span in hidden.spans} < {span.id for span in found.spans}
    assert found.span("e1") == hidden.span("e1")
    assert len(found.layer("entity")) > 3


def test_an_identified_note_and_a_task_of_somebody_else_are_refused_without_a_word_of_them(backend, bare, pipeline):
    task = {"id": 7, **note_to_task(bare.replace(deidentified=False))}
    with pytest.raises(IdentifiedNoteError, match="'n1'") as caught:
        backend.predict([task])
    assert SECRET not in str(caught.value)
    assert Backend(pipeline, allow_phi=True).predict([task])[0]["result"]
    for other in ({"id": 8, "data": {"text": SECRET}}, {"id": 8, "data": {"text": SECRET}, "meta": None}, SECRET):
        with pytest.raises(NoteError, match="was not sent by medtext") as caught:
            backend.predict([other])
        assert SECRET not in str(caught.value)


def test_what_the_project_does_not_offer_is_left_out(backend, task):
    config = labeling_config("clinical", layers=["entity"]).replace('value="MEDICATION"', 'value="OTHER"')
    (made,) = backend.predict([task], label_config=config)
    labels = {one["value"]["labels"][0] for one in made["result"] if one["type"] == "labels"}
    assert "PROBLEM" in labels
    assert "MEDICATION" not in labels
    assert read_back(task, made).spans


def test_a_pipeline_that_changes_the_text_is_refused():
    with pytest.raises(ConfigError, match="may change the text"):
        Backend("default")


def test_a_stage_that_breaks_gives_an_empty_prediction_and_no_text(task, pipeline, caplog):
    class Breaking:
        name, needs, adds = "breaking", frozenset(), frozenset()

        def __call__(self, note):
            raise RuntimeError(note.text)

        def describe(self):
            return {}

    from medtext.pipeline import Pipeline

    (made,) = Backend(Pipeline([Breaking()])).predict([task])
    assert made["result"] == []
    assert "breaking" in caplog.text
    assert SECRET not in caplog.text


def test_the_version_names_the_pipeline_and_changes_with_it(backend, pipeline):
    assert backend.version.startswith("preannotate@")
    assert backend.version == Backend(pipeline).version
    assert backend.version != Backend(_other()).version


def _other():
    from medtext.pipeline import load

    return load({"name": "preannotate", "stages": ["sentences", "sections"]})


def test_what_is_served_is_the_default_pipeline_without_what_changes_the_text(pipeline):
    from medtext.pipeline import load

    told = [one for one in load("default").describe()["stages"] if "phi" not in one["adds"]]
    assert pipeline.describe()["stages"] == told
