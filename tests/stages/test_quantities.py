import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medtext.errors import ConfigError
from medtext.note import Note
from medtext.span import Source, Span
from medtext.stages.quantities import Quantities
from medtext.taxonomy import Taxonomy

KINDS = {"metformin": "MEDICATION", "lisinopril": "MEDICATION", "albuterol": "MEDICATION", "rash": "PROBLEM",
         "blood pressure": "TEST", "A1c": "TEST", "glucose": "TEST", "WBC": "TEST", "MRI": "TEST"}  # fmt: skip


STAGE = Quantities()


@pytest.fixture
def quantities():
    return STAGE


def prepare(text):
    """A note with one sentence a line, and an entity wherever a word of KINDS stands."""
    spans, at = [], 0
    for line in text.split("\n"):
        if line.strip():
            spans.append(Span(((at, at + len(line)),), "SENTENCE", layer="sentence"))
        at += len(line) + 1
    for word, label in KINDS.items():
        start = text.find(word)
        while start >= 0:
            spans.append(Span(((start, start + len(word)),), label, sources=(Source("model:m@1"),)))
            start = text.find(word, start + 1)
    return Note("n", text).add(spans)


def joined(note):
    """(relation, quantity, what it belongs to), in order of the quantities."""
    named = {span.id: note.quote(span)[0] for span in note.spans}
    rows = [(note.span(one.source).start, one.type, named[one.source], named[one.target]) for one in note.relations]
    return [tuple(row[1:]) for row in sorted(rows)]


CASES = [
    ("metformin 500 mg PO BID", "500 mg>dose metformin|PO>route metformin|BID>frequency metformin"),
    ("lisinopril 10 mg daily, metformin 1,000 mg",
     "10 mg>dose lisinopril|daily>frequency lisinopril|1,000 mg>dose metformin"),
    ("20 mg of lisinopril and 5 mg of metformin", "20 mg>dose lisinopril|5 mg>dose metformin"),
    ("lisinopril 10-20 mg every 4 to 6 hours as needed",
     "10-20 mg>dose lisinopril|every 4 to 6 hours as needed>frequency lisinopril"),
    ("metformin 5 mg/kg/day x 10 days", "5 mg/kg/day>dose metformin|x 10 days>duration metformin"),
    ("albuterol two puffs q4-6h prn", "two puffs>dose albuterol|q4-6h prn>frequency albuterol"),
    ("metformin 1/2 tab by mouth at bedtime",
     "1/2 tab>dose metformin|by mouth>route metformin|at bedtime>frequency metformin"),
    ("lisinopril 40 twice a day", "40>dose lisinopril|twice a day>frequency lisinopril"),
    ("lisinopril 2 weeks ago", ""),
    ("rash for the past 3 weeks", "for the past 3 weeks>duration rash"),
    ("a 5 cm rash", ""),
    ("blood pressure was 128/82 mmHg, A1c: 7.1 %", "128/82 mmHg>value blood pressure|7.1 %>value A1c"),
    ("WBC 12.1, glucose >400 mg/dL", "12.1>value WBC|>400 mg/dL>value glucose"),
    ("WBC 8 x 10^9/L", "8 x 10^9/L>value WBC"),
    ("A1c last elevated at 8.", "8>value A1c"),
    ("MRI 2019 and MRI 3 weeks ago", ""),
    ("MRI on 3/4/2019", ""),
    ("10 mg\nmetformin", ""),
    ("take 10 mg daily by mouth", ""),
    ("metformin as part of activities of daily living", ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), CASES, ids=[text[:30] for text, _ in CASES])
def test_quantities_belong_to_what_is_nearest_in_the_sentence(quantities, text, expected):
    found = [f"{quantity}>{relation.removesuffix('_of')} {target}" for relation, quantity, target in
             joined(quantities(prepare(text)))]  # fmt: skip
    assert "|".join(found) == expected


def test_labels_and_relations_are_those_of_the_taxonomy(quantities):
    note = quantities(prepare("metformin 500 mg PO BID for 5 days; rash for 3 days; A1c 7"))
    taxonomy = Taxonomy.load("clinical")
    entities = note.keep(["entity"])
    assert list(taxonomy.problems(entities)) == []
    assert {one.type for one in note.relations} == set(taxonomy.relations)


def test_an_entity_that_is_there_is_never_overlapped(quantities):
    note = prepare("metformin 500 mg").add([Span(((12, 16),), "TEST")])
    assert quantities(note) == note


def test_a_dose_that_a_model_found_is_joined(quantities):
    note = prepare("metformin 500 mg").add([Span(((10, 16),), "DOSE", sources=(Source("model:m@1"),))])
    assert joined(quantities(note)) == [("dose_of", "500 mg", "metformin")]


def test_what_was_overruled_is_joined_to_nothing(quantities):
    text = "metformin every 6 hours with food, for two weeks"
    start = text.index("food")
    food = Span(((start, start + 4),), "MEDICATION", sources=(Source("model:m@1", 0.3),))
    note = quantities(prepare(text).add([food]))
    assert "food" not in {quote for span in note.layer("entity") for quote in note.quote(span)}
    assert ("frequency_of", "every 6 hours with food", "metformin") in joined(note)
    assert list(Taxonomy.load("clinical").problems(note.keep(["entity"]))) == []


def test_quantities_name_their_rules(quantities):
    span = next(span for span in quantities(prepare("metformin 500 mg")).spans if span.label == "DOSE")
    assert [source.by for source in span.sources] == [f"rule:{quantities.describe()['rules']}"]


PIECES = ["metformin", "A1c", "rash", " ", " ", "\n", "10", "mg", "1/2", "daily", "q6h", "%", ",", ".", "for", "x", "-",
          "3 days", "PO", "120/80", "\0", "🙂", "\u2028", "every ", "a "]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join))
def test_running_twice_changes_nothing(text):
    once = STAGE(prepare(text))
    assert once.text == text
    assert STAGE(once) == once


@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join))
def test_every_quantity_has_one_relation_and_overlaps_no_entity(text):
    before = prepare(text)
    note = STAGE(before)
    added = [span for span in note.layer("entity") if span.id not in {one.id for one in before.spans}]
    assert sorted(one.source for one in note.relations) == sorted(span.id for span in added)
    places = sorted(span.at[0] for span in note.layer("entity"))
    assert all(one[1] <= other[0] for one, other in pairwise(places))


@pytest.mark.parametrize(
    "text",
    ["metformin 10 mg " * 8_000, "metformin " + "1" * 100_000, "A1c " + "is " * 40_000, "A1c" + " " * 100_000,
     "metformin " + "every " * 20_000, "metformin " + "1 to " * 20_000, "metformin " + "1/" * 50_000],
    ids=["doses", "digits", "filler", "blanks", "every", "ranges", "slashes"],
)  # fmt: skip
def test_a_hundred_thousand_characters_in_one_sentence_take_no_more_than_seconds(quantities, text):
    note = prepare(text)
    began = time.process_time()
    quantities(note)
    assert time.process_time() - began < 10


def test_rules_of_ones_own_are_read(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text("version: '7'\nrules:\n- {label: DOSE, relation: dose_of, to: [MEDICATION], pattern: 'lots'}\n")
    stage = Quantities(rules=path)
    assert joined(stage(prepare("metformin lots"))) == [("dose_of", "lots", "metformin")]
    assert stage.describe()["rules"] == "own@7"


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("{label: DOSE, relation: dose_of, to: [MEDICATION], pattern: '('}", r"own.yaml:3: 'pattern' is no regular"),
        ("{label: DOSE, relation: dose_of, to: [MEDICATION], pattern: '<no>'}", r"own.yaml:3: unknown part <no>"),
        ("{label: DOSE, relation: dose_of, to: [MEDICATION]}", r"own.yaml:3: a quantity rule needs 'pattern'"),
        ("{label: DOSE, kind: x}", r"own.yaml:3: unknown key 'kind'"),
        ("DOSE", r"own.yaml:2: each rule is a mapping"),
    ],
)
def test_a_broken_rule_is_refused_with_its_line(tmp_path, rule, message):
    path = tmp_path / "own.yaml"
    path.write_text(f"version: '7'\nrules:\n- {rule}\n")
    with pytest.raises(ConfigError, match=message):
        Quantities(rules=path)
