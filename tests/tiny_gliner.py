"""A tiny GLiNER of random weights for tests: it finds nonsense, always the same. Needs gliner."""

import shutil
import string

from tests.tiny_model import SPECIAL, save_tokenizer

SIGNS = string.ascii_lowercase + string.digits
WORDS = [*SIGNS, *".,-:()", *("##" + sign for sign in SIGNS)]  # a word is as many tokens as it has letters
LONGEST = 96  # tokens, at once
MOST_WORDS = 40


def make_gliner(folder, *, span_mode="markerV0", seed=7, **config):
    """A folder as GLiNER writes it; `span_mode` says how it reads spans."""
    import gliner
    import torch
    import transformers

    torch.manual_seed(seed)
    encoder = transformers.BertConfig(
        vocab_size=len(SPECIAL) + len(WORDS), hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=16, max_position_embeddings=LONGEST,
    )  # fmt: skip
    base = save_tokenizer(folder.with_name(f"{folder.name}-base"), [*SPECIAL, *WORDS])
    made = gliner.GLiNER.from_config(
        gliner.GLiNERConfig(
            model_name=str(base), encoder_config=encoder.to_dict(), span_mode=span_mode, hidden_size=16, max_width=6,
            max_len=MOST_WORDS, **config,
        ),
        backbone_from_pretrained=False,
    )  # fmt: skip
    with torch.no_grad():
        for parameter in made.model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(2.5)  # scores that differ
    made.eval().save_pretrained(folder, safe_serialization=True)
    shutil.rmtree(base)  # the folder alone must do
    return folder
