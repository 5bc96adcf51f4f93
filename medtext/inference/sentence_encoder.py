"""A sentence encoder on ONNX Runtime: short texts in, one vector of length 1 each out.

A folder with `tokenizer.json` and `model.onnx`, as sentence-transformers models are exported. Of `last_hidden_state`,
or what else is the first output, the mean over the tokens is taken; an output of one vector a text stays as it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from medtext.errors import StageError
from medtext.inference.hugging_face import onnx_file
from medtext.inference.onnx_model import OnnxModel
from medtext.inference.windows import open_tokenizer, special_ids

_LONGEST = 64  # tokens; the names of concepts are shorter, and what follows in a longer one counts nothing
_BATCH = 1 << 10  # texts whose vectors are held beside the result
_HEAD = "last_hidden_state"


class SentenceEncoder:
    """Vectors of texts. The vector of a text depends on the text alone, not on what is encoded beside it."""

    def __init__(self, folder: str | Path, *, threads: int | None = None) -> None:
        """Raises StageError for a folder that holds no sentence encoder."""
        self.folder, self._threads = Path(folder).absolute(), threads
        graph, tokens = onnx_file(self.folder), self.folder / "tokenizer.json"
        if graph is None or not tokens.is_file():
            raise StageError(
                f"{folder} is no vector model: it needs model.onnx and tokenizer.json. Export one to ONNX."
            )
        self._tokenizer = open_tokenizer(tokens)
        self._before, self._after = special_ids(self._tokenizer)
        self._model = OnnxModel(graph, heads={_HEAD: 0}, threads=threads)
        self.size = self._checked(graph)
        self.sha256 = _hash(graph, tokens)

    def __reduce__(self) -> tuple[Any, ...]:
        return SentenceEncoder, (self.folder,)

    @property
    def name(self) -> str:
        """The name of the folder, with the beginning of the hash."""
        return f"{self.folder.name}@{self.sha256[:12]}"

    def encode(self, texts: Sequence[str]) -> Any:
        """The vectors as float32 [texts, size], each of length 1."""
        import numpy as np

        made = np.zeros((len(texts), self.size), np.float32)  # and zeros it stays where a text has no token
        for start in range(0, len(texts), _BATCH):
            rows = self._rows(texts[start : start + _BATCH])
            places = [place for place, row in enumerate(rows) if row]
            for place, (found,) in zip(places, self._model([rows[one] for one in places]), strict=True):
                made[start + place] = _pooled(found)
        return made

    def _rows(self, texts: Sequence[str]) -> list[tuple[int, ...]]:
        most = _LONGEST - len(self._before) - len(self._after)
        encoded = self._tokenizer.encode_batch(list(texts), add_special_tokens=False)
        return [(*self._before, *one.ids[:most], *self._after) for one in encoded]

    def _checked(self, graph: Path) -> int:
        """How many numbers a vector has; raises StageError for a model that gives none, or too few tokens."""
        import numpy as np

        try:
            highest = self._tokenizer.get_vocab_size() - 1  # no token may lie outside the model
            (row,) = self._rows(["word " * _LONGEST])
            row = (*row[:1], highest, *row[2:])
            made = [_pooled(found[0]) for found in self._model([row, row[:3]])]
        except Exception as error:
            raise StageError(
                f"{graph} cannot be computed on {_LONGEST} tokens ({type(error).__name__}): does its tokenizer belong "
                "to it? Copy the model folder again, or export it anew."
            ) from None
        if made[0].ndim != 1 or made[0].shape != made[1].shape or not np.isfinite(made).all():
            raise StageError(
                f"{graph} is no sentence encoder: its output is no vector a text or token. Export it anew."
            )
        return len(made[0])


def _pooled(found: Any) -> Any:
    """One vector of length 1: the mean of those of the tokens, where the model has not taken it itself."""
    import numpy as np

    vector = found.mean(axis=0, dtype=np.float32) if found.ndim == 2 else found
    return vector / max(float(np.linalg.norm(vector)), 1e-12)


def _hash(*files: Path) -> str:
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()
