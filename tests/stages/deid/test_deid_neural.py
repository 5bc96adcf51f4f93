"""A token-classification model as a detector of identifiers."""

import pytest

from medtext import Note
from medtext.errors import ConfigError, StageError
from medtext.stages.deid import Deid

pytest.importorskip("torch", reason="torch is not installed")
from tests.tiny_model import make_model

LABELS = ("O", "B-PER", "I-PER")
WORDS = ("zorblax", "foley", "dr", "catheter", "placed", "seen", "by", ".", "aspirin")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model that takes three words for people wherever they stand."""
    tags = {"zorblax": "B-PER", "foley": "B-PER", "aspirin": "B-PER"}
    return make_model(tmp_path_factory.mktemp("model"), tags, words=WORDS, labels=LABELS)


def options(folder, **more):
    return {"model": folder, "labels": {"PER": "NAME"}, **more}


def test_what_only_the_model_knows_is_replaced_and_says_who_found_it(folder):
    done = Deid(neural=options(folder))(Note("n", "seen by zorblax ."))
    assert done.text == "seen by [NAME-1] ."
    (source,) = done.layer("phi")[0].sources
    assert source.by.startswith("model:")


def test_the_medicine_is_kept_from_the_model_but_a_person_is_not(folder):
    stage = Deid(neural=options(folder))
    assert stage(Note("n", "Foley catheter placed .")).text == "Foley catheter placed ."
    assert "Foley" not in stage(Note("n", "seen by Dr. Foley .")).text


def test_batches_give_the_same_as_one_by_one_and_cleaned_notes_stay(folder):
    stage = Deid(neural=options(folder))
    notes = [Note(f"n{number}", "seen by zorblax . " * (number + 1)) for number in range(5)]
    notes[2] = notes[2].replace(deidentified=True)
    assert list(stage.pipe(notes)) == [stage(note) for note in notes]
    assert stage(notes[2]) is notes[2]


def test_a_deid_stage_says_what_its_names_rely_on(folder):
    about = Deid(neural=options(folder)).describe()
    assert about["names"] == "lexicons and context, and a neural model"
    assert len(about["neural"]["sha256"]) == 64


def test_a_model_that_cannot_be_had_stops_the_pipeline_when_it_is_built(folder, tmp_path):
    with pytest.raises(StageError, match="is no folder and not in the local"):
        Deid(neural={"model": "nobody/nothing"})
    with pytest.raises(StageError, match="could not be loaded"):
        Deid(neural={"model": tmp_path})
    with pytest.raises(ConfigError, match="'PER', which is no identifier of ours"):
        Deid(neural={"model": folder})
    with pytest.raises(ConfigError, match="unknown option 'modell'"):
        Deid(neural={"modell": folder})
    with pytest.raises(ConfigError, match="name a model"):
        Deid(neural={"labels": {"PER": "NAME"}})
