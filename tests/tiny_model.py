"""A tiny BERT for tests: the label of a word depends on the word alone. Needs torch and transformers."""

import torch
import transformers

WORDS = ["the", "pain", "chest", "aspirin", "met", "##formin", "daily", ".", ",", "-", "1", "é"]
LABELS = ("O", "B-PAIN", "I-PAIN", "B-DRUG", "I-DRUG")
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]


def make_model(
    folder, tags, *, words=WORDS, labels=("O", "B-PAIN", "I-PAIN", "B-DRUG", "I-DRUG"), blind=0, blur=0.0, positions=64
):
    """A BERT whose label depends on the word alone: one dimension a word, everything between switched off.

    `tags` maps words to labels. Within `blind` tokens of the start of a window it sees nothing; with `blur` it also
    sees the mean of all tokens.
    """
    vocabulary = [*SPECIAL, *words]
    size = 32
    config = transformers.BertConfig(
        vocab_size=len(vocabulary), hidden_size=size, num_hidden_layers=1, num_attention_heads=1, intermediate_size=4,
        max_position_embeddings=positions, num_labels=len(labels), id2label=dict(enumerate(labels)),
        label2id={label: number for number, label in enumerate(labels)},
    )  # fmt: skip
    model = transformers.BertForTokenClassification(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.fill_(1.0 if name.endswith("LayerNorm.weight") else 0.0)
        for number in range(len(vocabulary)):
            model.bert.embeddings.word_embeddings.weight[number, number] = 1.0
        attention = model.bert.encoder.layer[0].attention
        attention.self.value.weight.copy_(torch.eye(size) * blur)
        attention.output.dense.weight.copy_(torch.eye(size))
        model.bert.embeddings.position_embeddings.weight[1 : blind + 1, size - 1] = 9.0
        model.classifier.weight[0, size - 1] = 9.0
        for word, label in tags.items():
            model.classifier.weight[labels.index(label), vocabulary.index(word)] = 2.0
        model.classifier.bias[0] = 2.0
    model.save_pretrained(folder)
    return save_tokenizer(folder, vocabulary)


def save_tokenizer(folder, vocabulary):
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    ids = {word: number for number, word in enumerate(vocabulary)}
    made = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True, strip_accents=False)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", ids["[CLS]"]), ("[SEP]", ids["[SEP]"])]
    )
    made.enable_truncation(16)  # as packaged tokenizers have it
    made.enable_padding(length=16)
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=made, unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]"
    )
    fast.save_pretrained(folder)
    return folder
