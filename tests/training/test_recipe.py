"""Recipes: every label accounted for, every fault named with its line."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from medtext.config import parse_yaml
from medtext.errors import ConfigError, UnknownNameError
from medtext.taxonomy import Taxonomy
from medtext.training.recipe import Corpus, Distil, Settings, load_recipe
from tests.training.tiny_corpus import recipe


@pytest.mark.parametrize("name", ["clinical-mini", "clinical-base", "section-mini"])
def test_the_shipped_recipes_name_labels_of_the_taxonomy(name):
    made = load_recipe(name)
    known = set(Taxonomy.load("clinical").labels)
    assert {label for labels in made.heads.values() for label in labels} <= known


def test_the_mini_recipe_learns_from_the_same_corpora_as_its_teacher():
    mini, base = load_recipe("clinical-mini"), load_recipe("clinical-base")
    assert {name: mini.corpora[name] for name in base.corpora} == base.corpora
    assert {name: mini.heads[name] for name in base.heads} == base.heads
    assert mini.distil is not None


@pytest.mark.parametrize("name", ["clinical-mini", "clinical-base", "section-mini"])
def test_no_corpus_under_a_share_alike_licence_is_in_a_shipped_recipe(name):
    for corpus in load_recipe(name).corpora.values():
        assert corpus.licence
        assert "SA" not in corpus.licence
        assert "anatem" not in corpus.file


def test_the_corpora_that_a_shipped_recipe_measures_on_are_not_trained_on():
    corpora = load_recipe("clinical-mini").corpora
    learned = {one.file for one in corpora.values() if one.use == "train"}
    assert not learned & {one.file for one in corpora.values() if one.use == "test"}
    assert corpora["bc5cdr_dev"].use == "test"


def test_a_name_that_ships_with_nobody_lists_those_that_do():
    with pytest.raises(UnknownNameError, match="Recipes: clinical-base, clinical-mini, section-mini"):
        load_recipe("clinical-maxi")


def test_tags_are_iob2_in_the_order_of_the_labels():
    assert load_recipe(recipe()).tags("entities") == ("O", "B-PROBLEM", "I-PROBLEM", "B-MEDICATION", "I-MEDICATION")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"colour": "red"}, "unknown key 'colour' in a recipe"),
        ({"heads": {}}, "at least one head"),
        ({"base": ""}, "a name and a base"),
        ({"precision": "int4"}, "int8, fp32"),
        ({"training": {"epochs": 0}}, "epochs is at least 1"),
        ({"training": {"epochs": 3, "restart": 3}}, "restart is an epoch before the last"),
        ({"training": {"warmup": 1.5}}, "warmup is a number from 0 to below 1"),
        ({"training": {"rate": 1}}, "unknown key 'rate' in training"),
        ({"training": {"epochs": "two"}}, "'epochs' must be a whole number"),
        ({"corpora": {"a": {"file": "a", "head": "diseases"}}}, "names the head 'diseases'. Heads: entities"),
        ({"corpora": {"a": {"file": "a", "head": "entities", "labels": {"X": "NOPE"}}}}, "has no label 'NOPE'"),
        ({"corpora": {"a": {"file": "a", "head": "entities", "use": "play"}}}, "use is one of train"),
        ({"corpora": {"a": {"file": "a", "head": "entities", "dev": 0.7, "test": 0.7}}}, "shares from 0 to 1"),
        ({"corpora": {"a": {"file": "a", "head": "entities", "group": "("}}}, "no regular expression"),
        ({"corpora": {"a": {"file": "a", "head": "entities", "without": ["b"]}}}, "is without 'b', which is none"),
        ({"corpora": {"a": {"head": "entities"}}}, "needs a file"),
        ({"corpora": {"a": {"file": "a", "use": "unlabelled"}}}, "at least one corpus whose use is train"),
        ({"unit": {"tokens": 2}}, "at least 4"),
        ({"heads": {"entities": ["PROBLEM", "MEDICATION"], "names": ["NAME"]}}, "head 'names' has no corpus"),
    ],
)
def test_a_fault_is_named(changes, told):
    with pytest.raises(ConfigError, match=told):
        load_recipe(recipe(**changes))


def test_a_fault_in_a_file_comes_with_its_line(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("extends: clinical-base\nname: mine\ntraining:\n  epochs: 0\n")
    with pytest.raises(ConfigError, match=r"mine\.yaml:3: training: epochs is at least 1"):
        load_recipe(path)


def test_the_recipe_in_the_documents_can_be_read():
    told = (Path(__file__).resolve().parents[2] / "docs" / "training.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"^```yaml\n(extends: clinical-mini.*?)^```", told, re.MULTILINE | re.DOTALL)
    made = load_recipe(parse_yaml(text))
    assert made.corpora["corrected"].labels["IMAGING"] == ("TEST", "PROCEDURE")


def test_the_documents_name_every_key_of_a_recipe():
    told = (Path(__file__).resolve().parents[2] / "docs" / "training.md").read_text(encoding="utf-8")
    keys = {one.name for kind in (Corpus, Settings, Distil) for one in fields(kind)} - {"name"}
    assert not {key for key in keys if f"`{key}`" not in told}


def test_a_recipe_over_another_may_do_without_its_teacher():
    assert load_recipe({"extends": "clinical-mini", "distil": None}).distil is None


def test_what_a_recipe_adds_stands_beside_what_it_extends():
    corpus = {"file": "x.jsonl", "head": "mood", "labels": {"SAD": "SAD"}}
    made = load_recipe({"extends": "clinical-base", "adds": {"heads": {"mood": ["SAD"]}, "corpora": {"moods": corpus}}})
    base = load_recipe("clinical-base")
    assert list(made.heads) == [*base.heads, "mood"]
    assert list(made.corpora) == [*base.corpora, "moods"]


def test_a_recipe_over_another_keeps_what_it_does_not_name(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("extends: clinical-base\nname: mine\ntraining: {epochs: 1}\n")
    made = load_recipe(path)
    assert (made.name, made.training.epochs, made.base) == ("mine", 1, "all-mpnet-base-v2")
