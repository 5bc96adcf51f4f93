"""Which span is which: one to one, optimal, whatever the order."""

from itertools import permutations

from hypothesis import given, settings
from hypothesis import strategies as st

from medtext.review.alignment import align, align_all, assign, mentions, overlap
from medtext.span import Code, Span
from tests.review.people import entities, sides, span

FEW = settings(max_examples=60, deadline=None)


def content(one):
    return None if one is None else (one.at, one.label, sorted(map(str, one.codes)), str(one.assertion))


def told(pairs):
    return sorted((content(one), content(other)) for one, other in pairs)


@FEW
@given(entities(), entities(), st.randoms(use_true_random=False))
def test_the_order_of_spans_never_matters(ours, theirs, source):
    mixed = align(source.sample(ours, len(ours)), source.sample(theirs, len(theirs)))
    assert told(mixed.pairs) == told(align(ours, theirs).pairs)


@FEW
@given(entities(), entities())
def test_exchanged_sides_give_the_same_pairs(ours, theirs):
    assert told((two, one) for one, two in align(theirs, ours).pairs) == told(align(ours, theirs).pairs)


@FEW
@given(entities(), entities())
def test_each_span_stands_once_and_pairs_share_characters(ours, theirs):
    done = align(ours, theirs)
    assert sorted(map(id, [*(one for one, _ in done.pairs), *done.ours])) == sorted(map(id, ours))
    assert sorted(map(id, [*(two for _, two in done.pairs), *done.theirs])) == sorted(map(id, theirs))
    assert all(overlap(one, two) for one, two in done.pairs)
    assert not any(overlap(one, two) for one in done.ours for two in done.theirs)


@FEW
@given(st.integers(1, 4).flatmap(lambda n: st.lists(st.lists(st.integers(0, 9), min_size=n, max_size=5), min_size=n)))
def test_the_assignment_is_the_best_of_all(worth):
    wide = min(map(len, worth))
    worth = [row[:wide] for row in worth[:wide]]
    best = max(sum(worth[i][j] for i, j in enumerate(held)) for held in permutations(range(wide), len(worth)))
    chosen = assign(worth)
    assert len(set(chosen)) == len(chosen)
    assert sum(worth[row][column] for row, column in enumerate(chosen)) == best


@FEW
@given(entities())
def test_what_is_aligned_with_itself_is_paired_with_its_equal(spans):
    assert all(content(one) == content(two) for one, two in align(spans, list(reversed(spans))).pairs)


@FEW
@given(sides(3))
def test_every_span_is_in_one_mention(held):
    notes = {name: list(given[0].spans) for name, given in held.items()}
    groups = mentions(notes, align_all(notes))
    assert sorted(id(one) for group in groups for side in group.values() for one in side) == sorted(
        id(one) for spans in notes.values() for one in spans
    )


def test_more_pairs_of_one_label_beat_a_larger_overlap():
    # Greedy by overlap would pair 0-10 with 0-9 and leave 8-12 and 0-2 alone.
    done = align([span(0, 10), span(8, 12)], [span(0, 9), span(11, 14)])
    assert len(done.pairs) == 2
    chain = align([span(0, 4), span(3, 10)], [span(2, 9), span(9, 12)])
    assert told(chain.pairs) == told([(span(0, 4), span(2, 9)), (span(3, 10), span(9, 12))])


def test_the_same_label_beats_a_larger_overlap():
    done = align([span(0, 10)], [span(0, 9, "DRUG"), span(6, 14)])
    assert told(done.pairs) == told([(span(0, 10), span(6, 14))])


def test_the_gap_of_a_discontinuous_span_is_no_part_of_it():
    apart = Span(((0, 3), (10, 13)), "PROBLEM")
    assert not align([apart], [span(4, 9)]).pairs
    assert len(align([apart], [span(2, 5)]).pairs) == 1
    assert overlap(apart, span(2, 11)) == 2


def test_nested_spans_are_paired_each_with_its_own():
    outer, inner = span(0, 20), span(5, 9)
    done = align([outer, inner], [span(0, 19), span(5, 10)])
    assert told(done.pairs) == told([(outer, span(0, 19)), (inner, span(5, 10))])


def test_twins_are_paired_by_what_is_said_of_them():
    one, two = span(0, 5, codes=(Code("A", "1"),)), span(0, 5, codes=(Code("A", "2"),))
    done = align([two, one], [one, two, span(0, 5)])
    assert sorted((str(a.codes), str(b.codes)) for a, b in done.pairs) == [(str(x.codes),) * 2 for x in (one, two)]
    assert len(done.theirs) == 1
