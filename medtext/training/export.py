"""The trained model for use: ONNX with one output a head, and its weights in eight bits.

The export runs the module on a small example (TorchScript tracer, opset 17); quantisation is dynamic with a scale for
each channel, which changes fewer labels than one for each tensor.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medtext.errors import MissingExtraError
from medtext.training.model import Tagger
from medtext.training.tagging import Logits

if TYPE_CHECKING:
    import numpy

OPSET = 17
_INPUTS = ["input_ids", "attention_mask"]


def export_onnx(tagger: Tagger, file: Path) -> None:
    """Write the model: input_ids and attention_mask, int64 [rows, tokens] → one output a head, float32 logits."""
    import torch

    class Flat(torch.nn.Module):
        """The heads' logits one after the other, as an export wants them."""

        def __init__(self) -> None:
            super().__init__()
            self.inside = tagger.module

        def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, ...]:
            return tuple(tagger.logits(ids, mask).values())

    flat = Flat().cpu().eval()
    ids = torch.randint(5, 50, (2, 12))
    names = list(tagger.heads)
    axes = {name: {0: "rows", 1: "tokens"} for name in [*_INPUTS, *names]}
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            flat, (ids, torch.ones_like(ids)), str(file), dynamo=False, opset_version=OPSET,
            input_names=_INPUTS, output_names=names, dynamic_axes=axes,
        )  # fmt: skip


def quantize(file: Path, made: Path) -> None:
    """Write the model with its weights as 8-bit integers, a scale for each channel; raises MissingExtraError."""
    try:
        import onnx  # noqa: F401
        from onnxruntime.quantization import QuantType, quantize_dynamic
        from onnxruntime.quantization.shape_inference import quant_pre_process
    except ImportError:
        raise MissingExtraError("An int8 model", "onnx and onnxruntime", "train") from None
    with tempfile.TemporaryDirectory() as room:
        prepared = Path(room) / "prepared.onnx"
        quant_pre_process(str(file), str(prepared), skip_symbolic_shape=True)
        quantize_dynamic(str(prepared), str(made), per_channel=True, weight_type=QuantType.QInt8)


def onnx_logits(file: Path, *, threads: int | None = None) -> Logits:
    """What an exported model says of ids and mask, on ONNX Runtime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_outputs()]

    def logits(ids: numpy.ndarray, mask: numpy.ndarray) -> Mapping[str, numpy.ndarray]:
        return dict(zip(names, session.run(names, dict(zip(_INPUTS, (ids, mask), strict=True))), strict=True))

    return logits


def torch_logits(tagger: Tagger, device: Any) -> Logits:
    """What a model in training says of ids and mask."""
    import torch

    def logits(ids: numpy.ndarray, mask: numpy.ndarray) -> Mapping[str, numpy.ndarray]:
        with torch.inference_mode():
            held = tagger.logits(torch.as_tensor(ids, device=device), torch.as_tensor(mask, device=device))
            return {name: one.float().cpu().numpy() for name, one in held.items()}

    return logits
