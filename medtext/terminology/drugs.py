"""What a drug is, read from its RxNorm name: ingredients, strengths, dose form, brand; and from a mention in a note.

`furosemide 40 MG Oral Tablet [Lasix]`: RxNorm writes ingredients parted by ` / `, each with its strength, then the dose
form, then the brand in brackets (RxNorm Technical Documentation, "normalized names"). The tables are in
`rules/drugs.yaml`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib.resources import files

from medtext.config import read_yaml
from medtext.terminology.wording import any_of

_BRAND = re.compile(r"\s*\[([^\]]+)\]")
_PACK = re.compile(r"^\{.*\}\s*pack\b|^\{")
_STRENGTH = re.compile(
    r"(?<![\w.])(\d[\d,]*(?:\.\d+)?)\s*(mg|mcg|µg|ug|g|gram|grams|gm|unt|units?|iu|meq|mmol|ml|%)(?:\s*/\s*([a-z]+))?(?![^\W_])"
)
_ALIAS = re.compile(r"\s*\(([^()]+)\)")
_NUMBERS = re.compile(r"(?<!\S)[\d.,/%-]+(?!\S)")
_KEYS = ("version", "salts", "forms", "names", "drop")
_GRAMS = {"g": 1000.0, "mg": 1.0, "mcg": 0.001}
_UNITS = {"ug": "mcg", "µg": "mcg", "gram": "g", "grams": "g", "gm": "g", "unt": "unit", "units": "unit", "iu": "unit"}


@dataclass(frozen=True, slots=True)
class DrugName:
    """The parts of an RxNorm name, folded; strengths as (number, unit), grams in milligrams."""

    ingredients: tuple[str, ...]
    strengths: frozenset[tuple[float, str]] = frozenset()
    form: str = ""
    brand: str = ""


@dataclass(frozen=True, slots=True)
class DrugContext:
    """What a note says of a drug beside its name."""

    strengths: frozenset[tuple[float, str]] = frozenset()
    form: str = ""


@dataclass(frozen=True, eq=False)
class DrugRules:
    """The tables of `rules/drugs.yaml`.

    `salts`: words that leave the ingredient what it is; `forms`: words of notes → dose form group of RxNorm;
    `names`: what notes call a drug → what RxNorm does; `drop`: words of a mention that name nothing.
    """

    salts: tuple[str, ...] = field(repr=False)
    forms: Mapping[str, str] = field(repr=False)
    names: Mapping[str, str] = field(repr=False)
    drop: tuple[str, ...] = field(repr=False)

    @cached_property
    def _forms(self) -> re.Pattern[str]:
        return any_of(self.forms)

    @cached_property
    def _names(self) -> re.Pattern[str]:
        return any_of(self.names)

    @cached_property
    def _salts(self) -> re.Pattern[str]:
        return any_of(self.salts)

    @cached_property
    def _dropped(self) -> re.Pattern[str]:
        return any_of(self.drop)

    def form(self, text: str) -> str:
        """The dose form group of some words, by the last that tells one, or nothing."""
        found = self._forms.findall(text.lower())
        return self.forms[found[-1]] if found else ""

    def base(self, ingredient: str) -> str:
        """An ingredient without its salt; whole where nothing else would be left."""
        bare = " ".join(self._salts.sub(" ", ingredient.lower()).split()).strip(" ,-")
        return bare or ingredient.lower()

    def parse(self, name: str) -> DrugName:
        """The parts of an RxNorm name."""
        rest = name.lower()
        brand = _BRAND.search(rest)
        rest = _BRAND.sub("", rest)
        strengths = strengths_of(rest)
        form = self.form(rest)
        parts = (self._ingredient(part) for part in re.split(r"\s+/\s+", rest))
        return DrugName(tuple(filter(None, parts)), strengths, form, brand[1] if brand else "")

    def _ingredient(self, part: str) -> str:
        held = _STRENGTH.search(part)
        bare = part[: held.start()] if held and held.start() else part
        return " ".join(self._forms.sub(" ", bare).split()).strip(" ,")

    def read(self, mention: str, *, strength: str = "", form: str = "") -> tuple[list[str], DrugContext]:
        """A mention in its spellings, the surest first, and what was said of the drug."""
        said = f"{mention} {strength} {form}"
        told = DrugContext(strengths_of(said), self.form(said))
        found = [*self._spellings(mention), *self._clinical(mention, told)]
        return list(dict.fromkeys(filter(_wordy, (" ".join(one.split()) for one in found)))), told

    def _clinical(self, mention: str, told: DrugContext) -> Iterator[str]:
        """The drug with its strength, and with its form, as RxNorm words them."""
        name = self._bare(self._names.sub(lambda found: self.names[found[0]], _ALIAS.sub(" ", mention.lower())))
        for value, unit in sorted(told.strengths):
            yield f"{name} {value:g} {unit}"
            if told.form:
                yield f"{name} {value:g} {unit} {self._worded[told.form]}"

    @cached_property
    def _worded(self) -> dict[str, str]:
        """Dose form group → its commonest wording in RxNorm, the first of its words."""
        found: dict[str, str] = {}
        for words, group in self.forms.items():
            if words != group:
                found.setdefault(group, words)
        return found

    def _spellings(self, mention: str) -> Iterator[str]:
        text = mention.lower()
        yield text
        outside = _ALIAS.sub(" ", text)
        for one in (outside, *_ALIAS.findall(text)):
            named = self._bare(self._names.sub(lambda found: self.names[found[0]], one))
            yield from (named, self._bare(one), self.base(named))

    def _bare(self, text: str) -> str:
        """A text without strengths, numbers, dose forms and words that name nothing; whole where nothing is left."""
        bare = _NUMBERS.sub(" ", self._dropped.sub(" ", _STRENGTH.sub(" ", text)))
        shorter = self._forms.sub(" ", bare)
        return next((one.strip(" .,-") for one in (shorter, bare) if _wordy(one)), text)

    def features(self, name: DrugName, told: DrugContext) -> Iterator[tuple[str, float]]:
        """How strength and form of a name fit what the note says."""
        if name.strengths:
            asked = "unasked" if not told.strengths else "same" if told.strengths & name.strengths else "other"
            yield f"strength {asked}", 1.0
        if name.form:
            asked = "unasked" if not told.form else "same" if told.form == name.form else "other"
            yield f"form {asked}", 1.0
        if len(name.ingredients) > 1:
            yield "more ingredients", 1.0


def strengths_of(text: str) -> frozenset[tuple[float, str]]:
    """Every strength in a text, as (number, unit); weights in milligrams, per what they are is left out."""
    found = []
    for number, written, _ in _STRENGTH.findall(text.lower()):
        unit = _UNITS.get(written, written)
        value = float(number.replace(",", "")) * _GRAMS.get(unit, 1.0)
        found.append((round(value, 6), "mg" if unit in _GRAMS else unit))
    return frozenset(found)


def _wordy(text: str) -> bool:
    return bool(re.search(r"[^\W\d_]", text))


def drug_rules() -> DrugRules:
    """The shipped tables; raises ConfigError where one is not as it should be."""
    top = read_yaml(files("medtext.terminology.rules").joinpath("drugs.yaml"))
    top.allow(_KEYS, "the rules of drugs")
    salts, drop = (tuple(map(str, top.get_typed(key, list, []))) for key in ("salts", "drop"))
    groups = {str(one): group for group, words in top.get_typed("forms", dict, {}).items() for one in (group, *words)}
    names = {str(one): str(other) for one, other in top.get_typed("names", dict, {}).items()}
    return DrugRules(salts, groups, names, drop)
