"""Candidates by map: a concept of one code system brings the codes of another that its map leads to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from medtext.span import Candidate, Code
from medtext.terminology.maps import MapTarget, Patient, crosswalk
from medtext.terminology.rows import MAP
from medtext.terminology.store import Terminology

MATCH = "map"
_HAS_MAPS = "SELECT 1 FROM links WHERE target_system = ? AND relation = ? LIMIT 1"
_REMEMBERED = 1 << 14  # codes and patients
_Led = tuple[MapTarget, ...]


class Crosswalks:
    """The maps of some compiled terminologies to one code `system`; false where none of them has any.

    A terminology of that system among them gives names, and the seventh characters that exist.
    """

    def __init__(self, terminologies: Iterable[Terminology], *, system: str = "ICD10CM") -> None:
        held = list(terminologies)
        self._system = system
        self._mapping = [one for one in held if one.query(_HAS_MAPS, system, MAP)]
        self._targets = next((one for one in held if system in one.releases), None)
        self._known: dict[tuple[Code, Patient], tuple[_Led, str]] = {}

    def __bool__(self) -> bool:
        return bool(self._mapping)

    def extend(
        self, candidates: Sequence[Candidate], codes: Sequence[Code], patient: Patient, threshold: float
    ) -> tuple[tuple[Candidate, ...], tuple[Code, ...]]:
        """Candidates and codes with what the chosen codes map to.

        A target is as sure as the code that leads to it; where it stands open its options share that. The targets of a
        code are chosen together: where all of them are settled and sure, and no code of their system was chosen before.
        """
        scores = {one.code: one.score for one in candidates}
        more: dict[Code, Candidate] = {}
        chosen: dict[Code, None] = {}
        for code in codes:
            targets, release = self._led(code, patient)
            score = scores.get(code)
            for target in targets:
                for found in self._candidates(target, score, release):
                    more.setdefault(found.code, found)
            if _settled(targets) and score is not None and score >= threshold:
                chosen |= {target.code: None for target in targets if target.code is not None}
        surer = {code: one for code, one in more.items() if code not in scores or _surer(one, scores[code])}
        held = [one for one in candidates if one.code not in surer]
        merged = sorted([*held, *surer.values()], key=lambda one: -(one.score or 0.0))
        free = not any(code.system == self._system for code in codes)
        return tuple(merged), (*codes, *chosen) if free else tuple(codes)

    def _led(self, code: Code, patient: Patient) -> tuple[_Led, str]:
        """What the first terminology that has the code maps it to, and its release."""
        if (code, patient) not in self._known:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[code, patient] = self._followed(code, patient)
        return self._known[code, patient]

    def _followed(self, code: Code, patient: Patient) -> tuple[_Led, str]:
        told = {"sex": patient.sex, "age": patient.age, "system": self._system, "targets": self._targets}
        for one in self._mapping:
            if code.system in one.releases and code in one:
                return crosswalk(one, code, **told), one.releases[code.system]
        return (), ""

    def _candidates(self, target: MapTarget, score: float | None, release: str) -> list[Candidate]:
        codes = target.options if _open(target) else (target.code,)
        share = None if score is None else round(score / max(len(codes), 1), 4)
        return [self._named(code, share, release) for code in codes or (target.code,) if code is not None]

    def _named(self, code: Code, score: float | None, release: str) -> Candidate:
        entry = self._targets.get(code) if self._targets is not None else None
        if entry is not None:
            return Candidate(code, entry.name, score, MATCH, entry.release)
        return Candidate(code, "", score, MATCH, release)


def _surer(one: Candidate, score: float | None) -> bool:
    return (one.score or 0.0) > (score or 0.0)


def _open(target: MapTarget) -> bool:
    return target.code is None or bool(target.needs)


def _settled(targets: _Led) -> bool:
    """Whether nothing stands open: a group without a target is settled too when it needs nothing."""
    return not any(target.needs for target in targets)
