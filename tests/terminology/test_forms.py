import pickle
import subprocess
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtext.errors import FormatError, WouldOverwriteError
from medtext.terminology import formfiles
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
    numbered = ((form, number) for number, form in enumerate(FORMS))
    return FormIndex.build(numbered, tmp_path_factory.mktemp("forms") / "index")


def built(given, folder):
    return FormIndex.build(((form, number) for number, form in enumerate(given)), folder)


written = st.lists(st.tuples(st.sampled_from(WORDS), st.sampled_from(GAPS)), min_size=1, max_size=6).map(
    lambda pairs: "".join(word + gap for word, gap in pairs)
)


@settings(max_examples=60)
@given(st.lists(written, min_size=1, max_size=12), st.lists(written, max_size=8))
def test_it_agrees_with_the_plain_matcher_on_any_forms(tmp_path_factory, given_forms, texts):
    plain = Matcher(given_forms)
    index = built(given_forms, tmp_path_factory.mktemp("any") / "index")
    expected = [list(plain.find(text)) for text in (*given_forms, *texts)]
    assert [list(index.find(text)) for text in (*given_forms, *texts)] == expected
    assert list(index.find_many([*given_forms, *texts])) == expected


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


@settings(max_examples=60)
@given(st.lists(written, max_size=8), st.lists(written, max_size=6))
def test_in_memory_it_finds_what_the_plain_matcher_finds(given_forms, texts):
    plain, index = Matcher(given_forms), FormIndex.of((form, number) for number, form in enumerate(given_forms))
    expected = [list(plain.find(text)) for text in (*given_forms, *texts)]
    assert list(index.find_many([*given_forms, *texts])) == expected
    assert [list(pickle.loads(pickle.dumps(index)).find(text)) for text in (*given_forms, *texts)] == expected
    assert repr(index) == f"FormIndex('in memory', forms={len(given_forms)})"


@settings(max_examples=60)
@given(st.lists(st.sampled_from([*PIECES, *ODD]), max_size=12).map("".join), st.integers(1, 400))
def test_long_texts_are_read_as_short_ones_are(index, text, times):
    """From some number of words on, what is no form is left out earlier."""
    whole = (text + " .. ") * times
    assert list(index.find(whole)) == list(MATCHER.find(whole))


def test_a_match_gives_back_the_number_of_its_form(tmp_path):
    index = FormIndex.build(
        [("chest pain", 29857009), ("Chest pain", 9_007_199_254_740_993), ("MI", -7)], tmp_path / "i"
    )
    assert list(index.find("MI, chest\npains")) == [(0, 2, -7), (4, 15, 29857009), (4, 15, 9_007_199_254_740_993)]
    assert len(index) == 3


def test_an_index_without_forms_finds_nothing(tmp_path):
    index = FormIndex.build([], tmp_path / "none")
    assert list(index.find("chest pain")) == []
    assert list(index.find_many([])) == []
    assert list(index.find_many(["", "chest pain", ""])) == [[], [], []]


def test_a_form_longer_than_any_step_is_found(tmp_path):
    long = " ".join(f"w{number}" for number in range(70))
    index = built([long, "w0"], tmp_path / "long")
    assert list(index.find(f"x {long} y")) == [(2, 2 + len(long), 0)]
    assert list(index.find(long[:-2])) == [(0, 2, 1)]


def test_a_form_beyond_the_end_of_the_text_is_not_found(tmp_path):
    index = built([" ".join("abcdefghijklmnop"), "chest pain at rest"], tmp_path / "end")
    assert list(index.find("chest pain at")) == list(index.find("a")) == []


def test_a_form_without_a_word_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no word"):
        built(["--"], tmp_path / "index")
    assert list(tmp_path.iterdir()) == []


def test_an_index_is_never_replaced(index, tmp_path):
    built(["pain"], tmp_path / "index")
    with pytest.raises(WouldOverwriteError, match="new folder"):
        built(["pain"], tmp_path / "index")


@pytest.mark.parametrize("call", [0, 5])
def test_a_build_that_runs_out_of_disk_leaves_nothing(tmp_path, monkeypatch, call):
    saved = []

    def full(path, array, **options):
        saved.append(path)
        if len(saved) > call:
            raise OSError(28, "No space left on device")
        save(path, array, **options)

    save = formfiles.np.save
    monkeypatch.setattr(formfiles.np, "save", full)
    with pytest.raises(OSError, match="No space"):
        built(["pain"], tmp_path / "index")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("forms.json", None, "did not end"),
        ("forms.json", b"{", "damaged"),
        ("forms.json", b"[]", "format None"),
        ("forms.json", b'{"format": "medtext-forms/9"}', "medtext-forms/9"),
        ("forms.json", b'{"format": "medtext-forms/2"}', "'sizes' is absent"),
        ("rows-cells.npy", None, "absent"),
        ("rows-cells.npy", b"\x93NUMPY", "holds 6 bytes"),
    ],
)
def test_a_damaged_or_foreign_index_is_refused_by_name(tmp_path, name, content, message):
    built(["pain"], tmp_path / "index")
    path = tmp_path / "index" / name
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FormatError, match=message) as caught:
        FormIndex.open(tmp_path / "index")
    assert name in caught.value.where


def test_a_file_of_the_right_size_but_no_array_is_refused(tmp_path):
    built(["pain"], tmp_path / "index")
    path = tmp_path / "index" / "ids.npy"
    path.write_bytes(bytes(path.stat().st_size))
    with pytest.raises(FormatError, match="damaged"):
        FormIndex.open(tmp_path / "index")


def test_pickling_sends_the_path_alone(index):
    sent = pickle.dumps(index)
    assert len(sent) < 500
    assert list(pickle.loads(sent).find("chest pain")) == [(0, 10, 0)]


def test_another_process_finds_the_same(index):
    code = "import sys, medtext; print(list(medtext.FormIndex.open(sys.argv[1]).find('old MIs')))"
    folder = pickle.loads(pickle.dumps(index))._folder
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[(4, 7, 3)]"


def test_the_index_never_shows_its_forms(index):
    assert "chest" not in repr(index)


def test_long_texts_and_many_texts_take_no_more_than_seconds(index):
    text = "No chest pain. Crohn’s disease, K+ 4.1; MIs\n" * 2000
    began = time.process_time()
    (whole,) = index.find_many([text])
    assert len(whole) == 4 * 2000
    assert sum(map(len, index.find_many(text.split("\n")))) == len(whole)
    for odd in ("a\u0301" * 100_000, "' " * 100_000, "'s" * 100_000, "x" * 200_000, "\u0301" * 200_000, "α " * 50_000):
        assert list(index.find(odd)) == list(MATCHER.find(odd))
    assert time.process_time() - began < 10


@pytest.mark.parametrize(
    ("given_forms", "text", "found"),
    [
        (["K+", "+a"], "K+a", [(0, 2, 0)]),
        (["K", "+a"], "K+a", [(0, 1, 0), (1, 3, 1)]),
        (["heart failure", "s"], "heart failure's s", [(0, 13, 0), (16, 17, 1)]),
        (["chest pain"], "chest   pain chest.  pain chest - pain chest \n pain", [(0, 12, 0), (39, 51, 0)]),
        (["chest pain"], f"chest{' ' * 80}pain", [(0, 89, 0)]),
        (["chest pain"], f"chest{' ' * 81}pain", []),
    ],
)
def test_both_matchers_read_signs_and_gaps_alike(tmp_path, given_forms, text, found):
    assert list(Matcher(given_forms).find(text)) == found
    assert list(built(given_forms, tmp_path / "index").find(text)) == found
