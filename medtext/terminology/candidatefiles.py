"""The arrays of a CandidateIndex: made from names in one pass, in memory or as files that are mapped.

Forms are numbered from the fewest words to the most, so that the head of a word's postings are the shortest names that
hold it. All order comes from the names and their owners, never from Python's hashes.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from medtext.errors import FormatError
from medtext.terminology.formfiles import map_file
from medtext.terminology.wording import Wording, spaced

Array = np.ndarray

FORMAT = "medtext-candidates/1"
META = "candidates.json"


def digest(text: str) -> int:
    """64 bits of a name that are the same in every process."""
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def joined(key: Iterable[str]) -> str:
    """A key as one text."""
    return " ".join(key)


def trigrams(word: str) -> list[int]:
    """The runs of three letters of a word between its edges, each as one number; each once, in order."""
    padded = [2, *map(ord, word), 3]
    runs = zip(padded, padded[1:], padded[2:], strict=False)
    return list(dict.fromkeys(one << 42 | two << 21 | three for one, two, three in runs))


class _Forms:
    """Names as they come: their text, owner and words."""

    def __init__(self, wording: Wording) -> None:
        self._wording = wording
        self._stems: dict[str, int] = {}
        self._seen: set[tuple[str, int]] = set()
        self.words: dict[str, int] = {}
        self.texts: list[bytes] = []
        self.owners, self.sizes, self.held = array("i"), array("i"), array("i")
        self.exact, self.normal = array("Q"), array("Q")
        self.heads: dict[int, int] = {}

    def add(self, name: str, owner: int) -> None:
        """A name of an owner; the first of each is the one that people are shown."""
        text = spaced(name)
        if (text, owner) in self._seen:
            return
        self._seen.add((text, owner))
        self.heads.setdefault(owner, len(self.texts))
        key = next(self._wording.keys(text))
        numbers = [self.words.setdefault(stem, len(self.words)) for stem in key]
        distinct = dict.fromkeys(numbers)
        self.texts.append(text.encode("utf-8", "surrogatepass"))
        self.owners.append(owner)
        self.sizes.append(len(distinct))
        self.held.extend(distinct)
        self.exact.append(digest(text))
        self.normal.append(digest(joined(key)))


def make_arrays(
    names: Iterable[tuple[str, int]], wording: Wording, kinds: Sequence[int], owners: int
) -> dict[str, Array]:
    """All arrays of an index of (name, its owner); `kinds` says of what kind each of the owners is."""
    forms = _Forms(wording)
    for name, owner in names:
        forms.add(name, owner)
    sizes = np.array(forms.sizes, np.int64)
    order = np.argsort(sizes, kind="stable")
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    heads = np.full(owners, -1, np.int32)
    heads[list(forms.heads)] = place[list(forms.heads.values())]
    made = {"owners": np.array(forms.owners, np.int32)[order], "heads": heads}
    made["kinds"] = np.array(kinds, np.uint16) if len(kinds) else np.zeros(owners, np.uint16)
    made["texts"], made["places"] = _packed([forms.texts[number] for number in order.tolist()])
    for name, hashes in (("exact", forms.exact), ("normal", forms.normal)):
        made[name], made[f"{name}_forms"] = _sorted_hashes(np.array(hashes, np.uint64)[order])
    return made | _word_arrays(forms, sizes, place)


def _word_arrays(forms: _Forms, sizes: Array, place: Array) -> dict[str, Array]:
    """The vocabulary in alphabetical order, the forms of each word, its weight, and its trigrams."""
    spelled = sorted(forms.words, key=lambda word: word.encode("utf-8", "surrogatepass"))
    rank = np.empty(len(spelled), np.int64)
    rank[[forms.words[word] for word in spelled]] = np.arange(len(spelled))
    words, holders = rank[np.array(forms.held, np.int64)], np.repeat(place, sizes)
    counts = np.bincount(words, minlength=len(spelled))
    idf = np.log(1 + len(sizes) / np.maximum(counts, 1)).astype(np.float32)
    norms = np.bincount(holders, weights=idf[words], minlength=len(sizes)).astype(np.float32)
    made = {"weights": idf, "norms": norms, "starts": np.append(0, np.cumsum(counts)).astype(np.int64)}
    made["postings"] = holders[np.lexsort((holders, words))].astype(np.int32)
    made["words"], made["word_places"] = _packed([word.encode("utf-8", "surrogatepass") for word in spelled])
    grams = [trigrams(word) for word in spelled]
    made["gram_counts"] = np.array([len(one) for one in grams], np.uint16)
    flat = np.array([gram for one in grams for gram in one], np.uint64)
    owners = np.repeat(np.arange(len(spelled)), made["gram_counts"])
    made["grams"], firsts = np.unique(np.sort(flat), return_index=True)
    made["gram_starts"] = np.append(firsts, len(flat)).astype(np.int64)
    made["gram_words"] = owners[np.lexsort((owners, flat))].astype(np.int32)
    return made


def _packed(texts: list[bytes]) -> tuple[Array, Array]:
    """Texts as one array of bytes, and where each begins; one place more than there are texts."""
    places = np.zeros(len(texts) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)), out=places[1:])
    return np.frombuffer(b"".join(texts) + b"\n", np.uint8), places


def _sorted_hashes(hashes: Array) -> tuple[Array, Array]:
    order = np.argsort(hashes, kind="stable")
    return hashes[order], order.astype(np.int32)


def save(folder: Path, meta: dict[str, Any], arrays: dict[str, Array]) -> None:
    """Write all files of an index into a new folder."""
    folder.mkdir(parents=True)
    for name, made in arrays.items():
        np.save(folder / f"{name}.npy", made.astype(made.dtype.newbyteorder("<"), copy=False), allow_pickle=False)
    sizes = {name: (folder / f"{name}.npy").stat().st_size for name in arrays}
    told = {"format": FORMAT, **meta, "sizes": sizes}
    (folder / META).write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def load(folder: Path) -> tuple[dict[str, Any], dict[str, Array]]:
    """What `save` wrote, mapped; raises FormatError where a file is absent, cut short or of another version."""
    where = str(folder / META)
    try:
        meta = json.loads((folder / META).read_text(encoding="utf-8"))
        told, sizes = meta["format"], meta["sizes"]
    except FileNotFoundError:
        problem = "there is no candidate index; it was built before there were any. Build the terminology again."
        raise FormatError(problem, where=where) from None
    except (ValueError, TypeError, KeyError):
        raise FormatError("the file is damaged. Build the terminology again.", where=where) from None
    if told != FORMAT:
        raise FormatError(f"format {told!r} cannot be read; this version reads {FORMAT!r}.", where=where)
    return meta, {name: map_file(folder, name, size) for name, size in sizes.items()}
