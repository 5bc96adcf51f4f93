"""The model in training: upper layers learn faster, and what was saved opens as it was."""

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch

from medtext.training.model import new_tagger, open_tagger, parameter_groups, save_tagger
from tests.training.tiny_corpus import save_encoder

HEADS = {"entities": ("O", "B-X", "I-X"), "identifiers": ("O", "B-Y", "I-Y", "B-Z", "I-Z")}


@pytest.fixture
def tagger(tmp_path):
    save_encoder(tmp_path)
    return new_tagger(str(tmp_path), HEADS, dropout=0.1, root=tmp_path)


def test_each_layer_learns_more_slowly_than_the_one_above_it(tagger):
    groups = parameter_groups(tagger, rate=1.0, head_rate=9.0, decay=0.1, layer_decay=0.5)
    rates = {id(one): group["lr"] for group in groups for one in group["params"]}
    decays = {id(one): group["weight_decay"] for group in groups for one in group["params"]}
    named = dict(tagger.module.named_parameters())
    assert len(rates) == len(named)
    assert {rates[id(one)] for name, one in named.items() if name.startswith("heads.")} == {9.0}
    assert {rates[id(one)] for name, one in named.items() if ".layer.1." in name} == {1.0}
    assert {rates[id(one)] for name, one in named.items() if ".layer.0." in name} == {0.5}
    assert {rates[id(one)] for name, one in named.items() if ".embeddings." in name} == {0.25}
    assert all(decays[id(one)] == (0.1 if one.ndim > 1 else 0.0) for one in named.values())


def test_every_head_gives_its_logits_in_one_pass(tagger):
    ids = torch.tensor([[2, 4, 5, 3]])
    found = tagger.logits(ids, torch.ones_like(ids))
    assert {name: tuple(one.shape) for name, one in found.items()} == {
        "entities": (1, 4, 3), "identifiers": (1, 4, 5)
    }  # fmt: skip


def test_a_saved_model_opens_as_it_was(tagger, tmp_path):
    save_tagger(tagger, tmp_path / "saved")
    opened = open_tagger(tmp_path / "saved")
    ids = torch.tensor([[2, 4, 5, 6, 3]])
    tagger.module.eval()
    with torch.inference_mode():
        ours, theirs = (one.logits(ids, torch.ones_like(ids)) for one in (tagger, opened))
    assert opened.heads == HEADS
    assert all(torch.equal(ours[name], theirs[name]) for name in HEADS)


def test_the_packaged_truncation_is_off(tagger):
    assert len(tagger.tokenizer.encode("pain " * 40).ids) == 42


def test_a_trained_model_may_be_the_base_of_another(tagger, tmp_path):
    save_tagger(tagger, tmp_path / "saved")
    heads = {"entities": HEADS["entities"], "identifiers": ("O", "B-Y", "I-Y")}
    made = new_tagger(str(tmp_path / "saved"), heads, dropout=0.0, root=tmp_path)
    ours, theirs = tagger.module.state_dict(), made.module.state_dict()
    assert all(
        torch.equal(ours[name], theirs[name]) for name in ours if name.startswith(("encoder.", "heads.entities"))
    )
    assert made.module["heads"]["identifiers"].out_features == 3
