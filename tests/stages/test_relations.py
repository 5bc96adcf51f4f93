"""Which quantity belongs to what; `tests/benchmarks/relations.py` holds the figures."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medtext.errors import ConfigError
from medtext.note import Relation
from medtext.span import Span
from medtext.stages.relations import Relations
from medtext.taxonomy import Taxonomy
from medtext.training.relations import fit_relations
from tests.markup import parse

STAGE = Relations()
TAXONOMY = Taxonomy.load("clinical")
SHORT = {"M": "MEDICATION", "D": "DOSE", "R": "ROUTE", "F": "FREQUENCY", "U": "DURATION", "T": "TEST", "V": "VALUE",
         "P": "PROBLEM"}  # fmt: skip


def prepare(markup):
    """A note of which each line is a sentence, from `<M>metformin</M>` with one letter for a label."""
    for letter, label in SHORT.items():
        markup = re.sub(rf"<(/?){letter}>", rf"<\1{label}>", markup)
    note, lines, at = parse(markup), [], 0
    for line in note.text.split("\n"):
        if line.strip():
            lines.append(Span(((at, at + len(line)),), "SENTENCE", layer="sentence"))
        at += len(line) + 1
    return note.add(lines)


def joined(note):
    """`quantity>target` of each relation, in the order of the text."""
    said = {span.id: note.quote(span)[0] for span in note.spans}
    drawn = sorted(note.relations, key=lambda one: (note.span(one.source).start, note.span(one.target).start))
    return "|".join(f"{said[one.source]}>{said[one.target]}" for one in drawn)


CASES = [
    ("<M>metformin</M> <D>500 mg</D> <R>PO</R> <F>BID</F>", "500 mg>metformin|PO>metformin|BID>metformin"),
    ("<D>20 mg</D> of <M>lisinopril</M> and <D>5 mg</D> of <M>metformin</M>", "20 mg>lisinopril|5 mg>metformin"),
    ("<M>lisinopril</M> <D>20 mg</D> and <M>metformin</M> <D>5 mg</D>", "20 mg>lisinopril|5 mg>metformin"),
    ("<R>oral</R> <M>prednisone</M> (<D>40 mg</D>, <F>daily</F>)", "oral>prednisone|40 mg>prednisone|daily>prednisone"),
    ("<T>WBC</T> <V>12.1</V>, <T>Hgb</T> <V>9.0</V>, <T>platelets</T> <V>200</V>", "12.1>WBC|9.0>Hgb|200>platelets"),
    ("<V>normal</V> <T>chest X-ray</T>", "normal>chest X-ray"),
    ("<T>CT</T> showed <V>no bleeding</V>.", "no bleeding>CT"),
    ("<T>A1c</T> was <V>7.1 %</V>", "7.1 %>A1c"),
    ("<M>metformin</M>\n<D>500 mg</D>", ""),
    ("<D>500 mg</D>", ""),
    ("<P>rash</P> and <V>7</V>", ""),
]


@pytest.mark.parametrize(("markup", "expected"), CASES, ids=[markup[:30] for markup, _ in CASES])
def test_quantities_are_joined_to_what_they_belong_to(markup, expected):
    assert joined(STAGE(prepare(markup))) == expected


def test_a_relation_that_is_there_stays_the_only_one_of_its_quantity():
    note = prepare("<M>lisinopril</M> <D>20 mg</D> and <M>metformin</M>")
    dose, other = (next(span for span in note.spans if note.quote(span)[0] == said) for said in ("20 mg", "metformin"))
    note = note.add(relations=[Relation("dose_of", dose.id, other.id, status="accepted")])
    assert STAGE(note) == note


def test_a_rejected_span_is_joined_to_nothing():
    note = prepare("<M>metformin</M> <D>500 mg</D>")
    drug = next(span for span in note.spans if span.label == "MEDICATION")
    note = note.update([Span(drug.at, drug.label, id=drug.id, status="rejected")])
    assert not STAGE(note).relations


def test_a_relation_names_its_rules_and_its_probability():
    (found,) = STAGE(prepare("<M>metformin</M> <D>500 mg</D>")).relations
    assert [source.by for source in found.sources] == [f"rule:{STAGE.describe()['rules']}"]
    assert found.score == found.sources[0].score > 0.9


TEXTS = [
    "metformin",
    "20 mg",
    "daily",
    "A1c",
    "7.1",
    "rash",
    " ",
    ", ",
    " and ",
    " (",
    ") ",
    "\n",
    ". ",
    "\0",
    "🙂",
    "\r\n",
]
LABELS = {"metformin": "M", "20 mg": "D", "daily": "F", "A1c": "T", "7.1": "V", "rash": "P"}
DRAWN = st.lists(st.sampled_from(TEXTS), max_size=25).map(
    lambda words: prepare(
        "".join(f"<{LABELS[word]}>{word}</{LABELS[word]}>" if word in LABELS else word for word in words)
    )
)


@given(DRAWN)
def test_every_relation_is_one_of_the_taxonomy_and_stays_in_its_sentence(note):
    done = STAGE(note)
    assert done.replace(relations=()) == note
    lines = note.layer("sentence")
    for one in done.relations:
        told = TAXONOMY.relations[one.type]
        source, target = done.span(one.source), done.span(one.target)
        assert source.label in told.source
        assert target.label in told.target
        assert any(line.start <= min(source.start, target.start) < line.end for line in lines)
        assert "\n" not in note.text[min(source.start, target.start) : max(source.end, target.end)]


@given(DRAWN)
def test_running_twice_changes_nothing(note):
    once = STAGE(note)
    assert STAGE(once) == once


def test_weights_are_fitted_to_what_people_drew():
    before = [_drawn(f"<M>drug{n}</M> <D>{n} mg</D>, <M>other{n}</M>", f"{n} mg", f"drug{n}") for n in range(9)]
    after = [_drawn(f"<M>drug{n}</M> <D>{n} mg</D>, <M>other{n}</M>", f"{n} mg", f"other{n}") for n in range(9)]
    chosen = {"traits": STAGE.traits, "taxonomy": TAXONOMY}
    (one,) = fit_relations(before, [["dose_of"]], **chosen)
    (other,) = fit_relations(after, [["dose_of"]], **chosen)
    assert one["constant"]["before"] > 0 > one["constant"]["after"]
    assert other["constant"]["before"] < 0 < other["constant"]["after"]


def _drawn(markup, quantity, target):
    note = prepare(markup)
    ends = [next(span.id for span in note.spans if note.quote(span)[0] == said) for said in (quantity, target)]
    return note.add(relations=[Relation("dose_of", *ends)])


def test_without_a_drawn_relation_nothing_is_fitted():
    with pytest.raises(ConfigError, match="No note holds a relation dose_of"):
        fit_relations([prepare("<M>a</M> <D>b</D>")], [["dose_of"]], traits=STAGE.traits, taxonomy=TAXONOMY)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("least: 2", r"own.yaml:2: 'least' must be a number from 0 to 1"),
        ("traits: {between: {one: '('}}", r"own.yaml:2: 'one' is no regular expression"),
        ("traits: {elsewhere: {one: 'a'}}", r"own.yaml:2: unknown traits 'elsewhere'"),
        ("rules: [{relations: [eats]}]", r"own.yaml:2: 'eats' is no relation of 'clinical'"),
        ("rules: [{relations: [dose_of], before: {luck: 1}}]", r"own.yaml:2: 'before' gives a number for each of gap"),
        ("rules: [{relations: [dose_of], gap: 1}]", r"own.yaml:2: unknown key 'gap'"),
        ("rules: [dose_of]", r"own.yaml:2: each rule is a mapping"),
    ],
)
def test_broken_rules_are_refused_with_their_line(tmp_path, line, message):
    path = tmp_path / "own.yaml"
    path.write_text(f"version: '1'\n{line}\n")
    with pytest.raises(ConfigError, match=message):
        Relations(rules=path)
