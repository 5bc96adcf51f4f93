"""The candidate index: every form leads to its concept, answers are sorted, and are the same in memory and mapped."""

import json
import pickle
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medtext.errors import FormatError
from medtext.terminology.candidatefiles import META
from medtext.terminology.candidates import CandidateIndex
from medtext.terminology.wording import Wording, shipped_wording

WORDING = shipped_wording()
NAMES = [
    ("Type 2 diabetes mellitus", 0),
    ("Type 1 diabetes mellitus", 1),
    ("Diabetes insipidus", 2),
    ("Hypothyroidism", 3),
    ("Hyperthyroidism", 4),
    ("Fracture of left femur", 5),
    ("Fracture of right femur", 6),
    ("Fracture of femur", 7),
    ("Vitamin B12 deficiency", 8),
    ("Vitamin B6 deficiency", 9),
    ("Cobalamin deficiency", 8),
    ("Acute pancreatitis", 10),
    ("Chronic pancreatitis", 11),
    ("Pneumonia", 12),
    ("Bacterial pneumonia", 12),
    ("Crohn's disease", 13),
    ("Ödem", 14),
]
KINDS = [("SNOMED", "disorder"), ("SNOMED", "finding")]
words = st.sampled_from(
    ["acute", "chronic", "pain", "in", "of", "left", "right", "type", "1", "2", "b12", "hypo", "tension", "é"]
)
names = st.lists(
    st.tuples(st.lists(words, min_size=1, max_size=5).map(" ".join), st.integers(0, 9)), min_size=1, max_size=30
)


def built(given=NAMES, owners=15, wording=WORDING):
    kinds = [number % 2 for number in range(owners)]
    return CandidateIndex.build(given, owners=owners, wording=wording, kinds=KINDS, owner_kinds=kinds)


@pytest.fixture(scope="module")
def index():
    return built()


def owners(hits):
    return [hit.owner for hit in hits]


@settings(max_examples=60, deadline=None)
@given(names)
def test_every_form_finds_its_owner_first_and_exactly(held):
    index = built(held, 10)
    for name, owner in held:
        found = index.find(name.upper())
        assert owner in owners(found)
        assert {hit.way for hit in found} == {"exact"}


@settings(max_examples=60, deadline=None)
@given(names, st.lists(words, min_size=1, max_size=6).map(" ".join))
def test_hits_are_unique_and_shares_lie_between_0_and_1(held, mention):
    index = built(held, 10)
    for thorough in (False, True):
        found = index.find(mention, thorough=thorough)
        assert len({hit.number for hit in found}) == len(found)
        assert all(0 <= share <= 1 for hit in found for share in (hit.query, hit.form, hit.similarity))


@settings(max_examples=60, deadline=None)
@given(names, st.lists(words, min_size=1, max_size=6).map(" ".join))
def test_what_is_not_allowed_never_comes(held, mention):
    allowed = np.arange(10) % 3 == 0
    assert all(allowed[hit.owner] for hit in built(held, 10).find(mention, allowed=allowed))


@settings(max_examples=20, deadline=None)
@given(names, st.lists(st.text(max_size=30), max_size=4))
def test_answers_are_the_same_in_memory_mapped_and_after_pickling(tmp_path_factory, held, texts):
    index = built(held, 10)
    folder = tmp_path_factory.mktemp("saved") / "candidates"
    index.save(folder)
    mapped = CandidateIndex.open(folder)
    for text in (*texts, *(name for name, _ in held)):
        expected = index.find(text)
        assert mapped.find(text) == expected
        assert pickle.loads(pickle.dumps(mapped)).find(text) == expected
        assert pickle.loads(pickle.dumps(index)).find(text) == expected


def test_answers_and_files_do_not_depend_on_the_hash_seed(tmp_path):
    code = (
        "import sys; from tests.terminology.test_candidates import built; i = built(); i.save(sys.argv[1]);"
        "print([(h.owner, h.way, h.similarity) for h in i.find('deficiency of vitamin femur diabetis')])"
    )
    said, files = [], []
    for seed in ("0", "1", "2"):
        command = [sys.executable, "-c", code, str(tmp_path / seed)]
        done = subprocess.run(command, env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True)
        said.append(done.stdout)
        files.append({path.name: path.read_bytes() for path in (tmp_path / seed).iterdir()})
    assert said[0] == said[1] == said[2]
    assert files[0] == files[1] == files[2]


@pytest.mark.parametrize(
    ("mention", "first", "never"),
    [
        ("type 2 diabetes", 0, 1),
        ("diabetes type 1", 1, 0),
        ("hypothyroid", None, 4),
        ("femur fracture, right", 6, 5),
        ("fractured left femur", 5, 6),
        ("vitamin B12 lack", 8, 9),
        ("pancreatitis, chronic", 11, 10),
    ],
)
def test_what_tells_concepts_apart_is_never_crossed(index, mention, first, never):
    found = index.find(mention)
    assert never not in owners(found)
    if first is not None:
        assert found[0].owner == first


@pytest.mark.parametrize(
    ("mention", "owner", "way"),
    [
        ("PNEUMONIA", 12, "exact"),
        ("pneumonias", 12, "normalised"),
        ("Crohn disease", 13, "normalised"),
        ("odem", 14, "exact"),
        ("pnuemonia", 12, "spelling"),
        ("bacterial lung pneumonia", 12, "partial"),
        ("diabetes insipydus", 2, "spelling"),
    ],
)
def test_each_way_is_named(index, mention, owner, way):
    assert (index.find(mention)[0].owner, index.find(mention)[0].way) == (owner, way)


@pytest.mark.parametrize("mention", ["", "!!", "of the", "qwertz", "\ud800"])
def test_what_means_nothing_finds_nothing(index, mention):
    assert index.find(mention) == []


def test_among_thousands_of_names_those_most_alike_come_first():
    many = [
        (f"{word} {organ} {number}x", 0)
        for word in ("cyst", "mass")
        for organ in ("liver", "lung")
        for number in range(400)
    ]
    index = CandidateIndex.build([*many, ("cyst of liver", 1), ("benign cyst of liver", 2)], owners=3, wording=WORDING)
    assert owners(index.find("benign liver cyst thing"))[0] == 2
    assert owners(index.find("liver cyst thing"))[0] == 1


def test_thorough_goes_on_after_an_exact_form(index):
    assert {hit.way for hit in index.find("pneumonia", thorough=True)} == {"exact", "partial"}


def test_the_first_name_is_the_one_shown(index):
    assert index.head(8) == "vitamin b12 deficiency"
    assert [hit.head for hit in index.find("cobalamin deficiency")] == [False]
    assert built(NAMES, 16).head(15) == ""


def test_an_empty_index_answers(tmp_path):
    index = built([], 0)
    index.save(tmp_path / "none")
    assert CandidateIndex.open(tmp_path / "none").find("pain") == []


def test_the_wording_is_kept(tmp_path):
    index = built(wording=Wording(empty=frozenset({"acute"})))
    index.save(tmp_path / "own")
    assert owners(CandidateIndex.open(tmp_path / "own").find("pancreatitis")) == [10]


def test_a_folder_without_an_index_or_a_damaged_one_is_refused(tmp_path, index):
    with pytest.raises(FormatError, match="Build the terminology again"):
        CandidateIndex.open(tmp_path)
    index.save(tmp_path / "made")
    (tmp_path / "made" / "postings.npy").unlink()
    with pytest.raises(FormatError, match=r"postings\.npy"):
        CandidateIndex.open(tmp_path / "made")
    meta = tmp_path / "made" / META
    meta.write_text(json.dumps({**json.loads(meta.read_text()), "format": "medtext-candidates/99"}))
    with pytest.raises(FormatError, match="cannot be read"):
        CandidateIndex.open(tmp_path / "made")
    meta.write_text("{")
    with pytest.raises(FormatError, match="damaged"):
        CandidateIndex.open(tmp_path / "made")
