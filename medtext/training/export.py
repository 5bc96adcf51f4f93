"""The trained model for use, as ONNX: input_ids and attention_mask, int64 [rows, tokens] → logits, one output a head.

The export traces the module on a small example (TorchScript, opset 17), and onnxruntime's own optimizer makes one node
of each attention and each GELU. Both differ from torch by rounding only.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medtext.training.batches import packed
from medtext.training.model import Tagger, precision
from medtext.training.tagging import Rows

if TYPE_CHECKING:
    import torch

OPSET = 17
_INPUTS = ["input_ids", "attention_mask"]
_TOKENS = 4096  # of a batch that is read, not learned from


def export_onnx(tagger: Tagger, file: Path) -> None:
    """Write the model in fp32."""
    import torch

    class Flat(torch.nn.Module):
        """The heads' logits one after the other, as an export wants them."""

        def __init__(self) -> None:
            super().__init__()
            self.inside = tagger.module

        def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, ...]:
            return tuple(tagger.logits(ids, mask).values())

    flat = Flat().cpu().eval()
    ids = torch.full((2, 12), tagger.padding)
    names = list(tagger.heads)
    axes = {name: {0: "rows", 1: "tokens"} for name in [*_INPUTS, *names]}
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            flat, (ids, torch.ones_like(ids)), str(file), dynamo=False, opset_version=OPSET,
            input_names=_INPUTS, output_names=names, dynamic_axes=axes,
        )  # fmt: skip
    _fuse(file, tagger.config)


def _fuse(file: Path, config: Any) -> None:
    """What onnxruntime cannot see by itself once the products are in 8 bits; graphs of other shapes stay as they are.

    A layer norm with what is added before it stays two nodes: as one it is slower on a processor.
    """
    from onnxruntime.transformers.fusion_options import FusionOptions
    from onnxruntime.transformers.optimizer import optimize_model

    options = FusionOptions("bert")
    options.use_multi_head_attention = True
    options.enable_skip_layer_norm = options.enable_bias_skip_layer_norm = options.enable_embed_layer_norm = False
    sizes = {"num_heads": config.num_attention_heads, "hidden_size": config.hidden_size}
    optimize_model(str(file), "bert", **sizes, optimization_options=options, opt_level=0).save_model_to_file(str(file))


def torch_rows(tagger: Tagger, device: str, *, bf16: bool = False) -> Rows:
    """What a model says of rows of token ids, before any export; rows of like length are computed together."""
    import torch

    def read(rows: Sequence[tuple[int, ...]]) -> list[tuple[Any, ...]]:
        found: dict[int, tuple[Any, ...]] = {}
        lengths = [len(row) for row in rows]
        with torch.inference_mode(), precision(device, bf16=bf16):
            for numbers in packed(sorted(range(len(rows)), key=lengths.__getitem__), lengths, _TOKENS):
                width = lengths[numbers[-1]]
                ids = [[*rows[one], *[tagger.padding] * (width - lengths[one])] for one in numbers]
                mask = [[at < lengths[one] for at in range(width)] for one in numbers]
                held = tagger.logits(torch.tensor(ids, device=device), torch.tensor(mask, device=device).long())
                heads = [one.float().cpu().numpy() for one in held.values()]
                for at, number in enumerate(numbers):
                    found[number] = tuple(one[at, : lengths[number]] for one in heads)
        return [found[number] for number in range(len(rows))]

    return read
