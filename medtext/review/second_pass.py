"""A second pass over de-identified text: other eyes than those of the stage, generous, and blind to replacements.

It lists places and kinds for a person to look at, never text. Most of them are no identifiers; one that is, counts.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from itertools import pairwise
from typing import Any

from medtext.config import Table, read_yaml
from medtext.errors import ConfigError
from medtext.note import Note
from medtext.overlap import identifiers

HIDDEN = "\N{OBJECT REPLACEMENT CHARACTER}"  # neither a word nor a blank: no pattern goes across it
_KEYS = ("version", "patterns", "presidio")
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")


@dataclass(frozen=True, slots=True, order=True)
class Suspect:
    """A place that may hold an identifier: note, code points `[start, end)`, and what kinds it may be."""

    note: str
    start: int
    end: int
    kinds: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"note": self.note, "start": self.start, "end": self.end, "kinds": list(self.kinds)}


class SecondPass:
    """Patterns of its own, pairs of capitalised words with a first name, and Presidio's stock recognisers."""

    def __init__(self) -> None:
        """Raises ConfigError when a rule, the table of names or a recogniser cannot be loaded."""
        rules = read_yaml(files("medtext.review").joinpath("second_pass.yaml")).allow(_KEYS, "the second pass")
        self.version = rules.get_typed("version", str, "1")
        self._patterns = {kind: list(_patterns(one)) for kind, one in rules.tables("patterns").items()}
        self._names = _first_names()
        presidio = rules.get_typed("presidio", dict, {}).allow(("score", "recognizers"), "presidio")
        self._score = presidio.get_typed("score", float, 0.3)
        self._recognizers = [_recognizer(name) for name in presidio.get_typed("recognizers", list, [])]

    def find(self, note: Note) -> list[Suspect]:
        """What may be an identifier outside the replacements, in order; overlapping finds are one place."""
        text = hidden(note)
        return [Suspect(note.id, *one) for one in merged([*self._by_pattern(text), *self._by_presidio(text)])]

    def _by_pattern(self, text: str) -> Iterator[tuple[int, int, str]]:
        for kind, patterns in self._patterns.items():
            for pattern in patterns:
                yield from ((*found.span(), kind) for found in pattern.finditer(text))
        yield from ((start, end, "name") for start, end in self._pairs(text))

    def _pairs(self, text: str) -> Iterator[tuple[int, int]]:
        """Two capitalised words side by side, one of them a first name: Anna Berg, BERG, ANNA."""
        words = [word for word in _WORD.finditer(text) if word[0][0].isupper()]
        for one, other in pairwise(words):
            between = text[one.end() : other.start()]
            if between in (" ", ", ", ",") and (self._is_first(one[0]) or self._is_first(other[0])):
                yield one.start(), other.end()

    def _is_first(self, word: str) -> bool:
        return len(word) > 1 and word.lower() in self._names

    def _by_presidio(self, text: str) -> Iterator[tuple[int, int, str]]:
        for one in self._recognizers:
            results = one.analyze(text=text, entities=one.supported_entities, nlp_artifacts=None) or ()
            for found in results:
                if found.score >= self._score and 0 <= found.start < found.end <= len(text):
                    yield found.start, found.end, found.entity_type


def hidden(note: Note) -> str:
    """The text of a note, of the same length, without what stands there instead of identifiers."""
    text = list(note.text)
    for start, end in identifiers(note).places():
        text[start:end] = HIDDEN * (end - start)
    return "".join(text)


def merged(found: Iterable[tuple[int, int, str]]) -> Iterator[tuple[int, int, tuple[str, ...]]]:
    """Finds that share a character as one place with all their kinds, in order."""
    held: list[tuple[int, int, set[str]]] = []
    for start, end, kind in sorted(set(found)):
        if held and start < held[-1][1]:
            first, last, kinds = held[-1]
            held[-1] = (first, max(last, end), kinds | {kind})
        else:
            held.append((start, end, {kind}))
    for start, end, kinds in held:
        yield start, end, tuple(sorted(kinds))


def _patterns(rule: Table) -> Iterator[re.Pattern[str]]:
    rule.allow(("any", "ignore_case"), "a pattern of the second pass")
    flags = re.IGNORECASE if rule.get_typed("ignore_case", bool, False) else re.NOFLAG
    for pattern in rule.get_typed("any", list, []):
        try:
            yield re.compile(pattern, flags)
        except re.error as error:
            raise ConfigError(f"{rule.where('any')}: not a regular expression: {error}.") from None


def _first_names() -> frozenset[str]:
    """The first names that ship and are not ordinary words too."""
    table = files("medtext.stages.rules").joinpath("first_names.tsv")
    try:
        lines = table.read_text(encoding="utf-8").split("\n")
    except FileNotFoundError:
        raise ConfigError("first_names.tsv is missing from the installation. Install medtext again.") from None
    rows = (line.split("\t") for line in lines if line and not line.startswith("#"))
    return frozenset(row[0] for row in rows if "w" not in row[2:])


def _recognizer(name: str) -> Any:
    """A stock recogniser of Presidio, kept off the network and silent about what it finds."""
    from presidio_analyzer import predefined_recognizers

    if not hasattr(predefined_recognizers, name):
        raise ConfigError(f"Presidio has no {name!r}. Install the presidio-analyzer that setup.cfg asks for.")
    logging.getLogger("presidio-analyzer").setLevel(logging.ERROR)  # its decision traces quote the text
    _keep_offline()
    return getattr(predefined_recognizers, name)()


def _keep_offline() -> None:
    """The e-mail recogniser asks tldextract, which would fetch a list of domains: let it use its own copy."""
    try:
        from tldextract import tldextract
    except ImportError:
        return
    tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(suffix_list_urls=())
