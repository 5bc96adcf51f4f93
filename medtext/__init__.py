"""medtext takes clinical notes to trusted, coded training data.

    import medtext

    pipeline = medtext.load("default")
    note = pipeline(medtext.Note("n1", "Dr. Anna Berg: pt denies chest pain. HTN on lisinopril 10 mg."))
    for span in note.layer("entity"):
        print(span.label, span.assertion, span.codes)

Names are imported on first use: `import medtext` loads none of the libraries it is built on.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "medtext.note": ["Note", "Relation", "Review"],
    "medtext.span": ["Span", "Code", "Candidate", "Assertion", "Source"],
    "medtext.redaction": ["Edit", "Redaction"],
    "medtext.taxonomy": ["Taxonomy", "Policy"],
    "medtext.formats": ["read", "write"],
    "medtext.terminology.build": ["Edition", "build_terminology"],
    "medtext.terminology.store": ["Terminology"],
    "medtext.terminology.vectors": ["build_vectors"],
    "medtext.terminology.maps": ["MapTarget", "crosswalk"],
    "medtext.pipeline": ["Pipeline", "Stage", "load"],
    "medtext.runs": ["RunReport", "annotate", "check", "convert", "deid", "reidentify"],
    "medtext.review": [
        *("Adjudication", "Agreement", "Audit", "Comparison", "Cost", "Evaluation"),
        *("adjudicate", "agreement", "audit", "compare", "evaluate"),
    ],
    "medtext.examples": ["examples"],
    "medtext.generator": ["generate"],
    "medtext.training.train": ["TrainingReport", "train"],
    "medtext.terminology.forms": ["FormIndex"],
    "medtext.formats.html": ["render"],
    "medtext.studio": ["connect", "pull", "push"],
    "medtext.server.events": ["collect"],
    "medtext.server.run": ["serve"],
    "medtext.errors": ["MedtextError", "Problem"],
}
_HOME = {name: module for module, exported in _HOMES.items() for name in exported}
__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'medtext' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
