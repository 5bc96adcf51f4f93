"""A medtext model on disk."""

import json

import pytest

from medtext.errors import ConfigError, StageError, WouldOverwriteError
from medtext.inference.folder import Head, open_model_folder, write_model_folder
from medtext.inference.windows import Unit

FILES = {"model.onnx": b"weights", "tokenizer.json": "{}", "MODEL_CARD.md": "# m\n"}
HEADS = {"entities": Head(("O", "B-PROBLEM", "I-PROBLEM"), 1.5), "identifiers": Head(("O", "B-NAME"))}
ENCODER = {"type": "bert", "hidden": 384, "layers": 6, "max_tokens": 512}


def write(path, **changes):
    fields = {"name": "m", "version": "2", "licence": "Apache-2.0", "encoder": ENCODER, "heads": HEADS, "files": FILES}
    return write_model_folder(path, **{**fields, "unit": Unit(100, 20), "precision": "int8", **changes})


def edit(path, **changes):
    about = json.loads((path / "model.json").read_text())
    (path / "model.json").write_text(json.dumps({**about, **changes}))


def test_what_was_written_is_read(tmp_path):
    written = write(tmp_path / "m")
    assert open_model_folder(tmp_path / "m") == written
    assert (written.source, written.heads, written.unit, written.precision) == (
        "model:m@2",
        HEADS,
        Unit(100, 20),
        "int8",
    )
    assert written.heads["entities"].kinds == ("PROBLEM",)


def test_a_folder_that_is_there_is_replaced_only_when_asked(tmp_path):
    write(tmp_path / "m")
    with pytest.raises(WouldOverwriteError):
        write(tmp_path / "m", version="3")
    assert open_model_folder(tmp_path / "m").version == "2"
    write(tmp_path / "m", version="3", overwrite=True)
    assert open_model_folder(tmp_path / "m").version == "3"
    assert [one.name for one in tmp_path.iterdir()] == ["m"]


def test_files_may_lie_elsewhere_and_others_come_along(tmp_path):
    (tmp_path / "big").write_bytes(b"abc")
    write(tmp_path / "m", files={**FILES, "model.onnx": tmp_path / "big", "labels.tsv": "a\tb\n"})
    assert (tmp_path / "m" / "labels.tsv").read_text() == "a\tb\n"
    (tmp_path / "m" / "labels.tsv").write_text("other")
    with pytest.raises(StageError, match=r"labels.tsv .*damaged or changed"):
        open_model_folder(tmp_path / "m")


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_file_that_is_damaged_or_missing_is_named(tmp_path, name):
    write(tmp_path / "m")
    (tmp_path / "m" / name).write_bytes(b"other")
    with pytest.raises(StageError, match=rf"{name} .*damaged or changed.*Copy it again"):
        open_model_folder(tmp_path / "m")
    (tmp_path / "m" / name).unlink()
    with pytest.raises(StageError, match=f"lacks {name}"):
        open_model_folder(tmp_path / "m")


def test_a_newer_format_says_to_update(tmp_path):
    write(tmp_path / "m")
    edit(tmp_path / "m", format="medtext-model/2")
    with pytest.raises(StageError, match=r"'medtext-model/2', and this medtext reads medtext-model/1. Update medtext"):
        open_model_folder(tmp_path / "m")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"heads": {}}, "a model needs a head"),
        ({"heads": {"entities": {"labels": ["O", "I-X"]}}}, "'I-X' is not IOB2"),
        ({"heads": {"entities": {"labels": ["B-X"]}}}, "name O once"),
        ({"heads": {"entities": {"labels": ["O"], "temperature": 0}}}, "above 0"),
        ({"heads": {"entities": {"labels": ["O"], "slope": -1}}}, "slope is a number above 0"),
        ({"heads": {"entities": {"labels": ["O", "B-X"], "offsets": {"Y": 1}}}}, "'Y' is none"),
        ({"heads": {"entities": {"labels": ["O", "B-X"], "offsets": {"X": "1"}}}}, "numbers by label"),
        ({"precision": "fp4"}, "fp4"),
        ({"name": ""}, "'name' must be a line of text"),
        ({"encoder": {}}, "KeyError"),
        ({"unit": {"tokens": 100, "overlap": 20, "rule": "lines/7"}}, "cut by the rule"),
        ({"extra": 1}, "unknown key 'extra'"),
    ],
)
def test_a_model_json_that_cannot_be_is_refused(tmp_path, changes, told):
    write(tmp_path / "m")
    edit(tmp_path / "m", **changes)
    with pytest.raises(StageError, match=told):
        open_model_folder(tmp_path / "m")


@pytest.mark.parametrize("content", ["", "[]", "{}", "\x00", '{"format": 1}'])
def test_a_broken_model_json_is_refused(tmp_path, content):
    write(tmp_path / "m")
    (tmp_path / "m" / "model.json").write_text(content)
    with pytest.raises(StageError):
        open_model_folder(tmp_path / "m")
    with pytest.raises(StageError, match=r"holds no model.json"):
        open_model_folder(tmp_path)


@pytest.mark.parametrize("files", [{"model.onnx": b""}, {**FILES, "../x": b""}, {**FILES, "model.json": b""}])
def test_a_folder_that_could_not_be_read_is_not_written(tmp_path, files):
    with pytest.raises(ConfigError):
        write(tmp_path / "m", files=files)
    with pytest.raises(StageError):
        write(tmp_path / "m", version="")
    assert list(tmp_path.iterdir()) == []
