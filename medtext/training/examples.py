"""Documents as rows for the encoder: token ids, and for each word which tags it may have.

A corpus says something only of the labels that it annotates, K. So each word carries a set A of tags that are possible:
    inside a span of label k       A = {B-k} at its first word, {I-k} at the others
    inside a span that is k or l   A = {B-k, B-l}, {I-k, I-l}
    inside an unknown span         A = every tag
    in a text of class k           A = {B-k, I-k} at every token, and the text counts once (`whole`)
    anywhere else                  A = {O} and B-u, I-u of every u that is not in K
The loss is -log P(A) (`medtext.training.loss`): in a corpus of diseases, "O" means "no disease" and nothing else.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from medtext.inference.windows import Stretch, cut
from medtext.training.corpora import Document, Gold
from medtext.training.recipe import Corpus, Recipe

ANY = 0  # the row of a table of tag sets that allows every tag, so that nothing is learned


class TagSets:
    """The sets of tags that occur, each once; row 0 allows every tag."""

    def __init__(self, tags: Sequence[str]) -> None:
        self.tags = tuple(tags)
        self._at = {tag: number for number, tag in enumerate(self.tags)}
        self._rows: dict[frozenset[int], int] = {frozenset(range(len(self.tags))): ANY}

    def row(self, tags: Iterable[str]) -> int:
        """The row of these tags."""
        return self._rows.setdefault(frozenset(self._at[one] for one in tags), len(self._rows))

    def table(self) -> list[list[bool]]:
        """Row by row, tag by tag: possible or not."""
        return [[number in row for number in range(len(self.tags))] for row in self._rows]


@dataclass(frozen=True, slots=True)
class Example:
    """A row for the encoder: ids with the special ones, and head → for each id the row of its tag set.

    `document` and `stretch` say where it comes from, `offset` how many special ids stand before its first token.
    `whole` says that its targets are those of a text and not of each word.
    """

    ids: tuple[int, ...]
    targets: Mapping[str, tuple[int, ...]]
    document: int
    stretch: Stretch
    offset: int
    whole: bool = False


def build_examples(
    documents: Sequence[Document], recipe: Recipe, tokenizer: Any, sets: Mapping[str, TagSets], specials: Any
) -> Iterator[Example]:
    """The examples of these documents, cut as in use."""
    before, after = specials
    for at, (document, stretches) in enumerate(zip(documents, cut_all(documents, recipe, tokenizer), strict=True)):
        places = _Places(document.gold)
        for one in stretches:
            targets = {head: (ANY,) * len(one.ids) for head in sets}
            corpus, labelled = recipe.corpora[document.corpus], document.use != "unlabelled"
            if labelled:
                targets |= _known(one, places, corpus, sets)
            padded = {head: (ANY,) * len(before) + row + (ANY,) * len(after) for head, row in targets.items()}
            yield Example(before + one.ids + after, padded, at, one, len(before), labelled and bool(corpus.whole))


def _known(
    stretch: Stretch, places: _Places, corpus: Corpus, sets: Mapping[str, TagSets]
) -> dict[str, tuple[int, ...]]:
    clear = {head: tuple(_clear(stretch, places, sets[head])) for head in corpus.clear_of}
    read = _class_of_text if corpus.whole else _targets
    return {**clear, corpus.head: tuple(read(stretch, places, corpus, sets[corpus.head]))}


def cut_all(documents: Sequence[Document], recipe: Recipe, tokenizer: Any) -> Iterator[list[Stretch]]:
    """The stretches of each document, a few documents at a time."""
    for at in range(0, len(documents), 64):
        yield from cut([one.text for one in documents[at : at + 64]], tokenizer, recipe.unit)


class _Places:
    """The gold of a document, found by place; known spans are disjoint, unknown ones may lie over each other."""

    def __init__(self, gold: Sequence[Gold]) -> None:
        self.known = [one for one in gold if one.labels]
        self.unknown = [one for one in gold if not one.labels]
        self._ends = [one.end for one in self.known]
        self._starts = [one.start for one in self.known]

    def at(self, start: int, end: int) -> Gold | None:
        """The first known span that overlaps `[start, end)`."""
        first, behind = bisect_right(self._ends, start), bisect_left(self._starts, end)
        return self.known[first] if first < behind else None

    def is_unknown(self, start: int, end: int) -> bool:
        """Whether an unknown span overlaps `[start, end)`."""
        return any(start < one.end and one.start < end for one in self.unknown)


def words(stretch: Stretch) -> Iterator[tuple[int, int, int]]:
    """First token, start and end in the text of each word whose label this stretch gives."""
    size = len(stretch.ids)
    for at in range(*stretch.own):
        if stretch.first[at]:
            last = at
            while last + 1 < size and not stretch.first[last + 1]:
                last += 1
            yield at, stretch.offsets[at][0], stretch.offsets[last][1]


def _targets(stretch: Stretch, places: _Places, corpus: Corpus, sets: TagSets) -> list[int]:
    kinds = dict.fromkeys(tag[2:] for tag in sets.tags if tag != "O")
    others = [f"{at}-{kind}" for kind in kinds if kind not in corpus.annotated for at in "BI"]
    nothing, row = sets.row(["O", *others]), [ANY] * len(stretch.ids)
    before: Gold | None = None
    for at, start, end in words(stretch):
        held = places.at(start, end)
        if held is not None:
            # In a window behind another a span goes on; no other stretch continues the one before it, here as in use.
            begins = held is not before and not (stretch.follows and held.start < start)
            row[at] = sets.row(f"{'B' if begins else 'I'}-{label}" for label in held.labels)
        elif not places.is_unknown(start, end):
            row[at] = nothing
        before = held
    return row


def _class_of_text(stretch: Stretch, places: _Places, corpus: Corpus, sets: TagSets) -> list[int]:
    row = [ANY] * len(stretch.ids)
    for one in places.known:
        told = sets.row(f"{tag}-{label}" for label in one.labels for tag in "BI")
        row[slice(*stretch.own)] = [told] * (stretch.own[1] - stretch.own[0])
    return row


def _clear(stretch: Stretch, places: _Places, sets: TagSets) -> list[int]:
    """What is known of a head that has no span where the corpus has one: O there, anything elsewhere."""
    row, nothing = [ANY] * len(stretch.ids), sets.row(["O"])
    for at, start, end in words(stretch):
        if places.at(start, end) is not None:
            row[at] = nothing
    return row
