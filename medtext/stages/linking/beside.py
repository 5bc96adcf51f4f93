"""What stands beside a test or a drug in a note, and helps to choose among its codes."""

from __future__ import annotations

import re

from medtext.note import Note
from medtext.span import Span
from medtext.terminology.drugs import drug_rules
from medtext.terminology.labs import lab_rules
from medtext.terminology.readings import Context

_BESIDE = 20  # characters between a test and the specimen that it is of
_CLAUSE = re.compile(r"[,;:\n]|\.\s")
_LONGEST = 60  # characters that are looked through for a dose form
_RESULT = re.compile(r"^[\s<>=~]*[\d.,/ -]*\d\s*")


class ContextReader:
    """What a note says of its tests and drugs beside their names."""

    def __init__(self) -> None:
        self._labs, self._drugs = lab_rules(), drug_rules()

    def read(self, note: Note) -> dict[str, Context]:
        """Span id → context, for the spans that have any."""
        told: dict[str, dict[str, str]] = {}
        entities = {span.id: span for span in note.layer("entity")}
        for relation in note.relations:
            if relation.source in entities and relation.target in entities:
                said = " ".join(note.quote(entities[relation.source]))
                if relation.type == "value_of":
                    told.setdefault(relation.target, {})["unit"] = _unit(said)
                elif relation.type == "dose_of":
                    told.setdefault(relation.target, {})["strength"] = said
        for span in entities.values():
            if span.label == "TEST":
                told.setdefault(span.id, {}).update(self._around(note.text, span))
            elif span.label == "MEDICATION":
                told.setdefault(span.id, {})["form"] = self._drugs.form(
                    note.text[span.end : _end_of_clause(note.text, span.end)]
                )
        contexts = {name: Context(**held) for name, held in told.items()}
        return {name: context for name, context in contexts.items() if context != Context()}

    def _around(self, text: str, span: Span) -> dict[str, str]:
        """Specimen, timing and method named right beside a test, and the panel whose heading begins its line."""
        start = text.rfind("\n", 0, span.start) + 1
        before, after = text[start : span.start], text[span.end : _end_of_clause(text, span.end)]
        heading = before.partition(":")[0].strip().lower() if ":" in before else ""
        specimen = self._labs.specimen(before[-_BESIDE:]) or self._labs.specimen(after[:_BESIDE])
        near = f"{before[-_BESIDE:]} ; {after[:_BESIDE]}"
        when, how = (", ".join(sorted(found)) for found in (self._labs.timing(near), self._labs.method(near)))
        panel = heading if heading in self._labs.panels else ""
        return {"specimen": specimen, "panel": panel, "timing": when, "method": how}


def _end_of_clause(text: str, start: int) -> int:
    found = _CLAUSE.search(text, start, start + _LONGEST)
    return found.start() if found else min(len(text), start + _LONGEST)


def _unit(value: str) -> str:
    """What follows the number of a result; nothing where there is no number."""
    return _RESULT.sub("", value).strip() if _RESULT.match(value) else ""
