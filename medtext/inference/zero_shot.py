"""A GLiNER model over whole texts: it marks what its labels, plain words, ask for. Needs the extra `gliner`.

GLiNER reads so many words at once and silently leaves out what does not fit its encoder; a word that the encoder makes
no token of, such as a zero-width blank, moves its findings by one word; and in some models what a row gives depends on
the padding of the others. So texts are cut here as they are for every model, by the words and the tokens that the model
itself counts; what is no token is no word; and only rows of equal length are ever computed together.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medtext.errors import ConfigError
from medtext.inference.decode import Found, trimmed
from medtext.inference.gliner_folder import GlinerFolder, open_gliner, read_folder
from medtext.inference.windows import Stretch, Unit, cut

_LONGEST_LABEL = 100  # characters
_FEWEST = 16  # tokens of text beside the labels, or there is nothing to read
_LEAST = 1e-4  # a score of 0 would say that a finding was overruled


class ZeroShotModel:
    """A GLiNER folder, and what it is asked for; `find` marks any number of texts.

    `labels` maps what is asked for, in plain words, to our labels; a list asks for labels by their own names.
    `threshold` is the least score of a finding, `batch_size` how many rows of equal length a GPU computes together; a
    CPU takes them one by one, since the last digits of a score depend on how many there are. Nothing is ever fetched:
    the folder holds gliner_config.json with the encoder's config in it, the weights, and a fast tokenizer.
    Raises ConfigError for an option that cannot be, StageError for a folder that is missing, incomplete or damaged,
    MissingExtraError without gliner.
    """

    def __init__(
        self,
        *,
        model: str | Path,
        labels: Mapping[str, str] | Sequence[str],
        threshold: float = 0.5,
        batch_size: int = 8,
        device: str = "cpu",
        purpose: str = "ZeroShot",
    ) -> None:
        self._labels = _asked(labels, purpose)
        self._threshold = _share(threshold, purpose)
        batch_size = _count(batch_size, purpose)
        self._folder = read_folder(model)
        self._model = open_gliner(self._folder, device=device)
        self._batch_size = 1 if self._model.device.type == "cpu" else batch_size
        self._words = _Words(self._model.data_processor)
        self._unit = _unit(self._model, self._words, self._folder, list(self._labels), purpose)
        self._words.most = self._unit.tokens // 4
        self._model.data_processor.words_splitter = self._words

    @property
    def labels(self) -> tuple[str, ...]:
        """Our labels that it can give."""
        return tuple(sorted(set(self._labels.values())))

    @property
    def source(self) -> str:
        """How a span names this model: `model:name@hash`."""
        return f"model:{self._folder.name}@{self._folder.sha256[:12]}"

    def find(self, texts: Sequence[str]) -> list[list[Found]]:
        """What it finds in each text, disjoint and in order of place.

        A finding belongs to the window that owns its first word. Of findings that overlap the surest stands, then the
        longest, then the earliest, then the label first in the alphabet.
        """
        stretches = cut(texts, self._words, self._unit)
        rows = {_shown(text, one): _shape(one) for text, held in zip(texts, stretches, strict=True) for one in held}
        read = self._read(rows)
        return [
            _disjoint(found for one in held for found in self._found(text, one, read))
            for text, held in zip(texts, stretches, strict=True)
        ]

    def describe(self) -> dict[str, Any]:
        """Model with the hash of its weights, what it is asked for, and how text is cut."""
        cut_by = {"window": self._unit.tokens, "overlap": self._unit.overlap, "cut": self._unit.rule}
        asked = {"labels": dict(self._labels), "threshold": self._threshold}
        return {"model": self._folder.name, "sha256": self._folder.sha256, **asked, **cut_by}

    def _read(self, rows: Mapping[str, tuple[int, int]]) -> dict[str, list[dict[str, Any]]]:
        """What the model finds in each row, `rows` giving the shape of each; a text that is repeated is read once."""
        alike: dict[tuple[int, int], list[str]] = {}
        for row, shape in rows.items():
            alike.setdefault(shape, []).append(row)
        asked, read = list(self._labels), {}
        for shape in sorted(alike):
            found = self._model.inference(
                alike[shape], asked, threshold=self._threshold, batch_size=self._batch_size, flat_ner=True
            )
            read |= zip(alike[shape], found, strict=True)
        return read

    def _found(self, text: str, stretch: Stretch, read: Mapping[str, list[dict[str, Any]]]) -> Iterator[Found]:
        begin = stretch.offsets[0][0]
        first, behind = stretch.offsets[stretch.own[0]][0], stretch.offsets[stretch.own[1] - 1][1]
        for one in read[_shown(text, stretch)]:
            if first <= begin + one["start"] < behind:
                start, end = trimmed(text, begin + one["start"], begin + one["end"])
                if start < end:
                    # Four digits: what the last bits of a sum depend on stays out of the file.
                    score = round(min(1.0, max(_LEAST, float(one["score"]))), 4)
                    yield Found(start, end, self._labels[one["label"]], score)


@dataclass(frozen=True, slots=True)
class _Counted:
    """The words of a piece as `cut` wants them: as many entries for a word as the encoder makes tokens of it."""

    ids: list[int]
    offsets: list[tuple[int, int]]
    word_ids: list[int]


class _Words:
    """The model's own words with their places; of one that fills more than `most` tokens it sees the beginning.

    Such words (base64, a line of underscores) would push what stands beside them out of the encoder.
    """

    def __init__(self, processor: Any) -> None:
        self._split = processor.words_splitter
        self._tokenizer = processor.transformer_tokenizer
        self.most = 0

    def __call__(self, text: str) -> Iterator[tuple[str, int, int]]:
        """Word, start, end; this is how GLiNER asks for them."""
        for word, start, end, _ in self._counted(text):
            yield word, start, end

    def encode_batch(self, pieces: Iterable[str], add_special_tokens: bool = False) -> list[_Counted]:
        """The words of each piece, counted; this is how `cut` asks for them."""
        return [self._encoded(piece) for piece in pieces]

    def tokens(self, words: Sequence[str]) -> list[int]:
        """How many tokens the encoder makes of each word."""
        made = self._tokenizer(list(words), is_split_into_words=True, add_special_tokens=False, verbose=False)
        counts = [0] * len(words)
        for word in made.word_ids():
            counts[word] += 1
        return counts

    def _encoded(self, piece: str) -> _Counted:
        made = _Counted([], [], [])
        for number, (_, start, end, tokens) in enumerate(self._counted(piece)):
            made.ids.extend([0] * tokens)
            made.offsets.extend([(start, end)] * tokens)
            made.word_ids.extend([number] * tokens)
        return made

    def _counted(self, text: str) -> Iterator[tuple[str, int, int, int]]:
        words = list(self._split(text))
        counts = self.tokens([word for word, _, _ in words]) if words else []
        for (word, start, end), count in zip(words, counts, strict=True):
            seen, tokens = self._short(word, count)
            if tokens:
                yield seen, start, end, tokens

    def _short(self, word: str, count: int) -> tuple[str, int]:
        """A word, or as much of it as `most` tokens hold, and its tokens."""
        while count > self.most and len(word) > 1:
            word = word[: len(word) // 2]
            (count,) = self.tokens([word])
        return word, count


def _shown(text: str, stretch: Stretch) -> str:
    """What the model reads of a text."""
    return text[stretch.offsets[0][0] : stretch.offsets[-1][1]]


def _shape(stretch: Stretch) -> tuple[int, int]:
    """Words and tokens: rows of equal shape need no padding."""
    return sum(stretch.first), len(stretch.ids)


def _disjoint(found: Iterable[Found]) -> list[Found]:
    """Those that stand, in order of place; findings of neighbouring windows may overlap."""
    standing: list[Found] = []
    for one in sorted(found, key=_rank):
        at = bisect_left(standing, one.end, key=lambda held: held.start)
        if at == 0 or standing[at - 1].end <= one.start:
            standing.insert(at, one)
    return standing


def _rank(found: Found) -> tuple[float, int, int, str]:
    return -found.score, found.start - found.end, found.start, found.label


def _unit(model: Any, words: _Words, folder: GlinerFolder, asked: list[str], purpose: str) -> Unit:
    """What is read at once: the words that GLiNER takes, and not more tokens than the encoder has beside the labels."""
    tokenizer = model.data_processor.transformer_tokenizer
    tokenizer.model_max_length = folder.longest
    if 0 in words.tokens(asked):
        raise ConfigError(f"{purpose}: a label holds nothing that the model {folder.name!r} can read.")
    row = model.collate_batch(model.prepare_base_input([["a"]]), asked)["input_ids"].shape[-1]
    beside = row - sum(words.tokens(["a"]))
    tokens = min(folder.longest - beside, folder.words)
    if tokens < _FEWEST:
        raise ConfigError(
            f"{purpose}: the labels take {beside} of the {folder.longest} tokens that the model {folder.name!r} reads "
            "at once, and leave none for the text. Ask for fewer, or in fewer words; two stages can ask for half each."
        )
    return Unit(tokens, tokens // 2)  # a sentence longer than that is rare, and nothing may be lost at a border


def _asked(labels: Any, purpose: str) -> dict[str, str]:
    """What the model is asked for → our label."""
    given = labels.items() if isinstance(labels, Mapping) else None
    if given is None and isinstance(labels, Sequence) and not isinstance(labels, str):
        given = [(one, one) for one in labels]
    if not given:
        raise ConfigError(f"{purpose}: labels is a list of labels, or maps what is asked for to our label.")
    made: dict[str, str] = {}
    for asked, ours in given:
        if not _is_name(asked) or not _is_name(ours):
            raise ConfigError(
                f"{purpose}: label {asked!r}: what is asked for and our label are each 1 to {_LONGEST_LABEL} "
                "printable characters without blanks at the ends."
            )
        if asked in made:
            raise ConfigError(f"{purpose}: label {asked!r} stands twice.")
        made[asked] = ours
    return made


def _is_name(label: Any) -> bool:
    printable = isinstance(label, str) and 0 < len(label) <= _LONGEST_LABEL and label.isprintable()
    return printable and label == label.strip()


def _share(threshold: Any, purpose: str) -> float:
    if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not 0 <= threshold <= 1:
        raise ConfigError(f"{purpose}: threshold {threshold!r} is not a number from 0 to 1.")
    return float(threshold)


def _count(batch_size: Any, purpose: str) -> int:
    if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
        raise ConfigError(f"{purpose}: batch_size {batch_size!r} is not a whole number of at least 1.")
    return batch_size
