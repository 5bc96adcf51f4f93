import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtext.terminology.forms import FormIndex
from medtext.terminology.matcher import Matcher
from tests.terminology.test_matcher import FORMS, MATCHER, PIECES, reference

ODD = [
    "\u0301",
    "ﬁ",
    "İ",
    "ß",
    "’s",
    "'S",
    "´s",
    "ʼs",
    "\u00a0",
    "\u2028",
    "α",
    "µg",
    "½",
    "\0",
    "\x01",
    "\ud800",
    "\u05b0",
]
WORDS = ["chest", "pain", "a", "s", "MI", "Mi", "K", "x", "Sjögren", "α", "12", "is", "ﬁt", "longword" * 5]
GAPS = [
    " ",
    " ",
    " ",
    "-",
    "'",
    "'s ",
    "’s ",
    ".",
    ". ",
    "/",
    ", ",
    "  ",
    "\n",
    "_",
    "+",
    " (",
    "\u0301",
    "-\n",
    "``",
    "\u00a0",
]


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """The forms of the matcher's own test."""
    forms = ((form, number) for number, form in enumerate(FORMS))
    return FormIndex.build(forms, tmp_path_factory.mktemp("forms") / "index")


def built(forms, folder):
    return FormIndex.build(((form, number) for number, form in enumerate(forms)), folder)


written = st.lists(st.tuples(st.sampled_from(WORDS), st.sampled_from(GAPS)), min_size=1, max_size=6).map(
    lambda pairs: "".join(word + gap for word, gap in pairs)
)


@settings(max_examples=60)
@given(st.lists(written, min_size=1, max_size=12), st.lists(written, max_size=8))
def test_it_agrees_with_the_plain_matcher_on_any_forms(tmp_path_factory, forms, texts):
    plain = Matcher(forms)
    index = built(forms, tmp_path_factory.mktemp("any") / "index")
    expected = [list(plain.find(text)) for text in (*forms, *texts)]
    assert [list(index.find(text)) for text in (*forms, *texts)] == expected
    assert list(index.find_many([*forms, *texts])) == expected


@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_it_finds_what_a_naive_search_finds(index, text):
    assert list(index.find(text)) == reference(text)


@settings(max_examples=60)
@given(st.text(max_size=60) | st.lists(st.sampled_from([*PIECES, *ODD]), max_size=14).map("".join))
def test_it_agrees_with_the_plain_matcher_on_any_text(index, text):
    assert list(index.find(text)) == list(MATCHER.find(text))


@settings(max_examples=60)
@given(st.lists(st.lists(st.sampled_from([*PIECES, *ODD]), max_size=6).map("".join), max_size=6))
def test_a_batch_finds_what_each_text_alone_gives(index, texts):
    assert list(index.find_many(texts)) == [list(index.find(text)) for text in texts]
