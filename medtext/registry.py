"""Names of formats and stages → "module:object", imported when asked for.

Other packages add theirs by entry points in the groups `medtext.formats` and `medtext.stages`.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from medtext.errors import MedtextError, StageError, UnknownNameError

FORMATS = {
    "argilla": "medtext.formats.argilla:FORMAT",
    "bioc": "medtext.formats.bioc:FORMAT",
    "brat": "medtext.formats.brat:FORMAT",
    "conll": "medtext.formats.conll:FORMAT",
    "csv": "medtext.formats.csv:FORMAT",
    "docbin": "medtext.formats.docbin:FORMAT",
    "doccano": "medtext.formats.doccano:FORMAT",
    "fhir": "medtext.formats.fhir:FORMAT",
    "gate": "medtext.formats.gate:FORMAT",
    "html": "medtext.formats.html:FORMAT",
    "i2b2_2010": "medtext.formats.i2b2_2010:FORMAT",
    "i2b2_2014": "medtext.formats.i2b2_2014:FORMAT",
    "inception": "medtext.formats.inception:FORMAT",
    "jsonl": "medtext.formats.jsonl:FORMAT",
    "label_studio": "medtext.formats.label_studio:FORMAT",
    "omop": "medtext.formats.omop:FORMAT",
    "parquet": "medtext.formats.parquet:FORMAT",
    "prodigy": "medtext.formats.prodigy:FORMAT",
    "pubtator": "medtext.formats.pubtator:FORMAT",
    "records": "medtext.formats.records:FORMAT",
    "text": "medtext.formats.text:FORMAT",
    "webanno_w3c": "medtext.formats.webanno_w3c:FORMAT",
    "yaml": "medtext.formats.yaml:FORMAT",
}
STAGES = {
    "assertion": "medtext.stages.assertion:Assertions",
    "deid": "medtext.stages.deid:Deid",
    "entities": "medtext.stages.entities:Entities",
    "linking": "medtext.stages.linking:Linking",
    "phrases": "medtext.stages.phrases:Phrases",
    "quantities": "medtext.stages.quantities:Quantities",
    "relations": "medtext.stages.relations:Relations",
    "sections": "medtext.stages.sections:Sections",
    "sentences": "medtext.stages.sentences:Sentences",
    "zero_shot": "medtext.stages.zero_shot:ZeroShot",
}
_OWN = {"format": FORMATS, "stage": STAGES}


@cache
def _places(kind: str) -> dict[str, str]:
    theirs = {point.name: point.value for point in entry_points(group=f"medtext.{kind}s")}
    return theirs | _OWN[kind]


def names(kind: str) -> list[str]:
    """The names of all formats or stages, `kind` being "format" or "stage"."""
    return sorted(_places(kind))


def lookup(kind: str, name: str) -> Any:
    """The object that a name stands for; raises UnknownNameError listing the names, or StageError on a bad import."""
    places = _places(kind)
    if name not in places:
        raise UnknownNameError(kind, name, places)
    module, _, attribute = places[name].partition(":")
    try:
        return getattr(import_module(module), attribute)
    except MedtextError:
        raise
    except (ImportError, AttributeError) as error:
        raise StageError(f"The {kind} {name!r} could not be loaded from {places[name]}: {error}") from error
