"""The files of a FormIndex: one JSON file that says what it is, and plain arrays that are mapped into memory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from medtext.errors import FormatError
from medtext.terminology.formrows import FormKeys, FormRows
from medtext.terminology.hashtable import HashClash, HashTable, build_table

Array = np.ndarray

FORMAT = "medtext-forms/2"
META = "forms.json"
TABLES = ("words", "rows")
PARTS = ("pilots", "cells")
_SEEDS = 8  # two keys share a hash once in a million builds; another seed parts them


def arrays_of(rows: FormRows) -> tuple[dict[str, Any], dict[str, Array]]:
    """What an index says of itself, and its arrays by name."""
    seed, keys, tables, uppers = _tables(rows)
    offsets = np.cumsum([0, *map(len, keys.values.some)], dtype=np.int64)
    arrays = {f"{name}-{part}": getattr(tables[name], part) for name in TABLES for part in PARTS}
    arrays["uppers"] = uppers
    ids = np.frombuffer(rows.ids, np.int64)
    small = not len(ids) or (ids.min() >= -(1 << 31) and ids.max() < 1 << 31)
    arrays |= {"ids": ids.astype(np.int32) if small else ids, "groups": np.array(keys.values.groups, np.int32)}
    arrays |= {"some": np.frombuffer(b"".join(keys.values.some) + b"\n", np.uint8), "places": offsets}
    meta = {
        "format": FORMAT,
        "forms": len(ids),
        "keys": len(keys.words) + len(keys.rows),
        "seed": seed,
        "longest": keys.longest,
        "edges": list(rows.edges),
    }
    return meta, arrays


def write(folder: Path, rows: FormRows) -> None:
    """All files of an index."""
    meta, arrays = arrays_of(rows)
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array.astype(array.dtype.newbyteorder("<"), copy=False), allow_pickle=False)
    sizes = {name: (folder / f"{name}.npy").stat().st_size for name in arrays}
    (folder / META).write_text(json.dumps({**meta, "sizes": sizes}, indent=1) + "\n", encoding="utf-8")


def _tables(rows: FormRows) -> tuple[int, FormKeys, dict[str, HashTable], Array]:
    """The first seed under which all keys are told apart, the tables of these keys, and their upper bits in a row."""
    for seed in range(1, 2 * _SEEDS, 2):
        try:
            keys = rows.keys(seed=seed)
            words, upper = build_table(keys.words, keys.word_values)
            others, more = build_table(keys.rows, keys.row_values)
        except HashClash:
            continue
        return seed, keys, dict(zip(TABLES, (words, others), strict=True)), np.concatenate((upper, more))
    raise AssertionError("No seed parts the keys.")  # the chance is below one in 10⁴⁰


def read_meta(folder: Path) -> dict[str, Any]:
    where = str(folder / META)
    try:
        meta = json.loads((folder / META).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FormatError("this is no form index, or its build did not end.", where=where) from None
    except ValueError:
        raise FormatError("the file is damaged. Build the index again.", where=where) from None
    if not isinstance(meta, dict) or meta.get("format") != FORMAT:
        kind = meta.get("format") if isinstance(meta, dict) else None
        raise FormatError(
            f"format {kind!r} cannot be read; this version reads {FORMAT!r}. Build it again.", where=where
        )
    return meta


def map_file(folder: Path, name: str, size: int) -> Array:
    """A file as an array that the system reads page by page; all processes share the pages."""
    path = folder / f"{name}.npy"
    held = path.stat().st_size if path.is_file() else -1
    if held != size:
        problem = "is absent" if held < 0 else f"holds {held} bytes, not {size}"
        raise FormatError(f"the file {problem}. Build the index again.", where=str(path))
    try:
        return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    except ValueError:
        raise FormatError("the file is damaged. Build the index again.", where=str(path)) from None
