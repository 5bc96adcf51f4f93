"""A teacher's logits for the words of the documents that a student learns from.

Teacher and student cut a text each with its own tokenizer; they meet in words, by the place where one begins. Logits
are kept as 16-bit numbers in one file, so that the teacher reads the documents once.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medtext.errors import ConfigError
from medtext.training.corpora import Document
from medtext.training.examples import Example, TagSets, build_examples, words
from medtext.training.model import Tagger, faster_in_bf16, open_tagger
from medtext.training.recipe import Recipe
from medtext.training.tagging import say

if TYPE_CHECKING:
    import numpy

TAUGHT = "taught.npz"


def teach(
    teacher: Path, documents: Sequence[Document], recipe: Recipe, file: Path, *, fingerprint: str, device: str
) -> dict[str, numpy.ndarray]:
    """The teacher's words: document and start of each, and head → logits [words, tags]; read from `file` if it is this.

    Raises ConfigError for a teacher whose heads have other tags than the student's.
    """
    import numpy

    if file.is_file():
        with numpy.load(file, allow_pickle=False) as held:
            if str(held["fingerprint"]) == fingerprint:
                return dict(held)
    tagger = open_tagger(teacher)
    shared = _shared_heads(tagger, recipe)
    made = _said(tagger, documents, recipe, shared, device)
    made["fingerprint"] = numpy.array(fingerprint)
    new = file.with_name(f".{file.name}.new")
    with new.open("wb") as stream:
        numpy.savez(stream, **made)
    os.replace(new, file)
    return made


def _shared_heads(tagger: Tagger, recipe: Recipe) -> list[str]:
    shared = [name for name in recipe.heads if name in tagger.heads]
    for name in shared:
        if tagger.heads[name] != recipe.tags(name):
            raise ConfigError(f"distil: the teacher's head {name!r} has other labels than the recipe's.")
    if not shared:
        raise ConfigError(f"distil: the teacher has none of the recipe's heads. Its heads: {', '.join(tagger.heads)}")
    return shared


def _said(
    tagger: Tagger, documents: Sequence[Document], recipe: Recipe, heads: Sequence[str], device: str
) -> dict[str, Any]:
    import numpy

    from medtext.training.export import torch_rows

    sets = {name: TagSets(recipe.tags(name)) for name in heads}
    bare = [replace(one, use="unlabelled", gold=()) for one in documents]
    examples = list(build_examples(bare, recipe, tagger.tokenizer, sets, tagger.specials))
    places = [[(at, start) for at, start, _ in words(one.stretch)] for one in examples]
    found = say(examples, torch_rows(tagger, device, bf16=faster_in_bf16(device)), tagger.heads)
    many = [one.document for one, held in zip(examples, places, strict=True) for _ in held]
    starts = [start for held in places for _, start in held]
    made = {"document": numpy.array(many, dtype=numpy.int32), "start": numpy.array(starts, dtype=numpy.int32)}
    for head in heads:
        rows = [one[head][[at for at, _ in held]] for one, held in zip(found, places, strict=True) if held]
        made[head] = numpy.concatenate(rows).astype(numpy.float16)
    return made


def taught_examples(
    examples: Sequence[Example], said: Mapping[str, numpy.ndarray], heads: Sequence[str]
) -> Iterator[dict[str, tuple[Any, Any]]]:
    """For each example head → the tokens that begin a word which the teacher knows too, and its logits there."""
    import numpy

    rows = {place: row for row, place in enumerate(zip(said["document"].tolist(), said["start"].tolist(), strict=True))}
    for example in examples:
        held = [
            (at + example.offset, rows[example.document, start])
            for at, start, _ in words(example.stretch)
            if (example.document, start) in rows
        ]
        tokens = numpy.array([token for token, _ in held], dtype=numpy.int64)
        yield {head: (tokens, said[head][[row for _, row in held]]) for head in heads if head in said and held}
