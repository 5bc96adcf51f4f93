"""How a text is cut for a model."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtext.errors import ConfigError
from medtext.inference.windows import Unit, cut
from tests.inference.tiny_folder import WORDS, tiny_tokenizer
from tests.laws import texts

PARTS = [
    "aspirin",
    "metformin",
    "Pain",
    "the",
    ".",
    ". ",
    " ",
    "\n",
    "\r\n",
    "\n\n",
    "\u2028",
    "é",
    "🙂",
    "1",
    ",",
    "Dr. ",
]
prose = st.lists(st.sampled_from(PARTS), max_size=60).map("".join)
units = st.builds(lambda tokens, share: Unit(tokens, int(tokens * share)), st.integers(4, 20), st.floats(0, 0.99))


@pytest.fixture(scope="module")
def tokenizer():
    return tiny_tokenizer()


def owned(stretches):
    return [place for one in stretches for place in one.offsets[slice(*one.own)]]


@settings(max_examples=60)
@given(st.lists(prose | texts, max_size=3), units)
def test_every_token_is_owned_once_and_stands_where_the_tokenizer_says(tokenizer, held, unit):
    for text, stretches in zip(held, cut(held, tokenizer, unit), strict=True):
        whole = tokenizer.encode(text, add_special_tokens=False)
        assert owned(stretches) == whole.offsets
        assert [one for held in stretches for one in held.ids[slice(*held.own)]] == whole.ids


@settings(max_examples=60)
@given(prose, units)
def test_no_stretch_is_longer_than_the_budget_and_none_begins_within_a_short_word(tokenizer, text, unit):
    for one in cut([text], tokenizer, unit)[0]:
        assert len(one.ids) <= unit.tokens
        assert 0 <= one.own[0] < one.own[1] <= len(one.ids)
        if unit.tokens >= 16:  # the tiny words have two tokens at most
            assert one.first[0]
            assert one.first[one.own[0]]


@settings(max_examples=60)
@given(st.lists(prose, min_size=2, max_size=5), st.integers(0, 4), prose)
def test_a_change_in_one_paragraph_leaves_the_stretches_of_the_others(tokenizer, paragraphs, at, new):
    paragraphs = [one.strip() + "." for one in paragraphs]
    changed = list(paragraphs)
    changed[at % len(changed)] = new.strip() + "!"
    before, after = cut(["\n\n".join(paragraphs), "\n\n".join(changed)], tokenizer, Unit(16, 4))
    alone = cut(paragraphs[: at % len(changed)] + paragraphs[at % len(changed) + 1 :], tokenizer, Unit(16, 4))
    kept = {one.ids for held in alone for one in held}
    assert kept <= {one.ids for one in before} & {one.ids for one in after}


def test_a_paragraph_that_is_too_long_comes_back_into_step_behind_a_change(tokenizer):
    draw = Random(0)
    sentences = [f"The {' '.join(draw.choices(WORDS[:4], k=draw.randrange(1, 9)))} daily." for _ in range(60)]
    before, after = (cut([" ".join(one)], tokenizer, Unit(32, 8))[0] for one in (sentences, ["Aspirin.", *sentences]))
    assert len({one.ids for one in before} & {one.ids for one in after}) >= len(before) - 2


@pytest.mark.parametrize(
    ("text", "stretches"),
    [
        ("the pain. The pain", ["the pain.", "The pain"]),
        ("the pain. the pain", ["the pain. the", "pain"]),
        ("by Dr. Pain daily", ["by Dr. Pain", "daily"]),
        ("the pain\r\nThe daily", ["the pain", "The daily"]),
        ("the\r\n\r\npain", ["the", "pain"]),
        ("the\u2028\u2028pain", ["the", "pain"]),
        ("the\npain", ["the\npain"]),
    ],
)
def test_cuts_lie_at_sentence_and_line_ends(tokenizer, text, stretches):
    made = cut([text], tokenizer, Unit(4, 0))[0]
    assert [text[one.offsets[0][0] : one.offsets[-1][1]] for one in made] == stretches


def test_windows_of_a_long_sentence_overlap_and_share_what_lies_between(tokenizer):
    one, two = cut(["the " * 20], tokenizer, Unit(12, 4))[0]
    assert (len(one.ids), len(two.ids), one.follows, two.follows) == (12, 12, False, True)
    assert (one.own, two.own) == ((0, 10), (2, 12))


@pytest.mark.parametrize("options", [{"tokens": 3}, {"tokens": 8, "overlap": 8}, {"tokens": True}, {"rule": "lines/9"}])
def test_a_unit_that_cannot_be_is_refused(options):
    with pytest.raises(ConfigError):
        Unit(**options)
