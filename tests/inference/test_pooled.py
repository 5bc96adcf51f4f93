"""The class of whole texts, pooled from what a head says of their words."""

import pytest

from medtext.errors import ConfigError
from medtext.inference.folder import Head
from medtext.inference.pooled import TextClassifier
from medtext.inference.windows import Unit
from tests.inference.tiny_folder import tiny_folder

pytest.importorskip("onnx", reason="onnx is not installed")

HEADS = {"kinds": Head(("O", "B-PAINFUL", "I-PAINFUL", "B-TREATED", "I-TREATED"))}
TAGS = {"kinds": {"pain": "B-PAINFUL", "chest": "I-PAINFUL", "aspirin": "B-TREATED", "daily": "I-TREATED"}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_folder(tmp_path_factory.mktemp("models") / "kinds", TAGS, HEADS, unit=Unit(6, 2))


def test_most_of_the_words_decide_wherever_the_windows_fall(folder):
    model = TextClassifier(model=folder, head="kinds")
    texts = ["pain chest the " * 5 + "aspirin", "the aspirin daily " * 9 + "pain", "chest"]
    told = model.predict(texts)
    assert [label for label, _ in told] == ["PAINFUL", "TREATED", "PAINFUL"]
    assert all(0.5 < score < 1 for _, score in told)
    assert told[2][1] > told[0][1]


def test_a_text_is_of_the_same_class_alone_and_among_others(folder):
    model = TextClassifier(model=folder, head="kinds")
    texts = ["pain the", "aspirin daily pain", "the the chest aspirin aspirin"]
    assert model.predict(texts) == [model.predict([text])[0] for text in texts]


def test_a_text_without_a_word_is_of_no_class(folder):
    assert TextClassifier(model=folder, head="kinds").predict([" \n"]) == [("", 0.0)]


def test_a_model_without_the_head_names_those_it_has(folder):
    with pytest.raises(ConfigError, match=r"has no head 'sections'\. Its heads: kinds"):
        TextClassifier(model=folder, head="sections")
