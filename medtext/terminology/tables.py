"""The tables of a compiled terminology in SQLite: how rows of any order become concepts, terms, links and facts.

Rows first go into staging tables in a database of their own, and are joined there, so that memory does not grow with
the release. Concepts are numbered from 0 in the order of system and code; the terms of each lie together.
"""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from medtext.terminology.rows import IS_A, SAME_MEANING, ConceptRow, FactRow, LinkRow, Row, Tally, TermRow

_BATCH = 20_000
_TAG = re.compile(r"\s+\([^()]+\)$")  # what a fully specified name ends with: (disorder)
_STAGES = {
    ConceptRow: ("concept", "system, code, kind, active, billable"),
    TermRow: ("term", "system, code, name, kind, preferred, active"),
    LinkRow: ("link", "system, code, relation, target_system, target, grp, priority, rule, advice, category"),
    FactRow: ("fact", "system, code, key, value"),
}
_SCHEMA = """
CREATE TABLE concepts (id INTEGER PRIMARY KEY, system TEXT, code TEXT, name TEXT, kind TEXT, active INT, billable INT);
CREATE TABLE terms (id INTEGER PRIMARY KEY, concept INT, name TEXT, kind TEXT, preferred INT, active INT);
CREATE TABLE links (concept INT, relation TEXT, target_system TEXT, target TEXT, grp INT, priority INT, rule TEXT,
    advice TEXT, category TEXT);
CREATE TABLE facts (concept INT, key TEXT, value TEXT);
"""
_NUMBERED = """
INSERT INTO concepts
SELECT row_number() OVER (ORDER BY system, code) - 1, system, code, '', max(kind), max(active), max(billable)
FROM stage.concept GROUP BY system, code;
CREATE UNIQUE INDEX concepts_code ON concepts (system, code);
"""
# The name that people are shown stands first: preferred and active, then by kind.
_JOINED = """
INSERT INTO terms (concept, name, kind, preferred, active)
SELECT c.id, t.name, t.kind, max(t.preferred), max(t.active) FROM stage.term t
JOIN concepts c ON c.system = t.system AND c.code = t.code
GROUP BY c.id, t.kind, t.name
ORDER BY c.id, max(t.preferred) DESC, max(t.active) DESC,
    CASE t.kind WHEN 'name' THEN 0 WHEN 'synonym' THEN 1 WHEN 'fsn' THEN 2 WHEN 'index' THEN 8 WHEN 'definition' THEN 9
    ELSE 5 END, min(t.rowid);
CREATE INDEX terms_concept ON terms (concept);
UPDATE concepts SET name = coalesce((SELECT name FROM terms WHERE concept = concepts.id ORDER BY id LIMIT 1), '');
INSERT INTO links
SELECT DISTINCT c.id, relation, target_system, target, grp, priority, rule, advice, category FROM stage.link l
JOIN concepts c ON c.system = l.system AND c.code = l.code
WHERE relation != 'is_a' ORDER BY c.id, relation, grp, priority;
CREATE INDEX links_concept ON links (concept);
CREATE INDEX links_target ON links (target_system, target);
INSERT INTO facts SELECT DISTINCT c.id, key, value FROM stage.fact f
JOIN concepts c ON c.system = f.system AND c.code = f.code ORDER BY c.id;
CREATE INDEX facts_concept ON facts (concept);
CREATE VIRTUAL TABLE words USING fts5(name, content='terms', content_rowid='id', detail='none',
    tokenize='unicode61 remove_diacritics 2');
INSERT INTO words(words) VALUES ('rebuild');
"""
_EDGES = """
SELECT c.id, p.id FROM stage.link l
JOIN concepts c ON c.system = l.system AND c.code = l.code
JOIN concepts p ON p.system = l.target_system AND p.code = l.target
WHERE relation = 'is_a' AND c.id != p.id
"""
# Kinds of terms that are written in notes; the others are for people and for look-up.
FORM_KINDS = ("name", "synonym", "inclusion", "consumer", "display")


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was loaded: rows of each kind, and rows that the reader left out on purpose, by why."""

    counts: dict[str, int]
    left_out: dict[str, int]


class TableWriter:
    """Fills the tables of one new database; call `add` for each source, then `finish`, then `close`."""

    def __init__(self, path: Path) -> None:
        self._staging = path.with_suffix(".staging")
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = OFF")
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.execute("ATTACH ? AS stage", (str(self._staging),))
        self._db.execute("PRAGMA stage.journal_mode = OFF")
        self._db.execute("PRAGMA stage.synchronous = OFF")
        self._db.executescript(_SCHEMA)
        for name, columns in _STAGES.values():
            self._db.execute(f"CREATE TABLE stage.{name} ({columns})")

    def add(self, rows: Iterable[Row]) -> Loaded:
        """Put rows into the staging tables, as they come."""
        counts: Counter[str] = Counter()
        left_out: Counter[str] = Counter()
        waiting = iter(rows)
        while batch := list(islice(waiting, _BATCH)):
            for kind, (name, columns) in _STAGES.items():
                held = [_values(row) for row in batch if type(row) is kind]
                counts[f"{name}s"] += len(held)
                marks = ", ".join("?" * (columns.count(",") + 1))
                self._in_one(f"INSERT INTO stage.{name} VALUES ({marks})", held)
            for row in batch:
                if isinstance(row, Tally) and row.count:
                    left_out[row.what] += row.count
        return Loaded(dict(counts), dict(left_out))

    def _in_one(self, statement: str, values: list[tuple]) -> None:
        self._db.execute("BEGIN")
        self._db.executemany(statement, values)
        self._db.execute("COMMIT")

    def finish(self) -> dict[str, int]:
        """Bring the rows together; gives the counts of what is now there, and of what names no concept."""
        self._db.executescript(_NUMBERED + _JOINED)
        counts = {
            table: self._number(f"SELECT count(*) FROM {table}") for table in ("concepts", "terms", "links", "facts")
        }
        counts["inactive"] = self._number("SELECT count(*) FROM concepts WHERE NOT active")
        counts["unnamed"] = self._number("SELECT count(*) FROM concepts WHERE name = ''")
        for name in ("term", "link"):
            counts[f"stray_{name}s"] = self._number(
                f"SELECT count(*) FROM stage.{name} s WHERE NOT EXISTS "
                "(SELECT 1 FROM concepts c WHERE c.system = s.system AND c.code = s.code)"
            )
        counts["stray_parents"] = self._number(
            "SELECT count(*) FROM stage.link s WHERE relation = ? AND NOT EXISTS "
            "(SELECT 1 FROM concepts c WHERE c.system = s.target_system AND c.code = s.target)",
            IS_A,
        )
        return counts

    def edges(self) -> tuple[list[int], list[int]]:
        """Children and, at the same places, their parents."""
        pairs = self._db.execute(_EDGES).fetchall()
        return [child for child, _ in pairs], [parent for _, parent in pairs]

    def forms(self) -> Iterator[tuple[str, int]]:
        """(name, number of the term) of the active names that notes may hold."""
        marks = ", ".join("?" * len(FORM_KINDS))
        query = (
            "SELECT t.name, t.id FROM terms t JOIN concepts c ON c.id = t.concept "
            f"WHERE t.active AND c.active AND t.kind IN ({marks})"
        )
        for name, number in self._db.execute(query, FORM_KINDS):
            if any(character.isalnum() for character in name):
                yield name, number

    def kinds(self) -> list[tuple[str, str]]:
        """(system, kind) of each concept, by number."""
        return self._db.execute("SELECT system, kind FROM concepts ORDER BY id").fetchall()

    def names(self) -> Iterator[tuple[str, int]]:
        """(name, number of the concept) of what a concept in use is called, the preferred name first.

        The names of a retired concept come last, as those of the one that means the same, where there is one.
        """
        query = "SELECT t.name, t.kind, c.id FROM terms t JOIN concepts c ON c.id = t.concept WHERE {} ORDER BY t.id"
        for name, kind, number in self._db.execute(query.format("t.active AND c.active")):
            if kind != "definition":
                yield _TAG.sub("", name) if kind == "fsn" else name, number
        leads = self._replacements()
        for name, kind, number in self._db.execute(query.format("NOT c.active")):
            if kind != "definition" and number in leads:
                yield _TAG.sub("", name), leads[number]

    def _replacements(self) -> dict[int, int]:
        """Retired concept → the one in use that means the same, by number; over several steps where need be."""
        marks = ", ".join("?" * len(SAME_MEANING))
        query = (
            "SELECT l.concept, t.id, t.active FROM links l JOIN concepts c ON c.id = l.concept AND NOT c.active "
            f"JOIN concepts t ON t.system = l.target_system AND t.code = l.target WHERE l.relation IN ({marks})"
        )
        targets: dict[int, set[tuple[int, int]]] = {}
        for number, target, active in self._db.execute(query, SAME_MEANING):
            targets.setdefault(number, set()).add((target, active))
        single = {number: next(iter(found)) for number, found in targets.items() if len(found) == 1}
        leads = {}
        for number, step in single.items():
            seen, (target, active) = {number}, step
            while not active and target in single and target not in seen:
                seen.add(target)
                target, active = single[target]
            if active:
                leads[number] = target
        return leads

    def _number(self, query: str, *values: object) -> int:
        return self._db.execute(query, values).fetchone()[0]

    def close(self) -> None:
        """Let go of the files and remove the staging tables."""
        self._db.close()
        self._staging.unlink(missing_ok=True)


def _values(row: Row) -> tuple:
    return tuple(getattr(row, name) for name in row.__slots__)
