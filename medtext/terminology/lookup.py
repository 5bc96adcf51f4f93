"""A tree of codes one level at a time, as Label Studio's `<Taxonomy apiUrl=…>` asks for it while a person opens it.

What a person picks is called `SYSTEM:code name`, as in the candidates of a note, so that it is read back as its code.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from medtext.errors import UnknownCodeError
from medtext.terminology.concepts import Concepts
from medtext.terminology.store import Entry, Terminology

LIMIT = 1_000  # items of one level: a person reads no more, and the page would stand still


class TerminologyTree:
    """The hierarchy of a compiled terminology below some codes; without them, below all that have no parent."""

    def __init__(self, terminology: Terminology, *, roots: Sequence[str] = (), limit: int = LIMIT) -> None:
        """Raises UnknownCodeError for a root that the terminology does not hold."""
        self.terminology, self.limit = terminology, limit
        self._roots = tuple(terminology[code] for code in roots)

    def items(self, path: Sequence[str]) -> list[dict[str, Any]]:
        """The items right below the last of a path of picked names, or the roots; at most `limit`.

        Raises UnknownCodeError for a code that is not there.
        """
        return [self._item(entry) for entry in self._below(path)[: self.limit]]

    def search(self, text: str, *, limit: int = 50) -> list[dict[str, Any]]:
        """The items whose names hold all words of a text, flat; the best fit first."""
        return [_leaf(str(entry.code), entry.name) for entry in self.terminology.search(text, limit=limit)]

    def _below(self, path: Sequence[str]) -> Sequence[Entry]:
        if path:
            return [one for one in self.terminology[_curie(path[-1])].children if one.active]
        return self._roots or self._tops()

    def _tops(self) -> list[Entry]:
        found = []
        for entry in self.terminology:
            if entry.active and not self.terminology.hierarchy.parents(entry.number):
                found.append(entry)
                if len(found) == self.limit:
                    break
        return found

    def _item(self, entry: Entry) -> dict[str, Any]:
        item = _leaf(str(entry.code), entry.name)
        return item | {"isLeaf": not any(child.active for child in entry.children)}


class ConceptsTree:
    """A table of concepts as a tree of two levels: the labels, and the codes of their concepts."""

    def __init__(self, concepts: Concepts) -> None:
        self._levels = {label: list(_codes_of(concepts, label)) for label in concepts.labels}

    def items(self, path: Sequence[str]) -> list[dict[str, Any]]:
        """The labels, or the codes of the label that the path names; raises UnknownCodeError for another."""
        if not path:
            return [{"value": label, "isLeaf": False} for label in self._levels]
        if path[0] not in self._levels:
            raise UnknownCodeError(path[0], "concepts", self._levels)
        return self._levels[path[0]] if len(path) == 1 else []

    def search(self, text: str, *, limit: int = 50) -> list[dict[str, Any]]:
        """The codes whose names hold all words of a text, flat."""
        words = text.lower().split()
        every = [item for level in self._levels.values() for item in level]
        found = [item for item in every if words and all(word in item["value"].lower() for word in words)]
        return list({item["value"]: item for item in found}.values())[:limit]


def _codes_of(concepts: Concepts, label: str) -> Iterable[dict[str, Any]]:
    named = [(str(code), one.name) for one in concepts.concepts if one.label == label for code in one.codes]
    return [_leaf(curie, name) for curie, name in dict(reversed(named)).items()][::-1]


def _leaf(curie: str, name: str) -> dict[str, Any]:
    return {"value": f"{curie} {' '.join(name.split())}".rstrip(), "isLeaf": True}


def _curie(value: str) -> str:
    """The code that a picked name begins with."""
    return value.partition(" ")[0]
