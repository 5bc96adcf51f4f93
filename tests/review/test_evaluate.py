"""Predictions against gold: the laws first, then one example worked by hand, then what is refused."""

import dataclasses
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtext import Span, evaluate, write
from medtext.errors import FormatError, NoteError
from medtext.note import Note
from medtext.review.matching import CRITERIA
from tests import laws

FEW = settings(max_examples=60, deadline=None)


def of_one_hand(note):
    """The note with nothing a person added: beside a machine's spans that would be set aside."""
    spans = (dataclasses.replace(span, status="predicted") if span.status == "added" else span for span in note.spans)
    return note.replace(spans=tuple(spans))


@st.composite
def batches(draw):
    """Notes whose spans are all of one hand."""
    return [of_one_hand(note) for note in draw(laws.batches().filter(bool))]


@st.composite
def two_sides(draw):
    """Notes with gold spans and the same notes with predicted ones."""
    gold = draw(batches())
    predicted = []
    for note in gold:
        names = draw(st.lists(laws.ids, unique=True, max_size=3)) if note.text else []
        spans = [draw(laws.spans(len(note.text), name)) for name in names] or note.spans
        predicted.append(of_one_hand(note.replace(spans=tuple(spans), relations=())))
    return gold, predicted


def measure(gold, predicted, layer="phi", **options):
    return evaluate(gold, predicted, layer=layer, resamples=20, **options)


def scores(done):
    yield from done.scores.values()
    for held in done.labels.values():
        yield from held.values()


def figures(done):
    for score in scores(done):
        yield from (score.recall, score.precision, score.f1)
    yield from done.whole.values()
    yield from done.hard_negatives.values()


@FEW
@given(batches(), st.sampled_from(["phi", "entity"]))
def test_what_is_compared_with_itself_is_perfect(notes, layer):
    done = measure(notes, notes, layer)
    for figure in (figure for score in scores(done) for figure in (score.recall, score.precision, score.f1)):
        assert figure.value in (None, 1.0)
    assert done.whole["clean"].value in (None, 1.0)
    assert done.whole["outside"].value in (None, 0.0)
    assert done.whole["spurious"].value in (None, 0.0)


@FEW
@given(two_sides())
def test_recall_and_precision_swap_when_gold_and_predicted_do(sides):
    one, other = measure(*sides), measure(*reversed(sides))
    assert one.labels.keys() == other.labels.keys()
    for here, there in zip(scores(one), scores(other), strict=True):
        assert (here.recall, here.precision) == (there.precision, there.recall)
        assert here.f1.value == pytest.approx(there.f1.value)


@FEW
@given(two_sides())
def test_an_interval_holds_its_figure(sides):
    for figure in figures(measure(*sides)):
        if figure.value is not None:
            assert 0 <= figure.low <= figure.value <= figure.high <= 1


@FEW
@given(two_sides(), st.randoms(use_true_random=False))
def test_the_order_of_notes_and_spans_does_not_matter(sides, source):
    def mixed(notes):
        notes = [note.replace(spans=tuple(source.sample(note.spans, len(note.spans)))) for note in notes]
        return source.sample(notes, len(notes))

    assert measure(*map(mixed, sides)) == measure(*sides)


@FEW
@given(two_sides())
def test_a_looser_criterion_never_finds_less(sides):
    for held in [*(done := measure(*sides)).labels.values(), done.scores]:
        assert held["strict"].recall.part <= held["exact"].recall.part
        assert held["strict"].recall.part <= held["overlap"].recall.part
        assert held["exact"].recall.part <= held["covered"].recall.part


@FEW
@given(two_sides())
def test_a_note_is_clean_just_when_all_its_gold_is_covered(sides):
    done = measure(*sides)
    covered = [measure([a], [b]).scores["covered"].recall for a, b in zip(*sides, strict=True)]
    assert done.whole["clean"].whole == sum(one.whole > 0 for one in covered)
    assert done.whole["clean"].part == sum(one.whole > 0 and one.value == 1 for one in covered)


#        0         1         2         3         4
TEXT = "Anna Berg, seen 3/4 by Dr. Li at Oak Clinic."
#        01234567890123456789012345678901234567890123


def note(*spans, layer="phi", text=TEXT, **more):
    return Note("n1", text, **more).add(Span(((a, b),), label, layer=layer) for a, b, label in spans)


GOLD = [(0, 9, "PATIENT"), (16, 19, "DATE"), (27, 29, "PROVIDER"), (33, 43, "HOSPITAL")]
PREDICTED = [
    (0, 4, "PATIENT"),  # half of it
    (5, 9, "NAME"),  # the other half, by another name
    (16, 19, "DATE"),  # right
    (27, 29, "NAME"),  # the place only
    (33, 36, "HOSPITAL"),  # part of it
    (11, 15, "NAME"),  # nothing
]


def counts(score):
    return score.recall.part, score.recall.whole, score.precision.part, score.precision.whole


def test_an_example_worked_by_hand():
    done = measure([note(*GOLD)], [note(*PREDICTED)])
    assert counts(done.scores["strict"]) == (1, 4, 1, 6)
    assert counts(done.scores["exact"]) == (2, 4, 2, 6)
    assert counts(done.scores["overlap"]) == (3, 4, 3, 6)
    assert counts(done.scores["covered"]) == (3, 4, 5, 6)
    # AnnaBerg 8, 34 2, Li 2, OakClinic 9; of these Oak 3 and not Clinic; seen 4 is nothing
    assert counts(done.scores["characters"]) == (15, 21, 15, 19)
    assert done.scores["strict"].f1.value == pytest.approx(2 * (1 / 4) * (1 / 6) / (1 / 4 + 1 / 6))
    assert counts(done.labels["NAME"]["exact"]) == (0, 0, 1, 3)
    assert counts(done.labels["PROVIDER"]["exact"]) == (1, 1, 0, 0)
    assert counts(done.labels["PATIENT"]["covered"]) == (1, 1, 1, 1)
    assert (done.whole["clean"].part, done.whole["clean"].whole) == (0, 1)
    # seen, by, Dr, at beside the gold: 4 + 2 + 2 + 2
    assert (done.whole["outside"].part, done.whole["outside"].whole) == (4, 10)
    assert (done.whole["spurious"].part, done.whole["spurious"].whole) == (1, 6)


def test_a_note_is_clean_when_each_letter_is_covered_by_whatever_label():
    done = measure([note((0, 9, "PATIENT"))], [note((0, 4, "ID"), (5, 9, "ID"))])
    assert done.whole["clean"].value == 1
    assert done.scores["strict"].recall.value == 0


def test_notes_without_gold_are_not_counted_as_clean():
    done = measure([note(), note((0, 9, "PATIENT")).replace(id="n2")], [note(), note().replace(id="n2")])
    assert (done.whole["clean"].part, done.whole["clean"].whole) == (0, 1)


def test_the_same_place_twice_must_be_found_twice():
    twice = note((0, 9, "NAME")).add([Span(((0, 9),), "NAME", layer="phi")])
    assert counts(measure([twice], [note((0, 9, "NAME"))]).scores["strict"]) == (1, 2, 1, 1)


def test_the_pieces_of_a_broken_span_are_one_place():
    broken = note().add([Span(((0, 4), (27, 29)), "NAME", layer="phi")])
    assert counts(measure([broken], [note((0, 29, "NAME"))]).scores["strict"]) == (0, 1, 0, 1)
    assert counts(measure([broken], [note((5, 26, "NAME"))]).scores["overlap"]) == (0, 1, 0, 1)
    assert counts(measure([broken], [note((0, 4, "NAME"), (27, 29, "ID"))]).scores["covered"]) == (1, 1, 2, 2)


def test_rejected_spans_and_other_layers_do_not_count():
    ours = note((0, 9, "NAME")).add([Span(((16, 19),), "DATE", layer="phi", status="rejected")])
    theirs = note((0, 9, "NAME")).add(
        [Span(((16, 19),), "DATE"), Span(((27, 29),), "X", layer="phi", status="rejected")]
    )
    done = measure([ours], [theirs])
    assert set(done.labels) == {"NAME"}
    assert done.scores["strict"].f1.value == 1
    assert done.notes == 1


def test_entities_are_measured_the_same_way():
    ours = note((0, 9, "PROBLEM"), layer="entity")
    done = measure([ours], [note((0, 9, "PROBLEM"), (11, 15, "TEST"), layer="entity")], "entity")
    assert counts(done.scores["strict"]) == (1, 1, 1, 2)


def test_hard_negatives_that_were_touched_are_counted_by_kind():
    gold = note((0, 9, "PATIENT"), x={"hard_negatives": [[33, 43, "eponym"], [16, 19, "score"], [20, 22, "score"]]})
    done = measure([gold], [note((0, 9, "PATIENT"), (18, 19, "DATE"))])
    assert {kind: (one.part, one.whole) for kind, one in done.hard_negatives.items()} == {
        "all": (1, 3),
        "eponym": (0, 1),
        "score": (1, 2),
    }


@pytest.mark.parametrize("held", [3, [[1, 2]], [[2, 1, "x"]], [[0, 99, "x"]], [["0", 1, "x"]]])
def test_hard_negatives_that_cannot_be_are_refused(held):
    with pytest.raises(NoteError, match="'n1': hard_negatives must list"):
        measure([note(x={"hard_negatives": held})], [note()])


def test_clinical_terms_that_were_lost_are_counted_outside_the_gold(tmp_path):
    table = "label\tname\tsynonyms\tcodes\nPROBLEM\tberg\t\t\nPROBLEM\tseen\t\t\nPROBLEM\tclinic\t\t\n"
    (tmp_path / "terms.tsv").write_text(table)
    done = measure([note((0, 9, "PATIENT"))], [note((0, 12, "PATIENT"))], concepts=tmp_path / "terms.tsv")
    terms, characters = done.whole["terms"], done.whole["term characters"]
    assert (terms.part, terms.whole) == (1, 2)
    assert (characters.part, characters.whole) == (1, 10)
    assert "terms" not in measure([note()], [note()]).whole


def test_the_interval_of_a_perfect_figure_is_that_of_so_many_notes():
    notes = [note((0, 9, "NAME")).replace(id=f"n{number}") for number in range(60)]
    recall = measure(notes, notes).scores["strict"].recall
    assert recall.high == 1
    assert recall.low == pytest.approx(0.025 ** (1 / 60))


def test_a_seed_gives_the_same_intervals_and_notes_make_them_wide():
    source = random.Random(1)
    gold = [note((0, 9, "NAME"), (16, 19, "DATE")).replace(id=f"n{number}") for number in range(100)]
    said = [one if source.random() < 0.7 else one.replace(spans=()) for one in gold]
    done = evaluate(gold, said)
    recall = done.scores["strict"].recall
    assert done == evaluate(gold, said)
    assert done == evaluate(gold[::-1], said)
    assert recall != evaluate(gold, said, seed=1).scores["strict"].recall
    # The two spans of a note are lost together: the interval is that of 100 notes, not of 200 spans.
    wide = 2 * 1.96 * (recall.value * (1 - recall.value) / 100) ** 0.5
    assert recall.high - recall.low == pytest.approx(wide, rel=0.15)


def test_notes_of_one_side_only_are_reported_and_do_not_count():
    gold, other = note((0, 9, "NAME")), note((0, 9, "NAME")).replace(id="n2")
    done = measure([gold, other.replace(id="n3")], [gold, other])
    assert (done.notes, done.missing, done.extra) == (1, ("n3",), ("n2",))
    assert done.scores["strict"].recall.whole == 1


def test_another_text_is_refused_by_the_name_of_the_note():
    with pytest.raises(NoteError, match="'n1' has another text in the prediction") as caught:
        measure([note()], [note(text=TEXT.replace("Berg", "Bergs"))])
    assert "Anna" not in str(caught.value)
    with pytest.raises(FormatError, match="no id in common"):
        measure([note()], [note().replace(id="n2")])


def test_files_of_any_format_are_compared(tmp_path):
    write([note(*GOLD)], tmp_path / "gold.jsonl", allow_phi=True)
    write([note(*PREDICTED)], tmp_path / "predicted.yaml", allow_phi=True)
    done = measure(tmp_path / "gold.jsonl", tmp_path / "predicted.yaml")
    assert done == measure([note(*GOLD)], [note(*PREDICTED)])


def test_a_report_names_every_label_and_holds_no_text():
    done = measure([note(*GOLD)], [note(*PREDICTED)])
    for page in (done.report().markdown(), done.report().html(), str(done.to_dict()), repr(done)):
        assert all(label in page for label in ("PATIENT", "HOSPITAL"))
        assert not any(word in page for word in ("Anna", "Berg", "Oak"))
    assert all(f"By label: {name}" in done.report().markdown() for name in CRITERIA)


def test_gold_that_went_through_a_pipeline_does_not_count_as_found():
    gold = Note("n", "Anna Berg, MRN 12345").add(
        [Span(((0, 9),), "PATIENT", layer="phi", status="added"), Span(((15, 20),), "MRN", layer="phi", status="added")]
    )
    marked = gold.add([Span(((15, 20),), "MRN", layer="phi")])
    done = evaluate([gold], [marked])
    assert done.scores["covered"].recall.value == 0.5
    assert done.set_aside == 2
    assert evaluate([gold], [gold]).scores["covered"].recall.value == 1.0
