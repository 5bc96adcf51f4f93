"""A model that was opened, and what it says of texts: one pass serves every head, and no stretch is computed twice.

The logits of the last stretches are kept by the hash of their token ids, so a copied-forward paragraph, and all that
de-identification left alone, costs nothing the second time. No text is kept.
"""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from threading import Lock
from typing import Any

from medtext.errors import ConfigError, StageError
from medtext.inference.decode import Odds
from medtext.inference.folder import open_model_folder
from medtext.inference.hugging_face import hash_weights, labels_of, longest, onnx_file, read_config, tokenizer_of
from medtext.inference.onnx_model import OnnxModel
from medtext.inference.torch_model import TorchModel
from medtext.inference.windows import Stretch, Unit, cut, open_tokenizer, special_ids

BACKENDS = ("auto", "onnx", "torch")
_WINDOW = 512  # of a model that does not say how text is to be cut
_KEPT_TOKENS = 300_000  # about 120 MB with a hundred labels
Logits = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class About:
    """Which model it is: how spans name it, and what a manifest must say of it."""

    source: str
    name: str
    version: str
    licence: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Labels:
    """The labels of a head in the order of its logits, in any scheme, and what makes its scores probabilities."""

    labels: tuple[str, ...]
    temperature: float = 1.0
    odds: Odds = field(default_factory=Odds)


@dataclass(frozen=True, slots=True)
class Read:
    """A stretch of a text and, for each head, its logits, float32 [tokens, labels]."""

    stretch: Stretch
    logits: Logits


class Encoder:
    """A model with its tokenizer and heads; `read` gives logits for texts.

    `longest` is how many tokens it takes at once, of which `specials` are not of the text; `computed` counts the
    stretches that went through the model.
    """

    def __init__(
        self, about: About, tokenizer: Any, model: Any, *, heads: dict[str, Labels], unit: Unit | None, longest: int
    ) -> None:
        self.about, self.heads, self.longest = about, heads, longest
        self._tokenizer, self._model = tokenizer, model
        self._before, self._after = special_ids(tokenizer)
        self.specials = len(self._before) + len(self._after)
        tokens = min(_WINDOW, longest) - self.specials
        self.unit = unit or Unit(tokens, tokens // 4)
        if self.unit.tokens + self.specials > longest:
            raise StageError(f"The model {about.name!r} takes {longest} tokens, fewer than its unit. Export it anew.")
        self._kept = _Kept(_KEPT_TOKENS)
        self.computed = 0
        model.check((*self._before, max(0, tokenizer.get_vocab_size() - 1), *self._after))

    def read(
        self, texts: Sequence[str], *, unit: Unit | None = None, batch_size: int | None = None
    ) -> list[list[Read]]:
        """The stretches of each text with their logits; those of all texts are computed together."""
        stretches = cut(texts, self._tokenizer, unit or self.unit)
        keyed = [[(_key(one.ids), one) for one in held] for held in stretches]
        found = self._logits({key: one.ids for held in keyed for key, one in held}, batch_size)
        return [[Read(one, found[key]) for key, one in held] for held in keyed]

    def forget(self) -> None:
        """Let go of the logits of what was read: the next texts are computed anew."""
        self._kept = _Kept(_KEPT_TOKENS)

    def _logits(self, wanted: dict[bytes, tuple[int, ...]], batch_size: int | None) -> dict[bytes, Logits]:
        found = self._kept.take(wanted)
        new = {key: ids for key, ids in wanted.items() if key not in found}
        rows = [(*self._before, *ids, *self._after) for ids in new.values()]
        head, made = len(self._before), {}
        self.computed += len(rows)
        if rows:
            for (key, ids), logits in zip(new.items(), self._model(rows, batch_size), strict=True):
                # A copy: a slice would keep the whole batch alive.
                made[key] = tuple(one[head : head + len(ids)].copy() for one in logits)
        self._kept.put(made)
        return found | made


class _Kept:
    """The logits of the last stretches, at most so many tokens of them."""

    def __init__(self, tokens: int) -> None:
        self._most, self._tokens = tokens, 0
        self._held: OrderedDict[bytes, Logits] = OrderedDict()
        self._lock = Lock()

    def take(self, keys: Iterable[bytes]) -> dict[bytes, Logits]:
        with self._lock:
            found = {key: self._held[key] for key in keys if key in self._held}
            for key in found:
                self._held.move_to_end(key)
        return found

    def put(self, made: dict[bytes, Logits]) -> None:
        with self._lock:
            for key, logits in made.items():
                if key not in self._held:
                    self._held[key] = logits
                    self._tokens += len(logits[0])
            while self._tokens > self._most:
                self._tokens -= len(self._held.popitem(last=False)[1][0])


def _key(ids: tuple[int, ...]) -> bytes:
    return blake2b(array("q", ids).tobytes(), digest_size=16).digest()


def open_encoder(
    folder: Path, name: str, *, backend: str = "auto", device: str = "cpu", threads: int | None = None
) -> Encoder:
    """The model of a folder; stages of one process that ask for the same one share it.

    Raises StageError for a damaged folder, ConfigError for options that cannot be.
    """
    if backend not in BACKENDS:
        raise ConfigError(f"Unknown back end {backend!r}. Back ends: {', '.join(BACKENDS)}")
    if threads is not None and (isinstance(threads, bool) or not isinstance(threads, int) or threads < 1):
        raise ConfigError(f"threads must be a whole number of at least 1, not {threads!r}.")
    ours = (folder / "model.json").is_file()
    if ours and backend == "torch":
        raise ConfigError(f"The model {name!r} is a medtext model, which runs on ONNX Runtime. Leave out backend.")
    if backend == "onnx" and not ours and onnx_file(folder) is None:
        raise ConfigError(f"The model {name!r} has no model.onnx. Export it, or use backend: torch.")
    # The hash is part of the question, so that a folder that was changed is opened anew.
    sha256 = open_model_folder(folder).sha256 if ours else hash_weights(folder)
    return _opened(_Wanted(folder.resolve(), name, sha256, ours, backend, device, threads))


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A model and how it is to run; who asks for the same gets the same encoder."""

    folder: Path
    name: str
    sha256: str
    ours: bool
    backend: str
    device: str
    threads: int | None


@lru_cache(maxsize=2)
def _opened(wanted: _Wanted) -> Encoder:
    return _open_ours(wanted) if wanted.ours else _open_theirs(wanted)


def _open_ours(wanted: _Wanted) -> Encoder:
    folder = open_model_folder(wanted.folder)
    sizes = {name: len(head.labels) for name, head in folder.heads.items()}
    return Encoder(
        About(folder.source, folder.name, folder.version, folder.licence, folder.sha256),
        open_tokenizer(folder.path / "tokenizer.json"),
        OnnxModel(folder.path / "model.onnx", heads=sizes, device=wanted.device, threads=wanted.threads),
        heads={name: Labels(head.labels, head.temperature, head.odds) for name, head in folder.heads.items()},
        unit=folder.unit,
        longest=folder.encoder["max_tokens"],
    )


def _open_theirs(wanted: _Wanted) -> Encoder:
    folder, name, version = wanted.folder, wanted.name, wanted.sha256[:12]
    config = read_config(folder, name)
    tokenizer, labels = tokenizer_of(folder, name), labels_of(config, name)
    file = None if wanted.backend == "torch" else onnx_file(folder)
    if file is None:
        model: Any = TorchModel(folder, name=name, device=wanted.device, padding=config.get("pad_token_id") or 0)
    else:
        model = OnnxModel(file, heads={"labels": len(labels)}, device=wanted.device, threads=wanted.threads)
    return Encoder(
        About(f"model:{name}@{version}", name, version, "see its model card", wanted.sha256),
        tokenizer,
        model,
        heads={"labels": Labels(labels)},
        unit=None,
        longest=longest(folder, config),
    )
