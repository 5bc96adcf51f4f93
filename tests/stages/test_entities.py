import json

import pytest

from medtext.errors import ConfigError, StageError
from medtext.note import Note
from medtext.span import Span

torch = pytest.importorskip("torch", reason="torch is not installed")
transformers = pytest.importorskip("transformers", reason="transformers is not installed")

from medtext.stages.entities import Entities  # noqa: E402
from tests.tiny_model import make_model  # noqa: E402

TAGS = {"chest": "B-PAIN", "pain": "I-PAIN", "aspirin": "B-DRUG", "met": "B-DRUG", "##formin": "O"}
OURS = {"PAIN": "PROBLEM", "DRUG": "MEDICATION"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_model(tmp_path_factory.mktemp("models") / "tiny", TAGS)


def found(note):
    return [(span.label, *note.quote(span), span.start) for span in note.layer("entity")]


def test_words_take_the_label_of_their_first_piece_and_spans_run_over_words(folder):
    note = Entities(model=folder, labels=OURS)(Note("n", "The chest pain, Metformin daily."))
    assert found(note) == [("PROBLEM", "chest pain", 4), ("MEDICATION", "Metformin", 16)]


def test_a_word_at_offset_60_000_is_found(folder):
    text = "the daily . " * 5000 + "aspirin daily ."
    assert found(Entities(model=folder, labels=OURS)(Note("n", text))) == [("MEDICATION", "aspirin", 60_000)]


def test_offsets_are_code_points(folder):
    note = Entities(model=folder, labels=OURS)(Note("n", "🙂\r\n é\u0301 \u2028 aspirin 🙂 chest\tpain"))
    assert [quote for _, quote, _ in found(note)] == ["aspirin", "chest\tpain"]


def test_each_token_takes_its_label_where_it_stands_most_central(tmp_path):
    folder = make_model(tmp_path / "blind", TAGS, blind=10)
    text = "the " * 20 + "aspirin " * 200
    note = Entities(model=folder, labels=OURS, window=42, overlap=22)(Note("n", text))
    assert len(note.spans) == 200


def test_the_batch_size_changes_nothing(tmp_path):
    folder = make_model(tmp_path / "blurred", TAGS, blur=0.5)
    words = ["aspirin", "the", "chest", "pain", "daily", "metformin", ","]
    texts = [" ".join(words[(number * step) % 7] for step in range(number * 9)) for number in range(12)]
    notes = [Note(f"n{number}", text) for number, text in enumerate(texts)]
    small, large = (Entities(model=folder, window=20, overlap=8, batch_size=size) for size in (1, 7))
    assert list(small.pipe(notes)) == [large(note) for note in notes] == list(large.pipe(notes))


def test_begin_last_and_unit_tags_are_kept_apart(tmp_path):
    labels = ("O", "B-PAIN", "L-PAIN", "U-PAIN")
    tags = {"chest": "B-PAIN", "pain": "L-PAIN", "aspirin": "U-PAIN"}
    folder = make_model(tmp_path / "bilou", tags, labels=labels)
    note = Entities(model=folder)(Note("n", "chest pain chest pain aspirin aspirin"))
    assert [quote for _, quote, _ in found(note)] == ["chest pain", "chest pain", "aspirin", "aspirin"]


def test_plain_labels_run_as_long_as_they_stay_the_same(tmp_path):
    folder = make_model(tmp_path / "plain", {"chest": "PAIN", "pain": "PAIN"}, labels=("O", "PAIN"))
    assert [quote for _, quote, _ in found(Entities(model=folder)(Note("n", "chest pain the chest")))] == [
        "chest pain",
        "chest",
    ]


def test_labels_that_are_not_mapped_are_left_out(folder):
    note = Entities(model=folder, labels={"DRUG": "MEDICATION"})(Note("n", "chest pain aspirin"))
    assert found(note) == [("MEDICATION", "aspirin", 11)]


def test_a_label_that_the_model_does_not_have_is_refused(folder):
    with pytest.raises(ConfigError, match=r"no label 'DISEASE'. Its labels: DRUG, PAIN"):
        Entities(model=folder, labels={"DISEASE": "PROBLEM"})


def test_replaced_identifiers_are_left_alone(folder):
    phi = Span(((0, 7),), "PATIENT", id="p1", layer="phi")
    note = Entities(model=folder)(Note("n", "aspirin aspirin", spans=(phi,)))
    assert [span.start for span in note.layer("entity")] == [8]


def test_spans_name_model_and_weights(folder):
    stage = Entities(model=folder)
    (span,) = stage(Note("n", "aspirin")).spans
    assert span.sources[0].by == f"model:tiny@{stage.describe()['sha256'][:12]}"
    assert 0.5 < span.score < 1
    assert span.score == span.sources[0].score


@pytest.mark.parametrize(
    "options",
    [{"window": 3}, {"window": 20, "overlap": 20}, {"device": "warp"}, {"labels": {"PAIN": ""}}, {"batch_size": 0}],
)
def test_bad_options_are_refused(folder, options):
    with pytest.raises(ConfigError):
        Entities(model=folder, **options)


def test_a_missing_model_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(StageError, match="allow_download"):
        Entities(model="nobody/no-such-model")


def test_a_damaged_folder_says_what_to_do(folder, tmp_path):
    (tmp_path / "config.json").write_text((folder / "config.json").read_text())
    with pytest.raises(StageError, match="tokenizer"):
        Entities(model=tmp_path)


def test_a_model_without_a_trained_classifier_is_refused(folder, tmp_path):
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    transformers.BertModel(transformers.BertConfig.from_pretrained(folder)).save_pretrained(tmp_path)
    config = json.loads((folder / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(StageError, match="token classifier"):
        Entities(model=tmp_path)


@pytest.mark.parametrize("text", ["", " ", "\0", "x" * 100_000, "é" * 100, "\u202easpirin\u202c"], ids=len)
def test_odd_text_is_no_trouble(folder, text):
    assert Entities(model=folder)(Note("n", text)).text == text
