"""What a Hugging Face folder says of its token-classification model: labels, window, tokenizer, hash of the weights."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from medtext.errors import StageError
from medtext.inference.windows import open_tokenizer

# RoBERTa and its kin count positions from behind the padding token.
_OFFSET_POSITIONS = ("roberta", "xlm-roberta", "camembert", "longformer", "mpnet")
_WEIGHTS = ("*.safetensors", "pytorch_model*.bin")
_ONNX = ("model.onnx", "onnx/model.onnx")


def onnx_file(folder: Path) -> Path | None:
    """The ONNX graph of a folder, where there is one."""
    return next((folder / name for name in _ONNX if (folder / name).is_file()), None)


def read_config(folder: Path, name: str) -> dict[str, Any]:
    """The `config.json` of a folder; raises StageError for one that is missing or names no labels."""
    config = _read(folder / "config.json")
    if not isinstance(config, dict):
        raise StageError(
            f"The model {name!r} could not be loaded: no config.json can be read. The folder must hold config.json, "
            "the weights (model.safetensors or model.onnx) and tokenizer.json; copy it again or export it anew."
        )
    return config


def labels_of(config: dict[str, Any], name: str) -> tuple[str, ...]:
    """The labels in the order of the logits."""
    try:
        labels = {int(number): str(label) for number, label in config["id2label"].items()}
        return tuple(labels[number] for number in range(len(labels)))
    except (KeyError, ValueError, AttributeError):
        raise StageError(f"The config.json of {name!r} names no labels (id2label). Export the model anew.") from None


def longest(folder: Path, config: dict[str, Any]) -> int:
    """How many tokens the model takes at once, its special ones with them."""
    positions = config.get("max_position_embeddings") or 512
    offset = (config.get("pad_token_id") or 0) + 1 if config.get("model_type") in _OFFSET_POSITIONS else 0
    told = _read(folder / "tokenizer_config.json")
    most = told.get("model_max_length") if isinstance(told, dict) else None
    return int(min(positions - offset, most or positions))


def tokenizer_of(folder: Path, name: str) -> Any:
    """The fast tokenizer of a folder: `tokenizer.json`, or, where transformers can, one made of its vocabulary."""
    if (folder / "tokenizer.json").is_file():
        return open_tokenizer(folder / "tokenizer.json")
    try:
        from transformers import AutoTokenizer

        made = AutoTokenizer.from_pretrained(folder, local_files_only=True, use_fast=True).backend_tokenizer
        made.no_truncation()
        made.no_padding()
        return made
    except Exception as error:
        raise StageError(
            f"The model {name!r} could not be loaded: it has no fast tokenizer (tokenizer.json), so it knows no exact "
            f"offsets ({type(error).__name__}). Save its tokenizer anew."
        ) from None


def hash_weights(folder: Path) -> str:
    """The hash of the weights that are read: the ONNX graph, or all weight files in order of their names."""
    graph = onnx_file(folder)
    return hash_files([graph] if graph else sorted({one for pattern in _WEIGHTS for one in folder.glob(pattern)}))


def hash_files(files: Iterable[Path]) -> str:
    """The SHA-256 of what some files hold, one behind the other."""
    digest = hashlib.sha256()
    for one in files:
        with one.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
