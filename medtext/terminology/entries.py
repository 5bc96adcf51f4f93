"""What a compiled terminology says of one code: names, links, parents and children, looked up when asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from medtext.span import Code
from medtext.terminology.rows import MAP, NEAR_MEANING, SAME_MEANING

if TYPE_CHECKING:
    from medtext.terminology.store import Terminology


@dataclass(frozen=True, slots=True)
class Term:
    """One name of a concept."""

    name: str
    kind: str
    preferred: bool
    active: bool


@dataclass(frozen=True, slots=True)
class Link:
    """Where a concept leads: a map with its rules, a replacement, an ingredient. `target` may be empty in a map."""

    relation: str
    system: str
    target: str
    group: int = 0
    priority: int = 0
    rule: str = ""
    advice: str = ""
    category: str = ""

    @property
    def code(self) -> Code | None:
        """The target as a code, or None where the source says that there is none."""
        return Code(self.system, self.target) if self.target else None


@dataclass(frozen=True, slots=True)
class Entry:
    """A concept of a terminology; what is not on it is looked up when asked for."""

    code: Code
    name: str
    kind: str
    active: bool
    billable: bool | None
    release: str
    number: int = field(repr=False)
    _home: Terminology = field(repr=False, compare=False)

    @property
    def terms(self) -> tuple[Term, ...]:
        """All names, the preferred one first."""
        query = "SELECT name, kind, preferred, active FROM terms WHERE concept = ? ORDER BY id"
        found = self._home.query(query, self.number)
        return tuple(Term(name, kind, bool(preferred), bool(active)) for name, kind, preferred, active in found)

    @property
    def names(self) -> tuple[str, ...]:
        """The active names, each once, the preferred one first."""
        return tuple(dict.fromkeys(term.name for term in self.terms if term.active))

    @property
    def links(self) -> tuple[Link, ...]:
        """Everything that leads to another code, but for parents and children; maps by group and priority."""
        query = (
            "SELECT relation, target_system, target, grp, priority, rule, advice, category FROM links WHERE concept = ?"
        )
        return tuple(Link(*row) for row in self._home.query(query + " ORDER BY rowid", self.number))

    @property
    def maps(self) -> tuple[Link, ...]:
        """Maps to other code systems, with their rules."""
        return tuple(link for link in self.links if link.relation == MAP)

    @property
    def replacements(self) -> tuple[Link, ...]:
        """Where a retired code went; those that mean the same come first. A code in use has none."""
        if self.active:
            return ()
        ways = (*SAME_MEANING, *NEAR_MEANING)
        found = [link for link in self.links if link.relation in ways]
        return tuple(sorted(found, key=lambda link: ways.index(link.relation)))

    @property
    def replacement(self) -> Code | None:
        """The one code that means the same as this retired one, or None."""
        found = [link.code for link in self.replacements if link.relation in SAME_MEANING]
        return found[0] if len(found) == 1 else None

    @property
    def facts(self) -> dict[str, tuple[str, ...]]:
        """What else the source says: axes of LOINC, notes of ICD-10-CM, strengths of RxNorm."""
        told: dict[str, tuple[str, ...]] = {}
        for key, value in self._home.query(
            "SELECT key, value FROM facts WHERE concept = ? ORDER BY rowid", self.number
        ):
            told[key] = (*told.get(key, ()), value)
        return told

    @property
    def parents(self) -> tuple[Entry, ...]:
        """The concepts right above."""
        return self._home.entries(self._home.hierarchy.parents(self.number))

    @property
    def children(self) -> tuple[Entry, ...]:
        """The concepts right below."""
        return self._home.entries(self._home.hierarchy.children(self.number))

    @property
    def ancestors(self) -> tuple[Entry, ...]:
        """All concepts above."""
        return self._home.entries(self._home.hierarchy.ancestors(self.number))

    @property
    def mapped_from(self) -> tuple[Entry, ...]:
        """The concepts that map to this code."""
        query = "SELECT DISTINCT concept FROM links WHERE target_system = ? AND target = ? AND relation = ?"
        found = self._home.query(query, self.code.system, self.code.code, MAP)
        return self._home.entries([number for (number,) in found])

    def describe(self) -> dict[str, Any]:
        """All that is known, as plain values; what holds nothing is left out."""
        told: dict[str, Any] = {"code": str(self.code), "name": self.name, "kind": self.kind, "release": self.release}
        told |= {"active": self.active, "billable": self.billable}
        told["names"] = [f"{term.name} [{term.kind}]" for term in self.terms if term.active]
        for side in ("parents", "children", "mapped_from"):
            told[side] = [f"{one.code} {one.name}" for one in getattr(self, side)]
        told["replaced_by"] = [f"{link.code} ({link.relation})" for link in self.replacements]
        told["links"] = [_told(link) for link in self.links]
        told["facts"] = {key: [*values] for key, values in self.facts.items()}
        return {key: value for key, value in told.items() if value not in ("", None, [], {})}

    def is_a(self, other: Entry) -> bool:
        """Whether this is another concept or lies below it."""
        return self._home.hierarchy.is_a(self.number, other.number)


def _told(link: Link) -> dict[str, Any]:
    told = {"relation": link.relation, "code": str(link.code or ""), "group": link.group, "priority": link.priority}
    told |= {"rule": link.rule, "advice": link.advice, "category": link.category}
    return {key: value for key, value in told.items() if value not in ("", 0)}
