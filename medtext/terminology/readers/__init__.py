"""Readers of the files that terminologies are published in: one module per vendor's layout.

A reader module holds `READER = Reader(...)` with `rows(files, **options)`, which gives rows as it reads, and
`release(files)`, which says what release the files are. What a source is called, and whose it is, stands in
`sources.yaml`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.resources import files as packaged
from typing import Any

from medtext.config import parse_yaml
from medtext.errors import ConfigError, UnknownNameError
from medtext.terminology.readers.files import Files
from medtext.terminology.rows import Row

READERS = ("rf2", "icd10cm", "loinc", "rxnorm", "hcpcs", "cpt", "umls", "table")


@dataclass(frozen=True, slots=True)
class Reader:
    """One layout: its rows, and the release that its files name (empty where they name none)."""

    name: str
    rows: Callable[..., Iterator[Row]]
    release: Callable[[Files], str]

    @property
    def options(self) -> tuple[str, ...]:
        """The options that `rows` takes."""
        return tuple(list(inspect.signature(self.rows).parameters)[1:])

    def check(self, options: Mapping[str, Any]) -> None:
        """Raise ConfigError for an option that this reader does not have."""
        for name in options:
            if name not in self.options:
                known = ", ".join(self.options) or "none"
                raise ConfigError(f"Reader {self.name!r} has no option {name!r}. Options: {known}")


def reader(name: str) -> Reader:
    """The reader of a layout; raises UnknownNameError, which lists them."""
    if name not in READERS:
        raise UnknownNameError("terminology reader", name, READERS)
    return import_module(f"{__name__}.{name}").READER


def about(name: str) -> dict[str, Any]:
    """What `sources.yaml` says of a reader's source: systems, licence, notice, and its own names for things."""
    source = packaged(__name__).joinpath("sources.yaml")
    return parse_yaml(source.read_text(encoding="utf-8"), source.name)[name]
