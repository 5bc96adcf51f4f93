"""The neural detector: any token-classification model, its findings kept off the medicine.

    deid: {neural: clinical-mini}
    deid: {neural: {model: path/to/model, labels: {PER: NAME, LOC: PLACE}}}

What it finds competes like everything else: union first, then one order. A model that cannot be had stops the pipeline
when it is built.
"""

from __future__ import annotations

import inspect
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Any

from medtext.errors import ConfigError
from medtext.inference import TokenClassifier
from medtext.stages.deid.arbitrate import Finding
from medtext.stages.deid.cues import cue_before
from medtext.stages.deid.lexicon import Lexicon
from medtext.stages.deid.persons import ROLES
from medtext.stages.deid.tokens import Tokens
from medtext.stages.deid.words import Words


class NeuralDetector:
    """One model for identifiers: its name, or the options of `TokenClassifier`; `labels` become ours."""

    def __init__(self, options: str | Mapping[str, Any], *, labels: Sequence[str], lexicon: Lexicon) -> None:
        options = {"model": options} if isinstance(options, str) else options
        known = [name for name in inspect.signature(TokenClassifier).parameters if name not in ("purpose", "usual")]
        for name in options:
            if name not in known:
                raise ConfigError(f"neural: unknown option {name!r}. Options: {', '.join(known)}")
        if "model" not in options:
            raise ConfigError("neural: name a model, a folder or a hub name.")
        self._classifier = TokenClassifier(**options, purpose="neural", usual="identifiers")
        for label in self._classifier.labels:
            if label not in labels:
                raise ConfigError(
                    f"neural: the model finds {label!r}, which is no identifier of ours. Say which with "
                    f"labels: {{{label}: ID}}. Identifiers: {', '.join(labels)}"
                )
        self._lexicon = lexicon

    def find(self, texts: Sequence[str]) -> list[list[Finding]]:
        """What the model finds in each text and medicine does not claim; `rule` is its `model:name@hash`."""
        rule = self._classifier.source
        found = [
            [Finding(one.start, one.end, one.label, one.score, rule) for one in held]
            for held in self._classifier.find(texts)
        ]
        return [self._without_medicine(text, held) for text, held in zip(texts, found, strict=True)]

    def _without_medicine(self, text: str, found: list[Finding]) -> list[Finding]:
        if not any(one.label in ROLES for one in found):
            return found
        words = Words(self._lexicon, text, Tokens(text))
        return [one for one in found if one.label not in ROLES or not is_medicine(words, one)]

    def describe(self) -> dict[str, Any]:
        """The model, its hash and its labels."""
        return self._classifier.describe()


def is_medicine(words: Words, one: Finding) -> bool:
    """Whether each word of a name is an eponym or drug where it stands, and nothing before it says that it is a person.

    "Foley catheter" stays, "Dr. Foley" goes.
    """
    starts = words.tokens.starts
    first, behind = bisect_left(starts, one.start), bisect_left(starts, one.end)
    if first == behind or cue_before(words, first) is not None:
        return False
    return all(words.protected(at) for at in range(first, behind))
