"""Tiny models for tests, made without torch: a tokenizer of a dozen words, and a graph that labels each by itself."""

from pathlib import Path

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from medtext.inference.folder import Head, write_model_folder
from medtext.inference.windows import Unit

WORDS = ["the", "pain", "chest", "aspirin", "met", "##formin", "daily", ".", ",", "-", "1", "é"]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
ENTITIES = ("O", "B-PROBLEM", "I-PROBLEM", "B-MEDICATION", "I-MEDICATION")
IDENTIFIERS = ("O", "B-NAME", "I-NAME")
TAGS = {
    "entities": {"chest": "B-PROBLEM", "pain": "I-PROBLEM", "aspirin": "B-MEDICATION", "met": "B-MEDICATION"},
    "identifiers": {"daily": "B-NAME"},
}
HEADS = {"entities": Head(ENTITIES), "identifiers": Head(IDENTIFIERS)}


def tiny_tokenizer(words=WORDS, *, padded=False):
    """A WordPiece tokenizer; `padded` has truncation and padding built in, as packaged ones have."""
    ids = {word: number for number, word in enumerate([*SPECIAL, *words])}
    made = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True, strip_accents=False)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", ids["[CLS]"]), ("[SEP]", ids["[SEP]"])]
    )
    if padded:
        made.enable_truncation(16)
        made.enable_padding(length=16)
    return made


def tiny_graph(file, tags=TAGS, heads=HEADS, *, words=WORDS, outputs=None):
    """An ONNX graph with one row of logits a word for each head: 4 for its label of `tags` (O where it has none)."""
    import numpy as np
    from onnx import TensorProto, checker, helper, numpy_helper, save

    vocabulary, nodes, tables = [*SPECIAL, *words], [], []
    for head, about in heads.items():
        table = np.zeros((len(vocabulary), len(about.labels)), np.float32)
        for number, word in enumerate(vocabulary):
            table[number, about.labels.index(tags.get(head, {}).get(word, "O"))] = 4
        tables.append(numpy_helper.from_array(table, f"{head}_table"))
        nodes.append(helper.make_node("Gather", [f"{head}_table", "input_ids"], [(outputs or {}).get(head, head)]))
    given = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"])
        for name in ("input_ids", "attention_mask")
    ]
    made = [
        helper.make_tensor_value_info((outputs or {}).get(head, head), TensorProto.FLOAT, ["batch", "tokens", "labels"])
        for head in heads
    ]
    graph = helper.make_graph(nodes, "tiny", given, made, tables)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(model)
    save(model, str(file))
    return Path(file)


def tiny_folder(path, tags=TAGS, heads=HEADS, *, graph_heads=None, words=WORDS, unit=None, files=None):
    """A medtext model folder; `graph_heads` makes a graph of other heads than `model.json` names."""
    file = tiny_graph(path.with_suffix(".onnx"), tags, graph_heads or heads, words=words)
    tokenizer = tiny_tokenizer(words, padded=True).to_str()
    files = {"model.onnx": file, "tokenizer.json": tokenizer, "MODEL_CARD.md": "# tiny\n", **(files or {})}
    fields = {"name": "tiny", "version": "3", "licence": "Apache-2.0", "heads": heads, "unit": unit or Unit(30, 8)}
    encoder = {"type": "table", "hidden": 5, "layers": 0, "max_tokens": 64}
    return write_model_folder(path, encoder=encoder, files=files, **fields).path
