"""Models over texts on ONNX Runtime, without torch."""

import json
import shutil
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("onnx", reason="onnx is not installed")

from medtext.errors import ConfigError, StageError
from medtext.inference import TokenClassifier
from medtext.inference.encoder import open_encoder
from medtext.inference.folder import Head
from medtext.inference.places import find_model
from medtext.inference.windows import Unit
from medtext.note import Note
from medtext.stages.deid import Deid
from medtext.stages.entities import Entities
from tests.inference.tiny_folder import HEADS, TAGS, tiny_folder, tiny_graph, tiny_tokenizer
from tests.laws import texts


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_folder(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def small(folder):
    """The same model, which reads four words at once."""
    return TokenClassifier(model=folder, window=8, overlap=2)


def found(classifier, text):
    return [(one.label, text[one.start : one.end], one.start) for one in classifier.find([text])[0]]


def test_words_make_spans_with_exact_places(folder):
    text = "🙂\r\n é\u0301 \u2028 Aspirin 🙂 chest\tpain,\r\nmetformin"
    assert found(TokenClassifier(model=folder), text) == [
        ("MEDICATION", "Aspirin", 9),
        ("PROBLEM", "chest\tpain", 19),
        ("MEDICATION", "metformin", 32),
    ]


def test_a_head_is_chosen_by_name_and_entities_otherwise(folder):
    assert found(TokenClassifier(model=folder, head="identifiers"), "aspirin daily") == [("NAME", "daily", 8)]
    assert found(TokenClassifier(model=folder), "aspirin daily") == [("MEDICATION", "aspirin", 0)]
    with pytest.raises(ConfigError, match=r"has no head 'dates'. Its heads: entities, identifiers"):
        TokenClassifier(model=folder, head="dates")


@settings(max_examples=60)
@given(st.lists(texts, max_size=4), st.integers(1, 5))
def test_texts_read_together_give_what_each_gives_alone(small, held, size):
    small._batch_size = size
    assert small.find(held) == [small.find([one])[0] for one in held]
    for text, spans in zip(held, small.find(held), strict=True):
        assert all(0 <= one.start < one.end <= len(text) for one in spans)


def test_a_word_at_offset_60_000_is_found(folder):
    text = "the daily . " * 5000 + "aspirin daily ."
    assert found(TokenClassifier(model=folder), text) == [("MEDICATION", "aspirin", 60_000)]


def test_a_long_sentence_is_read_in_windows_of_whole_words(small):
    text = "the aspirin metformin chest pain " * 40
    assert [label for label, *_ in found(small, text)] == ["MEDICATION", "MEDICATION", "PROBLEM"] * 40


def test_what_was_read_is_not_computed_again_also_for_the_other_head(folder):
    entities, identifiers = TokenClassifier(model=folder), TokenClassifier(model=folder, head="identifiers")
    assert entities._encoder is identifiers._encoder
    paragraphs = [f"The pain {'the ' * number}daily." for number in range(5)]
    start = entities._encoder.computed
    identifiers.find(["\n\n".join(paragraphs)])
    first = entities._encoder.computed - start
    entities.find(["\n\n".join(paragraphs), "\n\n".join(["The aspirin.", *paragraphs, *paragraphs])])
    assert (first, entities._encoder.computed - start - first) == (5, 1)


def test_the_stages_share_one_model_and_one_pass(folder):
    deid = Deid(neural={"model": folder, "head": "identifiers"})
    stage = Entities(model=folder)
    encoder = open_encoder(folder, "tiny")
    note = Note("n", "daily .\n\nThe chest pain -\n\nThe metformin -")
    start = encoder.computed
    done = stage(deid(note))
    assert done.text == "[NAME-1] .\n\nThe chest pain -\n\nThe metformin -"
    assert [done.quote(span)[0] for span in done.layer("entity")] == ["chest pain", "metformin"]
    assert encoder.computed - start == 4


def test_a_model_says_what_it_is(folder):
    (span,) = Entities(model=folder)(Note("n", "aspirin")).spans
    assert span.sources[0].by == "model:tiny@3"
    about = Entities(model=folder).describe()
    assert (about["model"], about["version"], about["licence"], about["head"]) == (
        "tiny",
        "3",
        "Apache-2.0",
        "entities",
    )
    assert len(about["sha256"]) == 64
    assert (about["window"], about["overlap"]) == (30, 8)


def test_neither_torch_nor_transformers_is_loaded(folder):
    code = (
        "import sys; from medtext.inference import TokenClassifier; "
        f"assert TokenClassifier(model={str(folder)!r}).find(['chest pain'])[0]; "
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "transformers", "spacy", "huggingface_hub"} & set(loaded)
    assert "onnxruntime" in loaded


def test_one_thread_gives_what_several_give(folder):
    held = [f"the aspirin {'daily ' * (number % 11)}chest pain ." for number in range(60)]
    one, many = (TokenClassifier(model=folder, threads=number) for number in (1, 3))
    assert one._encoder is not many._encoder
    assert one.find(held) == many.find(held)


def test_a_name_that_nobody_knows_says_which_are_known(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(StageError, match=r"'clinical-giant' is no folder.*does not ship with medtext"):
        find_model("clinical-giant")


def test_a_graph_of_other_labels_is_refused(tmp_path):
    more = {**HEADS, "entities": Head(("O", "B-PROBLEM"))}
    folder = tiny_folder(tmp_path / "other", heads=HEADS, tags={}, graph_heads=more)
    with pytest.raises(StageError, match="head 'entities' gives 2 labels, and 5 are named"):
        TokenClassifier(model=folder)


def test_a_graph_of_other_heads_is_refused(tmp_path):
    folder = tiny_folder(tmp_path / "other", graph_heads={"entities": HEADS["entities"]})
    with pytest.raises(StageError, match="no model of entities, identifiers"):
        TokenClassifier(model=folder)


def test_a_tokenizer_of_another_model_is_refused(tmp_path):
    words = [*TAGS["entities"], "daily"]
    file = tiny_graph(tmp_path / "small.onnx", words=words)
    folder = tiny_folder(tmp_path / "other", files={"model.onnx": file})
    with pytest.raises(StageError, match="does its tokenizer belong to it"):
        TokenClassifier(model=folder)


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
def test_files_that_were_no_model_when_written_are_refused(tmp_path, name):
    folder = tiny_folder(tmp_path / "other", files={name: b"nothing"})
    with pytest.raises(StageError, match=r"[Cc]opy"):
        TokenClassifier(model=folder)


def test_a_unit_longer_than_the_model_takes_is_refused(tmp_path):
    folder = tiny_folder(tmp_path / "other", unit=Unit(64, 8))
    with pytest.raises(StageError, match="takes 64 tokens, fewer than its unit"):
        TokenClassifier(model=folder)


@pytest.mark.parametrize(
    "options",
    [{"window": 3}, {"window": 20, "overlap": 20}, {"device": "cuda"}, {"device": "warp"}, {"threads": 0},
     {"threads": True}, {"backend": "jax"}, {"backend": "torch"}, {"threshold": 2}, {"labels": {"PAIN": "X"}},
     {"model": " "}],
    ids=str,
)  # fmt: skip
def test_bad_options_are_refused(folder, options):
    with pytest.raises(ConfigError):
        TokenClassifier(**{"model": folder, **options})


@pytest.fixture(params=["model.onnx", "onnx/model.onnx"])
def hugging_face(request, tmp_path):
    """A Hugging Face folder with an ONNX graph, whose only output has a name of its own."""
    file = tmp_path / "hf" / request.param
    file.parent.mkdir(parents=True)
    head = {"labels": HEADS["entities"]}
    tiny_graph(file, {"labels": TAGS["entities"]}, head, outputs={"labels": "logits"})
    tiny_tokenizer(padded=True).save(str(tmp_path / "hf" / "tokenizer.json"))
    config = {"id2label": dict(enumerate(head["labels"].labels)), "max_position_embeddings": 64, "pad_token_id": 0}
    (tmp_path / "hf" / "config.json").write_text(json.dumps(config))
    return tmp_path / "hf"


def test_a_hugging_face_folder_with_a_graph_needs_no_torch(hugging_face):
    classifier = TokenClassifier(model=hugging_face, labels={"PROBLEM": "FINDING"})
    assert found(classifier, "The chest pain, aspirin") == [("FINDING", "chest pain", 4)]
    assert classifier.source.startswith("model:hf@")
    assert classifier.describe()["window"] == 62


def test_a_hugging_face_folder_without_labels_or_config_is_refused(hugging_face):
    (hugging_face / "config.json").write_text("{}")
    with pytest.raises(StageError, match="names no labels"):
        TokenClassifier(model=hugging_face)
    (hugging_face / "config.json").unlink()
    with pytest.raises(StageError, match=r"no config.json"):
        TokenClassifier(model=hugging_face)


def test_a_model_that_was_changed_is_opened_anew(folder, tmp_path):
    copied = shutil.copytree(folder, tmp_path / "tiny")
    assert found(TokenClassifier(model=copied), "aspirin") == [("MEDICATION", "aspirin", 0)]
    shutil.rmtree(copied)
    tiny_folder(copied, {"entities": {"aspirin": "B-PROBLEM"}})
    assert found(TokenClassifier(model=copied), "aspirin") == [("PROBLEM", "aspirin", 0)]
