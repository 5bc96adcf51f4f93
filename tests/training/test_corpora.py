"""Corpora: bad offsets refused by note and span, overlaps flattened by the stated rule, groups never parted."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtext.errors import FormatError
from medtext.training.corpora import Gold, load_documents, share
from medtext.training.recipe import load_recipe
from tests.training.tiny_corpus import recipe, records, write_records

TEXT = "chest pain after aspirin 81 mg daily"


def load(tmp_path, held, **corpus):
    write_records(tmp_path / "a.jsonl", held)
    given = {"file": "a.jsonl", "format": "records", "head": "entities", **corpus}
    return load_documents(load_recipe(recipe(corpora={"a": given})), tmp_path)


def gold(tmp_path, spans, **corpus):
    (document,) = load(tmp_path, [{"id": "n1", "text": TEXT, "spans": spans}], **corpus).documents
    return list(document.gold)


def span(start, end, label, name="s1", **more):
    return {"id": name, "start": start, "end": end, "label": label, **more}


LABELS = {"labels": {"P": "PROBLEM", "M": "MEDICATION"}, "unknown": ["U"], "outside": ["X"]}


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (span(0, 99, "P"), "span 's1' of note 'n1' ends at 99, but the note has 36 characters"),
        (span(5, 5, "P"), "span 's1' of note 'n1' goes from 5 to 5"),
        (span(-1, 5, "P"), "span 's1' of note 'n1' goes from -1 to 5"),
        (span("0", 5, "P"), "span 's1' of note 'n1' goes from '0' to 5"),
        (span(True, 5, "P"), "goes from True to 5"),
        ({"id": "s1", "start": 0, "end": 5}, "span 's1' of note 'n1' has no label"),
        (span(0, 5, "P", fragments=[[0, 2], [9, 90]]), "ends at 90"),
        (span(0, 5, "Q"), "span 's1' of note 'n1' has the label 'Q', which the recipe does not map"),
    ],
)
def test_a_span_that_cannot_be_is_refused_by_note_and_span(tmp_path, bad, told):
    with pytest.raises(FormatError, match=told) as caught:
        gold(tmp_path, [span(0, 5, "P", "fine"), bad], **LABELS)
    assert "chest" not in str(caught.value)


def test_a_span_file_with_bad_offsets_is_refused_by_note_and_span(tmp_path):
    (tmp_path / "a.jsonl").write_text(
        '{"format":"medtext/1","id":"n1","text":"pain","spans":[{"id":"e7","at":[[0,9]],"label":"P"}]}\n'
    )
    corpora = {"a": {"file": "a.jsonl", "head": "entities", **LABELS}}
    with pytest.raises(FormatError, match=r"span 'e7' of note 'n1' ends at 9, but the note has 4 characters"):
        load_documents(load_recipe(recipe(corpora=corpora)), tmp_path)


def test_the_longest_of_overlapping_spans_stays(tmp_path):
    found = gold(tmp_path, [span(0, 5, "M", "a"), span(0, 10, "P", "b"), span(17, 24, "M", "c")], **LABELS)
    assert found == [Gold(0, 10, ("PROBLEM",)), Gold(17, 24, ("MEDICATION",))]


def test_of_two_labels_in_one_place_the_first_of_the_head_stays(tmp_path):
    assert gold(tmp_path, [span(0, 10, "M", "a"), span(0, 10, "P", "b")], **LABELS) == [Gold(0, 10, ("PROBLEM",))]


def test_what_is_known_inside_an_unknown_span_is_known(tmp_path):
    found = gold(tmp_path, [span(0, 24, "U", "a"), span(0, 10, "P", "b"), span(25, 30, "X", "c")], **LABELS)
    assert found == [Gold(0, 10, ("PROBLEM",)), Gold(0, 24, ())]


def test_a_span_in_fragments_is_unknown_over_its_reach(tmp_path):
    assert gold(tmp_path, [span(0, 24, "P", fragments=[[0, 5], [17, 24]])], **LABELS) == [Gold(0, 24, ())]


def test_neighbours_are_joined_where_the_recipe_says_so(tmp_path):
    spans = [span(0, 5, "M", "a"), span(6, 10, "P", "b"), span(17, 24, "M", "c")]
    joined = gold(tmp_path, spans, join=[["MEDICATION", "PROBLEM"]], **LABELS)
    assert joined == [Gold(0, 10, ("PROBLEM",)), Gold(17, 24, ("MEDICATION",))]


def test_a_label_may_be_one_of_several(tmp_path):
    found = gold(tmp_path, [span(0, 10, "P")], labels={"P": ["PROBLEM", "MEDICATION"]})
    assert found == [Gold(0, 10, ("PROBLEM", "MEDICATION"))]


def test_a_note_that_stood_before_is_dropped_and_counted(tmp_path):
    held = [{"id": "n1", "text": TEXT, "spans": []}] * 2
    loaded = load(tmp_path, held, labels={"P": "PROBLEM"})
    assert len(loaded.documents) == 1
    assert loaded.counts["a"]["notes dropped: id stood before"] == 1


def test_a_broken_line_stops_the_training(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"id": "n1", "text": "pain"}\n{"id"\n')
    corpora = {"a": {"file": "a.jsonl", "format": "records", "head": "entities", "labels": {"P": "PROBLEM"}}}
    with pytest.raises(FormatError, match=r"a\.jsonl:2: not JSON"):
        load_documents(load_recipe(recipe(corpora=corpora)), tmp_path)


@given(st.lists(st.integers(0, 30), min_size=1, max_size=60, unique=True))
@settings(max_examples=30)
def test_notes_of_one_group_never_part(tmp_path_factory, groups):
    held = [{"id": f"{group}_{part}", "text": TEXT, "spans": []} for group in groups for part in range(2)]
    chosen = {"labels": {"P": "PROBLEM"}, "group": "^[0-9]+", "dev": 0.3, "test": 0.3}
    uses = {}
    for one in load(tmp_path_factory.mktemp("groups"), held, **chosen).documents:
        uses.setdefault(one.group, set()).add(one.use)
    assert all(len(one) == 1 for one in uses.values())
    assert set(uses) == {str(group) for group in groups}


@given(st.text(max_size=8), st.text(max_size=8))
def test_a_share_is_a_number_from_0_to_below_1(text, salt):
    assert 0 <= share(text, salt) < 1
    assert share(text, salt) == share(text, salt)


def test_documents_of_another_corpus_are_dropped(tmp_path):
    write_records(tmp_path / "a.jsonl", records(6, seed=1, name=""))
    write_records(tmp_path / "b.jsonl", records(3, seed=2, name=""))
    held = {"format": "records", "head": "entities", "labels": {"DRUG": "MEDICATION", "PAIN": "PROBLEM"}}
    corpora = {"a": {**held, "file": "a.jsonl", "without": ["b"]}, "b": {**held, "file": "b.jsonl", "use": "test"}}
    loaded = load_documents(load_recipe(recipe(corpora=corpora)), tmp_path)
    learned = {one.group for one in loaded.documents if one.use == "train"}
    assert learned == {"3", "4", "5"}
    assert loaded.counts["a"]["dropped: held by another corpus"] == 3


def test_held_out_carriers_are_in_no_generated_note(tmp_path):
    held = [{"id": f"c{number}", "text": "Pt seen today.\nNo chest pain."} for number in range(20)]
    write_records(tmp_path / "carriers.jsonl", held)
    labels = [
        *("PATIENT", "RELATIVE", "PROVIDER", "NAME", "ADDRESS", "ZIP", "PLACE", "HOSPITAL", "DATE", "AGE", "PHONE"),
        *("FAX", "EMAIL", "URL", "IP", "PROFESSION", "SSN", "MRN", "HEALTH_PLAN", "ACCOUNT", "LICENSE", "VEHICLE"),
        *("DEVICE", "BIOMETRIC", "PHOTO", "ID"),
    ]
    made = {"count": 30, "seed": 4, "held_out": 0.5}
    corpora = {
        "generated": {
            "file": "carriers.jsonl", "format": "records", "head": "identifiers", "layer": "phi", "generate": made,
            "labels": dict.fromkeys(labels, "ID"), "group_key": "carrier",
        },
    }  # fmt: skip
    loaded = load_documents(load_recipe(recipe(heads={"identifiers": ["ID"]}, corpora=corpora)), tmp_path)
    used = {one.group for one in loaded.documents}
    assert used == {one["id"] for one in held if share(one["id"], "carriers") >= 0.5}
    assert 0 < len(used) < 20
    assert all(one.gold for one in loaded.documents)


def test_a_label_of_a_whole_text_is_a_span_without_the_blanks_around_it(tmp_path):
    held = [{"id": "n1", "text": f"\n {TEXT}. \n", "kind": "P"}]
    (document,) = load(tmp_path, held, whole="kind", **LABELS).documents
    assert document.gold == (Gold(2, 3 + len(TEXT), ("PROBLEM",)),)


@pytest.mark.parametrize("record", [{"text": TEXT}, {"text": TEXT, "kind": 1}, {"text": " \n", "kind": "P"}])
def test_a_whole_text_without_text_or_label_is_refused(tmp_path, record):
    with pytest.raises(FormatError, match="note 'n1' has no text, or no label under 'kind'"):
        load(tmp_path, [{"id": "n1", **record}], whole="kind", **LABELS)
