"""Examples: every word carries the tags that its corpus leaves possible, whatever the text is."""

from hypothesis import given, settings
from hypothesis import strategies as st

from medtext.inference.windows import Unit, special_ids
from medtext.training.corpora import Document, Gold
from medtext.training.examples import ANY, TagSets, build_examples, words
from medtext.training.recipe import Corpus, Recipe
from tests.inference.tiny_folder import tiny_tokenizer

HEADS = {"entities": ("PROBLEM", "MEDICATION", "ANATOMY"), "identifiers": ("NAME",)}
WORDS = ["the", "pain", "chest", "aspirin", "metformin", "daily", ".", "1", "é"]


def example_tags(document, corpus, head="entities", unit=None):
    """(word, set of possible tags) for each word of a document."""
    recipe = Recipe("r", "b", HEADS, {corpus.name: corpus}, unit=unit or Unit(64, 8))
    sets = {name: TagSets(recipe.tags(name)) for name in HEADS}
    tokenizer = tiny_tokenizer()
    found = []
    for one in build_examples([document], recipe, tokenizer, sets, special_ids(tokenizer)):
        table = sets[head].table()
        for at, start, end in words(one.stretch):
            row = table[one.targets[head][at + one.offset]]
            possible = {tag for tag, here in zip(sets[head].tags, row, strict=True) if here}
            found.append((start, end, possible))
    return found


def corpus(labels, **more):
    held = {label: (label,) if label else () for label in labels}
    return Corpus("c", "f", "entities", labels=held, **more)


def doc(text, *gold, use="train"):
    return Document("d", text, "c", "d", use, tuple(gold))


def test_a_word_outside_every_span_is_o_or_what_the_corpus_does_not_annotate():
    found = example_tags(doc("the pain", Gold(4, 8, ("PROBLEM",))), corpus(["PROBLEM"]))
    others = {"B-MEDICATION", "I-MEDICATION", "B-ANATOMY", "I-ANATOMY"}
    assert found == [(0, 3, {"O"} | others), (4, 8, {"B-PROBLEM"})]


def test_a_word_of_one_label_or_another_may_be_either_and_nothing_else():
    found = example_tags(doc("chest pain", Gold(0, 10, ("PROBLEM", "ANATOMY"))), corpus(["PROBLEM", "ANATOMY"]))
    assert [tags for *_, tags in found] == [{"B-PROBLEM", "B-ANATOMY"}, {"I-PROBLEM", "I-ANATOMY"}]


def test_an_unknown_word_may_be_anything():
    (found,) = example_tags(doc("pain", Gold(0, 4, ())), corpus(["PROBLEM"]))
    assert len(found[2]) == 7


def test_a_word_in_pieces_has_one_tag_and_the_pieces_none():
    ((start, end, tags),) = example_tags(doc("metformin", Gold(0, 9, ("MEDICATION",))), corpus(["MEDICATION"]))
    assert (start, end, tags) == (0, 9, {"B-MEDICATION"})


def test_a_span_over_two_windows_goes_on_and_over_two_stretches_begins_again():
    known = corpus(["PROBLEM"])
    long = doc("chest pain pain pain pain", Gold(0, 25, ("PROBLEM",)))
    assert [min(tags)[0] for *_, tags in example_tags(long, known, unit=Unit(4, 1))] == ["B", "I", "I", "I", "I"]
    broken = doc("chest\n\npain", Gold(0, 11, ("PROBLEM",)))
    assert [min(tags)[0] for *_, tags in example_tags(broken, known)] == ["B", "B"]


def test_a_head_that_a_corpus_is_clear_of_learns_o_in_its_spans_and_nothing_elsewhere():
    one = doc("the pain", Gold(4, 8, ("PROBLEM",)))
    found = example_tags(one, corpus(["PROBLEM"], clear_of=("identifiers",)), head="identifiers")
    assert [tags for *_, tags in found] == [{"O", "B-NAME", "I-NAME"}, {"O"}]


def test_a_head_of_another_corpus_learns_nothing():
    found = example_tags(doc("the pain", Gold(4, 8, ("PROBLEM",))), corpus(["PROBLEM"]), head="identifiers")
    assert all(tags == {"O", "B-NAME", "I-NAME"} for *_, tags in found)


def test_an_unlabelled_document_teaches_nothing_by_itself():
    found = example_tags(doc("the pain", use="unlabelled"), corpus([]))
    assert all(len(tags) == 7 for *_, tags in found)


@st.composite
def documents(draw):
    """A text of words and breaks with disjoint gold over whole words."""
    parts = draw(st.lists(st.tuples(st.sampled_from(WORDS), st.sampled_from([" ", ". ", "\n", "\n\n"])), min_size=1))
    text, places = "", []
    for word, gap in parts:
        places.append((len(text), len(text) + len(word)))
        text += word + gap
    gold, at = [], 0
    while at < len(places):
        size = draw(st.integers(1, 3))
        end = min(at + size, len(places)) - 1
        label = draw(st.sampled_from([None, "PROBLEM", "MEDICATION"]))
        if label:
            gold.append(Gold(places[at][0], places[end][1], (label,)))
        at = end + 1
    return doc(text, *gold)


@given(documents(), st.integers(4, 12))
@settings(max_examples=50)
def test_every_word_is_judged_once_and_as_its_gold_says(document, tokens):
    known = corpus(["PROBLEM", "MEDICATION"])
    found = example_tags(document, known, unit=Unit(tokens, tokens // 3))
    assert [place[:2] for place in found] == sorted({place[:2] for place in found})
    assert sum(end - start for start, end, _ in found) == sum(not one.isspace() for one in document.text)
    for start, end, tags in found:
        (held,) = [one for one in document.gold if one.start < end and start < one.end] or [None]
        if held is None:
            assert tags == {"O", "B-ANATOMY", "I-ANATOMY"}
        else:
            assert {tag[2:] for tag in tags} == set(held.labels)
            assert len(tags) == 1


@given(st.lists(st.frozensets(st.sampled_from(["O", "B-X", "I-X"]), min_size=1), max_size=8))
def test_a_table_holds_each_set_once_with_everything_first(held):
    sets = TagSets(["O", "B-X", "I-X"])
    rows = [sets.row(one) for one in held]
    table = sets.table()
    assert table[ANY] == [True] * 3
    assert len({tuple(row) for row in table}) == len(table)
    for row, one in zip(rows, held, strict=True):
        assert {tag for tag, here in zip(sets.tags, table[row], strict=True) if here} == one
