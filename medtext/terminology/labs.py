"""What a laboratory test is, read from its LOINC name: component, property, specimen, method, timing; and from a note.

`Glucose [Mass/volume] in Serum or Plasma by Test strip` measures glucose, as mass per volume, in serum, in one way. A
note says as much by its unit (mg/dL is mass per volume), by the words around the test, and by the panel it stands in.
The tables are in `rules/labs.yaml`; the grammar of names is that of the LOINC Users' Guide, "long common names".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib.resources import files

from medtext.config import Table, read_yaml
from medtext.errors import ConfigError
from medtext.terminology.wording import any_of

_PROPERTY = re.compile(r"\s*\[([^\]]+)\]\s*")
_ALIAS = re.compile(r"\s*\(([^()]{2,40})\)")
_METHOD = re.compile(r"(?<!\S)by\s+(.+)$")
_TIMING = re.compile(r"\s*--\s*(.+)$|(?<!\S)(\d+ hour)(?!\S)")
_SPECIMEN = re.compile(r"(?<!\S)(?:in|of|from|on|for)\s+([^\[\]]+)$")
_UNIT_PARTS = re.compile(r"[^a-z0-9%#/^.µμ]+")
_HOURS = re.compile(r"(?<![\w.])(\d+)[ -]?(?:h|hrs?|hours?)(?![^\W_])[ -]*(post|after|pc|pp)?(?![^\W_])")
_LISTS = ("specimens", "within", "units", "properties", "timings", "methods")
_KEYS = ("version", *_LISTS, "panels", "names", "drop")


@dataclass(frozen=True, slots=True)
class LabName:
    """The axes of a LOINC name, folded; empty where the name says nothing. `forms` are shorter ways to say it."""

    component: str
    property: str = ""
    specimen: str = ""
    method: str = ""
    timing: str = ""
    forms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LabContext:
    """What a note says of a test beside its name, in the words of `rules/labs.yaml`."""

    specimen: str = ""
    properties: tuple[str, ...] = ()
    panel: str = ""
    timings: frozenset[str] = frozenset()
    methods: frozenset[str] = frozenset()


@dataclass(frozen=True, eq=False)
class LabRules:
    """The tables of `rules/labs.yaml`.

    `specimens`: canonical → its spellings; `within`: specimen → those that are parts of it; `units`: property → units;
    `properties`: property → words of a mention; `panels`: heading → the specimen that it takes unless one is named;
    `timings` and `methods`: when and how it is measured, canonical → its spellings;
    `names`: words of notes → words of LOINC; `drop`: words of a mention that name nothing.
    """

    specimens: Mapping[str, list[str]] = field(repr=False)
    within: Mapping[str, list[str]] = field(repr=False)
    units: Mapping[str, list[str]] = field(repr=False)
    properties: Mapping[str, list[str]] = field(repr=False)
    panels: Mapping[str, str] = field(repr=False)
    timings: Mapping[str, list[str]] = field(repr=False)
    methods: Mapping[str, list[str]] = field(repr=False)
    names: Mapping[str, str] = field(repr=False)
    drop: tuple[str, ...] = field(repr=False)

    @cached_property
    def _specimen_words(self) -> re.Pattern[str]:
        return any_of(self._spellings)

    @cached_property
    def _spellings(self) -> dict[str, str]:
        return {spelling: name for name, spellings in self.specimens.items() for spelling in (name, *spellings)}

    @cached_property
    def _units(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for name, units in self.units.items():
            for unit in units:
                found[plain_unit(unit)] = (*found.get(plain_unit(unit), ()), name)
        return found

    @cached_property
    def _property_words(self) -> dict[str, str]:
        return {word: name for name, words in self.properties.items() for word in words}

    @cached_property
    def _property_pattern(self) -> re.Pattern[str]:
        return any_of(self._property_words)

    @cached_property
    def _timing_words(self) -> dict[str, str]:
        return {word: name for name, words in self.timings.items() for word in (name, *words)}

    @cached_property
    def _timing_pattern(self) -> re.Pattern[str]:
        return any_of(self._timing_words)

    @cached_property
    def _method_words(self) -> dict[str, str]:
        return {word: name for name, words in self.methods.items() for word in (name, *words)}

    @cached_property
    def _method_pattern(self) -> re.Pattern[str]:
        return any_of(self._method_words)

    @cached_property
    def _names(self) -> re.Pattern[str]:
        return any_of(self.names)

    @cached_property
    def _dropped(self) -> re.Pattern[str]:
        return any_of(self.drop)

    def specimen(self, text: str) -> str:
        """The canonical specimen of some words, or nothing."""
        found = self._specimen_words.findall(text.lower())
        return self._spellings[max(found, key=len)] if found else ""

    def timing(self, text: str) -> frozenset[str]:
        """When a test is made, by the words that tell it: fasting, trough, `24 hours`, `2 hours post`."""
        low = text.lower()
        hours = (f"{number} hours{' post' if after else ''}" for number, after in _HOURS.findall(low))
        return frozenset((*hours, *(self._timing_words[word] for word in self._timing_pattern.findall(low))))

    def method(self, text: str) -> frozenset[str]:
        """How a test is made, by the words that tell it."""
        return frozenset(self._method_words[word] for word in self._method_pattern.findall(text.lower()))

    def unit_properties(self, unit: str) -> tuple[str, ...]:
        """The properties that are told in a unit; none for one that is not known."""
        for one in unit.split("|"):
            if known := self._units.get(plain_unit(one)):
                return known
        return ()

    def read(
        self,
        mention: str,
        *,
        specimen: str = "",
        unit: str = "",
        panel: str = "",
        timing: str = "",
        method: str = "",
    ) -> tuple[list[str], LabContext]:
        """A mention without what its axes say, in its spellings; and what was said of the test."""
        core = mention.lower()
        said = self._names.sub(lambda found: self.names[found[0]], core)
        properties = [self._property_words[word] for word in self._property_pattern.findall(said)]
        properties += self.unit_properties(unit)
        own = self.specimen(said) or (self.specimen(specimen) if specimen else "")
        when, how = (self.timing(core) or self.timing(timing)), (self.method(core) or self.method(method))
        told = LabContext(own, tuple(dict.fromkeys(properties)), panel.lower(), when, how)
        return list(dict.fromkeys(self._spellings_of(core, said))), told

    def _spellings_of(self, core: str, said: str) -> Iterator[str]:
        """A mention in the words of LOINC and its own, without what its axes say; what brackets leave, and hold."""
        for one in (said, core):
            bare = self._bare(one)
            yield bare
            if alias := _ALIAS.search(bare):
                yield self._bare(bare[: alias.start()] + bare[alias.end() :])
                yield alias[1]
        yield core

    def _bare(self, text: str) -> str:
        bare = text
        ways = (self._timing_pattern, self._method_pattern)
        for pattern in (self._specimen_words, self._property_pattern, _HOURS, *ways, self._dropped):
            bare = pattern.sub(" ", bare)
        return " ".join(bare.split()) if re.search(r"[^\W_]", bare) else text

    def features(self, name: LabName, told: LabContext) -> Iterator[tuple[str, float]]:
        """How the axes of a name fit what a note says, as weights are given to."""
        yield f"specimen {self._specimen_fit(name, told)}", 1.0
        default = self.panels.get(told.panel, "")
        if default and name.specimen and (not told.specimen or name.specimen in self.within.get(told.specimen, ())):
            yield f"panel {'same' if name.specimen == default else 'other'}", 1.0
        if told.properties:
            yield (
                f"property {'same' if name.property in told.properties else 'other' if name.property else 'open'}",
                1.0,
            )
        else:
            yield f"unasked {name.property or 'open'}", 1.0
        yield f"method {'named' if name.method else 'open'}", 1.0
        if "automated" in name.method or "manual" in name.method:
            yield f"method {'automated' if 'automated' in name.method else 'manual'}", 1.0
        if told.methods and name.method:
            yield f"method {'same' if told.methods & self.method(name.method) else 'other'}", 1.0
        if name.timing or told.timings:
            yield f"timing {self._timing_fit(name, told)}", 1.0
        if " panel" in name.component:
            yield "many tests", 1.0

    def _timing_fit(self, name: LabName, told: LabContext) -> str:
        if not (name.timing and told.timings):
            return "named" if name.timing else "open"
        return "same" if told.timings & self.timing(name.timing) else "other"

    def _specimen_fit(self, name: LabName, told: LabContext) -> str:
        if not told.specimen:
            return f"unasked {name.specimen or 'open'}"
        if not name.specimen:
            return "open"
        if name.specimen == told.specimen:
            return "same"
        if name.specimen in self.within.get(told.specimen, ()):
            return f"within {name.specimen}"
        return "any" if name.specimen in ("specimen", "body fluid") else "other"

    def parse(self, name: str) -> LabName:
        """The axes of a long common name."""
        rest, timing = _cut(_TIMING, name.lower())
        rest, method = _cut(_METHOD, rest)
        head, asked, tail = rest, "", ""
        if found := _PROPERTY.search(rest):
            head, asked, tail = rest[: found.start()], found[1], rest[found.end() :]
        specimen = ""
        if place := _SPECIMEN.search(tail if found else head):
            specimen = self.specimen(place[1])
            head = head if found or not specimen else head[: place.start()]
        property_ = self._canonical_property(asked, head)
        return LabName(
            head.strip(), property_, specimen, method, timing, tuple(dict.fromkeys(_short_forms(head.strip())))
        )

    def _canonical_property(self, asked: str, head: str) -> str:
        if asked:
            return asked if asked in self.units or asked in self.properties else "other"
        if "/100 " in head or ".total" in head.partition("/")[2] or "actual/normal" in head:
            return "fraction"
        return ""


def _cut(pattern: re.Pattern[str], text: str) -> tuple[str, str]:
    found = pattern.search(text)
    if not found:
        return text, ""
    said = next(group for group in found.groups() if group)
    return f"{text[: found.start()].rstrip()} {text[found.end() :].lstrip()}".strip(), said


def _short_forms(component: str) -> Iterator[str]:
    """What people say for a component: without what it is divided by, without brackets, and what these hold."""
    above = component.partition("/")[0] if re.search(r"/\D|/100", component) else component
    for one in dict.fromkeys((component, above)):
        plain = _ALIAS.sub("", one)
        yield from (one, plain, *_ALIAS.findall(one))
        yield " ".join(re.sub(r"\b(?:cells|activity actual|actual)\b", "", plain).split())


def plain_unit(unit: str) -> str:
    """A unit as it is compared: no case, blanks or brackets, one way to write micro."""
    return _UNIT_PARTS.sub("", unit.lower()).replace("μ", "u").replace("µ", "u").replace("mc", "u", 1)


def lab_rules() -> LabRules:
    """The shipped tables; raises ConfigError where one is not as it should be."""
    top = read_yaml(files("medtext.terminology.rules").joinpath("labs.yaml"))
    top.allow(_KEYS, "the rules of laboratory tests")
    lists = {key: _lists(top, key) for key in _LISTS}
    texts = {
        key: {str(one): str(other) for one, other in top.get_typed(key, dict, {}).items()}
        for key in ("panels", "names")
    }
    return LabRules(**lists, **texts, drop=tuple(top.get_typed("drop", list, [])))


def _lists(top: Table, key: str) -> dict[str, list[str]]:
    held = top.get_typed(key, dict, {})
    for name, values in held.items():
        if not isinstance(values, list):
            raise ConfigError(f"{held.where(name)}: {name!r} must be a list.")
    return {str(name): [str(value) for value in values] for name, values in held.items()}
