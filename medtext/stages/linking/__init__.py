"""Proposes codes for entities, and chooses them where there is no doubt."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from medtext.config import read_yaml
from medtext.errors import ConfigError
from medtext.note import Note
from medtext.span import Candidate, Code, Span
from medtext.stages.linking.beside import ContextReader
from medtext.stages.linking.patient import PatientReader
from medtext.taxonomy import Taxonomy
from medtext.terminology.concepts import load_concepts
from medtext.terminology.crosswalks import Crosswalks
from medtext.terminology.linker import Linker, Restriction, choose
from medtext.terminology.matcher import fold
from medtext.terminology.readings import Context, is_contextual
from medtext.terminology.store import Terminology
from medtext.terminology.wording import shipped_wording


class Linking:
    """Fills `candidates` of every entity whose label links to code systems, and `codes` from `threshold` on.

    `terminology` are compiled folders that are asked beside the concepts. The unit of a result, the specimen and the
    panel around a test choose among tests; the dose of a drug chooses among its strengths and forms.

    A SNOMED CT code of a terminology that has maps brings the ICD-10-CM codes it maps to, as candidates of the match
    `map`. The rules ask for age and sex: `patient` says under which keys they stand in the note's meta (`age` and `sex`
    unless told). A target that stands open, for want of these or of another finding, is never chosen.

    `vectors` is the folder of a sentence encoder (`model.onnx`, `tokenizer.json`): where words find nothing sure, names
    with a near vector become candidates of the match `embedding`, and are never chosen.

    What a person has decided stays: codes that are there are never replaced, a rejected span is left alone, and one
    that was accepted or corrected gets candidates only.
    """

    name = "linking"
    needs = frozenset({"entity"})
    adds = frozenset({"entity.candidates", "entity.codes"})

    def __init__(
        self,
        *,
        concepts: str | Path | Sequence[str | Path] = "starter",
        terminology: str | Path | Sequence[str | Path] = (),
        taxonomy: str | Path = "clinical",
        patient: Mapping[str, str] | None = None,
        threshold: float = 0.8,
        limit: int = 5,
        vectors: str | Path | None = None,
    ) -> None:
        if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not 0 < threshold <= 1:
            raise ConfigError(f"Linking: threshold {threshold!r} is not a number above 0 and up to 1.")
        if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
            raise ConfigError(f"Linking: limit {limit!r} is not a whole number above 0.")
        self._concepts = load_concepts(concepts)
        given = [terminology] if isinstance(terminology, str | Path) else list(terminology)
        self._terminologies = [Terminology(one) for one in given]
        systems = {label.name: label.codes for label in Taxonomy.load(taxonomy).layer("entity")}
        self._rules, restrictions = _rules()
        sources = [self._concepts, *self._terminologies]
        self._linker = Linker(
            sources,
            systems=systems,
            wording=shipped_wording(),
            limit=limit,
            restrictions=restrictions,
            vectors=vectors,
        )
        # A table of concepts has one code for a test or a drug: nothing beside it is needed to choose.
        contextual = any(map(is_contextual, {system for one in self._terminologies for system in one.releases}))
        self._reader = ContextReader() if contextual else None
        self._crosswalks, self._patient = Crosswalks(self._terminologies), PatientReader(patient or {})
        self._threshold, self._limit = threshold, limit
        self._labels = frozenset(self._linker.labels)
        self._known: dict[_Asked, _Linked] = {}

    def __call__(self, note: Note) -> Note:
        return next(self.pipe([note]))

    def pipe(self, notes: Iterable[Note]) -> Iterator[Note]:
        """The notes one for one; a mention that has come before in the same context is not looked up again."""
        for note in notes:
            beside = self._reader.read(note) if self._reader else {}
            linked = [self._link(note, span, beside.get(span.id)) for span in note.layer("entity")]
            changed = [span for span in linked if span is not None]
            yield note.update(self._mapped(note, changed) if self._crosswalks else changed)

    def _mapped(self, note: Note, spans: Iterable[Span]) -> Iterator[Span]:
        """The spans with what their codes map to; a code is chosen so where the name itself has led to none."""
        patient = self._patient.read(note)
        before = {span.id: span.codes for span in note.spans}
        for span in spans:
            found, codes = self._crosswalks.extend(span.candidates, span.codes, patient, self._threshold)
            free = not before[span.id] and span.status in ("predicted", "added")
            yield span.linked(found, codes if free else span.codes)

    def _link(self, note: Note, span: Span, beside: Context | None) -> Span | None:
        """The span with what was found, or None where there is nothing to change."""
        if span.status == "rejected" or span.candidates or span.label not in self._labels:
            return None
        written_out = span.x.get("expansion")
        # Case says nothing here: a sense was chosen before, by `phrases`.
        asked = fold(written_out or " ".join(note.quote(span))), span.label, beside, bool(written_out)
        found, codes = self._known.get(asked) or self._look_up(asked)
        if not found:
            return None
        free = not span.codes and span.status in ("predicted", "added")
        return span.linked(found, codes if free else span.codes)

    def _look_up(self, asked: _Asked) -> _Linked:
        """The candidates of a mention and the codes that are sure; kept until there are too many."""
        mention, label, beside, written_out = asked
        found = self._linker.candidates(mention, label, beside)
        found = _as_abbreviation(found) if written_out else found
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[asked] = found, choose(found, self._threshold)
        return self._known[asked]

    def describe(self) -> dict[str, Any]:
        """The concept table with its releases, the rules, and from which score on codes are chosen."""
        about: dict[str, Any] = {
            "releases": self._linker.releases,
            "rules": self._rules,
            "threshold": self._threshold,
            "limit": self._limit,
        }
        if self._linker.encoder:
            about["vectors"] = self._linker.encoder.name
        folders = [one.meta["name"] for one in self._terminologies]
        return {**self._concepts.describe(), **about, "terminology": folders, "labels": list(self._linker.labels)}


def _as_abbreviation(candidates: tuple[Candidate, ...]) -> tuple[Candidate, ...]:
    """Candidates of the long form of a short one say so."""
    return tuple(replace(one, match="abbreviation") if one.match == "exact" else one for one in candidates)


_Asked = tuple[str, str, Context | None, bool]
_Linked = tuple[tuple[Candidate, ...], tuple[Code, ...]]
_REMEMBERED = 1 << 14  # mentions; some 10 MB


def _rules() -> tuple[str, dict[str, dict[str, Restriction]]]:
    """The version of the rules, and which concepts of a code system each label takes."""
    top = read_yaml(files("medtext.terminology.rules").joinpath("linking.yaml"))
    top.allow(("version", "empty", "modifiers", "opposites", "spellings", "takes"), "linking rules")
    found: dict[str, dict[str, Restriction]] = {}
    for label, systems in top.tables("takes").items():
        for system, rule in systems.items():
            rule.allow(("kinds", "under"), f"what {label} takes of {system}")
            kinds, under = (tuple(map(str, rule.get_typed(key, list, []))) for key in ("kinds", "under"))
            found.setdefault(label, {})[system] = Restriction(kinds, under)
    return f"linking@{top.get_typed('version', str)}", found
