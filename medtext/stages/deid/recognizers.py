"""Our detector as a Presidio recogniser, for anybody's Presidio.

    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    engine = AnalyzerEngine(RecognizerRegistry(recognizers=[ClinicalRecognizer()]), …)

It needs no NLP artifacts, reaches for no network, and goes over the text once for everything.
"""

from __future__ import annotations

from typing import Any

from presidio_analyzer import EntityRecognizer, RecognizerResult

from medtext.stages.deid.clinical import ClinicalDetector


class ClinicalRecognizer(EntityRecognizer):
    """What `ClinicalDetector` finds, as Presidio's results."""

    def __init__(
        self, *, hospitals: bool = True, labels: frozenset[str] | None = None, supported_language: str = "en"
    ) -> None:
        self.clinical = ClinicalDetector.load(hospitals=hospitals, labels=labels)
        names = sorted(self.clinical.labels)
        super().__init__(names, supported_language=supported_language, version=self.clinical.version)

    def load(self) -> None:
        """Everything is loaded by the constructor."""

    def analyze(
        self, text: str, entities: list[str] | None = None, nlp_artifacts: Any = None
    ) -> list[RecognizerResult]:
        """The findings as Presidio's results; `entities` keeps those labels only."""
        wanted = set(entities or self.clinical.labels)
        about = {RecognizerResult.RECOGNIZER_NAME_KEY: self.name, RecognizerResult.RECOGNIZER_IDENTIFIER_KEY: self.id}
        return [
            RecognizerResult(one.label, one.start, one.end, one.score, recognition_metadata={**about, "rule": one.rule})
            for one in self.clinical.findings(text)
            if one.label in wanted
        ]
