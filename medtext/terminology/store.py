"""A compiled terminology, opened: `medtext.Terminology(folder)["ICD10CM:I10"]`.

The folder never changes; the store and the arrays are mapped, so that processes share one copy in memory. One object
may be used by several threads and survives a fork; pickled, it is its path.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from medtext.errors import ConfigError, UnknownCodeError
from medtext.span import Code
from medtext.terminology.build import CANDIDATES, FORMAT, FORMS, HIERARCHY, META, STORE
from medtext.terminology.entries import Entry
from medtext.terminology.hierarchy import Hierarchy
from medtext.terminology.home import locate
from medtext.terminology.readers.files import file_hash

_CONCEPT = "SELECT id, system, code, name, kind, active, billable FROM concepts "
_BY_CODE = _CONCEPT + "WHERE system = ? AND code = ?"
_BY_NUMBER = _CONCEPT + "WHERE id = ?"
_BY_TERMS = """
SELECT c.id, c.system, c.code, c.name, c.kind, c.active, c.billable FROM json_each(?) asked
JOIN terms t ON t.id = asked.value JOIN concepts c ON c.id = t.concept ORDER BY asked.key
"""
_WORD = re.compile(r"[^\W_]+")
_MAPPED = 1 << 33  # bytes of the store that may be mapped
_HITS = 2_000  # terms that are looked at for one search
_SEARCH = f"""
SELECT t.concept FROM words JOIN terms t ON t.id = words.rowid JOIN concepts c ON c.id = t.concept
WHERE words MATCH ? {{where}}
ORDER BY lower(t.name) != ?, NOT c.active, NOT t.preferred, length(t.name), t.id LIMIT {_HITS}
"""


class Terminology:
    """The concepts of a compiled folder, by code, by name and by hierarchy."""

    def __init__(self, folder: str | Path, *, verify: bool = False) -> None:
        """A folder by path, or by its name in `home()`; `verify` also compares every hash.

        Raises ConfigError for one that is none, is too new or damaged.
        """
        self.folder = locate(folder)
        self.meta = _checked(self.folder, verify=verify)
        self.hierarchy = Hierarchy(self.folder / HIERARCHY)
        self.releases = {system: one["release"] for one in self.meta["sources"] for system in one["systems"]}
        self._local = threading.local()

    def __reduce__(self) -> tuple[type[Terminology], tuple[Path]]:
        return Terminology, (self.folder,)

    def __repr__(self) -> str:
        told = ", ".join(f"{system} {release}".strip() for system, release in self.releases.items())
        return f"<Terminology {self.meta['name']!r}: {told}; {len(self):,} concepts>"

    def __len__(self) -> int:
        return self.meta["counts"]["concepts"]

    def __getitem__(self, code: Code | str) -> Entry:
        """The concept of a code or CURIE; raises UnknownCodeError (a KeyError)."""
        found = self.get(code)
        if found is None:
            raise UnknownCodeError(str(code), self.meta["name"], self.releases)
        return found

    def get(self, code: Code | str) -> Entry | None:
        """The concept of a code or CURIE, or None."""
        if isinstance(code, str):
            system, _, value = code.partition(":")
        else:
            system, value = code.system, code.code
        row = self._db.execute(_BY_CODE, (system, value)).fetchone()
        return self._entry(row) if row else None

    def __contains__(self, code: object) -> bool:
        return isinstance(code, Code | str) and self.get(code) is not None

    def __iter__(self) -> Iterator[Entry]:
        """All concepts, by system and code."""
        return map(self._entry, self._db.execute(_CONCEPT + "ORDER BY id"))

    def system(self, name: str) -> Iterator[Entry]:
        """The concepts of one code system, by code."""
        return map(self._entry, self._db.execute(_CONCEPT + "WHERE system = ? ORDER BY code", (name,)))

    def entries(self, numbers: list[int]) -> tuple[Entry, ...]:
        """Concepts by their numbers."""
        return tuple(self._entry(self._db.execute(_BY_NUMBER, (number,)).fetchone()) for number in numbers)

    def search(self, text: str, *, system: str = "", limit: int = 20) -> list[Entry]:
        """The concepts with a name that holds all words of a text, the last as a beginning; the best fit first."""
        words = _WORD.findall(text)
        if not words:
            return []
        asked = " ".join(f'"{word}"' for word in words) + "*"
        query = _SEARCH.format(where="AND c.system = ?" if system else "")
        values = (asked, *([system] if system else []), " ".join(text.lower().split()))
        found = dict.fromkeys(number for (number,) in self._db.execute(query, values))
        return list(self.entries(list(found)[:limit]))

    @cached_property
    def forms(self) -> Any:
        """The index that finds names in text; the number of a form is that of its term (see `of_terms`)."""
        if not (self.folder / FORMS).is_dir():
            raise ConfigError(f"{self.folder} holds no index of forms. Build it again.")
        from medtext.terminology.forms import FormIndex

        return FormIndex.open(self.folder / FORMS)

    @cached_property
    def candidates(self) -> Any:
        """The index that proposes concepts for a mention; its owners are the numbers of concepts."""
        from medtext.terminology.candidates import CandidateIndex

        return CandidateIndex.open(self.folder / CANDIDATES)

    def of_terms(self, numbers: Iterable[int]) -> list[Entry]:
        """The concepts of terms that `forms` found, one for each, in one question to the store."""
        rows = self._db.execute(_BY_TERMS, (json.dumps([*numbers]),))
        return [self._entry(row) for row in rows]

    def exact(self, mentions: Sequence[str]) -> list[tuple[Entry, ...]]:
        """For each mention the concepts that have it as a name, as `forms` compares names; codes in use alone."""
        found = [
            [number for start, end, number in matches if (start, end) == (0, len(mention))]
            for mention, matches in zip(mentions, self.forms.find_many(mentions), strict=True)
        ]
        entries = iter(self.of_terms(number for numbers in found for number in numbers))
        return [tuple(dict.fromkeys(islice(entries, len(numbers)))) for numbers in found]

    def query(self, statement: str, *values: object) -> list[tuple]:
        """Rows of the store."""
        return self._db.execute(statement, values).fetchall()

    def _entry(self, row: tuple) -> Entry:
        number, system, code, name, kind, active, billable = row
        told = None if billable is None else bool(billable)
        return Entry(Code(system, code), name, kind, bool(active), told, self.releases.get(system, ""), number, self)

    @property
    def _db(self) -> sqlite3.Connection:
        """A connection of this thread and process: SQLite's may not be carried across a fork."""
        local = self._local
        if getattr(local, "process", None) != os.getpid():
            path = (self.folder / STORE).absolute().as_uri()
            local.db = sqlite3.connect(f"{path}?mode=ro&immutable=1", uri=True)
            local.db.execute(f"PRAGMA mmap_size = {_MAPPED}")
            local.process = os.getpid()
        return local.db


def list_terminologies(folder: str | Path) -> list[Terminology]:
    """The compiled terminologies in a folder, by name; the folder itself where it is one."""
    folder = Path(folder)
    if (folder / META).is_file():
        return [Terminology(folder)]
    found = sorted(path.parent for path in folder.glob(f"*/{META}") if not path.parent.name.startswith("."))
    return [Terminology(one) for one in found]


def _checked(folder: Path, *, verify: bool) -> dict[str, Any]:
    """What `meta.json` says, when all files are there as it says."""
    try:
        meta = json.loads((folder / META).read_text(encoding="utf-8"))
        version = meta["format"]
    except FileNotFoundError:
        raise ConfigError(f"{folder} is no compiled terminology. Make one: medtext terminology build") from None
    except (ValueError, TypeError, KeyError, NotADirectoryError):
        raise ConfigError(f"{folder / META} is damaged. Build the terminology again.") from None
    if version != FORMAT:
        raise ConfigError(f"{folder} has the format {version!r}; this medtext reads {FORMAT!r}. Build it again.")
    for name, told in meta["files"].items():
        path = folder / name
        same = path.is_file() and path.stat().st_size == told["bytes"]
        if not same or (verify and file_hash(path.open("rb")) != told["sha256"]):
            raise ConfigError(f"{path} is missing or damaged. Build the terminology again.")
    return meta
