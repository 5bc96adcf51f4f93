"""What ships about names: first and family names, places, titles and cues, and the medicine that looks like them.

The names themselves are tables (`rules/*.tsv`), the cues YAML; a table or a key that is not there stops at load.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.resources import files

from medtext.config import Table, read_yaml
from medtext.errors import ConfigError

Phrases = Mapping[str, tuple[tuple[str, ...], ...]]

_NAME_KEYS = (
    *(
        "version",
        "titles",
        "men",
        "women",
        "degrees",
        "fields",
        "provider_cues",
        "name_cues",
        "sure_cues",
        "sure_fields",
        "sayings",
        "deeds",
        "patient_cues",
    ),
    *("relatives", "owners", "line_heads", "salutations", "closings", "particles", "generations", "never"),
    *("endings", "ordinary"),
)
_LISTS = ("line_heads", "salutations", "closings", "particles", "generations")
_WORDS = ("degrees", "relatives", "owners", "never", "ordinary", "sayings", "deeds")
_PROTECTED_KEYS = ("version", "heads", "head_endings", "eponyms", "brands", "phrases")


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Every word list, lower-case. `weak_first` and `weak_last` are also ordinary words and need a cue."""

    version: str
    first: Mapping[str, str] = field(repr=False)
    last: frozenset[str] = field(repr=False)
    weak_first: frozenset[str] = field(repr=False)
    weak_last: frozenset[str] = field(repr=False)
    places: Mapping[str, tuple[tuple[tuple[str, ...], bool], ...]] = field(repr=False)
    titles: Mapping[str, str] = field(repr=False)
    title_gender: Mapping[str, str] = field(repr=False)
    degrees: frozenset[str] = field(repr=False)
    fields: Phrases = field(repr=False)
    field_labels: Mapping[str, str] = field(repr=False)
    cues: Phrases = field(repr=False)
    cue_labels: Mapping[str, str] = field(repr=False)
    sure_cues: frozenset[str] = field(repr=False)
    sure_fields: frozenset[str] = field(repr=False)
    sayings: frozenset[str] = field(repr=False)
    deeds: frozenset[str] = field(repr=False)
    relatives: frozenset[str] = field(repr=False)
    owners: frozenset[str] = field(repr=False)
    line_heads: frozenset[str] = field(repr=False)
    never: frozenset[str] = field(repr=False)
    salutations: frozenset[str] = field(repr=False)
    closings: frozenset[str] = field(repr=False)
    particles: frozenset[str] = field(repr=False)
    generations: frozenset[str] = field(repr=False)
    endings: tuple[str, ...] = field(repr=False)
    ordinary: frozenset[str] = field(repr=False)
    heads: frozenset[str] = field(repr=False)
    head_endings: tuple[str, ...] = field(repr=False)
    eponyms: frozenset[str] = field(repr=False)
    brands: frozenset[str] = field(repr=False)
    phrases: Phrases = field(repr=False)

    @classmethod
    def load(cls) -> Lexicon:
        """The lexicon that ships; raises ConfigError when a file of it is missing or broken."""
        rules = read_yaml(_room("names.yaml")).allow(_NAME_KEYS, "the name rules")
        protected = read_yaml(_room("protected.yaml")).allow(_PROTECTED_KEYS, "the protected words")
        first, weak_first = _first_names()
        last = {row[0]: "w" in row[1:] for row in _rows("last_names.tsv")}
        titles = dict(_labelled(rules, "titles"))
        fields = dict(_labelled(rules, "fields"))
        cues = _cues(rules)
        return cls(
            version=str(rules.get("version", "1")),
            first=first,
            last=frozenset(last),
            weak_first=weak_first,
            weak_last=frozenset(name for name, weak in last.items() if weak),
            places=_places(),
            titles=titles,
            title_gender={**dict.fromkeys(_list(rules, "men"), "M"), **dict.fromkeys(_list(rules, "women"), "F")},
            fields=_by_last_word(fields),
            field_labels=fields,
            cues=_by_last_word(cues),
            cue_labels=cues,
            **{
                key: frozenset(" ".join(phrase(text)) for text in _list(rules, key))
                for key in ("sure_cues", "sure_fields")
            },
            endings=tuple(_words(rules, "endings")),
            phrases=_by_first_word(_list(protected, "phrases")),
            head_endings=tuple(_list(protected, "head_endings")),
            **{key: frozenset(_list(rules, key)) for key in _LISTS},
            **{key: _words(rules, key) for key in _WORDS},
            **{key: _words(protected, key) for key in ("heads", "eponyms", "brands")},
        )

    def counts(self) -> dict[str, int]:
        """How much it knows."""
        places = sum(len(entries) for entries in self.places.values())
        return {"first_names": len(self.first), "family_names": len(self.last), "places": places}


def _room(name: str):
    return files("medtext.stages.rules").joinpath(name)


def _rows(name: str) -> Iterator[list[str]]:
    """The rows of a table that ships; raises ConfigError when it is missing or empty."""
    try:
        text = _room(name).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(f"{name}: the table is missing from the installation. Install medtext again.") from None
    rows = [line.split("\t") for line in text.split("\n") if line and not line.startswith("#")]
    if not rows:
        raise ConfigError(f"{name}: the table is empty. Install medtext again.")
    yield from rows


def _first_names() -> tuple[dict[str, str], frozenset[str]]:
    first, weak = {}, set()
    for name, gender, *marks in _rows("first_names.tsv"):
        first[name] = gender
        if "w" in marks:
            weak.add(name)
    return first, frozenset(weak)


def _places() -> dict[str, tuple[tuple[tuple[str, ...], bool], ...]]:
    """First word → (all words, needs a state after it), the longest first."""
    found: dict[str, list] = {}
    for name, *marks in _rows("places.tsv"):
        words = phrase(name)
        found.setdefault(words[0], []).append((words, "w" in marks[1:]))
    return {key: tuple(sorted(entries, key=lambda entry: -len(entry[0]))) for key, entries in found.items()}


def phrase(text: str) -> tuple[str, ...]:
    """The words of a phrase, lower-case, as the tokeniser of notes cuts them: no blanks, dots or hyphens."""
    for mark in ".-&/":
        text = text.replace(mark, " ")
    return tuple(text.lower().replace("’", "'").split())


def _words(table: Table, key: str) -> frozenset[str]:
    words = frozenset(table.get_typed(key, str, "").split())
    if not words:
        raise ConfigError(f"{table.where(key)}: {key!r} is empty.")
    return words


def _list(table: Table, key: str) -> list[str]:
    values = table.get_typed(key, list, [])
    if not values or not all(isinstance(value, str) for value in values):
        raise ConfigError(f"{table.where(key)}: {key!r} must list words; put quotes around yes, no, on and off.")
    return values


def _labelled(table: Table, key: str) -> Iterator[tuple[str, str]]:
    held = table.get_typed(key, dict, {})
    for label in held:
        for text in _list(held, label):
            yield " ".join(phrase(text)), label


def _cues(rules: Table) -> dict[str, str]:
    keys = {"sure_cues": "NAME", "provider_cues": "PROVIDER", "name_cues": "NAME", "patient_cues": "PATIENT"}
    return {" ".join(phrase(text)): label for key, label in keys.items() for text in _list(rules, key)}


def _by_first_word(texts: Iterable[str]) -> dict[str, tuple[tuple[str, ...], ...]]:
    found: dict[str, list] = {}
    for text in texts:
        found.setdefault(phrase(text)[0], []).append(phrase(text))
    return {key: tuple(sorted(entries, key=len, reverse=True)) for key, entries in found.items()}


def _by_last_word(texts: Iterable[str]) -> dict[str, tuple[tuple[str, ...], ...]]:
    found: dict[str, list] = {}
    for text in texts:
        found.setdefault(phrase(text)[-1], []).append(phrase(text))
    return {key: tuple(sorted(entries, key=len, reverse=True)) for key, entries in found.items()}
