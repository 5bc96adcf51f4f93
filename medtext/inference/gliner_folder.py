"""The folder of a GLiNER model: what it must hold, and how it is opened without the network and without its code."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medtext.errors import ConfigError, MissingExtraError, StageError
from medtext.inference.hugging_face import hash_files, longest
from medtext.inference.torch_model import find_device

_CONFIG = "gliner_config.json"
_WEIGHTS = ("model.safetensors", "pytorch_model.bin")  # GLiNER reads the first that is there
_TOKENIZER = ("tokenizer.json", "tokenizer_config.json")
_WHOLE = (
    "Where there is a network, write it whole with GLiNER.from_pretrained(NAME).save_pretrained(FOLDER), and copy that."
)
# What makes other models of it: their output has another form, or their labels are fixed.
_OTHER_KINDS = {
    "labels_encoder": "encodes labels apart from the text",
    "labels_decoder": "writes labels of its own",
    "relations_layer": "finds relations",
    "precomputed_prompts_mode": "has its labels built in",
}


@dataclass(frozen=True, slots=True)
class GlinerFolder:
    """A folder that holds all that is needed; `words` and `longest` (tokens) are what the model reads at once."""

    path: Path
    name: str
    weights: Path
    sha256: str
    words: int
    longest: int


def read_folder(model: str | Path) -> GlinerFolder:
    """What a folder says of its model; raises StageError for one that is missing, incomplete or of another kind."""
    if not isinstance(model, str | Path) or not str(model).strip():
        raise ConfigError("A GLiNER model is a folder on this machine; this is empty.")
    path, name = Path(model), Path(model).resolve().name
    if not path.is_dir():
        raise StageError(f"There is no folder {str(model)!r}. A GLiNER model is a local folder. {_WHOLE}")
    config = _config(path, name)
    missing = [one for one in _TOKENIZER if not (path / one).is_file()]
    weights = next((path / one for one in _WEIGHTS if (path / one).is_file()), None)
    if missing or weights is None:
        lacks = ", ".join([*missing, *([] if weights else [_WEIGHTS[0]])])
        raise StageError(f"The folder of the GLiNER model {name!r} lacks {lacks}. {_WHOLE}")
    _refuse_code(path, name)
    words, most = config.get("max_len", 384), longest(path, config["encoder_config"])
    return GlinerFolder(path, name, weights, hash_files([weights]), words, most)


def open_gliner(folder: GlinerFolder, *, device: str = "cpu") -> Any:
    """The GLiNER model of a folder, from its files only.

    Raises MissingExtraError without gliner, ConfigError for a device that is not there, StageError for files that do
    not fit each other.
    """
    try:
        from gliner import GLiNER
        from transformers.utils import logging
    except ImportError:
        raise MissingExtraError("The stage zero_shot", "gliner", "gliner") from None
    where = str(find_device(device))
    level = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        model = GLiNER.from_pretrained(str(folder.path), local_files_only=True, map_location=where)
        lacking = set(model.model.state_dict()) - _keys(folder.weights)
    except Exception as error:
        raise StageError(
            f"The GLiNER model {folder.name!r} could not be opened: {type(error).__name__}. Its config, weights and "
            f"tokenizer must be of one model. {_WHOLE}"
        ) from error
    finally:
        logging.set_verbosity(level)
    if lacking:  # GLiNER would leave them at random
        raise StageError(
            f"The weights of the GLiNER model {folder.name!r} lack {len(lacking)} of its tensors. {_WHOLE}"
        )
    return model.eval()


def _config(path: Path, name: str) -> dict[str, Any]:
    """The `gliner_config.json` of a model that marks spans by labels it is given, its encoder's config in it."""
    config = _read(path / _CONFIG)
    if not isinstance(config, dict):
        raise StageError(f"The folder {name!r} is no GLiNER model: no {_CONFIG} can be read. {_WHOLE}")
    for key, what in _OTHER_KINDS.items():
        if config.get(key):
            raise StageError(f"The GLiNER model {name!r} {what} ({key}); zero_shot takes those that do not.")
    if config.get("words_splitter_type", "whitespace") != "whitespace" or config.get("model_type"):
        raise StageError(f"The GLiNER model {name!r} splits words or reads text in a way that zero_shot does not know.")
    if not isinstance(config.get("max_len", 384), int):
        raise StageError(f"The {_CONFIG} of {name!r} does not say how many words are read at once (max_len).")
    if not isinstance(config.get("encoder_config"), dict):
        raise StageError(f"The {_CONFIG} of {name!r} only names its encoder and does not hold its config. {_WHOLE}")
    return config


def _refuse_code(path: Path, name: str) -> None:
    """GLiNER would run what `auto_map` names, and fetch it from the hub."""
    for file in (_CONFIG, "tokenizer_config.json"):
        if '"auto_map"' in json.dumps(_read(path / file)):
            raise StageError(f"The {file} of the GLiNER model {name!r} asks to run code of its own (auto_map).")


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _keys(weights: Path) -> set[str]:
    """The names of the tensors of a file, those that stand for shared ones with them."""
    if weights.suffix == ".safetensors":
        from safetensors import safe_open

        with safe_open(weights, framework="pt") as opened:
            return {*opened.keys(), *(opened.metadata() or {})}
    import torch

    return set(torch.load(weights, map_location="meta", weights_only=True))
