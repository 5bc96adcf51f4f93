"""Names as vectors: which names of a terminology mean nearly the same as a mention, in whatever words.

    encoder = SentenceEncoder("minilm")
    index = VectorIndex.build(terminology.candidates, encoder, "vectors")     # or: open_vectors(…), kept under home()
    index.near("swelling of the ankle", encoder, 5)

One row of int8 for each distinct name of a candidate index, mapped from its file and compared block by block (int8 is
half of float16, and NumPy reads it some fifteen times as fast). Owners and traits are those of the candidate index:
digits, single letters and opposites are never crossed.
"""

from __future__ import annotations

import json
import logging
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from medtext.errors import ConfigError, FormatError, WouldOverwriteError
from medtext.inference.sentence_encoder import SentenceEncoder
from medtext.terminology.candidates import CandidateIndex, Hit
from medtext.terminology.formfiles import map_file
from medtext.terminology.home import VARIABLE, home
from medtext.terminology.placing import clear_leftovers, new_beside, put_in_place, standing
from medtext.terminology.store import Terminology
from medtext.terminology.wording import spaced

logger = logging.getLogger(__name__)

Array = np.ndarray

FORMAT = "medtext-vectors/1"
META = "vectors.json"
_FILES = ("rows", "vectors", "scales")
FOLDER = ".vectors"  # in `home()`
_BLOCK = 8_192  # rows that are compared at once
_DECIMALS = 4  # of a cosine: int8 carries no more, and names that differ by less are in the order of their numbers
_ROWS_A_HIT = 8  # rows that are looked at for each hit: some have another trait, or an owner that is there already
_FLOOR = 0.5  # the cosine below which two names have nothing to do with each other


class VectorIndex:
    """The vectors of the names of a candidate index, in memory or mapped, with the same answers. Never changes."""

    def __init__(
        self, names: CandidateIndex, rows: Array, vectors: Array, scales: Array, folder: Path | None = None
    ) -> None:
        """`rows` gives for each form of `names` its row in `vectors`, `scales` for each row what makes its length 1.

        Use `build` or `open`.
        """
        self._names, self._vectors, self._scales, self.folder = names, vectors, scales, folder
        self._rows = np.asarray(rows)
        self._order = np.argsort(self._rows, kind="stable")  # the forms, row by row
        self._starts = np.searchsorted(self._rows, np.arange(len(vectors) + 1), sorter=self._order)

    def __len__(self) -> int:
        """How many distinct names there are."""
        return len(self._vectors)

    def __reduce__(self) -> tuple[Any, ...]:
        if self.folder is not None:
            return _mapped, (self.folder, self._names)
        return VectorIndex, (self._names, self._rows, self._vectors, self._scales)

    @classmethod
    def build(cls, names: CandidateIndex, encoder: SentenceEncoder, folder: Path | None = None) -> VectorIndex:
        """The vectors of all names; into a folder that is there and empty, or in memory where none is given."""
        places: dict[str, int] = {}
        rows = np.array([places.setdefault(names.text(form), len(places)) for form in range(len(names))], np.int32)
        shape = len(places), encoder.size
        vectors = np.empty(shape, np.int8) if folder is None else _new_file(folder, shape)
        scales = np.zeros(len(places), np.float32)
        for start, texts in _blocks(list(places)):
            part = slice(start, start + len(texts))
            vectors[part], scales[part] = quantised(encoder.encode(texts))
        if folder is not None:
            np.save(folder / "rows.npy", rows.astype("<i4"), allow_pickle=False)
            np.save(folder / "scales.npy", scales.astype("<f4"), allow_pickle=False)
            _write_meta(folder, names, encoder, vectors)
        return cls(names, rows, vectors, scales, folder)

    @classmethod
    def open(cls, folder: str | Path, names: CandidateIndex, encoder: SentenceEncoder) -> VectorIndex:
        """Map the files; raises FormatError where one is absent, cut short, or of other names or another model."""
        folder = Path(folder)
        meta = _read_meta(folder)
        if (meta["model"], meta["names"]) != (encoder.sha256, names.sha256):
            raise FormatError("these are the vectors of other names or of another model.", where=str(folder / META))
        return _mapped(folder, names)

    def search(self, queries: Array, k: int, *, allowed: Array | None = None) -> list[list[tuple[int, float]]]:
        """For each vector of length 1 the k nearest rows with their cosines, the nearest first, then by number.

        `allowed` is True for the rows that may come.
        """
        best: list[list[tuple[int, float]]] = [[] for _ in queries]
        for start in range(0, len(self), _BLOCK):
            fits = None if allowed is None else allowed[start : start + _BLOCK]
            if fits is not None and not fits.any():
                continue
            block = self._vectors[start : start + _BLOCK].astype(np.float32)
            cosines = np.round(queries @ block.T * self._scales[start : start + _BLOCK], _DECIMALS)
            if fits is not None:
                cosines[:, ~fits] = -np.inf
            for number, found in enumerate(cosines):
                best[number] = _nearest([*best[number], *_top(found, k, start)], k)
        return best

    def near(self, mention: str, encoder: SentenceEncoder, k: int, *, allowed: Array | None = None) -> list[Hit]:
        """At most k owners with a near name, the nearest first; `allowed` is True for the owners that may come."""
        if not self._names.key(mention):
            return []
        rows = None if allowed is None else self._rows_of(allowed)
        (nearest,) = self.search(encoder.encode([spaced(mention)]), k * _ROWS_A_HIT, allowed=rows)
        found: dict[int, Hit] = {}
        for row, cosine in nearest:
            if cosine < _FLOOR or len(found) >= k:
                break
            for hit in self._hits(row, cosine, mention, allowed):
                found.setdefault(hit.owner, hit)
        return list(found.values())[:k]

    def _rows_of(self, allowed: Array) -> Array:
        """True for the rows of names with an owner that may come."""
        held = np.zeros(len(self), bool)
        held[self._rows[allowed[self._names.owners]]] = True
        return held

    def _hits(self, row: int, cosine: float, mention: str, allowed: Array | None) -> Iterator[Hit]:
        """The owners of a name, where it has no other trait than the mention."""
        for form in self._order[self._starts[row] : self._starts[row + 1]].tolist():
            owner = int(self._names.owners[form])
            if (allowed is None or allowed[owner]) and self._names.agrees(mention, form):
                yield Hit(form, owner, "embedding", cosine, cosine, self._names.is_head(form))


def open_vectors(names: CandidateIndex, encoder: SentenceEncoder, *, what: str = "names") -> VectorIndex:
    """The vectors of these names by this model, from `home()`; made there first where they are not yet.

    Raises ConfigError where they cannot be written; what a damaged file leaves is made anew.
    """
    folder = home() / FOLDER / f"{encoder.sha256[:16]}-{names.sha256[:16]}"
    if (folder / META).is_file():
        try:
            return VectorIndex.open(folder, names, encoder)
        except FormatError as error:
            logger.warning("%s; the vectors are made anew", error)
    logger.info("encoding %d %s by %s into %s", len(names), what, encoder.name, folder)
    try:
        _make(folder, names, encoder)
    except OSError as error:
        raise ConfigError(
            f"The vectors of {what} could not be written to {folder.parent}: {error.strerror or error}. "
            f"Set {VARIABLE} to a folder that can be written."
        ) from error
    return VectorIndex.open(folder, names, encoder)


def build_vectors(terminology: Terminology | str | Path, model: str | Path) -> VectorIndex:
    """The vectors of a compiled terminology, made where they are not there yet; `folder` says where they lie."""
    opened = terminology if isinstance(terminology, Terminology) else Terminology(terminology)
    return open_vectors(opened.candidates, SentenceEncoder(model), what=f"names of {opened.meta['name']}")


def quantised(vectors: Array) -> tuple[Array, Array]:
    """Vectors as int8, each with its own unit, and for each row the number that makes its length 1; 0 for one of 0."""
    most = np.abs(vectors).max(axis=1, keepdims=True, initial=1e-12)
    made = np.round(vectors * (127 / most)).astype(np.int8)
    norms = np.linalg.norm(made.astype(np.float32), axis=1)
    return made, np.where(norms > 0, 1 / np.maximum(norms, 1), 0).astype(np.float32)


def _make(folder: Path, names: CandidateIndex, encoder: SentenceEncoder) -> None:
    """Into a folder beside its place, renamed when whole."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    clear_leftovers(folder)
    replaced, made = standing(folder), new_beside(folder)
    try:
        VectorIndex.build(names, encoder, made)
        put_in_place(made, folder, instead_of=replaced)
    except WouldOverwriteError:
        return  # another process was quicker
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _mapped(folder: Path, names: CandidateIndex) -> VectorIndex:
    sizes = _read_meta(folder)["sizes"]
    return VectorIndex(names, *(map_file(folder, name, sizes[name]) for name in _FILES), folder)


def _new_file(folder: Path, shape: tuple[int, int]) -> Array:
    return np.lib.format.open_memmap(folder / "vectors.npy", "w+", np.int8, shape)


def _write_meta(folder: Path, names: CandidateIndex, encoder: SentenceEncoder, vectors: Array) -> None:
    vectors.flush()  # type: ignore[attr-defined]
    sizes = {name: (folder / f"{name}.npy").stat().st_size for name in _FILES}
    told = {"format": FORMAT, "model": encoder.sha256, "model_name": encoder.name, "names": names.sha256}
    told |= {"rows": len(vectors), "size": encoder.size, "sizes": sizes}
    (folder / META).write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def _read_meta(folder: Path) -> dict[str, Any]:
    """What `vectors.json` says."""
    where = str(folder / META)
    try:
        meta = json.loads((folder / META).read_text(encoding="utf-8"))
        told, _ = meta["format"], (meta["model"], meta["names"], [meta["sizes"][name] for name in _FILES])
    except FileNotFoundError:
        raise FormatError("there are no vectors here.", where=where) from None
    except (ValueError, TypeError, KeyError):
        raise FormatError("the file is damaged.", where=where) from None
    if told != FORMAT:
        raise FormatError(f"format {told!r} cannot be read; this version reads {FORMAT!r}.", where=where)
    return meta


def _blocks(texts: list[str]) -> Iterator[tuple[int, list[str]]]:
    """The texts in blocks, counted on standard error where that is a terminal."""
    from tqdm import tqdm

    with tqdm(total=len(texts), unit=" names", disable=not sys.stderr.isatty(), dynamic_ncols=True) as bar:
        for start in range(0, len(texts), _BLOCK):
            held = texts[start : start + _BLOCK]
            yield start, held
            bar.update(len(held))


def _top(cosines: Array, k: int, start: int) -> Iterator[tuple[int, float]]:
    """The rows of a block that are among its k nearest, with all that are as near as the last of them."""
    least = np.partition(cosines, -k)[-k] if len(cosines) > k else -np.inf
    for row in np.flatnonzero((cosines >= least) & np.isfinite(cosines)).tolist():
        yield start + row, float(cosines[row])


def _nearest(found: list[tuple[int, float]], k: int) -> list[tuple[int, float]]:
    return sorted(found, key=lambda one: (-one[1], one[0]))[:k]
