"""Our Presidio recogniser, for our own stage and for anybody's Presidio.

    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    engine = AnalyzerEngine(RecognizerRegistry(recognizers=[ClinicalRecognizer()]), …)

It needs no NLP artifacts, reaches for no network, and goes over the text once for everything.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from presidio_analyzer import EntityRecognizer, RecognizerResult

from medtext.stages.deid.arbitrate import Finding
from medtext.stages.deid.lexicon import Lexicon
from medtext.stages.deid.names import NameFinder
from medtext.stages.deid.patterns import Patterns
from medtext.stages.deid.places import PlaceFinder
from medtext.stages.deid.tokens import Tokens
from medtext.taxonomy import Taxonomy


class ClinicalRecognizer(EntityRecognizer):
    """Numbers, dates, addresses and ages over 89 by pattern; names, towns and hospitals by lexicon and context."""

    def __init__(
        self, *, hospitals: bool = True, labels: frozenset[str] | None = None, supported_language: str = "en"
    ) -> None:
        known = frozenset(Taxonomy.load("phi").labels)
        self.labels = known if labels is None else labels
        self.lexicon = Lexicon.load()
        self.patterns = Patterns.load(known)
        self.names = NameFinder(self.lexicon)
        self.places = PlaceFinder.load(self.patterns.table, self.lexicon, hospitals=hospitals)
        super().__init__(sorted(self.labels), supported_language=supported_language, version=self.patterns.version)

    def load(self) -> None:
        """Everything is loaded by the constructor."""

    def findings(self, text: str) -> Iterator[Finding]:
        """Every identifier, overlapping ones included, in no order."""
        tokens = Tokens(text)
        for found in (self.patterns, self.names, self.places):
            yield from (one for one in found.find(text, tokens) if one.label in self.labels)

    def analyze(
        self, text: str, entities: list[str] | None = None, nlp_artifacts: Any = None
    ) -> list[RecognizerResult]:
        """The findings as Presidio's results; `entities` keeps those labels only."""
        wanted = set(entities or self.labels)
        about = {RecognizerResult.RECOGNIZER_NAME_KEY: self.name, RecognizerResult.RECOGNIZER_IDENTIFIER_KEY: self.id}
        return [
            RecognizerResult(one.label, one.start, one.end, one.score, recognition_metadata={**about, "rule": one.rule})
            for one in self.findings(text)
            if one.label in wanted
        ]
