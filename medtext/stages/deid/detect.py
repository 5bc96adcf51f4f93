"""Everything that looks for identifiers in a note, and their findings made disjoint.

Recognisers are called one by one, not through Presidio's AnalyzerEngine: all it would add is a score by context, which
needs lemmas, and an order of results that is not fixed. A recogniser that cannot be loaded stops here; it is never left
out in silence.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any

from medtext.config import Table
from medtext.errors import ConfigError
from medtext.stages.deid.arbitrate import Finding, arbitrate, beside, trimmed, whole
from medtext.stages.deid.clinical import ClinicalDetector
from medtext.taxonomy import Taxonomy

logging.getLogger("presidio-analyzer").setLevel(logging.ERROR)  # its decision traces quote the text


class Detector:
    """Our detector and the recognisers of the user. `labels` are all identifiers, in the taxonomy's order."""

    def __init__(
        self,
        *,
        recognizers: Iterable[str] = (),
        entities: Mapping[str, str] | None = None,
        hospitals: bool = True,
        threshold: float = 0.3,
    ) -> None:
        self.labels = tuple(Taxonomy.load("phi").labels)
        self.clinical = ClinicalDetector.load(hospitals=hospitals)
        self.threshold = threshold
        table: Table = self.clinical.patterns.table
        self.entities = {**table.get_typed("entities", dict, {}), **(entities or {})}
        self.others = [_loaded(path) for path in recognizers]
        for one in self.others:
            self._check_entities(one)

    def find(self, text: str, extra: Iterable[Finding] = (), *, without: frozenset[str] = frozenset()) -> list[Finding]:
        """Disjoint findings in order of place; `extra` are found by other means and compete like the rest.

        Labels in `without` do not compete, so that nothing that stays can hide something that must go.
        """
        found = [*self.clinical.findings(text), *extra]
        for one in self.others:
            found += self._of_others(one, text)
        apart = beside((one for one in found if one.label not in without), "DATE")
        clean = (trimmed(text, one) for one in apart)
        return arbitrate(whole((one for one in clean if one is not None), "DATE"), self.labels)

    def _of_others(self, recognizer: Any, text: str) -> Iterable[Finding]:
        results = recognizer.analyze(text=text, entities=recognizer.supported_entities, nlp_artifacts=None) or ()
        for one in results:
            if one.score >= self.threshold and 0 <= one.start < one.end <= len(text):
                label = self.entities.get(one.entity_type, one.entity_type)
                yield Finding(one.start, one.end, label, min(1.0, float(one.score)), recognizer.name)

    def _check_entities(self, recognizer: Any) -> None:
        for entity in recognizer.supported_entities:
            if self.entities.get(entity, entity) not in self.labels:
                raise ConfigError(
                    f"Recogniser {recognizer.name} finds {entity!r}, which is no identifier of ours. "
                    f"Say which with entities: {{{entity}: ID}}. Identifiers: {', '.join(self.labels)}"
                )


def _loaded(path: str) -> Any:
    """A Presidio recogniser by its dotted path; raises ConfigError when it cannot be had or cannot analyse."""
    from presidio_analyzer import EntityRecognizer

    module, _, name = str(path).rpartition(".")
    try:
        made = getattr(import_module(module), name)()
    except Exception as error:
        raise ConfigError(f"Recogniser {path!r} could not be loaded: {type(error).__name__}: {error}") from error
    if not isinstance(made, EntityRecognizer) or type(made).analyze is EntityRecognizer.analyze:
        raise ConfigError(f"{path!r} is no Presidio recogniser with an analyze method of its own.")
    _keep_offline()
    return made


def _keep_offline() -> None:
    """Presidio's e-mail recogniser asks tldextract, which would fetch a list of domains: let it use its own copy."""
    try:
        from tldextract import tldextract
    except ImportError:
        return
    tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(suffix_list_urls=())
