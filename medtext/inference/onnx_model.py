"""A model on ONNX Runtime: rows of token ids in, logits out. Neither torch nor transformers is loaded.

The results of a row are the same to the last bit whatever it is computed beside: only rows of one length share a batch,
so nothing is padded, and each batch is computed by one thread. A graph that scales its activations by the whole batch
(`DynamicQuantizeLinear`, which onnxruntime's own dynamic quantisation writes) would break that: its rows go one by one.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path
from typing import Any

from medtext.errors import ConfigError, StageError

Row = tuple[int, ...]
_TOKENS = 512  # a batch: on two cores, larger ones leave the cache and are slower
_BY_BATCH = b"DynamicQuantizeLinear"
_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


class OnnxModel:
    """One session; `heads` names its outputs and `labels` how many labels each must have.

    `threads` batches are computed at a time. Raises StageError for a file that is no model of these heads, ConfigError
    for a device that is not there.
    """

    def __init__(self, file: Path, *, heads: dict[str, int], device: str = "cpu", threads: int | None = None) -> None:
        self.threads = available_cores() if threads is None else threads
        self.device = device
        self._session = _open(file, device)
        self._by_batch = _holds(file, _BY_BATCH)
        self._inputs = frozenset(one.name for one in self._session.get_inputs())
        outputs = [one.name for one in self._session.get_outputs()]
        # A model with one head may call its output what it likes.
        self._outputs = list(heads) if set(heads) <= set(outputs) else outputs[: len(heads)]
        self._file, self._heads = file, heads
        strange = self._inputs - {"input_ids", "attention_mask", "token_type_ids"}
        if strange or "input_ids" not in self._inputs or len(self._outputs) < len(heads):
            raise StageError(
                f"{file} is no model of {', '.join(heads)}: its inputs or outputs are others. Export it anew."
            )

    def check(self, row: Row) -> None:
        """Raise StageError unless this row gives as many logits as the heads have labels."""
        try:
            found = self._compute([row])[0]
        except Exception as error:
            raise StageError(
                f"{self._file} cannot be computed ({type(error).__name__}): does its tokenizer belong to it? "
                "Copy the model folder again, or export it anew."
            ) from None
        for name, logits in zip(self._heads, found, strict=True):
            if logits.shape != (len(row), self._heads[name]):
                raise StageError(
                    f"{self._file}: head {name!r} gives {logits.shape[-1]} labels, and {self._heads[name]} are named. "
                    "Weights and labels are of two models: copy or export them together."
                )

    def __call__(self, rows: Sequence[Row], batch_size: int | None = None) -> list[tuple[Any, ...]]:
        """For each row, in order, the logits of each head as float32 [tokens, labels]."""
        batches = self._batches(rows, batch_size)
        if self.threads > 1 and len(batches) > 1:
            with ThreadPoolExecutor(self.threads) as pool:
                done = list(pool.map(lambda batch: self._compute([rows[one] for one in batch]), batches))
        else:
            done = [self._compute([rows[one] for one in batch]) for batch in batches]
        places = {
            row: found
            for batch, made in zip(batches, done, strict=True)
            for row, found in zip(batch, made, strict=True)
        }
        return [places[number] for number in range(len(rows))]

    def _batches(self, rows: Sequence[Row], batch_size: int | None) -> list[list[int]]:
        """Numbers of rows of one length each, longest first."""
        ranked = sorted(range(len(rows)), key=lambda one: (-len(rows[one]), one))
        batches = []
        for length, same in groupby(ranked, key=lambda one: len(rows[one])):
            held = list(same)
            size = 1 if self._by_batch else batch_size or max(1, _TOKENS // max(1, length))
            batches += [held[at : at + size] for at in range(0, len(held), size)]
        return batches

    def _compute(self, rows: Sequence[Row]) -> list[tuple[Any, ...]]:
        import numpy as np

        ids = np.array(rows, dtype=np.int64)
        given = {"input_ids": ids}
        if "attention_mask" in self._inputs:
            given["attention_mask"] = np.ones_like(ids)
        if "token_type_ids" in self._inputs:
            given["token_type_ids"] = np.zeros_like(ids)
        return list(zip(*self._session.run(self._outputs, given), strict=True))


def available_cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _open(file: Path, device: str) -> Any:
    import onnxruntime

    provider = _PROVIDERS.get(device.partition(":")[0])
    if provider not in onnxruntime.get_available_providers():
        raise ConfigError(f"Device {device!r} is not there for ONNX Runtime. Use cpu, or cuda with onnxruntime-gpu.")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # A thread that waits by spinning takes the core from others.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(str(file), options, providers=[provider])
    except Exception as error:
        raise StageError(
            f"{file} could not be loaded by ONNX Runtime ({type(error).__name__}). Copy it again or export it anew."
        ) from None


def _holds(file: Path, word: bytes) -> bool:
    """Whether a file holds these bytes, which may lie across two blocks."""
    tail = b""
    with file.open("rb") as stream:
        while block := stream.read(1 << 22):
            if word in tail + block:
                return True
            tail = block[-len(word) :]
    return False
