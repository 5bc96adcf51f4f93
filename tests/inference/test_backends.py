"""ONNX Runtime, int8 and torch on one random model: the same words, whatever stands beside them."""

import random
import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
transformers = pytest.importorskip("transformers", reason="transformers is not installed")
pytest.importorskip("onnx", reason="onnx is not installed")

from medtext.errors import ConfigError  # noqa: E402
from medtext.inference import TokenClassifier  # noqa: E402
from medtext.inference.onnx_model import OnnxModel  # noqa: E402
from medtext.inference.quantize import quantize  # noqa: E402
from medtext.inference.torch_model import TorchModel  # noqa: E402
from tests.inference.tiny_folder import ENTITIES, SPECIAL, WORDS, tiny_tokenizer  # noqa: E402

# Greatest difference of a logit, for logits of 10 at most: the back ends add in other orders.
SAME = 1e-4


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A random BERT of two layers with torch weights and an ONNX graph of the same."""
    torch.manual_seed(3)
    config = transformers.BertConfig(
        vocab_size=300, hidden_size=64, num_hidden_layers=2, num_attention_heads=4, intermediate_size=128,
        max_position_embeddings=128, id2label=dict(enumerate(ENTITIES)), pad_token_id=0, initializer_range=0.3,
    )  # fmt: skip
    model = transformers.BertForTokenClassification._from_config(config, attn_implementation="eager").eval()
    path = tmp_path_factory.mktemp("models") / "random"
    model.save_pretrained(path)
    tiny_tokenizer([*WORDS, *(f"w{number}" for number in range(300 - len(WORDS) - len(SPECIAL)))]).save(
        str(path / "tokenizer.json")
    )
    export(model, path / "model.onnx")
    return path


def export(model, file):
    axes = {0: "batch", 1: "tokens"}
    names = ["input_ids", "attention_mask"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model, (torch.ones(2, 8, dtype=torch.long), torch.ones(2, 8, dtype=torch.long)), str(file), dynamo=False,
            opset_version=17, input_names=names, output_names=["logits"],
            dynamic_axes=dict.fromkeys((*names, "logits"), axes),
        )  # fmt: skip


@pytest.fixture(scope="module")
def int8(folder):
    quantize(folder / "model.onnx", folder.parent / "int8.onnx")
    return folder.parent / "int8.onnx"


@pytest.fixture(scope="module")
def rows():
    draw = random.Random(5)
    lengths = [1, 1, 2, 3, 3, 3, 7, 7, 20, 20, 20, 61, 61, 126, 126]
    return [tuple(draw.randrange(4, 300) for _ in range(length)) for length in lengths]


def logits(model, rows, size=None):
    return [one for (one,) in model(rows, size)]


def test_torch_and_onnx_runtime_agree(folder, rows):
    theirs = logits(TorchModel(folder, name="random"), rows)
    ours = logits(OnnxModel(folder / "model.onnx", heads={"labels": 5}), rows)
    for one, two in zip(theirs, ours, strict=True):
        assert one.shape == two.shape
        assert np.abs(one).max() < 10
        assert np.abs(one - two).max() < SAME


@pytest.mark.parametrize("precision", ["fp32", "int8"])
@pytest.mark.parametrize("threads", [1, 3])
def test_the_batch_changes_no_bit_on_onnx_runtime(folder, int8, rows, precision, threads):
    file = int8 if precision == "int8" else folder / "model.onnx"
    model = OnnxModel(file, heads={"labels": 5}, threads=threads)
    alone = [logits(model, [row])[0] for row in rows]
    for held, size in ((rows, None), (rows, 1), (rows, 7), (rows[::-1], 2), (rows * 9, None)):
        wanted = dict(zip(rows, alone, strict=True))
        for row, one in zip(held, logits(model, held, size), strict=True):
            assert (one == wanted[row]).all()


def test_quantising_changes_little_and_makes_the_file_smaller(folder, int8, rows):
    whole = logits(OnnxModel(folder / "model.onnx", heads={"labels": 5}), rows)
    small = logits(OnnxModel(int8, heads={"labels": 5}), rows)
    spread = np.concatenate(whole).std()
    error = np.concatenate([one - two for one, two in zip(whole, small, strict=True)])
    assert np.sqrt((error**2).mean()) < 0.1 * spread
    assert int8.stat().st_size < 0.5 * (folder / "model.onnx").stat().st_size


def test_a_graph_is_quantised_once(int8, tmp_path):
    with pytest.raises(ConfigError, match="Quantise the fp32 graph, once"):
        quantize(int8, tmp_path / "again.onnx")


def test_a_graph_that_scales_by_the_batch_goes_row_by_row(folder, tmp_path, rows):
    from onnxruntime.quantization import quantize_dynamic

    quantize_dynamic(str(folder / "model.onnx"), str(tmp_path / "theirs.onnx"), per_channel=True)
    model = OnnxModel(tmp_path / "theirs.onnx", heads={"labels": 5})
    alone = [logits(model, [row])[0] for row in rows]
    assert all((one == two).all() for one, two in zip(alone, logits(model, rows, 8), strict=True))


def test_the_two_back_ends_find_the_same_spans(folder):
    draw = random.Random(7)
    texts = [" ".join(draw.choices([*WORDS[:5], "w9", "w7", "w40."], k=number * 9)) for number in range(12)]
    ours, theirs = (TokenClassifier(model=folder, backend=name, window=40) for name in ("onnx", "torch"))
    assert sum(map(len, ours.find(texts))) > 20
    for one, two in zip(ours.find(texts), theirs.find(texts), strict=True):
        assert [(span.start, span.end, span.label) for span in one] == [
            (span.start, span.end, span.label) for span in two
        ]
        assert all(abs(span.score - other.score) <= 2 * SAME for span, other in zip(one, two, strict=True))
