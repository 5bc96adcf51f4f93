"""Names as vectors: an index of them, where it is kept, and what the linker makes of it."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtext.errors import ConfigError, FormatError, StageError
from medtext.inference.sentence_encoder import SentenceEncoder
from medtext.note import Note
from medtext.span import Code, Span
from medtext.stages.linking import Linking
from medtext.terminology.build import Edition, build_terminology
from medtext.terminology.candidates import CandidateIndex
from medtext.terminology.concepts import Concept, Concepts
from medtext.terminology.linker import Linker, choose
from medtext.terminology.vectors import VectorIndex, build_vectors, open_vectors, quantised
from medtext.terminology.wording import Wording
from tests.inference.tiny_encoder import tiny_encoder
from tests.releases import rf2

# Words of one group have nearly one vector: what the model takes for the same thing.
GROUPS = [
    ["ache", "pain"],
    ["toe", "digit"],
    ["renal", "kidney"],
    ["stone", "calculus"],
    ["big"],
    ["type"],
    ["1"],
    ["2"],
    ["acute"],
    ["chronic"],
]
WORDING = Wording(opposites=(("acute", "chronic"),))


def concept(code, *names):
    return Concept("PROBLEM", names[0], names[1:], (Code("SNOMED", code), Code("ICD10CM", f"X{code}")))


CONCEPTS = Concepts(
    "own",
    "1",
    (
        concept("1", "kidney stone", "renal stone"),
        concept("2", "toe ache", "ache of toe"),
        concept("3", "type 1 renal stone"),
        concept("4", "acute ache"),
        concept("5", "big digit"),
    ),
    {"SNOMED": "gps", "ICD10CM": "2030"},
)
SYSTEMS = {"PROBLEM": ["SNOMED", "ICD10CM"]}
NAMES = [(form, number) for number, one in enumerate(CONCEPTS.concepts) for form in one.forms]


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDTEXT_TERMINOLOGIES", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny_encoder(tmp_path_factory.mktemp("models") / "tiny", GROUPS)


@pytest.fixture(scope="module")
def encoder(model):
    return SentenceEncoder(model)


@pytest.fixture(scope="module")
def names():
    return CandidateIndex.build(NAMES, owners=len(CONCEPTS.concepts), wording=WORDING)


@pytest.fixture(scope="module")
def index(names, encoder):
    return VectorIndex.build(names, encoder)


@pytest.fixture
def linker(model):
    return Linker(CONCEPTS, systems=SYSTEMS, wording=WORDING, vectors=model)


def found(linker, mention):
    return [(str(one.code), one.match) for one in linker.candidates(mention, "PROBLEM") if one.code.system == "SNOMED"]


@pytest.mark.parametrize("name", [name for name, _ in NAMES])
def test_the_nearest_of_a_name_is_the_name_itself(index, encoder, names, name):
    (hit, *_) = index.near(name, encoder, 3)
    assert hit.query > 0.999
    assert (name, hit.owner) in NAMES


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(0, 40))
def test_search_gives_what_sorting_all_cosines_gives(names, seed, k, blocked):
    drawn = np.random.default_rng(seed)
    vectors = np.repeat(drawn.standard_normal((20, 4)), 2, axis=0)  # each twice, so that there are ties
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    held, scales = quantised(vectors)
    query, allowed = vectors[:1], np.ones(40, bool)
    allowed[:blocked] = False
    cosines = np.round(query @ held.astype(np.float32).T * scales, 4)[0]
    assert np.allclose(cosines, query @ vectors.T, atol=0.01)
    expected = sorted((row for row in range(40) if allowed[row]), key=lambda row: (-cosines[row], row))[:k]
    index = VectorIndex(names, np.zeros(0, np.int32), held, scales)
    (rows,) = index.search(query, k, allowed=allowed)
    assert [row for row, _ in rows] == expected


def test_search_over_several_blocks_is_the_same(index, monkeypatch):
    queries = np.asarray(index._vectors, np.float32) * np.asarray(index._scales)[:, None]
    whole = index.search(queries, 4)
    monkeypatch.setattr("medtext.terminology.vectors._BLOCK", 2)
    assert index.search(queries, 4) == whole


def test_mapped_pickled_and_in_memory_give_the_same(index, names, encoder):
    mapped = open_vectors(names, encoder)
    assert mapped.folder is not None
    assert index.folder is None
    for one in (mapped, pickle.loads(pickle.dumps(mapped)), pickle.loads(pickle.dumps(index))):
        for name in ("renal calculus", "pain of digit", "acute pain"):
            assert one.near(name, encoder, 5) == index.near(name, encoder, 5)


def test_vectors_are_made_once_for_the_same_names_and_model(names, encoder, own_home):
    folder = open_vectors(names, encoder).folder
    assert folder.parent == own_home / ".vectors"
    made = folder.stat().st_mtime_ns, sorted(one.name for one in folder.parent.iterdir())
    open_vectors(names, encoder)
    assert made == (folder.stat().st_mtime_ns, [folder.name])
    other = CandidateIndex.build(NAMES[:-1], owners=len(CONCEPTS.concepts), wording=WORDING)
    assert open_vectors(other, encoder).folder != folder


@pytest.mark.parametrize("name", ["vectors.json", "vectors.npy", "rows.npy", "scales.npy"])
def test_damaged_vectors_are_refused_and_made_anew(names, encoder, name):
    folder = open_vectors(names, encoder).folder
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[:-9])
    with pytest.raises(FormatError, match=name):
        VectorIndex.open(folder, names, encoder)
    assert len(open_vectors(names, encoder)) == len(NAMES)
    assert (folder / name).read_bytes() == whole


def test_vectors_of_other_names_are_refused(names, encoder):
    folder = open_vectors(names, encoder).folder
    other = CandidateIndex.build(NAMES[:-1], owners=len(CONCEPTS.concepts), wording=WORDING)
    with pytest.raises(FormatError, match="other names"):
        VectorIndex.open(folder, other, encoder)


def test_a_home_that_cannot_be_written_is_an_error_when_the_linker_is_made(tmp_path, monkeypatch, model):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MEDTEXT_TERMINOLOGIES", str(tmp_path / "file"))
    with pytest.raises(ConfigError, match="could not be written"):
        Linker(CONCEPTS, systems=SYSTEMS, vectors=model)


def test_a_name_in_other_words_is_proposed(linker, model):
    plain = Linker(CONCEPTS, systems=SYSTEMS, wording=WORDING)
    assert found(plain, "calculus") == []
    assert found(linker, "kidney calculus")[0] == ("SNOMED:1", "embedding")
    assert found(linker, "pain digit")[0] == ("SNOMED:2", "embedding")


@pytest.mark.parametrize("mention", ["kidney stone", "Toe aches", "toe, ache", "kidnney stone"])
def test_what_is_found_as_it_stands_or_misspelled_stays_as_it_is_without_vectors(linker, mention):
    plain = Linker(CONCEPTS, systems=SYSTEMS, wording=WORDING)
    assert linker.candidates(mention, "PROBLEM") == plain.candidates(mention, "PROBLEM")
    assert found(plain, mention)[0][1] in ("exact", "normalised", "spelling")


@pytest.mark.parametrize(
    ("mention", "never"),
    [("type 2 kidney calculus", "SNOMED:3"), ("chronic pain", "SNOMED:4"), ("2 calculus", "SNOMED:3")],
)
def test_traits_are_never_crossed(linker, mention, never):
    assert never not in [code for code, _ in found(linker, mention)]


def test_what_is_near_by_its_vector_is_never_chosen(linker):
    candidates = linker.candidates("calculus", "PROBLEM")
    assert candidates[0].match == "embedding"
    assert 0.01 < candidates[0].score < 0.75
    assert choose(candidates, 0.01) == ()


def test_candidates_keep_their_order_and_sum_below_one(linker):
    candidates = linker.candidates("pain digit", "PROBLEM")
    assert candidates == linker.candidates("pain digit", "PROBLEM")
    assert pickle.loads(pickle.dumps(linker)).candidates("pain digit", "PROBLEM") == candidates
    for system in SYSTEMS["PROBLEM"]:
        held = [one for one in candidates if one.code.system == system]
        assert [one.score for one in held] == sorted((one.score for one in held), reverse=True)
        assert len({one.code for one in held}) == len(held)
        assert sum(one.score for one in held) <= 1.0005


def test_owners_that_may_not_come_take_no_place_from_those_that_may(encoder):
    held = [*((f"kidney{' stone' * (number + 1)}", number) for number in range(30)), ("calculus acute", 30)]
    index = VectorIndex.build(CandidateIndex.build(held, owners=31, wording=WORDING), encoder)
    allowed = np.arange(31) == 30
    assert [hit.owner for hit in index.near("stone", encoder, 1)] != [30]
    assert [hit.owner for hit in index.near("stone", encoder, 1, allowed=allowed)] == [30]


@pytest.mark.parametrize("mention", ["", "!!", "qwertz"])
def test_what_no_model_knows_has_no_candidates(linker, mention):
    assert linker.candidates(mention, "PROBLEM") == ()


def test_the_names_of_a_compiled_terminology_are_encoded_ahead(tmp_path, model, own_home):
    build_terminology(Edition("rf2", rf2(tmp_path / "release")), tmp_path / "snomed")
    made = build_vectors(tmp_path / "snomed", model)
    assert made.folder.parent == own_home / ".vectors"
    one = Linker(tmp_path / "snomed", systems=SYSTEMS, vectors=model)
    assert len(list(made.folder.parent.iterdir())) == 1
    assert ("SNOMED:12", "embedding") in found(one, "pain big digit")


def test_the_stage_links_by_vectors_and_says_by_which(tmp_path, model):
    table = tmp_path / "own.tsv"
    table.write_text("label\tname\tsynonyms\tcodes\nPROBLEM\tkidney stone\t\tSNOMED:1\n")
    stage = Linking(concepts=table, vectors=model)
    note = stage(Note("n", "Has calculus renal.").add([Span(((4, 18),), "PROBLEM")]))
    assert [(one.match, str(one.code)) for one in note.spans[0].candidates] == [("embedding", "SNOMED:1")]
    assert note.spans[0].codes == ()
    assert stage.describe()["vectors"].startswith("tiny@")
    assert "vectors" not in Linking(concepts=table).describe()


def test_a_model_that_is_none_is_an_error_when_the_stage_is_made(tmp_path):
    with pytest.raises(StageError, match=r"needs model\.onnx and tokenizer\.json"):
        Linking(vectors=tmp_path / "nothing")
