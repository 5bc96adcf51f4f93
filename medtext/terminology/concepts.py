"""Concept tables: names, the forms in which notes write them, and their codes.

A table is a TSV file with the columns label, name, synonyms (separated by ` | `) and codes (CURIEs separated by a
blank); no quoting, lines end at a line feed. A `sources.yaml` in the same folder names the table, its version and the
release of each code system. Several files make one set: a name or form may stand only once under a label.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from medtext.config import Source, Table, parse_yaml, table
from medtext.errors import ConfigError, NoteError, UnknownNameError
from medtext.span import Code, Span

COLUMNS = ("label", "name", "synonyms", "codes")
_WORD = re.compile(r"[^\W_]")
_SHIPPED = ("starter",)
_KEYS = ("name", "version", "description", "systems")
_SYSTEM_KEYS = ("release", "edition", "licence", "notice")


@dataclass(frozen=True, slots=True)
class Concept:
    """One thing that notes speak of: its label, the name shown to people, other forms, and its codes."""

    label: str
    name: str
    synonyms: tuple[str, ...] = ()
    codes: tuple[Code, ...] = ()

    @property
    def forms(self) -> tuple[str, ...]:
        """The name and all synonyms."""
        return self.name, *self.synonyms


@dataclass(frozen=True, slots=True)
class Concepts:
    """A set of concepts in the order of its files; `releases` gives the release of each code system."""

    name: str
    version: str
    concepts: tuple[Concept, ...] = field(repr=False)
    releases: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)

    @property
    def source(self) -> str:
        """How a span names this set as its source: `dictionary:name@version`."""
        return f"dictionary:{self.name}@{self.version}"

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that occur, in order."""
        return tuple(dict.fromkeys(concept.label for concept in self.concepts))

    def describe(self) -> dict[str, object]:
        """Name, version and size, for a pipeline's description."""
        forms = sum(len(concept.forms) for concept in self.concepts)
        return {"concepts": f"{self.name}@{self.version}", "count": len(self.concepts), "forms": forms}


def load_concepts(source: str | Path | Sequence[str | Path] = "starter") -> Concepts:
    """The shipped set by name, or your own: a TSV file, a folder of them, or a list of both.

    Without a `sources.yaml` the set is called after its first file and its version is the hash of its content.
    Raises ConfigError with file:line for a broken row, a form that stands twice, or a code that is no CURIE.
    """
    tables, about = _find(source)
    digest = hashlib.sha256()
    concepts: list[Concept] = []
    places: dict[tuple[str, str], str] = {}
    for one in tables:
        text = _text(one)
        digest.update(text.encode("utf-8"))
        for where, concept in _rows(text, one.name):
            _claim(places, concept, where)
            concepts.append(concept)
    name = about.get_typed("name", str, tables[0].name.removesuffix(".tsv"))
    version = about.get_typed("version", str, digest.hexdigest()[:12])
    return Concepts(name, version, tuple(concepts), _releases(about))


def _find(source: str | Path | Sequence[str | Path]) -> tuple[list[Source], Table]:
    """The files of a set in order of their names, and what its `sources.yaml` says."""
    if source == "starter":
        return _folder(files("medtext.taxonomies").joinpath("concepts"))
    if isinstance(source, list | tuple):
        found = [_find(one) for one in source]
        tables = [one for held, _ in found for one in held]
        if not tables:
            raise ConfigError("The list of concept tables is empty.")
        return tables, _joined([about for _, about in found])
    path = Path(source)
    if path.is_dir():
        return _folder(path)
    if path.suffix != ".tsv":
        raise UnknownNameError("concept set", str(source), (*_SHIPPED, "or the path of a .tsv file or folder"))
    return [path], _about(path.parent / "sources.yaml")


def _folder(folder: Source) -> tuple[list[Source], Table]:
    tables = sorted((one for one in folder.iterdir() if one.name.endswith(".tsv")), key=lambda one: one.name)
    if not tables:
        raise ConfigError(f"{folder}: no .tsv file with concepts is here.")
    return tables, _about(folder.joinpath("sources.yaml"))


def _about(source: Source) -> Table:
    return parse_yaml(_text(source), source.name).allow(_KEYS, "sources.yaml") if source.is_file() else table({})


def _joined(abouts: list[Table]) -> Table:
    """Several sets at once take the releases of all; name and version only when they are one and the same."""
    systems: dict[str, object] = {}
    for about in abouts:
        systems |= about.get_typed("systems", dict, {})
    same = all(about == abouts[0] for about in abouts)
    return table({**(abouts[0] if same else {}), "systems": systems})


def _releases(about: Table) -> dict[str, str]:
    systems = about.tables("systems")
    for system, entry in systems.items():
        entry.allow(_SYSTEM_KEYS, f"system {system}")
    return {system: entry.get_typed("release", str, "") for system, entry in systems.items()}


def _text(source: Source) -> str:
    try:
        return source.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(f"{source}: there is no such file.") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{source.name}: not UTF-8 at byte {error.start}.") from None


def _rows(text: str, name: str) -> Iterator[tuple[str, Concept]]:
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    if tuple(lines[0].split("\t")) != COLUMNS:
        raise ConfigError(f"{name}:1: the first line must name the columns {', '.join(COLUMNS)}, separated by tabs.")
    for number, line in enumerate(lines[1:], start=2):
        if line:
            where = f"{name}:{number}"
            yield where, _concept(line.split("\t"), where)


def _concept(cells: list[str], where: str) -> Concept:
    if len(cells) != len(COLUMNS):
        raise ConfigError(f"{where}: {len(cells)} columns; {len(COLUMNS)} are needed, separated by tabs.")
    label, name, synonyms, codes = cells
    forms = (name, *synonyms.split(" | ")) if synonyms else (name,)
    for form in forms:
        if form != form.strip() or not _WORD.search(form) or "|" in form:
            raise ConfigError(f"{where}: {form!r} is no form: it is empty, or has blanks at its ends or a '|' inside.")
    try:
        Span(((0, 1),), label)
        return Concept(label, name, forms[1:], tuple(_codes(codes)))
    except NoteError as error:
        raise ConfigError(f"{where}: {error}") from error


def _codes(cell: str) -> Iterable[Code]:
    codes = [Code.parse(curie) for curie in cell.split(" ")] if cell else []
    if len(set(codes)) < len(codes):
        raise NoteError("a code stands twice.")
    return codes


def _claim(places: dict[tuple[str, str], str], concept: Concept, where: str) -> None:
    """Refuse a form that stood before under the same label: which concept would it mean?"""
    for form in concept.forms:
        other = places.setdefault((concept.label, form), where)
        if other != where or concept.forms.count(form) > 1:
            raise ConfigError(f"{where}: the {concept.label} form {form!r} stands twice; it first stands at {other}.")
