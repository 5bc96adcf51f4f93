"""From words to codes: which concepts a mention may mean, and how surely.

For each code system of the mention's label, in one or several sources, these ways are tried:

* *exact*: a form as written, whatever its case;
* *normalised*: without plural, punctuation, order of the words, British spelling, and words that carry no meaning; or
  in the words of the code system (a white cell is a leukocyte);
* *abbreviation*: one of its long forms, where the caller knows them;
* *spelling*: word for word the same but for one slip of the pen in a word of five letters, two in one of eleven;
* *partial*: words in common, weighed by how rare they are; proposed, and never chosen;
* *embedding*: a name whose vector is near, where a vector model is given and only words in common, or nothing, was
  found; proposed, and never chosen.

The last three never cross what tells concepts apart: digits, single letters and opposites (type 1 is not type 2). Then
the context speaks: specimen and unit pick among the tests of LOINC, strength and form among the drugs of RxNorm. What
is left is ranked, and scored by its probability (`medtext.terminology.ranking`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from medtext.inference.sentence_encoder import SentenceEncoder
from medtext.span import Candidate, Code
from medtext.terminology.candidates import Hit
from medtext.terminology.concepts import Concepts
from medtext.terminology.ranking import Ranker, shipped_ranker
from medtext.terminology.readings import Context, MentionReader, Reading, Senses, Told, is_contextual, is_thorough
from medtext.terminology.sources import FolderSource, Proposed, Source, source_of
from medtext.terminology.store import Terminology
from medtext.terminology.vectors import open_vectors
from medtext.terminology.wording import Wording, shipped_wording

_LONGEST = 200  # characters; what is longer is a sentence, not a name
_DETAILED = 20  # candidates of a system that the store is asked about


@dataclass(frozen=True, slots=True)
class Restriction:
    """Which concepts of a code system a label takes: of these kinds, and below one of these codes; empty for all."""

    kinds: tuple[str, ...] = ()
    under: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question to the linker, and the answers so far: (source, system, text, as it stands) → hits."""

    mention: str
    label: str
    context: Context
    known: dict[tuple[int, str, str, bool], list[Hit]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Found:
    """A candidate before it has a score: where it is from, and what the ranker weighs."""

    source: Source = field(repr=False, compare=False)
    owner: int
    match: str
    features: dict[str, float] = field(compare=False)


class Linker:
    """Proposes codes for mentions; `systems` says which code systems each label takes, in order.

    `sources` are tables of concepts, compiled terminologies or their folders. A label that a table does not know is
    looked up among all its concepts that have a code in its systems. `restrictions`: label → system → which concepts.
    `abbreviations` gives the long forms of a short one. `vectors` is the folder of a sentence encoder: the names of the
    sources are encoded when the linker is first made with it.

        linker = Linker(["loinc", "snomed"], systems={"TEST": ["LOINC"], "PROBLEM": ["SNOMED"]})
        linker.candidates("sodium", "TEST", Context(specimen="urine", unit="mmol/L"))
    """

    def __init__(
        self,
        sources: Concepts | Terminology | str | Path | Sequence[Concepts | Terminology | str | Path],
        *,
        systems: Mapping[str, Sequence[str]],
        wording: Wording | None = None,
        limit: int = 5,
        restrictions: Mapping[str, Mapping[str, Restriction]] | None = None,
        abbreviations: Senses | None = None,
        ranker: Ranker | None = None,
        vectors: SentenceEncoder | str | Path | None = None,
    ) -> None:
        given = [sources] if isinstance(sources, Concepts | Terminology | str | Path) else list(sources)
        wording = wording or shipped_wording()
        self._sources = [source_of(one, wording) for one in given]
        self._systems = {label: tuple(held) for label, held in systems.items() if held}
        self._limit = limit
        self._restrictions = restrictions or {}
        self._ranker = ranker or shipped_ranker()
        self._reader = MentionReader(abbreviations)
        self._official_systems = {system for one in self._sources if not one.curated for system in one.releases}
        self._masks: dict[tuple[int, str, str], Any] = {}
        self.encoder = SentenceEncoder(vectors) if isinstance(vectors, str | Path) else vectors
        self._vectors = [open_vectors(one.index, self.encoder) for one in self._sources] if self.encoder else []

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels whose mentions are linked."""
        return tuple(self._systems)

    @property
    def terminologies(self) -> tuple[Terminology, ...]:
        """The compiled terminologies among the sources."""
        return tuple(one.terminology for one in self._sources if isinstance(one, FolderSource))

    @property
    def releases(self) -> dict[str, str]:
        """The release of each code system; of several sources that have one, the first's."""
        found: dict[str, str] = {}
        for source in reversed(self._sources):
            found |= source.releases
        return dict(sorted(found.items()))

    def candidates(self, mention: str, label: str, context: Context | None = None) -> tuple[Candidate, ...]:
        """The codes that a mention may mean, the likeliest first, at most `limit` of each system.

        A label that is not linked has none. The score is the probability that the code is the one of
        its system that is meant.
        """
        if label not in self._systems or len(mention) > _LONGEST:
            return ()
        asked, ranked = _Asked(mention, label, context or Context()), []
        for order, system in enumerate(self._systems[label]):
            if not any(system in one.systems for one in self._sources):
                continue
            for candidate in self._best(asked, system):
                ranked.append((-(candidate.score or 0.0), order, candidate))
        ranked.sort(key=lambda one: one[:2])
        return tuple(candidate for _, _, candidate in ranked)

    def _found(self, asked: _Asked, system: str) -> list[Found]:
        """All that a mention may mean in one system, in no order, with the features that the ranker weighs."""
        found = self._worded(asked, system)
        if not self._vectors or any(one.match != "partial" for one in found):
            return found
        return self._strongest(system, [*found, *self._near(asked, system)])

    def _near(self, asked: _Asked, system: str) -> Iterator[Found]:
        """What is near by its vector."""
        told = self._reader.read(asked.mention, system, asked.context)[1]
        for number, (source, vectors) in enumerate(zip(self._sources, self._vectors, strict=True)):
            mask = self._mask(number, asked.label, system)
            hits = [] if mask is None else vectors.near(asked.mention, self.encoder, _DETAILED, allowed=mask)
            for hit in hits:
                if not source.curated or source.proposed(hit.owner, system):
                    yield self._weighed(source, hit, Reading(asked.mention, "exact"), system, told)

    def _worded(self, asked: _Asked, system: str) -> list[Found]:
        """What a mention may mean by its words.

        Names that are merely alike are looked for only where no way to read the mention is a name as it stands.
        """
        official = system in self._official_systems
        if not (official and is_contextual(system)):
            # Nearly all that a dictionary marks stands in a table or in the release as it is.
            found = self._collected(asked, system, [Reading(asked.mention, "exact")], None, "same")
            if found:
                return found
        readings, told = self._reader.read(asked.mention, system, asked.context)
        if official and is_thorough(told):
            return self._collected(asked, system, readings, told, "thorough")
        same = self._collected(asked, system, readings, told, "same")
        return same or self._collected(asked, system, readings, told, "alike")

    def _collected(self, asked: _Asked, system: str, readings: Sequence[Reading], told: Told, how: str) -> list[Found]:
        """What the readings find, each owner once and as its best."""
        found = [
            self._weighed(source, hit, reading, system, told)
            for number, source in enumerate(self._sources)
            for hit, reading in self._hits(asked, number, readings, system, how)
            if not source.curated or source.proposed(hit.owner, system)
        ]
        return self._strongest(system, found)

    def _strongest(self, system: str, found: Iterable[Found]) -> list[Found]:
        """Each owner once, as the strongest of what was found of it."""
        best: dict[tuple[Source, int], Found] = {}
        for one in found:
            held = best.setdefault((one.source, one.owner), one)
            if held is not one and self._strength(system, one) > self._strength(system, held):
                best[one.source, one.owner] = one
        return list(best.values())

    def _hits(
        self, asked: _Asked, number: int, readings: Sequence[Reading], system: str, how: str
    ) -> Iterator[tuple[Hit, Reading]]:
        """What each reading finds in a source; one that is found as it stands is the last unless all are wanted."""
        source, mask = self._sources[number], self._mask(number, asked.label, system)
        if mask is None:
            return
        if how == "thorough" and not source.curated:
            for reading in readings:
                for hit in source.index.thorough(reading.text, allowed=mask):
                    yield hit, reading
            return
        for reading in readings:
            same = self._looked_up(asked, number, system, reading.text)
            hits = same
            if how != "same" and not same:
                hits = self._looked_up(asked, number, system, reading.text, same=False)
            yield from ((hit, reading) for hit in hits)
            if same and reading.match == "exact":
                return

    def _looked_up(self, asked: _Asked, number: int, system: str, text: str, *, same: bool = True) -> list[Hit]:
        """The answer of a source, asked for once: a table answers for all its systems at once."""
        source = self._sources[number]
        key = number, "" if source.curated else system, text, same
        if key not in asked.known:
            look = source.index.same if same else source.index.alike
            asked.known[key] = look(text, allowed=self._mask(number, asked.label, system))
        return asked.known[key]

    def features(
        self, mention: str, label: str, system: str, context: Context | None = None
    ) -> tuple[list[dict[str, float]], list[list[Candidate]]]:
        """What a ranker learns from: the features of each thing that may be meant, and its codes as candidates.

        The codes of all but the best are left out: reading them from the store takes its time.
        """
        detailed, others = self._detailed(_Asked(mention, label, context or Context()), system)
        codes = [[Candidate(told.code, told.name) for told in held] for _, held, _ in detailed]
        return [*(features for _, _, features in detailed), *others], codes + [[] for _ in others]

    def _best(self, asked: _Asked, system: str) -> list[Candidate]:
        """The candidates of one system, scored."""
        detailed, others = self._detailed(asked, system)
        scores = self._ranker.probabilities(system, [*(features for _, _, features in detailed), *others])
        made = [
            Candidate(told.code, told.name, round(score, 4), one.match, one.source.releases.get(system, ""))
            for (one, codes, _), score in zip(detailed, scores, strict=False)
            for told in codes
        ]
        return sorted(made, key=lambda one: -(one.score or 0.0))[: self._limit]

    def _detailed(
        self, asked: _Asked, system: str
    ) -> tuple[list[tuple[Found, list[Proposed], dict[str, float]]], list[dict[str, float]]]:
        """The best with their codes and features, each code once; then the features of the others."""
        found = self._found(asked, system)
        if len(found) > 1:
            found.sort(key=lambda one: -self._strength(system, one))
        detailed, taken = [], set()
        for one in found[:_DETAILED]:
            fresh = [told for told in one.source.proposed(one.owner, system) if told.code not in taken]
            if fresh:
                taken.update(told.code for told in fresh)
                detailed.append((one, fresh, {**one.features, **self._billing(fresh)}))
        return detailed, [one.features for one in found[_DETAILED:]]

    def _billing(self, codes: Sequence[Proposed]) -> dict[str, float]:
        """A feature of codes that are known to be headings only."""
        told = [told.billable for told in codes] + [source.billable(codes[0].code) for source in self._sources]
        known = next((one for one in told if one is not None), None)
        return {} if known is not False else {"not billable": 1.0}

    def _strength(self, system: str, one: Found) -> float:
        return self._ranker.strength(system, one.features)

    def _mask(self, number: int, label: str, system: str) -> Any:
        """Which owners of a source may be proposed; worked out once."""
        source = self._sources[number]
        key = number, label, "" if source.curated else system
        if key not in self._masks:
            rule = self._restrictions.get(label, {}).get(system, Restriction())
            systems = self._systems[label] if source.curated else (system,)
            self._masks[key] = source.allowed(label, systems, rule.kinds, rule.under)
        return self._masks[key]

    def _weighed(self, source: Source, hit: Hit, reading: Reading, system: str, told: Told) -> Found:
        """A hit with its features."""
        match = hit.way
        if match in ("exact", "normalised"):
            match = max(match, reading.match, key=("exact", "normalised", "abbreviation").index)
        features = {"bias": 1.0, match: 1.0, "query": hit.query, "form": hit.form, "similarity": hit.similarity}
        if match == "embedding":  # which says nothing of words: the weights of these are not for it
            features = {match: 1.0, "cosine": hit.similarity}
        elif hit.head:
            features["head"] = 1.0
        if source.curated:
            features["curated"] = 1.0
        if reading.match != "exact":
            features["rewritten"] = 1.0
        if told is not None:
            name, kind = self._official(source, hit.owner, system)
            features |= self._reader.features(name, told) if name else {}
            features |= {f"kind {kind}": 1.0} if kind else {}
        return Found(source, hit.owner, match, features)

    def _official(self, source: Source, owner: int, system: str) -> tuple[str, str]:
        """The name and kind that the code system itself gives; of a concept of a table, what a folder knows."""
        if not source.curated:
            return source.index.head(owner), source.index.kinds[source.index.owner_kinds[owner]][1]
        for told in source.proposed(owner, system):
            for other in self._sources:
                if entry := other.entry(told.code):
                    return entry
        return "", ""


def choose(candidates: Sequence[Candidate], threshold: float) -> tuple[Code, ...]:
    """Of each code system the codes of the best concept, where it is sure enough and no other is as good.

    What has only some words in common, or is near by its vector, is never chosen.
    """
    chosen: list[Code] = []
    for system in dict.fromkeys(one.code.system for one in candidates):
        held = [one for one in candidates if one.code.system == system]
        if held[0].match in ("partial", "embedding"):
            continue
        best = [one for one in held if one.score == held[0].score]
        if (held[0].score or 0.0) >= threshold and len({one.display for one in best}) == 1:
            chosen += [one.code for one in best]
    return tuple(dict.fromkeys(chosen))
