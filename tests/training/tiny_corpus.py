"""A tiny encoder and tiny corpora for trainings of seconds. Needs torch and transformers."""

import itertools
import json
import random

from tests.inference.tiny_folder import SPECIAL, WORDS, tiny_tokenizer

# The tag of a word depends on the word alone, which a tiny encoder learns surely.
DRUGS, PAINS, OTHERS = ("aspirin", "metformin"), ("chest pain",), ("the", "daily", ".", "1")


def save_encoder(folder, *, seed=0):
    """A BERT of one layer with random weights, and its tokenizer with the truncation that packaged ones have."""
    import torch
    import transformers

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        config = transformers.BertConfig(
            vocab_size=len(SPECIAL) + len(WORDS), hidden_size=32, intermediate_size=32, num_hidden_layers=2,
            num_attention_heads=2, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
            max_position_embeddings=64,
        )  # fmt: skip
        transformers.BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    made = tiny_tokenizer()
    made.enable_truncation(16)
    made.save(str(folder / "tokenizer.json"))
    return folder


def records(count, *, seed, labels=("DRUG", "PAIN"), name="n"):
    """Records of a corpus that annotates these labels wherever they stand."""
    rng = random.Random(seed)
    return [_record(rng, f"{name}{number}", labels) for number in range(count)]


def _record(rng, identifier, labels):
    text, spans = "", []
    for _ in range(rng.randint(4, 10)):
        kind = rng.choice(("DRUG", "PAIN", "", ""))
        word = rng.choice({"DRUG": DRUGS, "PAIN": PAINS, "": OTHERS}[kind])
        if kind in labels:
            spans.append({"id": f"s{len(spans)}", "start": len(text), "end": len(text) + len(word), "label": kind})
        text += word + " the "
    return {"id": identifier, "text": text, "spans": spans}


def write_records(path, held):
    path.write_text("".join(json.dumps(one) + "\n" for one in held), encoding="utf-8")
    return path


def recipe(*, training=None, **changes):
    """A recipe over `drugs.jsonl`, which knows no pain, and `both.jsonl`."""
    corpora = {
        "drugs": {"file": "drugs.jsonl", "format": "records", "head": "entities", "labels": {"DRUG": "MEDICATION"}},
        "both": {
            "file": "both.jsonl", "format": "records", "head": "entities", "dev": 0.2, "test": 0.2,
            "labels": {"DRUG": "MEDICATION", "PAIN": "PROBLEM"}, "licence": "CC0", "credit": "nobody",
        },
    }  # fmt: skip
    chosen = {"epochs": 2, "batch_tokens": 64, "learning_rate": 0.01, "head_learning_rate": 0.02, "seed": 3}
    made = {
        "name": "tiny", "base": "encoder", "licence": "CC0", "heads": {"entities": ["PROBLEM", "MEDICATION"]},
        "corpora": corpora, "training": {**chosen, "bf16": False, **(training or {})},
        "unit": {"tokens": 16, "overlap": 4},
    }  # fmt: skip
    return {**made, **changes}


def make_data(folder, *, many=40):
    """The encoder and the two corpora in a folder."""
    save_encoder(folder / "encoder")
    write_records(folder / "drugs.jsonl", records(many, seed=1, labels=("DRUG",), name="d"))
    write_records(folder / "both.jsonl", records(many, seed=2, name="b"))
    return folder


def interrupt_after(lines):
    """A `tell` that breaks the run off after so many lines of progress."""
    counter = itertools.count(1)

    def tell(_):
        if next(counter) >= lines:
            raise KeyboardInterrupt

    return tell
