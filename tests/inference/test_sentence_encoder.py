"""Texts to vectors on ONNX Runtime."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtext.errors import StageError
from medtext.inference.sentence_encoder import SentenceEncoder
from tests.inference.tiny_encoder import tiny_encoder

GROUPS = [["ache", "pain"], ["toe"], ["stone", "calculus"], ["2"]]
TEXTS = st.lists(st.sampled_from(["ache", "pain", "toe", "stone", "2", "unheard"]), max_size=90).map(" ".join)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return SentenceEncoder(tiny_encoder(tmp_path_factory.mktemp("models") / "tiny", GROUPS))


@settings(max_examples=60, deadline=None)
@given(st.lists(TEXTS, max_size=8))
def test_a_text_has_one_vector_of_length_1_whatever_stands_beside_it(encoder, texts):
    made = encoder.encode(texts)
    assert made.shape == (len(texts), encoder.size)
    for vector, text in zip(made, texts, strict=True):
        assert np.array_equal(vector, encoder.encode([text])[0])
        assert np.linalg.norm(vector) == pytest.approx(1 if text else np.linalg.norm(vector), abs=1e-5)


def test_vectors_are_the_mean_over_the_tokens(encoder):
    toe, stone, both = encoder.encode(["toe", "stone", "toe stone"])
    assert both @ toe == pytest.approx(both @ stone)
    assert both @ toe > 0.6
    assert encoder.encode(["ache"])[0] @ encoder.encode(["pain"])[0] > 0.9


def test_a_model_that_gives_one_vector_a_text_is_taken_at_its_word(encoder, tmp_path):
    other = SentenceEncoder(tiny_encoder(tmp_path / "pooled", GROUPS, pooled=True))
    texts = ["toe ache", "calculus", "unheard of"]
    assert np.allclose(other.encode(texts), encoder.encode(texts), atol=1e-6)
    assert other.sha256 != encoder.sha256


def test_a_pickled_encoder_gives_the_same(encoder):
    again = pickle.loads(pickle.dumps(encoder))
    assert again.name == encoder.name
    assert np.array_equal(again.encode(["toe ache"]), encoder.encode(["toe ache"]))


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
def test_a_file_that_is_absent_or_damaged_is_an_error_when_it_is_opened(tmp_path, name):
    folder = tiny_encoder(tmp_path / "tiny", GROUPS)
    (folder / name).write_bytes((folder / name).read_bytes()[:-20])
    with pytest.raises(StageError, match=name.replace(".", r"\.")):
        SentenceEncoder(folder)
    (folder / name).unlink()
    with pytest.raises(StageError, match=r"it needs model\.onnx and tokenizer\.json"):
        SentenceEncoder(folder)


def test_a_tokenizer_of_another_model_is_an_error_when_it_is_opened(tmp_path):
    folder, other = (tiny_encoder(tmp_path / name, groups) for name, groups in (("a", GROUPS), ("b", [["ache"]])))
    (other / "tokenizer.json").write_bytes((folder / "tokenizer.json").read_bytes())
    with pytest.raises(StageError, match="does its tokenizer belong"):
        SentenceEncoder(other).encode(["calculus"])


def test_a_model_that_gives_no_numbers_is_an_error_when_it_is_opened(tmp_path):
    with pytest.raises(StageError, match="is no sentence encoder"):
        SentenceEncoder(tiny_encoder(tmp_path / "nothing", GROUPS, nothing=True))
