"""What became of a machine's spans: laws, every kind by hand, the way through UIs, and what is refused."""

import dataclasses
import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtext import Code, Cost, Review, Source, Span, compare, read, write
from medtext.errors import ConfigError, FormatError, IdentifiedNoteError
from medtext.review.changes import KINDS
from medtext.span import Assertion
from tests.review.people import TEXT, marked, shuffled, sides, span

FEW = settings(max_examples=40, deadline=None)


def predicted(note):
    return note.replace(spans=tuple(dataclasses.replace(one, status="predicted") for one in note.spans))


def judged(notes, state="done"):
    return [note.replace(review=Review(state, "anna")) for note in notes]


def run(base, returned, **options):
    return compare(base, returned, resamples=20, **options)


def counts(done):
    return {kind: number for kind, number in done.counts.items() if number}


@FEW
@given(sides(1))
def test_what_comes_back_as_it_was_is_untouched_or_accepted(held):
    base = [predicted(note) for note in held["anna"]]
    number = sum(len(note.spans) for note in base)
    assert counts(run(base, base)) == ({"untouched": number} if number else {})
    done = run(base, judged(base))
    assert counts(done) == ({"accepted": number} if number else {})
    assert done.effort.saved.value == (1 if number else None)


@FEW
@given(sides(2), st.randoms(use_true_random=False))
def test_every_span_of_either_file_is_told_once(held, source):
    base = [predicted(note) for note in held["anna"]]
    returned = shuffled(held["ben"], source)
    done = run(base, returned)
    for note, other in zip(base, sorted(returned, key=lambda one: one.id), strict=True):
        mine = [one for one in done.changes if one.note == note.id]
        assert sorted(id(one.before) for one in mine if one.before) == sorted(map(id, note.spans))
        assert sorted(id(one.now) for one in mine if one.now) == sorted(map(id, other.spans))
    swapped = run([predicted(note) for note in held["ben"]], shuffled(held["anna"], source))
    assert (done.counts["added"], done.counts["rejected"]) == (swapped.counts["rejected"], swapped.counts["added"])


@FEW
@given(sides(1), st.randoms(use_true_random=False))
def test_ids_that_a_ui_has_lost_change_nothing(held, source):
    base = [predicted(note) for note in held["anna"]]
    done = run(base, shuffled(judged(base), source))
    assert set(counts(done)) <= {"accepted"}


BASE = [
    span(10, 20, status="predicted", sources=(Source("dictionary:core@1"),)),
    span(22, 25, status="predicted", codes=(Code("ICD10CM", "I10"),), sources=(Source("model:m@1"),)),
    span(29, 39, "DRUG", status="predicted", sources=(Source("model:m@1"),)),
    span(40, 45, "DOSE", status="predicted"),
    span(59, 72, status="predicted", assertion=Assertion("present", None, "patient")),
    span(3, 9, "TEST", status="predicted"),
]


def returned(base):
    """Every change that a person can make, each once; e1 is the TEST, then in the order of the text."""
    held = {one.id: one for one in base.spans}
    done = [
        dataclasses.replace(held["e2"], at=((3, 18),), status="corrected"),
        dataclasses.replace(held["e3"], codes=(Code("ICD10CM", "I11.9"), Code("SNOMED", "1")), status="corrected"),
        dataclasses.replace(held["e4"], label="TEST", at=((28, 39),), status="corrected"),
        held["e5"],
        dataclasses.replace(held["e6"], assertion=Assertion("present", "past", "family"), status="corrected"),
        dataclasses.replace(held["e1"], status="rejected"),
        span(47, 53, "PERSON", id="new"),
    ]
    return base.replace(spans=tuple(done), review=Review("done", "anna"))


def test_every_kind_is_told_with_what_changed():
    base = marked(BASE)
    done = run([base], [returned(base)])
    assert {one.span: one.kinds for one in done.changes} == {
        "e1": ("rejected",),
        "e2": ("boundary",),
        "e3": ("recoded",),
        "e4": ("boundary", "relabelled"),
        "e5": ("accepted",),
        "e6": ("assertion",),
        "new": ("added",),
    }
    moved = {one.span: (one.start, one.end) for one in done.changes if "boundary" in one.kinds}
    assert moved == {"e2": (-7, -2), "e4": (-1, 0)}
    (recoded,) = (one for one in done.changes if one.span == "e3")
    assert recoded.fields == {"codes": (["ICD10CM:I10"], ["ICD10CM:I11.9", "SNOMED:1"])}
    assert done.by("source")["model:m@1"] == dict.fromkeys(KINDS, 0) | {"boundary": 1, "relabelled": 1, "recoded": 1}
    assert done.by("label")["PERSON"]["added"] == 1
    assert done.by("annotator").keys() == {"anna"}


def test_actions_are_counted_by_the_stated_cost():
    base = marked(BASE)
    done = run([base], [returned(base)]).effort
    # boundary 1; two codes for one: 2; boundary and label 2; accept 0; two axes 2; delete 1; a new span 2.
    assert done.done.value == 1 + 2 + 2 + 0 + 2 + 1 + 2
    # six spans of two actions, two codes, three axes
    assert done.from_nothing.value == 6 * 2 + 2 + 3
    assert done.saved.value == pytest.approx(1 - 10 / 17)
    assert done.break_even.value == 7
    dear = run([base], [returned(base)], cost=Cost.parse(["accept=2", "delete=0"])).effort
    assert dear.done.value == 11
    for wrong in (["look=1"], ["accept=x"], ["accept=-1"]):
        with pytest.raises(ConfigError):
            Cost.parse(wrong)


def test_notes_that_nobody_has_looked_at_do_not_count_as_work():
    base = [marked(BASE), marked(BASE, "n2")]
    done = run(base, [returned(base[0]), base[1]])
    assert done.effort.notes == 1
    assert done.counts["untouched"] == 6


def test_sections_are_those_of_the_base():
    section = Span(((22, 47),), "MEDICATIONS", layer="section", id="h1")
    base = marked([section, *BASE])
    held = run([base], [returned(base)]).by("section")
    assert held["MEDICATIONS"] == dict.fromkeys(KINDS, 0) | {
        "boundary": 1,
        "relabelled": 1,
        "recoded": 1,
        "accepted": 1,
    }
    assert held["(none)"]["added"] == 1  # it begins where the section ends


def test_several_people_are_told_apart():
    base = marked(BASE)
    done = run([base], {"anna": [returned(base)], "ben": judged([base])})
    assert {name: held["accepted"] for name, held in done.by("annotator").items()} == {"anna": 1, "ben": 6}
    assert done.notes == 1


def test_renumbered_ids_that_collide_are_not_believed():
    base = marked([span(0, 2), span(10, 20), span(22, 25)])
    theirs = marked([span(10, 20), span(22, 25)])  # the first was deleted, the UI numbered anew: e1 and e2
    done = run([predicted(base)], judged([theirs]))
    assert counts(done) == {"accepted": 2, "rejected": 1}


def test_an_id_is_believed_neither_where_places_do_not_meet_nor_where_another_span_stood_just_there():
    base = predicted(marked([span(0, 2), span(10, 20), span(22, 25)]))
    moved = run([base], judged([marked([span(10, 19), span(22, 25)])]))
    assert {one.before.id: one.kinds for one in moved.changes} == {
        "e1": ("rejected",),
        "e2": ("boundary",),
        "e3": ("accepted",),
    }
    nested = predicted(marked([span(0, 20), span(5, 9)]))
    inner = run([nested], judged([marked([span(5, 9)])]))  # e1 now, e2 before
    assert {one.before.id: one.kinds for one in inner.changes} == {"e1": ("rejected",), "e2": ("accepted",)}


def test_where_the_base_has_no_such_span_its_own_old_values_speak_and_that_is_told():
    base = marked([span(0, 2, status="predicted")])
    alien = span(10, 20, id="z1", status="corrected", was={"label": "TEST", "at": [[10, 18]], "codes": ["A:1"]})
    done = run([base], [base.add([alien])])
    (change,) = (one for one in done.changes if one.span == "z1")
    assert change.kinds == ("boundary", "relabelled", "recoded")
    assert "base has no such span" in done.problems[0].message


def test_old_values_that_contradict_the_base_are_told():
    base = marked([span(10, 20, status="predicted")])
    theirs = base.update([span(10, 20, "TEST", id="e1", status="corrected", was={"label": "DRUG"})])
    assert any("its old label is not that of the base" in one.message for one in run([base], [theirs]).problems)
    right = base.update([span(10, 20, "TEST", id="e1", status="corrected", was={"label": "PROBLEM"})])
    assert [one.severity for one in run([base], [right]).problems] == ["warning"]  # the label TEST, new to the base
    odd = base.update([span(10, 20, id="e1", status="corrected", was={"at": "?"})])
    assert "its old at is not that" in run([base], [odd]).problems[0].message


def test_edited_texts_missing_notes_and_other_projects_are_told_by_note():
    base = [marked(BASE), marked(BASE, "n2"), marked(BASE, "n3")]
    done = run(base, {"anna": [base[0], marked([], "n2", TEXT + " edited"), marked([], "other")]})
    assert done.notes == 1
    assert done.missing == (("anna", "n3"),)
    assert done.extra == (("anna", "other"),)
    assert [(one.note_id, "edited" in one.message) for one in done.problems] == [("n2", True)]
    assert not done.clean
    with pytest.raises(FormatError, match="one project"):
        run(base, [marked([], "other")])
    with pytest.raises(FormatError, match="as it was"):
        run(base, [marked([], "n2", TEXT + " edited")])


def test_unknown_labels_are_told_by_note_and_span():
    base = marked(BASE)
    theirs = base.add([span(47, 53, "PROBLME", id="new")])
    done = run([base], [theirs], taxonomy="clinical")
    assert any("span 'new': unknown label 'PROBLME'" in one.message for one in done.problems)
    assert not done.clean
    (warned,) = run([base], [theirs]).problems
    assert (warned.severity, warned.note_id) == ("warning", "n1")


@pytest.mark.parametrize(
    "export",
    [
        [{"id": 1, "text": TEXT, "label": [{"start": 10, "end": 20, "text": "chest pain", "labels": ["PROBLEM"]}]}],
        {"what": "no list"},
    ],
)
def test_exports_that_have_lost_the_regions_are_refused(tmp_path, export):
    (tmp_path / "min.json").write_text(json.dumps(export))
    with pytest.raises(FormatError, match=r"Export the tasks as JSON|no data\.text"):
        run([marked(BASE)], tmp_path / "min.json", format="label_studio")


def test_corrections_come_back_through_label_studio(tmp_path):
    base = marked(
        [span(10, 20, status="predicted"), span(22, 25, status="predicted"), span(29, 39, status="predicted")]
    )
    write([base], tmp_path / "tasks.json", format="label_studio")
    (task,) = json.loads((tmp_path / "tasks.json").read_text())
    result = [dict(item) for item in task["predictions"][0]["result"]]
    kept = [item for item in result if item["value"].get("start") != 29]
    for item in kept:
        if item["value"].get("start") == 10:
            item["value"] = {**item["value"], "start": 3}
    task["annotations"] = [{"id": 7, "completed_by": {"email": "anna@x"}, "result": kept}]
    (tmp_path / "back.json").write_text(json.dumps([task]))
    done = run([base], tmp_path / "back.json", format="label_studio")
    assert counts(done) == {"accepted": 1, "boundary": 1, "rejected": 1}
    assert done.by("annotator").keys() == {"anna@x"}
    assert not done.problems


def test_files_are_compared(tmp_path):
    base = marked(BASE)
    write([base], tmp_path / "base.jsonl")
    write([returned(base)], tmp_path / "anna.yaml")
    write([base], tmp_path / "ben.jsonl")
    done = run(tmp_path / "base.jsonl", [tmp_path / "anna.yaml", tmp_path / "ben.jsonl"])
    assert done.by("annotator").keys() == {"anna", "ben"}
    assert done.to_dict()["counts"]["untouched"] == 6
    assert list(read(tmp_path / "base.jsonl")) == [base]


def test_no_word_of_a_note_is_told_unless_it_is_asked_for():
    base = marked(BASE)
    done = run([base], [returned(base)])
    for page in (done.report().markdown(), done.report().html(), str(done.to_dict()), repr(done)):
        assert not any(word in page for word in ("chest", "lisinopril", "Mother"))
    quoted = run([base], [returned(base)], quotes=True)
    assert "lisinopril" in quoted.report().html()
    assert "lisinopril" not in repr(quoted)
    with pytest.raises(IdentifiedNoteError):
        run([base.replace(deidentified=False)], [returned(base).replace(deidentified=False)], quotes=True)


def test_a_seed_gives_the_same_intervals_whatever_the_order():
    source = random.Random(3)
    base = [marked(BASE, f"n{number}") for number in range(20)]
    theirs = [returned(note) if source.random() < 0.5 else judged([note])[0] for note in base]
    assert compare(base, theirs).effort == compare(base[::-1], theirs[::-1]).effort
