"""Other wordings of a form: British and American, plural heads, order of the words; the same in matcher and index."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtext.terminology.forms import FormIndex
from medtext.terminology.matcher import Matcher, fold, plurals, spellings
from medtext.terminology.variants import shipped_variants

VARIANTS = shipped_variants()
PAIRS = """anemia anaemia, hemorrhage haemorrhage, leukemia leukaemia, bacteremia bacteraemia, ischemic ischaemic,
esophagus oesophagus, gastroesophageal gastrooesophageal, edema oedema, papilledema papilloedema, estrogen oestrogen,
fetus foetus, fetal foetal, diarrhea diarrhoea, dyspnea dyspnoea, celiac coeliac, cecum caecum, feces faeces,
pediatric paediatric, orthopedic orthopaedic, anesthesia anaesthesia, gynecology gynaecology, cesarean caesarean,
etiology aetiology, tumor tumour, color colour, behavior behaviour, center centre, fiber fibre, liter litre,
centimeter centimetre, goiter goitre, catheterization catheterisation, localized localised, sulfonamide sulphonamide,
counseling counselling, hemoglobinemia haemoglobinaemia"""
FORMS = [
    *(
        "fracture of femur",
        "Closed fracture of the femur",
        "Pneumonia, viral",
        "anemia",
        "tumor of colon",
        "oedema of leg",
    ),
    *("Grave's tumour", "Hypertension, unspecified", "chest pain", "MI", "X-ray of chest", "ulcer, foot (left)", "DOE"),
]
WORDS = [
    *(
        "fracture",
        "fractures",
        "Fractures",
        "of",
        "the",
        "femur",
        "femurs",
        "closed",
        "viral",
        "pneumonia",
        ",",
        "anaemia",
    ),
    *(
        "anemias",
        "tumour",
        "tumors",
        "colon",
        "edema",
        "oedema",
        "leg",
        "legs",
        "grave's",
        "graves",
        "chest",
        "pain",
        "x-ray",
    ),
    *("X", "ray", "ulcer", "foot", "(left)", "MI", "-", "doe", "DOE", "unspecified", "\n"),
]


def found(forms, text):
    return [(text[start:end], forms[form]) for start, end, form in Matcher(forms).find(text)]


@pytest.mark.parametrize("pair", [tuple(pair.split()) for pair in PAIRS.replace("\n", " ").split(",")], ids=" ".join)
def test_british_and_american_are_found_for_each_other(pair):
    american, british = pair
    assert VARIANTS.respell(american) == british
    assert VARIANTS.respell(british) == american
    assert found([american], f"A {british}.") == [(british, american)]
    assert found([british], f"Two {american}.") == [(american, british)]
    assert [quote for quote, _ in found([american], " ".join(plurals(british)))] == list(plurals(british))


@pytest.mark.parametrize(
    "word", ["toe", "aerobic", "size", "pain", "chemical", "academic", "epidural", "fetch", "feet", "rise"]
)
def test_no_word_becomes_another(word):
    other = VARIANTS.respell(word)
    assert other == word or other not in {"te", "erobic", "sise", "foetch", "rize"}


@pytest.mark.parametrize(
    ("form", "text", "quote"),
    [
        ("Fracture of femur", "two fractures of the femur", "fractures of the femur"),
        ("Fracture of femur", "a femur fracture", "femur fracture"),
        ("Fracture of femur", "femur fractures", "femur fractures"),
        ("Closed fracture of femur", "closed femur fracture", "closed femur fracture"),
        ("Fracture of the femur", "fracture of femur", "fracture of femur"),
        ("Pneumonia, viral", "viral pneumonia", "viral pneumonia"),
        ("Infarction, myocardial", "Myocardial infarctions", "Myocardial infarctions"),
        ("Tumour of colon", "a colon tumor", "colon tumor"),
        ("Infarction, myocardial", "infarction, myocardial", "infarction, myocardial"),
        ("History of falls", "falls history", None),
        ("Pain of left great toe nail", "left great toe nail pain", None),
        ("Pain of left leg and foot", "left leg and foot pain", None),
        ("Hypertension, unspecified", "unspecified hypertension", None),
        ("Diabetes, type 2", "2 type diabetes", None),
        ("MI, old", "old MI", "old MI"),
    ],
)
def test_words_change_places_only_where_it_is_safe(form, text, quote):
    assert [one for one, _ in found([form], text)] == ([quote] if quote else [])


def test_a_form_that_keeps_its_case_has_one_wording():
    assert [one.words for one in spellings("DOE")] == [("DOE",), ("DOEs",)]


@settings(max_examples=60)
@given(st.text(alphabet="aehmorstuizlpyd", min_size=1, max_size=12))
def test_respelling_gives_one_lower_case_word_that_folds_to_itself(word):
    other = VARIANTS.respell(word)
    assert other == fold(other)
    assert other.isalpha()


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    folder = tmp_path_factory.mktemp("index") / "forms"
    return FormIndex.build(((form, number) for number, form in enumerate(FORMS)), folder)


@settings(max_examples=60)
@given(st.lists(st.sampled_from(WORDS), max_size=10).map(" ".join))
def test_the_index_finds_what_the_matcher_finds(index, text):
    assert list(index.find(text)) == list(Matcher(FORMS).find(text))


def test_the_index_has_each_wording_of_the_matcher_and_none_more(index):
    texts = {" ".join(one.words) + ending for form in FORMS for one in spellings(form) for ending in ("", "s")}
    for text in sorted(texts):
        assert list(index.find(text)) == list(Matcher(FORMS).find(text)), text


@settings(max_examples=60)
@given(st.lists(st.sampled_from(WORDS), max_size=10).map(" ".join))
def test_offsets_are_those_of_the_text(text):
    for start, end, form in Matcher(FORMS).find(text):
        words = {fold(word) for one in spellings(FORMS[form]) for word in one.words}
        assert all(fold(word) in words for word in text[start:end].replace("-", " ").split() if word.isalpha())
