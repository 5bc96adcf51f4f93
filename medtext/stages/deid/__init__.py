"""De-identification: identifiers found by patterns, lexicons and context, and replaced by policy.

The only stage that may change a text. What it found lies as `phi` spans over what stands there now; the values
themselves are kept nowhere but, where one is named, in an encrypted vault.
"""

from __future__ import annotations

import dataclasses
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from secrets import token_bytes
from typing import Any

from medtext.errors import ConfigError, NoteError
from medtext.note import Note
from medtext.redaction import Edit, Redaction
from medtext.span import Source, Span
from medtext.stages.deid.arbitrate import Finding
from medtext.stages.deid.detect import Detector
from medtext.stages.deid.known import Known, columns_of
from medtext.stages.deid.known import Source as KnownSource
from medtext.stages.deid.neural import NeuralDetector
from medtext.stages.deid.replace import Replacer
from medtext.stages.deid.restoration import REMOVED, way_back
from medtext.stages.deid.surrogate import Pools, Surrogates, read_key
from medtext.stages.deid.vault import Vault, read_secret
from medtext.taxonomy import Policy

logger = logging.getLogger(__name__)

_NOTES = 64  # that a neural detector reads together
_REPLACEMENTS = ("tag", "surrogate", "random", "markov", "mark")


class Deid:
    """Finds identifiers, replaces them by `policy`, and marks the note as de-identified.

    `replace` says what stands where the policy says tag: "tag", or a made-up value ("surrogate", "markov", "random";
    the first two need a secret in MEDTEXT_KEY or `key_file`). "mark" replaces nothing: `phi` spans lie over what the
    policy would not keep, in a note that stays identified; it is for measuring the detection.
    `known` names meta keys whose values identify, or maps them to labels; or it is a table (CSV, TSV, or a mapping of
    note or patient ids to columns), in which every note must have a row unless `known_optional`. Known values are found
    in every spelling. `keep_meta` names the meta keys that stay.
    `patient` names the meta key that says whose note it is, so that dates and surrogates agree over a patient's notes;
    without it `patient` is looked for, and a note that has none stands for itself. A named key must be there.
    `recognizers` are dotted paths of further Presidio recognisers, `entities` what theirs are called here, `threshold`
    the score theirs must have. `neural` is a token-classification model, by its name or with the options of
    `TokenClassifier`; without it names are found by lexicons and context alone.
    `vault` is the file that keeps, encrypted with the same secret, what leads back.
    Raises ConfigError for an option, rule file or recogniser that cannot be right, VaultError for such a vault.
    """

    name = "deid"
    needs: frozenset[str] = frozenset()
    adds = frozenset({"phi"})

    def __init__(
        self,
        *,
        policy: str | Path | Policy = "safe-harbor",
        replace: str = "tag",
        hospitals: bool = True,
        known: KnownSource = (),
        known_optional: bool = False,
        keep_meta: Iterable[str] = (),
        recognizers: Iterable[str] = (),
        entities: Mapping[str, str] | None = None,
        threshold: float = 0.3,
        key_file: str | Path | None = None,
        patient: str = "",
        vault: str | Path | None = None,
        neural: str | Mapping[str, Any] | None = None,
    ) -> None:
        if replace not in _REPLACEMENTS:
            raise ConfigError(f"Unknown replacement {replace!r}. Replacements: {', '.join(_REPLACEMENTS)}")
        if vault and replace == "mark":
            raise ConfigError('replace="mark" changes no text, so a vault would stay empty. Leave one of them out.')
        self.policy = policy if isinstance(policy, Policy) else Policy.load(policy)
        self.detector = Detector(recognizers=recognizers, entities=entities, hospitals=hospitals, threshold=threshold)
        clinical = self.detector.clinical
        self.known = Known(
            known,
            columns=columns_of(clinical.patterns.table),
            labels=self.detector.labels,
            lexicon=clinical.lexicon,
            optional=known_optional,
        )
        self.keep_meta = tuple(keep_meta)
        self.patient_key = patient
        self.replace = replace
        self._replacer = self._make_replacer(key_file)
        self._vault = Vault(vault, read_secret(key_file), writing=True) if vault else None
        self._kept = frozenset(one for one in self.detector.labels if self.policy.action(one) == "keep")
        self._source = Source(f"rule:identifiers@{self.detector.clinical.version}")
        self._neural = NeuralDetector(neural, labels=self.detector.labels, lexicon=clinical.lexicon) if neural else None

    def _make_replacer(self, key_file: str | Path | None) -> Replacer:
        clinical, table = self.detector.clinical, self.detector.clinical.patterns.table
        actions = {self.policy.default, *self.policy.actions.values()}
        keyed = self.replace in ("surrogate", "markov") or actions & {"surrogate", "shift"}
        made = bool(keyed) or self.replace == "random"
        pools = Pools.load(clinical.lexicon, clinical.places.kinds(table)) if made else None
        return Replacer(
            self.policy,
            clinical.lexicon,
            restricted_zips=frozenset(table.get_typed("restricted_zips", list, [])),
            first_kept_year=self.policy.first_kept_year(),
            instead_of_tags=self.replace,
            surrogates=Surrogates(read_key(key_file), clinical.lexicon, pools) if keyed and pools else None,
            fresh=Surrogates(token_bytes(32), clinical.lexicon, pools) if self.replace == "random" and pools else None,
        )

    def __call__(self, note: Note) -> Note:
        """The note without identifiers; as it is when it has none any more."""
        return next(self.pipe([note]))

    def pipe(self, notes: Iterable[Note]) -> Iterator[Note]:
        """The notes one for one, in order; a neural detector reads many at once."""
        notes = iter(notes)
        while batch := list(islice(notes, _NOTES)):
            texts = ["" if note.deidentified else note.text for note in batch]
            found = self._neural.find(texts) if self._neural else [[] for _ in batch]
            made = (self._cleaned(note, extra) for note, extra in zip(batch, found, strict=True))
            yield from self._kept_in_vault(batch, made) if self._vault else (one for one, _ in made)

    def _kept_in_vault(self, batch: list[Note], made: Iterator[tuple[Note, Redaction]]) -> Iterator[Note]:
        """The notes of a batch, each only once what leads back from it is on the disk; then what went wrong, if any."""
        done, error = [], None
        try:
            done.extend(made)
        except Exception as raised:
            error = raised
        pairs = [(old, new, redaction) for old, (new, redaction) in zip(batch, done, strict=False) if new is not old]
        self._vault.extend((old.id, way_back(old, new, redaction)) for old, new, redaction in pairs)
        yield from (new for new, _ in done)
        if error:
            raise error

    def _cleaned(self, note: Note, found: list[Finding]) -> tuple[Note, Redaction]:
        if note.deidentified:
            return note, Redaction()
        patient = self._patient(note)
        extra = [*found, *self.known.find(note, patient)]
        findings = self.detector.find(note.text, extra, without=self._kept)
        if self.replace == "mark":
            return note.add(self._span(one, Redaction()) for one in findings), Redaction()
        new = self._replacer.replacements(note.text, findings, patient=patient, note=note.id)
        done = list(zip(findings, new, strict=True))
        redaction = Redaction(tuple(Edit(one.start, one.end, text) for one, text in done))
        meta = {key: note.meta[key] for key in self.keep_meta if key in note.meta}
        logger.debug("note %r: %d replaced, %d meta keys dropped", note.id, len(done), len(note.meta) - len(meta))
        changed = _without_remarks(redaction.redact(note)).replace(meta=meta, deidentified=True)
        gone = Counter(one.label for one, text in done if not text)
        counted = changed.replace(x={REMOVED: dict(sorted(gone.items()))}) if gone else changed
        return counted.add(self._span(one, redaction) for one, text in done if text), redaction

    def _patient(self, note: Note) -> str:
        value = note.meta.get(self.patient_key or "patient")
        if value in (None, "") and self.patient_key:
            raise NoteError(f"Note {note.id!r} has no meta key {self.patient_key!r}, which says whose note it is.")
        return note.id if value in (None, "") else str(value)

    def _span(self, one: Finding, redaction: Redaction) -> Span:
        start, end = redaction.to_new(one.start), redaction.to_new(one.end, edge="end")
        return Span(((start, end),), one.label, layer="phi", score=one.score, sources=(self._by(one),))

    def _by(self, one: Finding) -> Source:
        return Source(one.rule, one.score) if one.rule.startswith("model:") else self._source

    def describe(self) -> dict[str, Any]:
        """What the names rely on, which rules, and what is done with what is found."""
        clinical = self.detector.clinical
        return {
            "names": f"lexicons and context, {'and a' if self._neural else 'no'} neural model",
            "neural": self._neural.describe() if self._neural else "none",
            "lexicon": clinical.lexicon.counts(),
            "rules": f"identifiers@{clinical.version}",
            "patterns": len(clinical.patterns.rules),
            "policy": self.policy.name,
            "years": f"kept from {self.policy.first_kept_year()}",
            "replacement": self.replace,
            "hospitals": self.detector.clinical.places.hospitals,
            "recognizers": [one.name for one in self.detector.others],
            "known": self.known.describe(),
            "vault": self._vault.fingerprint if self._vault else "none",
            "meta": f"keeps {', '.join(self.keep_meta)}" if self.keep_meta else "keeps none",
        }


def _without_remarks(note: Note) -> Note:
    """Without what people or other tools wrote beside the text, where a name may stand as well."""
    spans = tuple(dataclasses.replace(one, comment="", x={}) for one in note.spans)
    relations = tuple(dataclasses.replace(one, x={}) for one in note.relations)
    return note.replace(spans=spans, relations=relations, x={})
