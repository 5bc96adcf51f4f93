"""Our own detector: numbers, dates, addresses and ages by pattern; names, towns and hospitals by lexicon and context.

It needs no other library, so that Presidio (which imports torch where that is installed) is loaded only for recognisers
of yours; `recognizers.ClinicalRecognizer` is the same for anybody's Presidio.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from medtext.stages.deid.arbitrate import Finding
from medtext.stages.deid.lexicon import Lexicon
from medtext.stages.deid.names import NameFinder
from medtext.stages.deid.patterns import Patterns
from medtext.stages.deid.places import PlaceFinder
from medtext.stages.deid.tokens import Tokens
from medtext.taxonomy import Taxonomy


@dataclass(frozen=True, slots=True)
class ClinicalDetector:
    """Rules and lexicons, loaded once; goes over a text once for everything. `labels` are those it reports."""

    lexicon: Lexicon = field(repr=False)
    patterns: Patterns = field(repr=False)
    names: NameFinder = field(repr=False)
    places: PlaceFinder = field(repr=False)
    labels: frozenset[str]

    @classmethod
    def load(cls, *, hospitals: bool = True, labels: frozenset[str] | None = None) -> ClinicalDetector:
        """The rules that ship; raises ConfigError with file and line where one cannot be right."""
        known = frozenset(Taxonomy.load("phi").labels)
        lexicon, patterns = Lexicon.load(), Patterns.load(known)
        places = PlaceFinder.load(patterns.table, lexicon, hospitals=hospitals)
        return cls(lexicon, patterns, NameFinder(lexicon), places, known if labels is None else labels)

    @property
    def version(self) -> str:
        """The version of the rules."""
        return self.patterns.version

    def findings(self, text: str) -> Iterator[Finding]:
        """Every identifier, overlapping ones included, in no order."""
        tokens = Tokens(text)
        for found in (self.patterns, self.names, self.places):
            yield from (one for one in found.find(text, tokens) if one.label in self.labels)
