"""The models that ship: there, whole, small, offline, and the first taken by the stages that name none."""

import subprocess
import sys
from pathlib import Path

import pytest

from medtext import Note, load
from medtext.errors import StageError
from medtext.inference import BUNDLED, TokenClassifier
from medtext.inference.folder import open_model_folder
from medtext.inference.places import bundled_models, find_model
from medtext.stages.deid import Deid
from medtext.stages.entities import Entities
from medtext.stages.sections import Sections
from medtext.taxonomy import Taxonomy
from medtext.training.recipe import load_recipe

MODELS = (BUNDLED, "section-mini")
LABELLED = [
    (BUNDLED, "identifiers", "phi"),
    (BUNDLED, "entities", "clinical"),
    ("section-mini", "sections", "clinical"),
]
TEXT = (
    "Patient: Zerlinda Quaxworth, seen by Dr. Okafor on 03/14/2024.\n"
    "HPI: 54-year-old woman with type 2 diabetes and hypertension, here for crushing chest pain.\n"
    "Meds: metformin 500 mg PO BID.\n"
)


def marked(note):
    return {(" ".join(note.quote(span)), span.label) for span in note.layer("entity")}


def test_they_ship():
    assert tuple(bundled_models()) == MODELS


@pytest.mark.parametrize("name", MODELS)
def test_each_is_small_enough(name):
    about = open_model_folder(find_model(name))
    assert about.precision == "int8"
    assert sum(one.stat().st_size for one in about.path.iterdir()) <= 30e6


@pytest.mark.parametrize("name", MODELS)
def test_its_heads_are_those_of_its_recipe(name):
    about, recipe = open_model_folder(find_model(name)), load_recipe(name)
    assert {name: head.labels for name, head in about.heads.items()} == {
        name: recipe.tags(name) for name in recipe.heads
    }
    assert (about.unit, about.version) == (recipe.unit, recipe.version)


@pytest.mark.parametrize(("name", "head", "taxonomy"), LABELLED)
def test_its_labels_are_those_of_the_taxonomies(name, head, taxonomy):
    about = open_model_folder(find_model(name))
    assert set(about.heads[head].kinds) <= set(Taxonomy.load(taxonomy).labels)


@pytest.mark.parametrize("name", MODELS)
def test_its_card_and_the_notice_credit_every_corpus(name):
    card = (find_model(name) / "MODEL_CARD.md").read_text(encoding="utf-8")
    notice = " ".join((Path(__file__).resolve().parents[2] / "NOTICE").read_text(encoding="utf-8").split())
    for corpus in load_recipe(name).corpora.values():
        assert corpus.credit in card
        assert corpus.credit.partition(":")[0] in notice or "case reports" in corpus.credit


def test_entities_are_marked_without_naming_a_model():
    found = marked(Entities()(Note("n", TEXT)))
    assert {("hypertension", "PROBLEM"), ("chest pain", "PROBLEM"), ("metformin", "MEDICATION")} <= found


def test_deid_takes_its_head_for_identifiers():
    stage = Deid(neural=BUNDLED)
    assert stage.describe()["neural"]["head"] == "identifiers"
    done = stage(Note("n", TEXT))
    assert "Quaxworth" not in done.text
    assert "diabetes" in done.text


@pytest.mark.parametrize("name", MODELS)
def test_sections_take_a_head_for_text_without_a_heading(name):
    text = "Appendectomy in 1995 and tonsillectomy as a child."
    (found,) = Sections(unheaded=0.0, model=name)(Note("n", text)).layer("section")
    assert found.label == "past_surgical_history"
    assert found.sources[0].by.startswith(f"model:{name}@")


def test_what_was_found_says_which_model_found_it():
    about = Entities().describe()
    assert (about["model"], about["licence"], len(about["sha256"])) == (BUNDLED, "Apache-2.0", 64)
    assert f"model:{BUNDLED}@{about['version']}" in {
        source.by for span in Entities()(Note("n", TEXT)).spans for source in span.sources
    }


def test_rules_and_model_agree_and_the_score_says_so():
    done = load("default")(Note("n", TEXT))
    (one,) = (span for span in done.layer("entity") if done.quote(span) == ("metformin",))
    by = {source.by.partition(":")[0] for source in one.sources if source.score}
    assert "model" in by
    assert len(by) > 1
    assert one.score >= max(source.score or 0 for source in one.sources)


def test_what_a_note_gives_does_not_depend_on_those_beside_it():
    texts = [TEXT, TEXT * 3, "No acute distress.", TEXT.upper(), ""]
    model = TokenClassifier(model=BUNDLED)
    assert model.find(texts) == [TokenClassifier(model=BUNDLED, batch_size=1).find([text])[0] for text in texts]


def test_a_damaged_copy_is_refused_with_what_to_do(tmp_path):
    for one in find_model(BUNDLED).iterdir():
        (tmp_path / one.name).write_bytes(one.read_bytes())
    with (tmp_path / "model.onnx").open("r+b") as stream:
        stream.seek(1000)
        stream.write(b"damage")
    with pytest.raises(StageError, match=r"it was damaged or changed\. Copy it again"):
        Entities(model=tmp_path)


def test_the_default_pipeline_needs_neither_torch_nor_the_network():
    code = (
        "import socket, sys\n"
        "def refuse(*a, **k): raise AssertionError('a connection')\n"
        "socket.socket.connect = refuse\n"
        "import medtext\n"
        f"done = medtext.load('default')(medtext.Note('n', {TEXT!r}))\n"
        "assert done.layer('entity')\n"
        "assert not {'torch', 'transformers'} & set(sys.modules), 'heavy'\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-500:]
