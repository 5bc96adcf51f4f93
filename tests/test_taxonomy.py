"""Taxonomies and policies: one YAML drives everything, and a wrong key or a clash is refused with its line."""

import pytest

from medtext import Assertion, Code, Note, Policy, Relation, Span, Taxonomy
from medtext.errors import ConfigError, UnknownNameError


def written(tmp_path, text, name="mine.yaml"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_shipped_taxonomies_load_and_their_labels_are_told_apart():
    clinical = Taxonomy.load("clinical")
    assert {"phi", "entity", "section"} <= set(clinical.layers)
    assert clinical.labels["PROBLEM"].codes == ("SNOMED", "ICD10CM")
    for layer in ("phi", "entity"):
        for label in clinical.layer(layer):
            assert label.guideline, label.name
    colours = [label.colour for label in clinical.layer("entity")]
    assert len(set(colours)) == len(colours)


def test_all_eighteen_classes_of_safe_harbor_have_a_label():
    letters = {label.safe_harbor for label in Taxonomy.load("phi").labels.values()} - {""}
    assert letters == set("ABCDEFGHIJKLMNOPQR")


def test_a_users_taxonomy_may_extend_ours(tmp_path):
    path = written(
        tmp_path, "name: mine\nextends: clinical\nlabels:\n  STAGE:\n    guideline: Tumour stage.\n    key: z\n"
    )
    mine = Taxonomy.load(path)
    assert mine.labels["STAGE"].layer == "entity"
    assert "PROBLEM" in mine.labels
    assert mine.relations.keys() == Taxonomy.load().relations.keys()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "name: x\nlabels:\n  A:\n    color: '#ffffff'\n",
            "mine.yaml:4: unknown key 'color' in label A. Known keys: layer,",
        ),
        ("name: x\nlabels:\n  A: {}\n  A: {}\n", "mine.yaml:4: 'A' stands twice; it first stands at line 3"),
        ("name: x\nlabels:\n  A: {key: k}\n  B: {key: k}\n", "mine.yaml:4: labels A and B share the key 'k'"),
        ("name: x\nlabels:\n  A:\n    colour: red\n", "mine.yaml:4: colour 'red' of label A is not written #rrggbb"),
        ("name: x\nlabels:\n  A:\n    assertion: [negation]\n", "mine.yaml:4: unknown axis 'negation'"),
        ("name: x\nextends: clinical\nlabels:\n  PROBLEM: {}\n", "mine.yaml:4: label 'PROBLEM' clashes"),
        ("name: x\nlabels:\n  NO: {}\n", "mine.yaml:3: the name False must be in quotes"),
        (
            "name: x\nlabels:\n  A: {}\nrelations:\n  r: {from: [B]}\n",
            "mine.yaml:5: relation r names the unknown label 'B'",
        ),
        ("name: x\nlabels: [A]\n", "mine.yaml:2: 'labels' must be a mapping"),
        ("name: x\nlabels:\n  A: {layer: Entity}\n", "layer 'Entity' must be lower-case"),
        ("name: x\n  labels: {}\n", "mine.yaml:2: not YAML"),
        ("- a\n", "mine.yaml: a mapping was expected"),
    ],
)
def test_a_taxonomy_that_cannot_be_right_is_refused_with_its_line(tmp_path, text, message):
    with pytest.raises(ConfigError) as caught:
        Taxonomy.load(written(tmp_path, text))
    assert message in str(caught.value)


def test_taxonomies_that_extend_each_other_in_a_circle_are_refused(tmp_path):
    written(tmp_path, "name: a\nextends: b.yaml\n", "a.yaml")
    written(tmp_path, "name: b\nextends: a.yaml\n", "b.yaml")
    with pytest.raises(ConfigError, match="a → b → a extend each other in a circle"):
        Taxonomy.load(tmp_path / "a.yaml")


def test_an_unknown_name_lists_those_that_exist():
    with pytest.raises(UnknownNameError, match=r"Unknown taxonomy 'clinica'. Taxonomies: clinical, phi"):
        Taxonomy.load("clinica")


def test_what_a_taxonomy_does_not_allow_is_named_by_span():
    note = Note("n", "Pt denies chest pain.").add(
        [
            Span(((10, 20),), "PROBLEM", id="ok", assertion=Assertion("absent"), codes=(Code("SNOMED", "29857009"),)),
            Span(((10, 20),), "PROBLM", id="typo"),
            Span(((10, 20),), "DOSE", id="axis", assertion=Assertion("absent")),
            Span(((10, 20),), "PROBLEM", id="code", codes=(Code("LOINC", "1-8"),)),
        ],
        [Relation("dose_of", "axis", "ok", id="r1"), Relation("cause_of", "ok", "code", id="r2")],
    )
    found = sorted(problem.message for problem in Taxonomy.load().problems(note))
    assert [message.partition(". ")[0] for message in found] == [
        "relation 'r1': dose_of does not join PROBLEM 'ok'.",
        "relation 'r2': unknown type 'cause_of'",
        "span 'axis': label DOSE takes no presence.",
        "span 'code': label PROBLEM takes SNOMED, ICD10CM, not LOINC.",
        "span 'typo': unknown label 'PROBLM' in layer 'entity'",
    ]


def test_policies_say_what_is_done_with_each_class():
    policy = Policy.load("safe-harbor")
    assert policy.action("DATE") == "generalise"
    assert policy.action("MRN") == policy.default == "tag"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: x\nactions:\n  DATE: blur\n", "mine.yaml:3: unknown action 'blur'. Actions: keep, generalise"),
        ("name: x\nactions:\n  DATUM: tag\n", "mine.yaml:3: unknown identifier 'DATUM'. Identifiers: ACCOUNT, "),
        ("name: x\ndefault: hide\n", "mine.yaml:2: unknown action 'hide'"),
        ("name: x\nrules: {}\n", "mine.yaml:2: unknown key 'rules' in a policy"),
    ],
)
def test_a_policy_that_cannot_be_right_is_refused_with_its_line(tmp_path, text, message):
    with pytest.raises(ConfigError) as caught:
        Policy.load(written(tmp_path, text))
    assert message in str(caught.value)
