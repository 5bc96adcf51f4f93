"""Short forms that a text defines."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtext.terminology.definitions import definitions


def told(text):
    return {short: text[one.start : one.end] for short, one in definitions(text).items()}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("He has congestive heart failure (CHF).", {"CHF": "congestive heart failure"}),
        ("MRI (magnetic resonance imaging) was done", {"MRI": "magnetic resonance imaging"}),
        ("treated for pulmonary embolism (PE; 2019)", {"PE": "pulmonary embolism"}),
        ("partial thromboplastin time (aPTT)", {}),
        ("activated partial thromboplastin time (aPTT)", {"aPTT": "activated partial thromboplastin time"}),
        ("the chronic granulomatous disease (CGD) and a CT (chest)", {"CGD": "chronic granulomatous disease"}),
        ("Crohn's disease (CD)", {"CD": "Crohn's disease"}),
        ("pain (NRS 3)", {}),
        ("He is well. Heart failure (CHF)", {}),
        ("Potassium (K)", {}),
        ("vital signs (BP 120/80)", {}),
        ("chest pain (CP), then cerebral palsy (CP)", {"CP": "chest pain"}),
        ("CHF (CHF)", {}),
        ("interleukin 6 (IL-6)", {"IL-6": "interleukin 6"}),
    ],
)
def test_a_definition_is_found(text, found):
    assert told(text) == found


WORDS = st.lists(st.from_regex(r"[a-z]{4,9}", fullmatch=True), min_size=2, max_size=5)


@settings(max_examples=60)
@given(WORDS, st.text(max_size=20), st.booleans())
def test_the_first_letters_of_words_are_a_short_form_of_them(words, before, inside):
    long, short = " ".join(words), "".join(word[0].upper() for word in words)
    front = f"{before}.\n\n"
    text = f"{front}{short} ({long})" if inside else f"{front}{long} ({short})"
    one = definitions(text)[short]
    assert text[one.start : one.end].endswith(words[-1])
    assert long.endswith(text[one.start : one.end]), "never more than the words, though fewer may spell it"


@settings(max_examples=60)
@given(st.text(alphabet="aA bB(CD).,;0\n'-/é", max_size=60))
def test_any_text_gives_places_in_it(text):
    for short, one in definitions(text).items():
        assert 0 <= one.start < one.end <= len(text)
        assert short in text
