"""A Hugging Face token-classification model over whole texts, on windows that overlap so that nothing is cut.

Every token takes its label from the window in which it stands most central; a word takes it from its first token.
Torch and transformers are an extra and are loaded with the classifier, never before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medtext.errors import ConfigError
from medtext.inference.model import find_device, find_model, hash_weights, load_model, make_encoder, special_ids


@dataclass(frozen=True, slots=True)
class Found:
    """A labelled stretch `[start, end)` of a text, in code points, with the mean probability of its words."""

    start: int
    end: int
    label: str
    score: float


@dataclass(frozen=True, slots=True)
class _Tokens:
    """The tokens of a text: ids, places in the text, and the number of the word that each belongs to."""

    ids: list[int]
    offsets: list[tuple[int, int]]
    words: list[int | None]


@dataclass(frozen=True, slots=True)
class _Window:
    """Tokens `[start, end)` of one text of a batch."""

    text: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Word:
    """A word of a text with the model's label for it, and how probable that is."""

    start: int
    end: int
    tag: str
    label: str
    score: float


class TokenClassifier:
    """One model, opened once; `find` labels any number of texts.

    `model` is a folder, or a hub name (fetched only with `allow_download`). `labels` maps the model's labels to ours
    and leaves out the others; without it the model's own are used. `window` and `overlap` (a quarter of the window)
    count tokens; the window is never more than the model takes. `threshold` is the least mean probability of a span.
    `purpose` names who asks, in errors. Raises MissingExtraError without torch, StageError for a model that is missing
    or damaged, ConfigError for an option that cannot be.
    """

    def __init__(
        self,
        *,
        model: str | Path,
        labels: Mapping[str, str] | None = None,
        device: str = "cpu",
        window: int = 512,
        overlap: int | None = None,
        batch_size: int = 16,
        threshold: float = 0.0,
        allow_download: bool = False,
        revision: str | None = None,
        purpose: str = "Entities",
    ) -> None:
        folder = find_model(model, allow_download=allow_download, revision=revision)
        self._tokenizer, self._model = load_model(folder, str(model))
        self._model.to(find_device(device))
        self._encoder = make_encoder(self._tokenizer)
        self._before, self._after = special_ids(self._encoder)
        self._labels = _mapped(self._model.config.id2label, labels, str(model), purpose)
        self._window = _fitting(window, self._longest(), len(self._before) + len(self._after), purpose)
        overlap = self._window // 4 if overlap is None else overlap
        if not 0 <= overlap < self._window:
            raise ConfigError(f"{purpose}: overlap {overlap} must be less than the window of {self._window} tokens.")
        if batch_size < 1 or not 0 <= threshold <= 1:
            raise ConfigError(f"{purpose}: batch_size must be at least 1, and threshold a number from 0 to 1.")
        self._overlap, self._batch_size, self._threshold = overlap, batch_size, threshold
        self._sha256 = hash_weights(folder)
        self._model_name = folder.resolve().name if Path(model).is_dir() else str(model)

    @property
    def labels(self) -> tuple[str, ...]:
        """Our labels that it can give."""
        return tuple(sorted(set(self._labels.values())))

    @property
    def source(self) -> str:
        """How a span names this model: `model:name@hash of its weights`."""
        return f"model:{self._model_name}@{self._sha256[:12]}"

    def find(self, texts: Sequence[str]) -> list[list[Found]]:
        """What it finds in each text, in order of place; the windows of all texts are computed together."""
        encoded = [self._encode(text) for text in texts]
        windows = [one for number, tokens in enumerate(encoded) for one in self._windows(number, len(tokens.ids))]
        best = self._predict(encoded, windows)
        return [
            [one for one in map(_found, _runs(self._words(text, tokens, predicted))) if one.score >= self._threshold]
            for text, tokens, predicted in zip(texts, encoded, best, strict=True)
        ]

    def describe(self) -> dict[str, Any]:
        """Model, hash of its weights, labels and windows."""
        windows = {"window": self._window, "overlap": self._overlap, "threshold": self._threshold}
        return {"model": self._model_name, "sha256": self._sha256, "labels": dict(self._labels), **windows}

    def _encode(self, text: str) -> _Tokens:
        made = self._encoder.encode(text, add_special_tokens=False)
        return _Tokens(made.ids, made.offsets, made.word_ids)

    def _longest(self) -> int:
        """How many tokens the model takes at once, its special ones with them."""
        config = self._model.config
        positions = getattr(config, "max_position_embeddings", None) or 512
        # RoBERTa and its kin count positions from behind the padding token.
        offset = (config.pad_token_id or 0) + 1 if config.model_type in _OFFSET_POSITIONS else 0
        return min(positions - offset, self._tokenizer.model_max_length)

    def _windows(self, text: int, length: int) -> Iterator[_Window]:
        step, start = self._window - self._overlap, 0
        while start < length:
            end = min(start + self._window, length)
            yield _Window(text, start, end)
            if end == length:
                return
            start += step

    def _predict(self, encoded: list[_Tokens], windows: list[_Window]) -> list[list[tuple[int, float, int]]]:
        """For each token of each text: index of its label, its probability, and how central it stood."""
        best = [[(0, 0.0, -1)] * len(tokens.ids) for tokens in encoded]
        ranked = sorted(windows, key=lambda one: (one.start - one.end, one.text, one.start))
        for at in range(0, len(ranked), self._batch_size):
            batch = ranked[at : at + self._batch_size]
            for window, scores in zip(batch, self._scores(encoded, batch), strict=True):
                held, last = best[window.text], len(encoded[window.text].ids)
                for token, (label, score) in enumerate(scores, start=window.start):
                    # At an end of the text nothing is missing on that side.
                    left = token - window.start if window.start else last
                    right = window.end - 1 - token if window.end < last else last
                    if min(left, right) > held[token][2]:
                        held[token] = (label, score, min(left, right))
        return best

    def _scores(self, encoded: list[_Tokens], batch: list[_Window]) -> list[list[tuple[int, float]]]:
        """The likeliest label of each token of each window, with its probability."""
        import torch

        rows = [self._before + encoded[one.text].ids[one.start : one.end] + self._after for one in batch]
        width = max(map(len, rows))
        padding = self._tokenizer.pad_token_id or 0
        ids = torch.tensor([row + [padding] * (width - len(row)) for row in rows], device=self._model.device)
        mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows], device=self._model.device)
        with torch.inference_mode():
            logits = self._model(input_ids=ids, attention_mask=mask).logits.float()
        score, label = logits.softmax(-1).max(-1)
        head = len(self._before)
        sizes = [one.end - one.start for one in batch]
        labels, scores = label.cpu().tolist(), score.cpu().tolist()
        found = zip(labels, scores, sizes, strict=True)
        return [list(zip(row[head : head + n], p[head : head + n], strict=True)) for row, p, n in found]

    def _words(self, text: str, tokens: _Tokens, predicted: list[tuple[int, float, int]]) -> Iterator[_Word]:
        """The words of a text with the labels of their first tokens."""
        names = self._model.config.id2label
        for first, last in _word_tokens(tokens.words):
            start, end = _trimmed(text, tokens.offsets[first][0], tokens.offsets[last][1])
            if start < end:
                label, score, _ = predicted[first]
                tag, kind = _split(names[label])
                yield _Word(start, end, tag, self._labels.get(kind, ""), score)


_OFFSET_POSITIONS = ("roberta", "xlm-roberta", "camembert", "longformer", "mpnet")


def _fitting(window: int, longest: int, specials: int, purpose: str) -> int:
    if isinstance(window, bool) or not isinstance(window, int) or window < 8:
        raise ConfigError(f"{purpose}: window {window!r} is not a whole number of at least 8 tokens.")
    return min(window, longest) - specials


def _mapped(names: Mapping[int, str], labels: Mapping[str, str] | None, model: str, purpose: str) -> dict[str, str]:
    """The model's label → ours, without the positions in front (B-, I-, …)."""
    known = sorted({kind for kind in (_split(name)[1] for name in names.values()) if kind})
    if labels is None:
        return {kind: kind for kind in known}
    for label, ours in labels.items():
        if label not in known:
            raise ConfigError(f"{purpose}: the model {model!r} has no label {label!r}. Its labels: {', '.join(known)}")
        if not isinstance(ours, str) or not ours.strip():
            raise ConfigError(f"{purpose}: label {label!r} must become one of ours; leave it out to ignore it.")
    return dict(labels)


def _split(name: str) -> tuple[str, str]:
    """Position and label: B-DRUG is ("B", "DRUG"), DRUG is ("", "DRUG"), O is ("", "")."""
    tag, hyphen, kind = name.partition("-")
    if hyphen and tag in ("B", "I", "L", "E", "U", "S"):
        return tag, kind
    return "", "" if name == "O" else name


def _word_tokens(word_ids: list[int | None]) -> Iterator[tuple[int, int]]:
    """First and last token of each word; a token that belongs to none stands for itself."""
    first = 0
    for at, word in enumerate(word_ids):
        ends = at + 1 == len(word_ids) or word is None or word_ids[at + 1] != word
        if ends:
            yield first, at
            first = at + 1


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """Without the blanks that some tokenizers count to a word."""
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return start, end


def _runs(words: Iterable[_Word]) -> Iterator[list[_Word]]:
    """Words that make one span: IOB2, BILOU and IOBES as they say, plain labels as long as the label stays."""
    run: list[_Word] = []
    for word in words:
        begins = word.tag in ("B", "U", "S") or not run or run[-1].label != word.label or run[-1].tag in ("L", "E")
        if run and begins:
            yield run
            run = []
        if word.label:
            run.append(word)
    if run:
        yield run


def _found(run: list[_Word]) -> Found:
    # Four digits: what the batch size changes in the last bits stays out of the file.
    score = round(min(1.0, sum(word.score for word in run) / len(run)), 4)
    return Found(run[0].start, run[-1].end, run[0].label, score)
