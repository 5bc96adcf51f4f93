from functools import cache
from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtext.config import read_yaml
from medtext.errors import UnknownNameError
from medtext.note import Note
from medtext.span import Source, Span
from medtext.stages.phrases import Phrases, _chosen
from medtext.terminology.build import Edition, build_terminology
from medtext.terminology.concepts import load_concepts
from medtext.terminology.matcher import Matcher
from medtext.terminology.store import Terminology
from tests.releases import write

ODD = ["\0", "\r\n", "🙂", "e\u0301", "\u202e", "\u2028", "İ", "ﬁ", "x" * 200, " " * 200]


@cache
def stage():
    return Phrases()


@pytest.fixture(scope="module")
def phrases():
    return stage()


def found(note):
    return [(span.label, *note.quote(span)) for span in note.layer("entity")]


def test_concepts_are_marked_under_their_labels(phrases):
    note = phrases(Note("n", "Pt denies chest pain. HTN on lisinopril; A1c pending, echo next week."))
    assert found(note)[:3] == [("PROBLEM", "chest pain"), ("PROBLEM", "HTN"), ("MEDICATION", "lisinopril")]
    assert ("TEST", "A1c") in found(note)


def test_spans_name_the_table_and_how_sure_it_is(phrases):
    (span,) = phrases(Note("n", "chest pain")).spans
    (source,) = span.sources
    assert source.by == "dictionary:" + phrases.describe()["concepts"]
    assert 0.5 < source.score == span.score <= 1


def test_everyday_phrases_are_no_concepts(phrases):
    assert found(phrases(Note("n", "Take by mouth. On the other hand, head of bed up."))) == []


def test_the_name_of_a_replaced_identifier_is_no_concept(phrases):
    tagged = Note("n", "[PATIENT-1] Pain has pain.")
    note = tagged.add([Span(((0, 11),), "PATIENT", layer="phi"), Span(((12, 16),), "PATIENT", layer="phi")])
    assert [span.start for span in phrases(note).layer("entity")] == [21]


def test_a_heading_is_no_mention_but_a_diagnosis_above_its_plan_is(phrases):
    note = Note("n", "ALLERGIES\nPenicillin\nHYPERTENSION\nstable").add(
        [
            Span(((0, 20),), "allergies", layer="section", x={"heading": [0, 9]}),
            Span(((21, 40),), "other", layer="section", x={"heading": [21, 33]}),
        ]
    )
    assert [quote for _, quote in found(phrases(note))] == ["Penicillin", "HYPERTENSION"]


def test_a_span_that_is_there_stays_and_gains_the_source(phrases):
    model = Source("model:m@1", 0.6)
    note = Note("n", "chest pain and cough").add(
        [Span(((0, 10),), "PROBLEM", sources=(model,)), Span(((11, 20),), "TEST", sources=(model,))]
    )
    done = phrases(note)
    assert [model in span.sources for span in done.spans] == [True, True]
    assert len(done.spans[0].sources) == 2
    assert (done.spans[1].at, done.spans[1].label, done.spans[1].score) == (((11, 20),), "TEST", 0.6)
    assert [one["label"] for one in done.spans[1].x["overruled"]] == ["PROBLEM"]


def test_a_table_of_ones_own_is_read(tmp_path):
    path = tmp_path / "own.tsv"
    path.write_text("label\tname\tsynonyms\tcodes\nDEVICE\tWidget pump\tWGP\t\n")
    note = Phrases(concepts=path)(Note("n", "widget pumps and WGP, chest pain"))
    assert found(note) == [("DEVICE", "widget pumps"), ("DEVICE", "WGP")]


def test_an_unknown_table_is_refused():
    with pytest.raises(UnknownNameError):
        Phrases(concepts="no-such-table")


TABLE = """code\tname\tkind
1\tChest pain\tfinding
2\tChest pain at rest\tdisorder
3\tFoot bath\tregime/therapy
4\tCoughing pain\tfinding
5\tBleeding\tqualifier value
"""


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """Five invented SNOMED concepts."""
    folder = tmp_path_factory.mktemp("compiled")
    path = write(folder / "own.tsv", TABLE)
    edition = Edition("table", path, "2030", {"system": "SNOMED"})
    build_terminology(edition, folder / "own")
    return folder / "own"


def by(span):
    return [source.by.partition("@")[0] for source in span.sources]


def test_a_compiled_terminology_joins_the_concepts_and_names_its_system_and_release(compiled):
    note = Phrases(terminology=compiled)(Note("n", "Coughing pain; bleeding; HTN"))
    assert found(note) == [("PROBLEM", "Coughing pain"), ("PROBLEM", "bleeding"), ("PROBLEM", "HTN")]
    first, second, third = note.layer("entity")
    assert first.sources == (Source("dictionary:SNOMED@2030", first.score),)
    assert by(second) == by(third) == ["dictionary:starter"]


def test_the_longest_wins_whichever_dictionary_it_stands_in(compiled):
    note = Phrases(terminology=[compiled])(Note("n", "chest pain at rest, heart failure with foot baths"))
    assert found(note) == [("PROBLEM", "chest pain at rest"), ("PROBLEM", "heart failure"), ("PROCEDURE", "foot baths")]


def test_on_a_tie_the_table_gives_the_label_and_all_that_agree_are_sources(compiled):
    (span,) = Phrases(terminology=compiled)(Note("n", "chest pain")).spans
    assert sorted(by(span)) == ["dictionary:SNOMED", "dictionary:starter"]
    (span,) = Phrases(terminology=compiled, labels={"SNOMED": {"finding": "FINDING"}})(Note("n", "chest pain")).spans
    assert (span.label, by(span)) == ("PROBLEM", ["dictionary:starter"])


def test_an_everyday_phrase_hides_what_a_terminology_finds_in_it(compiled, tmp_path):
    build_terminology(
        Edition(
            "table", write(tmp_path / "hand.tsv", "code\tname\tkind\n9\tHygiene\tfinding\n"), "", {"system": "SNOMED"}
        ),
        tmp_path / "hand",
    )
    assert found(Phrases(terminology=tmp_path / "hand")(Note("n", "hand hygiene. Hygiene"))) == [("PROBLEM", "Hygiene")]


def test_a_batch_gives_what_each_note_alone_gives(compiled):
    stage = Phrases(terminology=compiled)
    notes = [
        Note(f"n{number}", text) for number, text in enumerate(["chest pain", "", "at rest", "HTN 🙂 chest\npain"])
    ]
    assert list(stage.pipe(notes)) == [stage(note) for note in notes]


def test_what_is_there_is_described_with_its_release(compiled):
    assert Phrases(terminology=compiled).describe()["terminologies"] == [{"SNOMED": "2030"}]
    assert "terminologies" not in Phrases().describe()


def test_the_default_pipeline_knows_what_the_starter_concepts_do_not():
    stage = Phrases(terminology=["icd10cm"])
    text = "Hypersplenism. Earthquake. Axis deviation, malleus."
    assert found(stage(Note("n", text))) == [("PROBLEM", "Hypersplenism")]
    assert Terminology("icd10cm").exact(["hypersplenism"])[0][0].code.code == "D73.1"


@cache
def plain():
    """The reference: the plain matcher with the forms of the stage."""
    concepts = load_concepts()
    forms = [(form, concept.label) for concept in concepts.concepts for form in concept.forms]
    idioms = read_yaml(files("medtext.stages.rules").joinpath("phrases.yaml"))["not_concepts"]
    return Matcher([*(form for form, _ in forms), *idioms]), [*(label for _, label in forms), *[None] * len(idioms)]


def test_the_starter_concepts_are_found_as_the_plain_matcher_finds_them():
    matcher, labels = plain()
    forms = [form for concept in load_concepts().concepts for form in concept.forms]
    texts = [". ".join(forms[at::40]) for at in range(40)] + [" ".join(forms[at::40]).upper() for at in range(40)]
    found = stage()._table.find_many(texts)
    for text, matches in zip(texts, found, strict=True):
        expected = [(start, end, labels[form]) for start, end, form in matcher.find(text)]
        assert [match[:3] for match in matches] == expected


matches = st.lists(st.tuples(st.integers(0, 12), st.integers(1, 5), st.sampled_from(["A", "B", None])), max_size=12)


@settings(max_examples=60)
@given(st.lists(matches, min_size=1, max_size=3))
def test_among_dictionaries_the_first_then_the_longest_then_the_earlier_listed_wins(given_matches):
    """Against a plain search: place after place, the best of what begins there."""
    lists = []
    for rank, one in enumerate(given_matches):
        source, taken = Source(f"dictionary:d{rank}@1", 0.5), 0
        lists.append([])
        for start, length, label in sorted(one, key=lambda match: match[:2]):
            if start >= taken:
                lists[-1].append((start, start + length, label, source))
                taken = start + length
    expected, place = [], 0
    while place < 20:
        here = [match for one in lists for match in one if match[0] == place]
        if not here:
            place += 1
            continue
        end = max(match[1] for match in here)
        best = [match for match in here if match[1] == end]
        if label := best[0][2]:
            expected.append((place, end, label, tuple(source for *_, other, source in best if other == label)))
        place = end
    assert [(one.start, one.end, one.label, one.sources) for one in _chosen(lists)] == expected


@settings(deadline=None)
@given(st.lists(st.sampled_from(["chest pain", "HTN", "Lasix", " ", "\n", ".", "[PATIENT-1]", *ODD])).map("".join))
def test_running_twice_changes_nothing_and_text_stays(text):
    once = stage()(Note("n", text))
    assert once.text == text
    assert stage()(once) == once
