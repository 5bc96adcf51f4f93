"""A token-classification model over whole texts: opened once, and shared by the stages that ask for the same one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from medtext.errors import ConfigError
from medtext.inference.decode import Decoder, Found, split_label
from medtext.inference.encoder import Encoder, open_encoder
from medtext.inference.places import find_model
from medtext.inference.windows import Unit

__all__ = ["Found", "TokenClassifier"]


class TokenClassifier:
    """One head of one model; `find` labels any number of texts.

    `model` is a folder, the name of a model that ships with medtext, or a hub name (fetched only with
    `allow_download`). `head` names the head of a model with several; without it `usual` is taken. `labels` maps the
    model's labels to ours and leaves out the others; without it the model's own are used. `backend` is "onnx",
    "torch" or "auto": ONNX Runtime where the folder holds an ONNX graph. `threads` (ONNX Runtime) is how many cores
    it may use, all of them by default. `window` and `overlap` (a quarter of the window) count tokens; a medtext model
    knows its own, others read 512 at once, and never more than the model takes. `threshold` is the least mean
    probability of a span. `purpose` names who asks, in errors. Raises MissingExtraError where torch is needed and
    absent, StageError for a model that is missing or damaged, ConfigError for an option that cannot be.
    """

    def __init__(
        self,
        *,
        model: str | Path,
        head: str | None = None,
        labels: Mapping[str, str] | None = None,
        backend: str = "auto",
        device: str = "cpu",
        threads: int | None = None,
        window: int | None = None,
        overlap: int | None = None,
        batch_size: int | None = None,
        threshold: float = 0.0,
        allow_download: bool = False,
        revision: str | None = None,
        purpose: str = "Entities",
        usual: str = "entities",
    ) -> None:
        folder = find_model(model, allow_download=allow_download, revision=revision)
        name = folder.resolve().name if Path(model).is_dir() else str(model)
        self._encoder = open_encoder(folder, name, backend=backend, device=device, threads=threads)
        self._head = _head(self._encoder, head or usual, name, purpose, asked=head is not None)
        self._labels = _mapped(self._encoder.heads[self._head].labels, labels, name, purpose)
        self._unit = _unit(self._encoder, window, overlap, purpose)
        if not (batch_size is None or batch_size >= 1) or not 0 <= threshold <= 1:
            raise ConfigError(f"{purpose}: batch_size must be at least 1, and threshold a number from 0 to 1.")
        self._batch_size, self._threshold = batch_size, threshold
        kept = self._encoder.heads[self._head]
        self._decoder = Decoder(kept.labels, ours=self._labels, temperature=kept.temperature, odds=kept.odds)

    @property
    def labels(self) -> tuple[str, ...]:
        """Our labels that it can give."""
        return tuple(sorted(set(self._labels.values())))

    @property
    def source(self) -> str:
        """How a span names this model: `model:name@version`, or the hash of its weights where it has no version."""
        return self._encoder.about.source

    def find(self, texts: Sequence[str]) -> list[list[Found]]:
        """What it finds in each text, in order of place; the stretches of all texts are computed together."""
        read = self._encoder.read(texts, unit=self._unit, batch_size=self._batch_size)
        at = list(self._encoder.heads).index(self._head)
        picked = [[(one.stretch, one.logits[at]) for one in held] for held in read]
        return [[one for one in held if one.score >= self._threshold] for held in self._decoder.find(texts, picked)]

    def describe(self) -> dict[str, Any]:
        """Model with version, hash and licence, the head, its labels, and how text is cut."""
        about = self._encoder.about
        model = {"model": about.name, "version": about.version, "sha256": about.sha256, "licence": about.licence}
        cut = {"window": self._unit.tokens, "overlap": self._unit.overlap, "cut": self._unit.rule}
        return {**model, "head": self._head, "labels": dict(self._labels), **cut, "threshold": self._threshold}


def _head(encoder: Encoder, head: str, model: str, purpose: str, *, asked: bool) -> str:
    if head in encoder.heads:
        return head
    if not asked and len(encoder.heads) == 1:
        return next(iter(encoder.heads))
    told = f"has no head {head!r}" if asked else "has several heads; name one with head"
    raise ConfigError(f"{purpose}: the model {model!r} {told}. Its heads: {', '.join(encoder.heads)}")


def _unit(encoder: Encoder, window: int | None, overlap: int | None, purpose: str) -> Unit:
    """How text is cut: as the model says, unless the options say otherwise."""
    if window is None and overlap is None:
        return encoder.unit
    window = encoder.unit.tokens + encoder.specials if window is None else window
    if isinstance(window, bool) or not isinstance(window, int) or window < 8:
        raise ConfigError(f"{purpose}: window {window!r} is not a whole number of at least 8 tokens.")
    tokens = min(window, encoder.longest) - encoder.specials
    overlap = tokens // 4 if overlap is None else overlap
    if isinstance(overlap, bool) or not isinstance(overlap, int) or not 0 <= overlap < tokens:
        raise ConfigError(f"{purpose}: overlap {overlap} must be less than the window of {tokens} tokens.")
    return Unit(tokens, overlap)


def _mapped(names: Sequence[str], labels: Mapping[str, str] | None, model: str, purpose: str) -> dict[str, str]:
    """The model's label → ours, without the positions in front (B-, I-, …)."""
    known = sorted({kind for kind in (split_label(name)[1] for name in names) if kind})
    if labels is None:
        return {kind: kind for kind in known}
    for label, ours in labels.items():
        if label not in known:
            raise ConfigError(f"{purpose}: the model {model!r} has no label {label!r}. Its labels: {', '.join(known)}")
        if not isinstance(ours, str) or not ours.strip():
            raise ConfigError(f"{purpose}: label {label!r} must become one of ours; leave it out to ignore it.")
    return dict(labels)
