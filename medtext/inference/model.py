"""Finds and opens a token-classification model: a folder or the local cache; the hub only when that is allowed."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from medtext.errors import ConfigError, MissingExtraError, StageError

_FILES = ("*.json", "*.txt", "*.model", "*.safetensors", "*.bin")
_WEIGHTS = ("*.safetensors", "pytorch_model*.bin")


def find_model(model: str | Path, *, allow_download: bool, revision: str | None) -> Path:
    """The folder of a model, fetched from the hub only when that is allowed."""
    if Path(model).is_dir():
        return Path(model)
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        raise MissingExtraError("A token-classification model", "transformers", "torch") from None
    try:
        place = snapshot_download(
            str(model), revision=revision, local_files_only=not allow_download, allow_patterns=list(_FILES)
        )
    except Exception as error:
        raise StageError(
            f"The model {str(model)!r} is no folder and not in the local Hugging Face cache ({type(error).__name__}). "
            "Check the name, or pass allow_download: true to fetch it from the hub."
        ) from None
    return Path(place)


def load_model(folder: Path, name: str) -> tuple[Any, Any]:
    """Tokenizer and model of a folder, from its files only."""
    try:
        import torch  # noqa: F401
        from transformers import AutoModelForTokenClassification, AutoTokenizer
        from transformers.utils import logging
    except ImportError:
        raise MissingExtraError("A token-classification model", "torch and transformers", "torch") from None
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, use_fast=True)
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
    if not tokenizer.is_fast:
        raise StageError(f"The model {name!r} has no fast tokenizer (tokenizer.json), so it knows no exact offsets.")
    if info["missing_keys"]:
        raise StageError(
            f"The weights of {name!r} lack {len(info['missing_keys'])} tensors of its token classifier. "
            "Train it for token classification first, or name another model."
        )
    return tokenizer, model.eval()


def find_device(name: str) -> Any:
    import torch

    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError):
        raise ConfigError(f"Device {name!r} is not there. Use cpu, or cuda where torch sees a GPU.") from None


def make_encoder(tokenizer: Any) -> Any:
    """A tokenizer that cuts and pads nothing; packaged ones often have both built in."""
    from tokenizers import Tokenizer

    encoder = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    encoder.no_truncation()
    encoder.no_padding()
    return encoder


def special_ids(encoder: Any) -> tuple[list[int], list[int]]:
    """The ids that the model wants before and after a text, such as [CLS] and [SEP]."""
    tokens = encoder.encode("a", add_special_tokens=True)
    own = [at for at, special in enumerate(tokens.special_tokens_mask) if not special]
    return (tokens.ids[: own[0]], tokens.ids[own[-1] + 1 :]) if own else ([], [])


def hash_weights(folder: Path) -> str:
    """The hash of the weights, all files in order of their names."""
    files = sorted({one for pattern in _WEIGHTS for one in folder.glob(pattern)})
    digest = hashlib.sha256()
    for one in files:
        with one.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()
