"""The classifier of text without a heading: the same each time, kept by a file, and of use on text it has not seen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtext.errors import ConfigError
from medtext.stages.sections.classes import BUCKETS, SectionClasses, hashed, read_words, train
from medtext.taxonomy import Taxonomy

MODEL = SectionClasses.load()
TEXTS = ["No known drug allergies.", "Allergic to penicillin.", "Lisinopril 10 mg daily.", "Aspirin 81 mg p.o. daily."]
LABELS = ["allergies", "allergies", "medications", "medications"]


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=80))
def test_any_text_has_a_class_and_a_probability(text):
    ((label, score),) = MODEL.predict([text])
    assert label in MODEL.labels
    assert 0 < score <= 1


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=80))
def test_features_are_of_length_one_and_in_range(text):
    buckets, values = hashed(text, read_words())
    assert len(set(buckets.tolist())) == len(buckets)
    assert buckets.min() >= 0
    assert buckets.max() < BUCKETS
    assert np.isclose(np.square(values).sum(), 1, atol=1e-4)


def test_classes_are_those_of_the_taxonomy():
    assert set(MODEL.labels) <= {label.name for label in Taxonomy.load("clinical").layer("section")}


def test_training_is_the_same_each_time_and_survives_a_file(tmp_path):
    one, two = train(TEXTS, LABELS), train(TEXTS, LABELS)
    assert (one.weights == two.weights).all()
    path = tmp_path / "own.npz"
    one.save(path)
    read = SectionClasses.load(path)
    assert read.predict(TEXTS) == one.predict(TEXTS)
    assert [label for label, _ in read.predict(TEXTS)] == LABELS
    assert read.predict(["Allergic to sulfa."])[0][0] == "allergies"


def test_a_file_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "other.npz"
    np.savez(path, labels=np.array(["a"]))
    with pytest.raises(ConfigError, match=r"other\.npz is not a model of section classes"):
        SectionClasses.load(path)


def test_the_shipped_model_knows_what_it_was_not_trained_on(shared_data):
    from tests.benchmarks.headings import CLASSES, records

    held = records(shared_data)[1]
    right = sum(MODEL.predict([text])[0][0] in (CLASSES[section], "family_history") for text, section in held)
    assert right / len(held) > 0.7
