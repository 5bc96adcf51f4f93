"""A Hugging Face token-classification model on torch: rows of token ids in, logits out. CPU, or GPU in bfloat16."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from medtext.errors import ConfigError, MissingExtraError, StageError

Row = tuple[int, ...]
_ROWS = {"cpu": 16, "cuda": 128}


class TorchModel:
    """One model with the head `labels`, on a device ("cpu", "cuda", "cuda:1").

    Raises MissingExtraError without torch and transformers, StageError for a damaged folder or one without a trained
    classifier, ConfigError for a device that is not there.
    """

    def __init__(self, folder: Path, *, name: str, device: str = "cpu", padding: int = 0) -> None:
        self._model = load_model(folder, name)
        self.device = str(find_device(device))
        self._padding = padding
        self._model.to(self.device)

    def check(self, row: Row) -> None:
        """Raise StageError unless this row gives a logit for each label."""
        try:
            wide = self([row])[0][0].shape[-1]
        except Exception as error:
            raise StageError(
                f"The model cannot be computed ({type(error).__name__}): is the tokenizer its own?"
            ) from None
        if wide != self._model.config.num_labels:
            raise StageError(
                f"The model gives {wide} labels, and its config.json names {self._model.config.num_labels}."
            )

    def __call__(self, rows: Sequence[Row], batch_size: int | None = None) -> list[tuple[Any, ...]]:
        """For each row, in order, the logits of its one head as float32 [tokens, labels]."""
        size = batch_size or _ROWS.get(self.device.partition(":")[0], 16)
        ranked = sorted(range(len(rows)), key=lambda one: (-len(rows[one]), one))
        places: dict[int, tuple[Any, ...]] = {}
        for at in range(0, len(ranked), size):
            batch = ranked[at : at + size]
            places |= zip(batch, self._compute([rows[one] for one in batch]), strict=True)
        return [places[number] for number in range(len(rows))]

    def _compute(self, rows: Sequence[Row]) -> list[tuple[Any, ...]]:
        import torch

        width = max(map(len, rows))
        padded = [[*row, *[self._padding] * (width - len(row))] for row in rows]
        ids = torch.tensor(padded, device=self.device)
        mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows], device=self.device)
        on_gpu = self.device.startswith("cuda")
        with torch.inference_mode(), torch.autocast("cuda", dtype=torch.bfloat16, enabled=on_gpu):
            logits = self._model(input_ids=ids, attention_mask=mask).logits.float().cpu().numpy()
        return [(one[: len(row)],) for one, row in zip(logits, rows, strict=True)]


def load_model(folder: Path, name: str) -> Any:
    """The model of a folder, from its files only."""
    try:
        import torch  # noqa: F401
        from transformers import AutoModelForTokenClassification
        from transformers.utils import logging
    except ImportError:
        raise MissingExtraError(
            f"The model {name!r} has no model.onnx, and a token-classification model without one",
            "torch and transformers",
            "torch",
        ) from None
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        model, info = AutoModelForTokenClassification.from_pretrained(
            folder, local_files_only=True, output_loading_info=True
        )
    except Exception as error:
        raise StageError(
            f"The model {name!r} could not be loaded: {type(error).__name__}. The folder must hold config.json, the "
            "weights (model.safetensors) and a fast tokenizer (tokenizer.json); copy it again or export it anew."
        ) from error
    finally:
        if shown:
            logging.enable_progress_bar()
    if info["missing_keys"]:
        raise StageError(
            f"The weights of {name!r} lack {len(info['missing_keys'])} tensors of its token classifier. "
            "Train it for token classification first, or name another model."
        )
    return model.eval()


def find_device(name: str) -> Any:
    """A torch device that is there; raises ConfigError for one that is not."""
    import torch

    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError):
        raise ConfigError(f"Device {name!r} is not there. Use cpu, or cuda where torch sees a GPU.") from None
