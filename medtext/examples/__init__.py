"""Six notes to try things on: every person, number and place in them is invented."""

from __future__ import annotations

from importlib.resources import files

from medtext.note import Note


def examples() -> list[Note]:
    """The example notes, in the order of their names.

    They hold invented identifiers of many kinds, so they count as identified.
    """
    found = [one for one in files("medtext.examples").iterdir() if one.name.endswith(".txt")]
    found.sort(key=lambda one: one.name)
    return [Note(one.name.removesuffix(".txt"), one.read_bytes().decode("utf-8")) for one in found]
