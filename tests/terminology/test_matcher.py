import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medtext.terminology.matcher import Matcher, fold, plurals

# A gap, as the module says it: blanks, one line break, or a hyphen; then each form as a plain pattern of its own.
GAP = r"(?:'s|’s)?(?:[ \t]{1,80}|[ \t]*\r?\n[ \t]*|[-–‑](?:\r?\n[ \t]*)?)"
FORMS = {
    "chest pain": rf"chest{GAP}pains?",
    "pain": r"pains?",
    "heart failure": rf"heart{GAP}failures?",
    "MI": r"(?-i:MIs?)",
    "COPD": r"(?-i:COPDs?)",
    "IgE": r"(?-i:IgEs?)",
    "flu": r"flus?",
    "CT scan": rf"CT{GAP}scans?",
    "X-ray": rf"(?:X{GAP}rays?|Xrays?)",
    "Crohn's disease": rf"Crohn(?:{GAP}|s(?:[ \t]+|[ \t]*\r?\n[ \t]*|[-–‑](?:\r?\n[ \t]*)?))diseases?",
    "Crohn's": r"Crohn(?:['’]?s)",
    "H. pylori": rf"H(?:'s|’s)?(?:[ \t]?\.[ \t]?|{GAP})pyloris?",
    "K+": r"(?-i:K)\+",
    "biopsy": r"biops(?:y|ies)",
    "lisinopril/HCTZ": r"lisinopril(?:'s|’s)? ?/ ?HCTZs?",
}
PIECES = [
    *("chest", "pain", "Pains", "heart", "failure", "FAILURES", "MI", "MIs", "mi", "Mi", "COPD", "copd", "IgE", "ige"),
    *("flu", "Flu", "CT", "ct", "scan", "scans", "X", "x", "ray", "Xrays", "Crohn", "Crohn's", "crohn’s", "Crohns"),
    *("disease", "H", "pylori", "K", "+", "biopsies", "Biopsy", "lisinopril", "HCTZ", "s", "'s", "9", "é", "🙂", "_"),
    *(" ", " ", " ", " ", "  ", "\t", "\n", "\r\n", "\n\n", "-", "–", "‑", "-\n", ".", ". ", "/", " / ", ",", "'", "("),
]


def reference(text):
    """Every form tried at every place, the longest kept: slow and plain."""
    patterns = [re.compile(rf"(?<![^\W_]){form}(?![^\W_])", re.IGNORECASE) for form in FORMS.values()]
    found, at = [], 0
    while at < len(text):
        matches = [(match.end(), number) for number, one in enumerate(patterns) if (match := one.match(text, at))]
        if not matches:
            at += 1
            continue
        end = max(end for end, _ in matches)
        found += [(at, end, number) for stop, number in matches if stop == end]
        at = end
    return found


MATCHER = Matcher(list(FORMS))


@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_it_finds_what_a_naive_search_finds(text):
    assert list(MATCHER.find(text)) == reference(text)


@given(st.text(max_size=60) | st.lists(st.sampled_from([*PIECES, "\u0301", "ﬁ", "İ", "ß"]), max_size=12).map("".join))
def test_matches_are_in_order_disjoint_and_never_inside_a_word(text):
    before = 0
    for start, end, _ in MATCHER.find(text):
        assert before <= start < end <= len(text)
        assert not re.match(r"[^\W_]", text[start - 1 : start])
        assert not re.match(r"[^\W_]|[\u0300-\u036f]", text[end : end + 1])
        before = end


@given(st.lists(st.sampled_from(PIECES), max_size=10).map("".join), st.sampled_from([" . ", "\n\n", "; "]))
def test_text_before_a_break_changes_nothing_but_the_offsets(text, separator):
    front = f"🙂ﬁß{separator}"
    moved = [(start - len(front), end - len(front), form) for start, end, form in MATCHER.find(front + text)]
    assert moved == list(MATCHER.find(text))


def words(forms, text):
    return [(text[start:end], forms[form]) for start, end, form in Matcher(forms).find(text)]


@pytest.mark.parametrize(
    ("form", "text", "found"),
    [
        ("heart failure", "heart  \n    failure", "heart  \n    failure"),
        ("heart failure", "heart\n\nfailure", None),
        ("heart failure", "heart - failure", None),
        ("MI", "old MIs", "MIs"),
        ("MI", "mi casa", None),
        ("MI", "MICRO", None),
        ("asthma", "_asthma's_", "asthma"),
        ("inflammation", "the inﬂammation", "inﬂammation"),
        ("Sjogren's syndrome", "Sjögren’s syndrome", "Sjögren’s syndrome"),
        ("Sjogren's syndrome", "Sjo\u0308gren's syndrome", "Sjo\u0308gren's syndrome"),
        ("Graves' disease", "Graves disease", "Graves disease"),
        ("Alzheimer's", "Dr. Alzheimer", None),
        ("gross", "groß", "groß"),
        ("illness", "İllness", "İllness"),
        ("cafe", "cafe\u0301s", "cafe\u0301s"),
        ("Tylenol #3", "Tylenol #3 prn", "Tylenol #3"),
        ("b.i.d.", "take b.i.d", "b.i.d"),
        ("(1,3)-beta-D-glucan", "a (1,3)-beta-D-glucan", "(1,3)-beta-D-glucan"),
        ("metastasis", "bone metastases", "metastases"),
        ("A-fib", "afib", "afib"),
        ("pre-op", "pre‐op", "pre‐op"),
    ],
)
def test_a_form_is_found_as_notes_write_it(form, text, found):
    assert [quote for quote, _ in words([form], text)] == ([found] if found else [])


def test_nothing_is_found_inside_a_longer_match():
    forms = ["chest", "chest pain", "pain", "pain score"]
    assert words(forms, "chest pain score") == [("chest pain", "chest pain")]


def test_a_longer_form_that_fails_leaves_the_shorter_one():
    assert words(["heart", "heart failure clinic"], "heart failure") == [("heart", "heart")]


def test_a_longer_form_whose_sign_is_missing_leaves_the_shorter_one():
    assert words(["iron", "iron K+"], "iron K") == [("iron", "iron")]


def test_a_form_given_twice_is_reported_twice():
    assert list(Matcher(["iron", "Iron"]).find("iron")) == [(0, 4, 0), (0, 4, 1)]


def test_a_form_without_a_word_is_refused():
    with pytest.raises(ValueError, match="no word"):
        Matcher(["--"])


@pytest.mark.parametrize(
    ("word", "expected"),
    [("cyst", ("cysts",)), ("biopsy", ("biopsies",)), ("rash", ("rashes",)), ("thrombus", ("thrombuses", "thrombi")),
     ("x", ()), ("B12", ()), ("MI", ("MIs",)), ("rales", ())],
)  # fmt: skip
def test_plurals_are_regular(word, expected):
    assert plurals(word) == expected


@given(st.text(max_size=20))
def test_folding_twice_is_folding_once(word):
    assert fold(fold(word)) == fold(word)


@pytest.mark.parametrize(
    "text",
    ["chest " * 160_000, "-" * 1_000_000, "a\u0301" * 500_000, "' " * 500_000, ("chest" + " " * 200) * 5_000,
     "x" * 1_000_000, "\n" * 1_000_000],
    ids=["words", "hyphens", "marks", "quotes", "gaps", "one word", "lines"],
)  # fmt: skip
def test_a_million_characters_take_no_more_than_seconds(text):
    began = time.process_time()
    list(MATCHER.find(text))
    assert time.process_time() - began < 10
