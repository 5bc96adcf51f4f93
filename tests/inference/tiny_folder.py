"""A tiny tokenizer for tests: no torch, no transformers."""

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

WORDS = ["the", "pain", "chest", "aspirin", "met", "##formin", "daily", ".", ",", "-", "1", "é"]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]


def tiny_tokenizer(words=WORDS):
    """A WordPiece tokenizer of a dozen words, with the truncation and padding that packaged ones have built in."""
    ids = {word: number for number, word in enumerate([*SPECIAL, *words])}
    made = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True, strip_accents=False)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", ids["[CLS]"]), ("[SEP]", ids["[SEP]"])]
    )
    return made
