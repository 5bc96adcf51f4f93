"""What a new release changes: `for change in diff(old, new)`; compared in SQLite, at any size."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from medtext.span import Code
from medtext.terminology.build import STORE
from medtext.terminology.store import Terminology

KINDS = ("added", "removed", "retired", "restored", "renamed", "billable", "remapped")
_BOTH = "FROM old.concepts o JOIN new.concepts n ON n.system = o.system AND n.code = o.code "
_MAPS = """
SELECT c.system, c.code, c.name, l.relation || ' ' || l.target_system || ' ' || l.grp || '/' || l.priority AS place,
    l.target || CASE l.rule WHEN '' THEN '' ELSE ' if ' || l.rule END AS target
FROM {side}.links l JOIN {side}.concepts c ON c.id = l.concept WHERE l.relation = 'map'
"""
_QUERIES = {
    "added": "SELECT system, code, name, '', name FROM new.concepts n WHERE NOT EXISTS "
    "(SELECT 1 FROM old.concepts o WHERE o.system = n.system AND o.code = n.code)",
    "removed": "SELECT system, code, name, name, '' FROM old.concepts o WHERE NOT EXISTS "
    "(SELECT 1 FROM new.concepts n WHERE n.system = o.system AND n.code = o.code)",
    "retired": "SELECT n.system, n.code, n.name, 'active', coalesce((SELECT group_concat(relation || ' ' || "
    "target_system || ':' || target, '; ') FROM new.links l WHERE l.concept = n.id AND l.relation NOT IN "
    f"('map', 'ndc') AND l.target != ''), '') {_BOTH} WHERE o.active AND NOT n.active",
    "restored": f"SELECT n.system, n.code, n.name, 'inactive', 'active' {_BOTH} WHERE n.active AND NOT o.active",
    "renamed": f"SELECT n.system, n.code, n.name, o.name, n.name {_BOTH} WHERE o.name != n.name",
    "billable": "SELECT n.system, n.code, n.name, CASE o.billable WHEN 1 THEN 'yes' ELSE 'no' END, "
    f"CASE n.billable WHEN 1 THEN 'yes' ELSE 'no' END {_BOTH} WHERE o.billable != n.billable",
    "remapped": f"""
WITH was AS (SELECT system, code, name, place, group_concat(target, '; ') AS targets FROM ({_MAPS.format(side="old")}
        ORDER BY target) GROUP BY system, code, place),
    now AS (SELECT system, code, name, place, group_concat(target, '; ') AS targets FROM ({_MAPS.format(side="new")}
        ORDER BY target) GROUP BY system, code, place)
SELECT was.system, was.code, was.name, was.targets, coalesce(now.targets, '') FROM was
LEFT JOIN now ON now.system = was.system AND now.code = was.code AND now.place = was.place
WHERE was.targets IS NOT now.targets
UNION ALL
SELECT now.system, now.code, now.name, '', now.targets FROM now
LEFT JOIN was ON now.system = was.system AND now.code = was.code AND now.place = was.place WHERE was.place IS NULL""",
}


@dataclass(frozen=True, slots=True)
class Change:
    """One difference: its kind, the code and its name, and what was before and is now.

    A retired code has in `after` where its source sends us.
    """

    kind: str
    code: Code
    name: str
    before: str
    after: str


def diff(old: Terminology | str | Path, new: Terminology | str | Path) -> Iterator[Change]:
    """What changed between two compiled releases, by kind (in the order of `KINDS`) and code."""
    sides = {"old": old, "new": new}
    db = sqlite3.connect("file::memory:", uri=True)
    try:
        for name, side in sides.items():
            opened = side if isinstance(side, Terminology) else Terminology(side)
            path = (opened.folder / STORE).absolute().as_uri()
            db.execute(f"ATTACH ? AS {name}", (f"{path}?mode=ro&immutable=1",))
        for kind in KINDS:
            for system, code, name, before, after in db.execute(f"{_QUERIES[kind]} ORDER BY 1, 2"):
                yield Change(kind, Code(system, code), name, before, after)
    finally:
        db.close()
