"""What a training rests on: hashes of data and weights, versions, and the fingerprint that a checkpoint is known by."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import medtext
from medtext.inference.hugging_face import hash_weights
from medtext.runs.manifest import input_hash
from medtext.training.corpora import Document, Loaded
from medtext.training.model import find_base, find_folder
from medtext.training.recipe import Recipe

_PACKAGES = ("torch", "transformers", "tokenizers", "onnx", "onnxruntime", "numpy")


def gather_facts(recipe: Recipe, loaded: Loaded, data: Path) -> dict[str, Any]:
    """The facts for the card, as plain values; no path and no moment is among them."""
    hashes = {name: input_hash(data / one.file)["sha256"] for name, one in recipe.corpora.items()}
    documents = _documents_hash(loaded.documents)
    weights = {"base_sha256": hash_weights(find_base(recipe.base, data))}
    if recipe.distil:
        weights["teacher_sha256"] = hash_weights(find_folder(recipe.distil.teacher, data))
    return {
        **weights,
        "command": f"medtext train {recipe.name} --data DATA -o FOLDER" + " --teacher FOLDER" * bool(recipe.distil),
        "versions": dict(_versions()),
        "corpora": {name: {"sha256": hashes[name], "counts": loaded.counts[name]} for name in recipe.corpora},
        "documents_sha256": documents,
        "fingerprint": _fingerprint(recipe, {**weights, "documents": documents}),
    }


def _documents_hash(documents: Iterable[Document]) -> str:
    """The hash of all texts with their gold and use: what is learned from, also where it was generated."""
    digest = hashlib.sha256()
    for one in documents:
        held = [one.id, one.use, one.text, [[gold.start, gold.end, *gold.labels] for gold in one.gold]]
        digest.update(json.dumps(held).encode())
    return digest.hexdigest()


def _fingerprint(recipe: Recipe, hashes: dict[str, Any]) -> str:
    """The hash of all that decides the weights; where base and teacher lie does not, their bytes do."""
    corpora = {name: replace(one, licence="", credit="") for name, one in recipe.corpora.items()}
    decides = {
        "heads": dict(recipe.heads),
        "corpora": {name: asdict(one) for name, one in corpora.items()},
        "training": asdict(replace(recipe.training, checkpoint_minutes=0, patience=1)),
        "distil": asdict(replace(recipe.distil, teacher="")) if recipe.distil else None,
        "unit": asdict(recipe.unit),
        "hashes": hashes,
    }
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()


def _versions() -> Iterator[tuple[str, str]]:
    yield "medtext", medtext.__version__
    yield "Python", platform.python_version()
    for name in _PACKAGES:
        try:
            yield name, version(name)
        except PackageNotFoundError:
            continue
