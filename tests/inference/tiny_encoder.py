"""A tiny sentence encoder for tests: words of one group have nearly the same vector."""

from pathlib import Path

from tests.inference.tiny_folder import SPECIAL, tiny_tokenizer

SIZE = 32


def tiny_encoder(folder, groups, *, pooled=False, size=SIZE, nothing=False):
    """A folder with tokenizer.json and model.onnx; `pooled` gives one vector a text, `nothing` not a number."""
    import numpy as np
    from onnx import TensorProto, checker, helper, numpy_helper, save

    words = [word for group in groups for word in group]
    table = np.zeros((len(SPECIAL) + len(words), size), np.float32)
    for number, at in enumerate(at for at, group in enumerate(groups) for _ in group):
        table[len(SPECIAL) + number, at] = 1
        table[len(SPECIAL) + number, len(groups) + number] = 0.3
    table[SPECIAL.index("[UNK]"), size - 1] = 0.2
    if nothing:
        table[:] = np.nan
    nodes = [helper.make_node("Gather", ["table", "input_ids"], ["hidden" if pooled else "last_hidden_state"])]
    if pooled:
        nodes.append(helper.make_node("ReduceMean", ["hidden"], ["sentence_embedding"], axes=[1], keepdims=0))
    names = ("input_ids", "attention_mask")
    given = [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"]) for name in names]
    shape, output = (
        (["batch", size], "sentence_embedding") if pooled else (["batch", "tokens", size], "last_hidden_state")
    )
    made = [helper.make_tensor_value_info(output, TensorProto.FLOAT, shape)]
    graph = helper.make_graph(nodes, "tiny", given, made, [numpy_helper.from_array(table, "table")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(model)
    folder = Path(folder)
    folder.mkdir()
    save(model, str(folder / "model.onnx"))
    (folder / "tokenizer.json").write_text(tiny_tokenizer(words, padded=True).to_str())
    return folder
