import json
import re
import shutil
import socket
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import medtext
from medtext.errors import ConfigError, MissingExtraError, StageError
from medtext.inference.decode import Found, trimmed
from medtext.inference.zero_shot import _disjoint
from medtext.note import Note
from medtext.span import Source, Span
from medtext.stages.zero_shot import ZeroShot

ASKED = {"adverse drug effect": "PROBLEM", "implant": "DEVICE", "drug": "MEDICATION"}
WORDS = ["chest", "pain", "aspirin", "10", "mg", "b.i.d.", "🙂", "é\u0301", "(left)", "hip-joint", "x_1", "a", "\u200b"]
BLANKS = [" ", "  ", "\t", "\r\n", "\n", "\u2028", "\x0b", "\x85", ". ", ", "]
LEAST = 0.1  # random weights are never sure
MODES = ["markerV0", "markerV1", "token_level"]  # in markerV1 what a row gives depends on how far it is padded

texts = st.lists(st.tuples(st.sampled_from(WORDS), st.sampled_from(BLANKS)), max_size=60).map(
    lambda pairs: "".join(word + blank for word, blank in pairs)
)


def write_folder(folder, config=None, leave_out=()):
    """A folder that looks like a GLiNER model, without weights that anything could read."""
    folder.mkdir(exist_ok=True)
    held = {"encoder_config": {"model_type": "bert"}, **(config or {})}
    files = {"gliner_config.json": json.dumps(held), "tokenizer.json": "{}", "tokenizer_config.json": "{}"}
    for name, text in (files | {"model.safetensors": ""}).items():
        if name not in leave_out:
            (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    pytest.importorskip("gliner", reason="gliner is not installed (make test-gliner has an environment with it)")
    import torch

    from tests.tiny_gliner import make_gliner

    torch.set_num_threads(1)  # for rows this small, threads only wait for each other
    home = tmp_path_factory.mktemp("gliner")
    return {mode: make_gliner(home / mode, span_mode=mode) for mode in MODES}


@pytest.fixture(scope="module")
def stages(folders):
    return {mode: open_stage(folders[mode]) for mode in MODES}


@pytest.fixture(scope="module")
def stage(stages):
    return stages["markerV0"]


def open_stage(folder, **options):
    return ZeroShot(model=folder, **{"labels": ASKED, "threshold": LEAST, **options})


def found(note):
    return [(span.start, span.end, span.label, span.score) for span in note.layer("entity")]


@pytest.fixture
def copy(folders, tmp_path):
    return shutil.copytree(folders["markerV0"], tmp_path / "copy")


@pytest.mark.parametrize("mode", MODES)
@settings(max_examples=25)
@given(first=texts, second=texts)
def test_what_stands_before_a_paragraph_only_moves_its_findings(stages, mode, first, second):
    stage, before = stages[mode], f"{first.strip()}\n\n" if first.strip() else ""
    moved = [(a + len(before), b + len(before), *rest) for a, b, *rest in found(stage(Note("n", second.strip())))]
    assert found(stage(Note("n", before + second.strip()))) == found(stage(Note("n", first.strip()))) + moved


@settings(max_examples=25)
@given(text=texts)
def test_findings_are_disjoint_and_begin_and_end_with_whole_words(stage, text):
    note = stage(Note("n", text))
    assert note.text == text
    last = 0
    for span in note.layer("entity"):
        assert last <= span.start < span.end <= len(text)
        (quote,) = note.quote(span)
        assert quote == quote.strip()
        for at in (span.start, span.end):
            assert not text[max(0, at - 1) : at + 1].isalnum() or at in (0, len(text))
        assert span.label in ASKED.values()
        assert LEAST <= span.score <= 1
        last = span.end


@pytest.mark.parametrize("mode", MODES)
def test_a_text_that_fits_gives_what_gliner_gives(folders, stages, mode):
    import gliner

    text = "🙂 é\u0301 chest pain\tand aspirin\r\n10 mg daily"
    model = gliner.GLiNER.from_pretrained(str(folders[mode]), local_files_only=True)
    theirs = model.predict_entities(text, list(ASKED), threshold=LEAST)
    note = stages[mode](Note("n", text))
    assert [text[one["start"] : one["end"]] for one in theirs] == [one["text"] for one in theirs]
    places = [trimmed(text, one["start"], one["end"]) for one in theirs]  # no span is an emoji
    said = zip(places, theirs, strict=True)
    assert found(note) == [(*at, ASKED[one["label"]], round(one["score"], 4)) for at, one in said if at[0] < at[1]]
    assert len(note.layer("entity")) > 2


@pytest.mark.parametrize("mode", MODES)
def test_signs_that_the_encoder_makes_no_token_of_move_nothing(stages, mode):
    plain, held = "chest pain and aspirin 10 mg daily", "chest \u200bpain\u200b \0 and \u200b aspirin\xad 10 mg daily"
    quotes = [
        [word for quote in note.quote(span) for word in quote.split()]
        for note in [stages[mode](Note("n", plain))]
        for span in note.layer("entity")
    ]
    note = stages[mode](Note("n", held))
    seen = [note.quote(span)[0].translate(dict.fromkeys((0, 0xAD, 0x200B))).split() for span in note.layer("entity")]
    assert seen == quotes != []


LONG = {
    "words without an end": "chest pain aspirin 10 mg daily hip " * 720,
    "sentences": "Chest pain. Aspirin 10 mg daily for the left hip. " * 500,
    "lines": "aspirin 10 mg\r\n" * 1700,
    "short words": "a " * 5000,
    "signs of one token or none": "é 🙂 \u200b " * 1700,
    "words without a blank": "a-b_c" * 60 + " pain " + "x" * 90 + " pain " + "y" * 99 + " pain" + "z" * 3000,
}


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
@pytest.mark.parametrize("long_labels", [False, True], ids=["words are scarce", "tokens are scarce"])
def test_every_word_reaches_the_encoder_and_nothing_is_padded(folders, monkeypatch, text, long_labels):
    from tests.tiny_gliner import LONGEST, MOST_WORDS

    labels = ["adverse drug effect since admission", "implant or prosthesis", "drug by mouth"]
    stage = open_stage(folders["markerV0"], labels=labels if long_labels else ASKED)
    assert (stage.describe()["window"] < MOST_WORDS) == long_labels
    stage._model._batch_size = 8  # as on a GPU
    model, rows = stage._model._model, []

    def run_batch(batch, run=model.run_batch, **options):
        assert batch["input_ids"].shape[1] <= LONGEST
        assert batch["attention_mask"].all()
        for words, mask in zip(batch["tokens"], batch["words_mask"], strict=True):
            assert len(words) <= MOST_WORDS
            reached = {number for number in mask.tolist() if number}
            assert reached == set(range(1, len(words) + 1))
            rows.append(words)
        return run(batch, **options)

    monkeypatch.setattr(model, "run_batch", run_batch)
    note = stage(Note("n", text))
    assert {word[:3] for row in rows for word in row} == {
        word[:3] for word in re.findall(r"\w+(?:[-_]\w+)*|\S", text.replace("\u200b", ""))
    }
    assert note.layer("entity")[-1].end > len(text.rstrip()) - 3100


def test_at_a_border_no_more_is_open_than_one_finding_is_wide(folders):
    words = [f"w{number}" for number in range(1500)]
    note = open_stage(folders["markerV0"], threshold=0.0)(Note("n", " ".join(words)))
    held = {quote for span in note.layer("entity") for quote in note.quote(span)[0].split()}
    gaps = "".join(" " if word in held else "x" for word in words).split()  # at threshold 0 gliner marks every word
    assert max(map(len, gaps), default=0) < 6
    assert not any(span.x for span in note.spans)  # nothing left for the merging of stages to overrule
    assert {words[0], words[-1]} <= held


@pytest.mark.parametrize(
    ("scores", "standing"),
    [((0.6, 0.7, 0.65), "B"), ((0.6, 0.5, 0.7), "AC"), ((0.6, 0.6, 0.6), "B"), ((0.5, 0.5, 0.4), "BD")],
)
def test_where_findings_of_two_windows_overlap_the_surest_stands_then_the_longest(scores, standing):
    places = [(0, 10, "A"), (5, 16, "B"), (12, 20, "C")]
    some = [Found(*place, score) for place, score in zip(places, scores, strict=True)]
    if "D" in standing:
        some.append(Found(16, 18, "D", 0.9))
    assert [one.label for one in _disjoint(reversed(some))] == list(standing)


def test_a_finding_is_that_of_the_window_in_which_its_first_word_stands_most_central(stages):
    from medtext.inference.windows import Unit, cut

    stage, text = stages["token_level"], "chest pain aspirin 10 mg daily hip " * 60
    said = stage.describe()
    (stretches,) = cut([text], stage._model._words, Unit(said["window"], said["overlap"]))
    assert len(stretches) > 8
    for span in stage(Note("n", text)).layer("entity"):
        (owner,) = [one for one in stretches if span.start in {start for start, _ in one.offsets[slice(*one.own)]}]
        begin, end = owner.offsets[0][0], owner.offsets[-1][1]
        theirs = stage._model._model.predict_entities(text[begin:end], list(ASKED), threshold=LEAST)
        assert (span.start - begin, span.end - begin) in {(one["start"], one["end"]) for one in theirs}


def test_a_word_longer_than_the_window_is_found_whole_or_not_at_all(folders):
    text = "aspirin " + "q" * 95 + " aspirin"
    note = open_stage(folders["token_level"], threshold=0.0)(Note("n", text))
    assert [quote for span in note.layer("entity") for quote in note.quote(span)][-1].endswith("aspirin")
    assert all(span.start in (0, 8, 104) for span in note.layer("entity"))


@pytest.mark.parametrize("mode", MODES)
def test_neither_the_notes_beside_it_nor_the_batch_size_change_a_note(folders, stages, mode):
    shapes = [3, 9, 9, 17, 30, 38, 5, 1, 22, 22, 200, 12, 0]
    words = [word for word in WORDS if word.isalnum()]
    notes = [
        Note(f"n{at}", " ".join(words[(at + step * 3) % 5] for step in range(size))) for at, size in enumerate(shapes)
    ]
    alone = [found(stages[mode](note)) for note in notes]
    for size in (1, 3, 64):
        stage = open_stage(folders[mode], batch_size=size)
        assert [found(note) for note in stage.pipe(notes)] == alone
    assert [found(note) for note in stages[mode].pipe(notes[::-1])] == alone[::-1]


def test_what_a_gpu_computes_together_differs_in_the_last_digits_at_most(folders, stages):
    words = ["chest", "pain", "aspirin", "daily", "hip"]
    notes = [Note(f"n{at}", " ".join(words[at % 5 :] + words[: at % 5 + at % 3])) for at in range(30)]
    together = open_stage(folders["markerV1"])
    together._model._batch_size = 64
    for note, other in zip(stages["markerV1"].pipe(notes), together.pipe(notes), strict=True):
        one, two = found(note), found(other)
        assert [span[:3] for span in one] == [span[:3] for span in two]
        assert [span[3] for span in one] == pytest.approx([span[3] for span in two], abs=2e-4)


def test_a_model_opened_twice_finds_the_same(folders, stages):
    note = Note("n", "Chest pain since the hip-joint was replaced. Aspirin 10 mg daily.")
    assert open_stage(folders["markerV0"])(note) == stages["markerV0"](note)


def test_a_list_of_labels_asks_for_them_by_their_own_names(folders):
    text = "chest pain and aspirin 10 mg daily"
    by_name = open_stage(folders["markerV0"], labels=["PROBLEM", "DEVICE"])(Note("n", text))
    by_map = open_stage(folders["markerV0"], labels={"PROBLEM": "A", "DEVICE": "B"})(Note("n", text))
    named = {"PROBLEM": "A", "DEVICE": "B"}
    assert [(a, b, named[label], score) for a, b, label, score in found(by_name)] == found(by_map) != []


def test_only_what_is_sure_enough_is_found(folders, stage):
    note = Note("n", "chest pain and aspirin 10 mg daily for the left hip")
    scores = [score for *_, score in found(stage(note))]
    border = max(scores) - 0.001
    assert {score for *_, score in found(open_stage(folders["markerV0"], threshold=border)(note))} == {max(scores)}
    assert found(open_stage(folders["markerV0"], threshold=1.0)(note)) == []


def test_what_another_stage_found_at_the_same_place_is_confirmed(stage):
    text = "chest pain and aspirin 10 mg daily"
    (start, end, label, score), *_ = found(stage(Note("n", text)))
    theirs = Span(((start, end),), label, id="e1", score=0.5, sources=(Source("dictionary:ours", 0.5),))
    first = stage(Note("n", text, spans=(theirs,))).layer("entity")[0]
    assert {source.by for source in first.sources} == {"dictionary:ours", stage._model.source}
    assert first.score == round(1 - 0.5 * (1 - score), 4)


def test_identifiers_and_what_a_person_marked_are_left_alone(stage):
    text = "chest pain and aspirin 10 mg daily"
    phi = Span(((0, 10),), "PATIENT", id="p1", layer="phi")
    human = Span(((15, 34),), "REGIMEN", id="e1", status="accepted")
    note = stage(Note("n", text, spans=(phi, human)))
    assert [span for span in note.layer("entity") if span.id == "e1"] == [human]
    assert all(span.start >= 10 and span.end <= 15 for span in note.layer("entity") if span.id != "e1")


def test_spans_name_the_model_and_describe_says_what_was_asked(folders, stage):
    import hashlib

    sha256 = hashlib.sha256((folders["markerV0"] / "model.safetensors").read_bytes()).hexdigest()
    said = stage.describe()
    assert said == {
        "model": "markerV0", "sha256": sha256, "labels": ASKED, "threshold": LEAST, "window": 40, "overlap": 20,
        "cut": "paragraphs/1",
    }  # fmt: skip
    span, *_ = stage(Note("n", "chest pain and aspirin")).layer("entity")
    assert span.sources == (Source(f"model:markerV0@{sha256[:12]}", span.score),)


def test_a_pipeline_runs_it_and_stages_after_it_see_its_labels(folders):
    options = {"model": str(folders["markerV0"]), "labels": ASKED, "threshold": LEAST}
    pipeline = medtext.load({"stages": [{"zero_shot": options}, "sections", "sentences", "assertion"]})
    note = pipeline(Note("n", "Denies chest pain and aspirin 10 mg daily."))
    assert {span.label for span in note.layer("entity")} <= set(ASKED.values())
    assert any(span.assertion for span in note.layer("entity"))


def test_the_network_is_never_asked(folders, monkeypatch, copy):
    def refuse(*_):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    config = json.loads((copy / "gliner_config.json").read_text())
    config["model_name"] = "microsoft/deberta-v3-small"
    (copy / "gliner_config.json").write_text(json.dumps(config))
    note = Note("n", "chest pain and aspirin 10 mg daily")
    assert found(open_stage(copy)(note)) == found(open_stage(folders["markerV0"])(note)) != []


@pytest.mark.parametrize("text", ["", " ", "\0", "\n\n", "\u200b", "x" * 100_000, "\u202easpirin\u202c"], ids=ascii)
def test_odd_text_is_no_trouble(stage, text):
    assert stage(Note("n", text)).text == text


def test_weights_that_lack_a_tensor_are_refused(copy):
    from safetensors.torch import load_file, save_file

    tensors = load_file(copy / "model.safetensors")
    del tensors[next(name for name in sorted(tensors) if "prompt_rep" in name)]
    save_file(tensors, copy / "model.safetensors")
    with pytest.raises(StageError, match="lack 1 of its tensors"):
        open_stage(copy)


def test_weights_as_gliner_writes_them_by_default_are_read_too(folders, copy):
    import torch
    from safetensors.torch import load_file

    torch.save(load_file(copy / "model.safetensors"), copy / "pytorch_model.bin")
    (copy / "model.safetensors").unlink()
    note = Note("n", "chest pain and aspirin 10 mg daily")
    assert found(open_stage(copy)(note)) == found(open_stage(folders["markerV0"])(note))


def test_damaged_weights_say_what_to_do(copy):
    (copy / "model.safetensors").write_bytes(b"\0" * 100)
    with pytest.raises(StageError, match=r"could not be opened.*save_pretrained"):
        open_stage(copy)


def test_a_tokenizer_of_another_model_is_refused(copy):
    from tests.tiny_model import SPECIAL, save_tokenizer

    save_tokenizer(copy, [*SPECIAL, "a", "b"])
    with pytest.raises(StageError, match="must be of one model"):
        open_stage(copy)


def test_labels_that_leave_no_room_for_text_are_refused(folders):
    with pytest.raises(ConfigError, match="of the 96 tokens"):
        open_stage(folders["markerV0"], labels=[f"a long label {number}" for number in range(9)])


def test_a_device_that_is_not_there_is_refused(folders):
    with pytest.raises(ConfigError, match="warp"):
        open_stage(folders["markerV0"], device="warp")


@pytest.mark.parametrize(
    "options",
    [
        {"labels": []},
        {"labels": {}},
        {"labels": "drug"},
        {"labels": None},
        {"labels": {"drug": ""}},
        {"labels": {"drug": None}},
        {"labels": {True: "DRUG"}},
        {"labels": [" drug"]},
        {"labels": ["drug", "drug"]},
        {"labels": ["d" * 101]},
        {"threshold": 1.5},
        {"threshold": "0.5"},
        {"threshold": True},
        {"batch_size": 0},
        {"batch_size": 2.0},
        {"model": " "},
        {"model": None},
    ],
    ids=str,
)
def test_bad_options_are_refused(tmp_path, options):
    with pytest.raises(ConfigError, match=r"ZeroShot|folder"):
        ZeroShot(**{"model": write_folder(tmp_path / "looks"), "labels": ["drug"], **options})


@pytest.mark.parametrize(
    ("config", "leave_out", "said"),
    [
        ({}, ["gliner_config.json"], "no GLiNER model"),
        ({}, ["tokenizer.json"], r"lacks tokenizer\.json"),
        ({}, ["tokenizer_config.json", "model.safetensors"], r"lacks tokenizer_config\.json, model\.safetensors"),
        ({"encoder_config": None}, [], "only names its encoder"),
        ({"labels_decoder": "gpt"}, [], "writes labels of its own"),
        ({"labels_encoder": "bert"}, [], "encodes labels apart"),
        ({"relations_layer": "biaffine"}, [], "finds relations"),
        ({"precomputed_prompts_mode": True}, [], "has its labels built in"),
        ({"words_splitter_type": "mecab"}, [], "splits words"),
        ({"model_type": "gliner_streaming_span"}, [], "reads text in a way"),
        ({"max_len": "many"}, [], "max_len"),
        ({"encoder_config": {"auto_map": {"AutoModel": "evil--evil.Model"}}}, [], "code of its own"),
    ],
)
def test_a_folder_that_will_not_do_is_refused_with_what_to_do(tmp_path, config, leave_out, said):
    with pytest.raises(StageError, match=said):
        ZeroShot(model=write_folder(tmp_path / "looks", config, leave_out), labels=["drug"])


def test_a_name_of_the_hub_is_no_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StageError, match=r"no folder 'urchade/gliner_small-v2\.1'.*save_pretrained"):
        ZeroShot(model="urchade/gliner_small-v2.1", labels=["drug"])


def test_without_gliner_the_error_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "gliner", None)
    with pytest.raises(MissingExtraError, match=r"medtext-annotate\[gliner\]"):
        ZeroShot(model=write_folder(tmp_path / "looks"), labels=["drug"])
