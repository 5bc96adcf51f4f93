"""A terminology as the nested items of Label Studio's `<Taxonomy apiUrl=…>`: broad concepts first, never too many.

An inline tree of 5,000 codes takes Label Studio some ten seconds to open, so the tree is cut by level: no level is
begun that would lead over the limit, and a concept whose children did not fit is a leaf.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from medtext.errors import ConfigError
from medtext.terminology.entries import Entry
from medtext.terminology.store import Terminology

LIMIT = 5_000  # items


def taxonomy_items(
    terminology: Terminology, *, roots: Sequence[str] = (), system: str = "", limit: int = LIMIT
) -> tuple[list[dict[str, Any]], int]:
    """The items below some codes (without them: below all that have no parent), and how many concepts did not fit.

    Each item has `value` (the name), `alias` (the CURIE) and `children`. Inactive concepts are left out. A concept with
    several parents stands below the first that is reached. Raises ConfigError when the roots alone are too many.
    """
    level = [terminology[code] for code in roots] or _tops(terminology, system)
    if len(level) > limit:
        raise ConfigError(f"{len(level):,} concepts have no parent: name the roots of the tree, or raise the limit.")
    items = [_item(entry) for entry in level]
    pairs, seen = list(zip(level, items, strict=True)), {entry.number for entry in level}
    while pairs:
        below = _level_below(pairs, seen)
        if len(seen) + len(below) > limit:
            return items, _count_below(terminology, pairs, seen)
        pairs = []
        for parent, entry in below:
            seen.add(entry.number)
            item = _item(entry)
            parent.setdefault("children", []).append(item)
            pairs.append((entry, item))
    return items, 0


def _tops(terminology: Terminology, system: str) -> list[Entry]:
    entries = terminology.system(system) if system else iter(terminology)
    return [entry for entry in entries if entry.active and not terminology.hierarchy.parents(entry.number)]


def _level_below(pairs: list[tuple[Entry, dict[str, Any]]], seen: set[int]) -> list[tuple[dict[str, Any], Entry]]:
    """(item of the parent, child) of each active child that does not stand in the tree yet, once."""
    found: dict[int, tuple[dict[str, Any], Entry]] = {}
    for entry, item in pairs:
        for child in entry.children:
            if child.active and child.number not in seen:
                found.setdefault(child.number, (item, child))
    return list(found.values())


def _count_below(terminology: Terminology, pairs: list[tuple[Entry, dict[str, Any]]], seen: set[int]) -> int:
    below = {number for entry, _ in pairs for number in terminology.hierarchy.descendants(entry.number)}
    return len(below - seen)


def _item(entry: Entry) -> dict[str, Any]:
    return {"value": entry.name or entry.code.code, "alias": str(entry.code)}
