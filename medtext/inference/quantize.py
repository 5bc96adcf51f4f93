"""An fp32 ONNX graph made int8, each token scaled by itself: a quarter of the size, and no row depends on its batch.

onnxruntime's dynamic quantisation scales the activations of a whole batch by their greatest, so what a note gives
depends on the notes beside it. Here every token has a scale of its own, which also halves the error. Weights are int8
with a scale for each output channel, embeddings with one for each row. Needs `onnx`; the graph it writes does not.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from medtext.errors import ConfigError, MissingExtraError

_LEAST_ROWS = 256  # a smaller table of embeddings stays as it is
_DOMAIN = "com.microsoft"
_FLOAT = 1  # as ONNX numbers its types
_AXES_AS_INPUT = 18  # the opset from which ReduceMax takes them so
_TINY = 1e-8  # the scale of what is zero throughout
_STEP = 1 / 127


def quantize(source: str | Path, target: str | Path) -> None:
    """Write the int8 form of an fp32 graph: its products with constant weights, and its embeddings.

    Raises ConfigError for a graph that has none, such as one that is quantised already.
    """
    try:
        import onnx
    except ImportError:
        raise MissingExtraError("Quantising a model", "onnx", "export") from None
    model = onnx.load(str(source))
    rewriter = _Rewriter(model)
    nodes = [made for node in model.graph.node for made in rewriter.rewrite(node)]
    if not rewriter.replaced:
        raise ConfigError(f"{source} has no product with constant fp32 weights. Quantise the fp32 graph, once.")
    kept = [one for one in model.graph.initializer if one.name not in rewriter.unused(nodes)]
    del model.graph.node[:], model.graph.initializer[:]
    model.graph.node.extend(nodes)
    model.graph.initializer.extend([*kept, *rewriter.constants.values()])
    if all(one.domain != _DOMAIN for one in model.opset_import):
        model.opset_import.append(onnx.helper.make_opsetid(_DOMAIN, 1))
    onnx.checker.check_model(model)
    onnx.save(model, str(target))


class _Rewriter:
    """Gives for each node of a graph the nodes that stand for it; gathers the constants that they need."""

    def __init__(self, model: Any) -> None:
        self._opset = max(one.version for one in model.opset_import if one.domain in ("", "ai.onnx"))
        self.constants: dict[str, Any] = {}
        self.replaced: set[str] = set()
        self._weights = {one.name: one for one in model.graph.initializer}
        self._scaled: dict[str, list[str]] = {}

    def unused(self, nodes: list[Any]) -> set[str]:
        """The weights that only replaced nodes read."""
        return self.replaced - {name for node in nodes for name in node.input}

    def rewrite(self, node: Any) -> list[Any]:
        if node.op_type == "MatMul" and self._is_table(node.input[1]):
            return self._product(node)
        if node.op_type == "Gather" and self._is_table(node.input[0], _LEAST_ROWS):
            return self._embedding(node)
        return [node]

    def _is_table(self, name: str, rows: int = 1) -> bool:
        weight = self._weights.get(name)
        if weight is None or weight.data_type != _FLOAT or len(weight.dims) != 2:
            return False
        return weight.dims[0] >= rows and weight.dims[1] > 1

    def _product(self, node: Any) -> list[Any]:
        """x·W as (q·Wq / 127 · scale of the channel) · greatest of the token; q is x in 8 bits.

        onnxruntime's MatMulIntegerToFloat scales in the kernel, which makes the whole model a twentieth faster.
        """
        (x, weight), out = node.input, node.output[0]
        made = self._token_scales(x)
        q, most = self._scaled[x]
        whole, channel = self._halves(weight, axis=0)
        given = [q, whole, self._constant("step", _STEP), channel, self._constant("zero_point", 128, "uint8")]
        return [
            *made,
            _node("MatMulIntegerToFloat", given, f"{out}/float", domain=_DOMAIN),
            _node("Mul", [f"{out}/float", most], out),
        ]

    def _token_scales(self, x: str) -> list[Any]:
        """The nodes that give x in 8 bits and the greatest of each token, once for all products that read it."""
        if x in self._scaled:
            return []
        self._scaled[x] = [f"{x}/q", f"{x}/most"]
        step, zero = self._constant("step", _STEP), self._constant("zero_point", 128, "uint8")
        return [
            _node("Abs", [x], f"{x}/abs"),
            self._greatest(f"{x}/abs", f"{x}/greatest"),
            _node("Max", [f"{x}/greatest", self._constant("least", _TINY)], f"{x}/most"),
            _node("Reciprocal", [f"{x}/most"], f"{x}/inverse"),
            _node("Mul", [x, f"{x}/inverse"], f"{x}/scaled"),
            _node("QuantizeLinear", [f"{x}/scaled", step, zero], f"{x}/q"),
        ]

    def _greatest(self, x: str, output: str) -> Any:
        if self._opset < _AXES_AS_INPUT:
            return _node("ReduceMax", [x], output, axes=[-1], keepdims=1)
        return _node("ReduceMax", [x, self._constant("axes", [-1], "int64")], output, keepdims=1)

    def _embedding(self, node: Any) -> list[Any]:
        (table, ids), out = node.input, node.output[0]
        whole, row = self._halves(table, axis=1)
        return [
            _node("Gather", [whole, ids], f"{out}/int"),
            _node("Gather", [row, ids], f"{out}/scale"),
            _node("Cast", [f"{out}/int"], f"{out}/float", to=_FLOAT),
            _node("Mul", [f"{out}/float", f"{out}/scale"], out),
        ]

    def _halves(self, name: str, *, axis: int) -> tuple[str, str]:
        """The names of a weight's int8 values and of their scales, one for each place across `axis`."""
        import numpy as np
        from onnx import numpy_helper

        if f"{name}/int8" not in self.constants:
            self.replaced.add(name)
            held = numpy_helper.to_array(self._weights[name])
            scale = np.maximum(np.abs(held).max(axis, keepdims=axis == 1), _TINY) * _STEP
            whole = np.clip(np.round(held / scale), -127, 127).astype(np.int8)
            self.constants[f"{name}/int8"] = numpy_helper.from_array(whole, f"{name}/int8")
            self.constants[f"{name}/scale"] = numpy_helper.from_array(scale.astype(np.float32), f"{name}/scale")
        return f"{name}/int8", f"{name}/scale"

    def _constant(self, name: str, value: float | list[int], kind: str = "float32") -> str:
        import numpy as np
        from onnx import numpy_helper

        self.constants.setdefault(
            f"quantize/{name}", numpy_helper.from_array(np.array(value, kind), f"quantize/{name}")
        )
        return f"quantize/{name}"


def _node(kind: str, inputs: list[str], output: str, **attributes: Any) -> Any:
    from onnx import helper

    return helper.make_node(kind, inputs, [output], name=output, **attributes)
