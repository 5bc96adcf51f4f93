"""Hypothesis strategies for notes: all that a note may hold, the odd characters of real exports first.

`notes()` draws any note, `batches()` a few that can lie in one file.
"""

from __future__ import annotations

import string
from typing import Any

from hypothesis import strategies as st

from medtext.note import REVIEW_STATES, Note, Relation, Review
from medtext.span import PRESENCE, SOURCE_KINDS, STATUS, SUBJECT, TEMPORALITY, Assertion, Candidate, Code, Source, Span

ODD = [
    *(
        "\n",
        "\r\n",
        "\r",
        "\t",
        " ",
        "  ",
        "\u2028",
        "\u2029",
        "\u0085",
        "\x00",
        "\x0b",
        "\x0c",
        "\x1f",
        "\x7f",
        "\x9f",
    ),
    *("e\u0301", "👩🏽‍⚕️", "𝔘", "\ufeff", "\u200b", "\xa0", "\u202e", "\ufffe", "שלום", '"', "'", "\\", "\\n"),
    *(
        ",",
        ";",
        "|",
        "#",
        ": ",
        "- ",
        "---",
        "\n---\n",
        "{",
        "}",
        "[",
        "]",
        "&",
        "*",
        "<b>",
        "%",
        "@",
        "`",
        "~",
        "\n\n",
    ),
]
WORDS = [
    "fever",
    "no",
    "chest pain",
    "BP 120/80",
    "1e5",
    "12:30",
    "NO",
    "yes",
    "null",
    "2024-03-02",
    "0x1F",
    "1_000",
    "=",
]
_characters = st.characters(exclude_categories=["Cs"])
texts = st.lists(st.sampled_from(ODD) | st.sampled_from(WORDS) | st.text(_characters, max_size=3), max_size=12).map(
    "".join
)
scores = st.none() | st.integers(0, 1) | st.floats(0, 1)
ids = st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=8) | st.sampled_from(
    ["e1", "e2", "T1", "T2", "R1", "E1", "no", "y", "1e5", "007"]
)


def _as_name(text: str) -> str:
    return "".join(one for one in text if one.isprintable()).strip() or "X"


names = st.sampled_from(
    ["PROBLEM", "NO", "1e5", "12:30", "Sign_symptom", "a b", "Größe", "x:y", "#1", "-", "fragment"]
) | st.text(_characters, min_size=1, max_size=4).map(_as_name)
layers = st.sampled_from(["entity", "phi", "section", "no", "presence"])
_id_parts = st.text(_characters, min_size=1, max_size=4).map(
    lambda text: "_" + _as_name(text.translate({47: 0, 92: 0}))
)
note_ids = st.sampled_from(
    ["n1", "a/b", "a/b/c", "1e5", "NO", "note 7", "Größe", "x.txt", "👩", "12:30", "n1.ann"]
) | st.lists(_id_parts, min_size=1, max_size=2).map("/".join)
systems = st.sampled_from(["SNOMED", "ICD10CM", "LOINC", "A", "NO", "X_1"])
codes = st.builds(
    Code, systems, st.sampled_from(["38341003", "I10", "1e5", "R07.9", "a:b", "x,y", "'", "NO", "=1", "E11.65;"])
)
json_scalars = (
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
)
json_values = st.recursive(
    json_scalars | texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(names, inner, max_size=2),
    max_leaves=3,
)
mappings = st.just({}) | st.dictionaries(texts | names, json_values, max_size=2)
candidates = st.builds(
    Candidate,
    codes,
    display=texts,
    score=scores,
    match=st.sampled_from(["", "exact"]),
    release=st.sampled_from(["", "2026-04"]),
)
sources = st.builds(
    Source, st.builds(lambda kind, name: f"{kind}:{name}@1", st.sampled_from(SOURCE_KINDS), names), scores
)


def _axis(values: tuple[str, ...]) -> st.SearchStrategy[str | None]:
    return st.none() | st.sampled_from(values)


assertions = st.none() | st.builds(Assertion, _axis(PRESENCE), _axis(TEMPORALITY), _axis(SUBJECT))


@st.composite
def places(draw: st.DrawFn, length: int) -> tuple[tuple[int, int], ...]:
    """One to three fragments inside a text of this length; they may touch."""
    edges = sorted(draw(st.sets(st.integers(0, length), min_size=2, max_size=6)))
    pairs = list(zip(edges[::2], edges[1::2], strict=False))
    if draw(st.booleans()) and len(edges) > 2:
        pairs = [(edges[0], edges[1]), (edges[1], edges[2])]
    return tuple(pairs)


@st.composite
def spans(draw: st.DrawFn, length: int, identifier: str) -> Span:
    """A span inside a text of this length."""
    return Span(
        draw(places(length)),
        draw(names),
        id=identifier,
        layer=draw(layers),
        status=draw(st.sampled_from(STATUS)),
        assertion=draw(assertions),
        codes=tuple(draw(st.lists(codes, unique=True, max_size=3))),
        candidates=tuple(draw(st.lists(candidates, max_size=1))),
        score=draw(scores),
        sources=tuple(draw(st.lists(sources, max_size=1))),
        was=draw(st.none() | mappings),
        comment=draw(st.just("") | texts),
        x=draw(mappings),
    )


@st.composite
def relations(draw: st.DrawFn, ends: list[str], identifier: str) -> Relation:
    """A relation between two of these spans, which may be one and the same."""
    return Relation(
        draw(names),
        draw(st.sampled_from(ends)),
        draw(st.sampled_from(ends)),
        id=identifier,
        status=draw(st.sampled_from(STATUS)),
        score=draw(scores),
        sources=tuple(draw(st.lists(sources, max_size=1))),
        x=draw(mappings),
    )


@st.composite
def notes(draw: st.DrawFn, meta: st.SearchStrategy[dict[str, Any]] = mappings) -> Note:
    """Any note."""
    text = draw(texts)
    span_ids = draw(st.lists(ids, unique=True, max_size=3)) if text else []
    relation_ids = draw(st.lists(ids, unique=True, max_size=2)) if span_ids else []
    return Note(
        draw(note_ids),
        text,
        spans=tuple(draw(spans(len(text), one)) for one in span_ids),
        relations=tuple(draw(relations(span_ids, one)) for one in relation_ids),
        deidentified=draw(st.booleans()),
        meta=draw(meta),
        review=draw(st.none() | st.builds(Review, st.sampled_from(REVIEW_STATES), names | st.just(""))),
        x=draw(mappings),
    )


def batches(one: st.SearchStrategy[Note] | None = None) -> st.SearchStrategy[list[Note]]:
    """A few notes whose ids differ, also where capitals do not count or one would be a folder inside another's file."""
    return st.lists(notes() if one is None else one, max_size=3, unique_by=lambda note: note.id.casefold())
