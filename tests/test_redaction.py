"""Redaction: nothing outside an edit changes, and every offset finds its way there and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medtext import Edit, Note, Redaction, Relation, Span
from medtext.errors import NoteError

texts = st.text(st.sampled_from("ab \n\r\té́\U0001f9e0\u2028\x00"), max_size=40)


@st.composite
def changes(draw):
    """A text and a redaction of it: sorted cut points, every second stretch replaced."""
    text = draw(texts)
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=12)))
    pairs = list(zip(cuts[::2], cuts[1::2], strict=False))
    edits = {}
    for start, end in pairs:
        replacement = draw(st.text("XY-", max_size=4))
        if replacement or end > start:
            edits.setdefault((start, end), Edit(start, end, replacement))
    return text, Redaction(tuple(edits.values()))


@st.composite
def changes_and_ranges(draw):
    text, redaction = draw(changes())
    text += "."
    start = draw(st.integers(0, len(text) - 1))
    end = draw(st.integers(start + 1, len(text)))
    return text, redaction, (start, end)


def touches(edit, start, end):
    """Whether an edit takes something from a range, or inserts strictly inside it."""
    return edit.start < end and start < edit.end if edit.end > edit.start else start < edit.start < end


@given(changes())
def test_every_character_outside_the_edits_is_kept(change):
    text, redaction = change
    kept_before, at = [], 0
    for edit in redaction.edits:
        kept_before.append(text[at : edit.start])
        at = edit.end
    kept_before.append(text[at:])
    new, kept_after, at = redaction.apply(text), [], 0
    for edit, kept in zip(redaction.edits, kept_before, strict=False):
        kept_after.append(new[at : at + len(kept)])
        at += len(kept)
        assert new[at : at + len(edit.replacement)] == edit.replacement
        at += len(edit.replacement)
    assert [*kept_after, new[at:]] == kept_before


@given(changes())
def test_inverting_leads_back_to_the_text(change):
    text, redaction = change
    new = redaction.apply(text)
    back = redaction.invert(text)
    assert back.apply(new) == text
    assert back.invert(new).apply(text) == new


@given(changes_and_ranges())
def test_what_no_edit_touches_quotes_the_same_there_and_comes_back(case):
    text, redaction, (start, end) = case
    span = Span(((start, end),), "X")
    carried = redaction.carry(span)
    if not any(touches(edit, start, end) for edit in redaction.edits):
        assert redaction.apply(text)[carried.start : carried.end] == text[start:end]
        assert redaction.carry_back(carried) == span


@given(changes_and_ranges())
def test_a_carried_span_covers_all_that_is_left_of_it_and_goes_only_when_nothing_is(case):
    text, redaction, (start, end) = case
    carried = redaction.carry(Span(((start, end),), "X"))
    left = [at for at in range(start, end) if not any(edit.start <= at < edit.end for edit in redaction.edits)]
    if carried is None:
        assert not left
        return
    assert 0 <= carried.start < carried.end <= len(redaction.apply(text))
    assert all(carried.start <= redaction.to_new(at) < carried.end for at in left)
    back = redaction.carry_back(carried)
    assert all(back.start <= at < back.end for at in left)


@given(changes())
def test_offsets_keep_their_order(change):
    text, redaction = change
    for edge in ("start", "end"):
        carried = [redaction.to_new(offset, edge=edge) for offset in range(len(text) + 1)]
        assert carried == sorted(carried)


@given(changes())
def test_the_order_in_which_edits_are_given_does_not_matter(change):
    text, redaction = change
    assert Redaction(redaction.edits[::-1]).apply(text) == redaction.apply(text)


@pytest.mark.parametrize(
    "edits",
    [
        (Edit(0, 3, "x"), Edit(2, 4, "y")),
        (Edit(0, 3, "x"), Edit(0, 3, "y")),
        (Edit(2, 2, "x"), Edit(2, 2, "y")),
        (Edit(0, 4, "x"), Edit(2, 2, "y")),
    ],
)
def test_edits_that_overlap_are_refused(edits):
    with pytest.raises(NoteError, match="overlap"):
        Redaction(edits)


@pytest.mark.parametrize(("start", "end", "new"), [(-1, 2, "x"), (3, 2, "x"), (2, 2, "")])
def test_an_impossible_edit_is_refused(start, end, new):
    with pytest.raises(NoteError):
        Edit(start, end, new)


def test_an_edit_behind_the_end_of_the_text_is_refused():
    with pytest.raises(NoteError, match="ends at 9, but the text has 3 characters"):
        Redaction((Edit(1, 9, "x"),)).apply("abc")


def test_fragments_that_meet_in_one_replacement_become_one():
    redaction = Redaction((Edit(2, 8, "[NAME-1]"),))
    carried = redaction.carry(Span(((0, 4), (6, 10)), "X"))
    assert carried.at == ((0, 12),)


def test_redacting_a_note_carries_its_spans_and_drops_what_was_removed():
    note = Note("n", "Anna has a cough.").add(
        [Span(((0, 4),), "NAME", id="a"), Span(((11, 16),), "PROBLEM", id="b")],
        [Relation("about", "b", "a", id="r1")],
    )
    removed = Redaction((Edit(0, 5, ""),)).redact(note)
    assert removed.text == "has a cough."
    assert [removed.quote(span) for span in removed.spans] == [("cough",)]
    assert removed.relations == ()
    tagged = Redaction((Edit(0, 4, "[NAME-1]"),)).redact(note)
    assert [tagged.quote(span) for span in tagged.spans] == [("[NAME-1]",), ("cough",)]
    assert tagged.relations == note.relations


def test_no_repr_shows_a_replacement():
    assert "Anna" not in repr(Redaction((Edit(0, 4, "Anna"),)))
