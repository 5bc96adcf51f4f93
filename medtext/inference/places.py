"""Where a model lies: a folder, one that ships with medtext, or the local cache; the hub only when that is allowed."""

from __future__ import annotations

from pathlib import Path

from medtext.errors import ConfigError, MissingExtraError, StageError

BUNDLED = "clinical-mini"  # the model that a stage takes when none is named
_FILES = ("*.json", "*.txt", "*.model", "*.safetensors", "*.bin", "model.onnx", "onnx/model.onnx")


def bundled_models() -> list[str]:
    """The names of the models that ship with this version."""
    return sorted(one.parent.name for one in _shipped().glob("*/model.json"))


def find_model(model: str | Path, *, allow_download: bool = False, revision: str | None = None) -> Path:
    """The folder of a model, fetched from the hub only when that is allowed.

    Raises StageError, which says what to do, when there is none.
    """
    if not str(model).strip():
        raise ConfigError("A model is a folder, the name of one that ships with medtext, or a hub name; this is empty.")
    if Path(model).is_dir():
        return Path(model)
    if str(model) in bundled_models():
        return _shipped() / str(model)
    return _from_cache(str(model), allow_download, revision)


def _shipped() -> Path:
    return Path(__file__).parent / "models"


def _from_cache(model: str, allow_download: bool, revision: str | None) -> Path:
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        if "/" not in model:
            raise StageError(_unknown(model, "")) from None
        raise MissingExtraError("A model by its hub name", "huggingface_hub", "torch") from None
    try:
        place = snapshot_download(
            model, revision=revision, local_files_only=not allow_download, allow_patterns=list(_FILES)
        )
    except Exception as error:
        raise StageError(_unknown(model, f" ({type(error).__name__})")) from None
    return Path(place)


def _unknown(model: str, why: str) -> str:
    shipped = ", ".join(bundled_models()) or "none in this version"
    return (
        f"The model {model!r} is no folder and not in the local Hugging Face cache{why}, and does not ship with "
        f"medtext (models that do: {shipped}). Check the name, or pass allow_download: true to fetch it from the hub."
    )
