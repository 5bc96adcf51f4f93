"""A medtext model on disk: a folder with `model.json`, which names every other file and its hash.

`tokenizer.json` cuts text into tokens; `model.onnx` takes `input_ids` and `attention_mask`, both int64
[batch, tokens], and gives for each head, under the head's name, logits float32 [batch, tokens, labels].
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from medtext.errors import ConfigError, StageError, WouldOverwriteError
from medtext.inference.decode import Odds
from medtext.inference.windows import Unit

FORMAT = "medtext-model/1"
PRECISIONS = ("fp32", "int8")
_NEEDED = ("tokenizer.json", "model.onnx", "MODEL_CARD.md")
_KEYS = ("format", "name", "version", "licence", "encoder", "heads", "precision", "unit", "files")


@dataclass(frozen=True, slots=True)
class Head:
    """One set of labels, in IOB2 and in the order of the logits, and what makes the score of a span a probability.

    Logits are divided by the temperature before the softmax. The log-odds of a span's score are then taken `slope`
    times, and the `offsets` of its label (without position) added.
    """

    labels: tuple[str, ...]
    temperature: float = 1.0
    slope: float = 1.0
    offsets: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", tuple(self.labels))
        _check_labels(self.labels)
        for name in ("temperature", "slope"):
            if not (_is_number(getattr(self, name)) and getattr(self, name) > 0):
                raise ConfigError(f"A head's {name} is a number above 0, not {getattr(self, name)!r}.")
        for label, offset in self.offsets.items():
            if label not in self.kinds or not _is_number(offset):
                raise ConfigError(f"A head's offsets are numbers by label; {label!r} is none, or has none.")

    @property
    def odds(self) -> Odds:
        """What the score of a span becomes."""
        return Odds(self.slope, self.offsets)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The labels without their positions, in order of first appearance."""
        return tuple(dict.fromkeys(label[2:] for label in self.labels if label != "O"))


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A model folder whose files were found to be whole; `sha256` is the hash of its weights."""

    path: Path
    name: str
    version: str
    licence: str
    encoder: Mapping[str, Any]
    heads: Mapping[str, Head]
    precision: str
    unit: Unit
    sha256: str

    @property
    def source(self) -> str:
        """How a span names this model: `model:name@version`."""
        return f"model:{self.name}@{self.version}"


def write_model_folder(
    path: str | Path,
    *,
    name: str,
    version: str,
    licence: str,
    encoder: Mapping[str, Any],
    heads: Mapping[str, Head],
    unit: Unit,
    files: Mapping[str, bytes | str | Path],
    precision: str = "fp32",
    overwrite: bool = False,
) -> ModelFolder:
    """Write a model folder under a temporary name, check it as a reader would, and rename it.

    `files` gives `tokenizer.json`, `model.onnx` and `MODEL_CARD.md` (and others, such as tables) as a path to copy,
    bytes or text; `encoder` says `type`, `hidden`, `layers` and `max_tokens`. Raises ConfigError for what cannot be,
    WouldOverwriteError for a folder that is there.
    """
    path = Path(path)
    if path.exists() and not overwrite:
        raise WouldOverwriteError(f"{path} exists. Pass overwrite=True to replace it.")
    missing = [one for one in _NEEDED if one not in files]
    if missing:
        raise ConfigError(f"A model folder needs {', '.join(missing)}.")
    about = {"format": FORMAT, "name": name, "version": version, "licence": licence, "encoder": dict(encoder)}
    about |= {"heads": {head: asdict(one) for head, one in heads.items()}, "precision": precision, "unit": asdict(unit)}
    path.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    try:
        _fill(made, about, files)
        made.chmod(0o755)
        return _moved(open_model_folder(made), path)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _fill(made: Path, about: dict[str, Any], files: Mapping[str, bytes | str | Path]) -> None:
    for name, content in files.items():
        if Path(name).name != name or name == "model.json":
            raise ConfigError(f"{name!r} is no name for a file of a model folder.")
        if isinstance(content, Path):
            shutil.copyfile(content, made / name)
        else:
            (made / name).write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
    about["files"] = {name: _fingerprint(made / name) for name in sorted(files)}
    (made / "model.json").write_text(json.dumps(about, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _moved(folder: ModelFolder, path: Path) -> ModelFolder:
    old = path.with_name(f".{path.name}-old-{os.getpid()}")
    if path.exists():
        path.rename(old)
    folder.path.rename(path)
    shutil.rmtree(old, ignore_errors=True)
    return open_model_folder(path)


def open_model_folder(path: str | Path) -> ModelFolder:
    """What `model.json` says of a folder, once every file was compared with its size and hash.

    Raises StageError, which says what to do, for a folder that is missing, damaged or of a newer format.
    """
    path = Path(path)
    about = _read(path)
    _compare(path, about.get("files"))
    try:
        return _folder(path, about)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        told = f": {error}" if isinstance(error, ConfigError) else f" ({type(error).__name__})"
        raise StageError(
            f"{path / 'model.json'} does not say what a model folder must{told}. Export it anew."
        ) from error


def _read(path: Path) -> dict[str, Any]:
    try:
        about = json.loads((path / "model.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StageError(f"{path} holds no model.json, so it is no medtext model. Name the folder that does.") from None
    except (OSError, ValueError) as error:
        raise StageError(
            f"{path / 'model.json'} cannot be read ({type(error).__name__}). Copy the folder again."
        ) from None
    held = about.get("format") if isinstance(about, dict) else None
    if held != FORMAT:
        raise StageError(
            f"{path / 'model.json'} has the format {held!r}, and this medtext reads {FORMAT}. "
            "Update medtext, or export the model with this version."
        )
    strange = sorted(set(about) - set(_KEYS))
    if strange:
        raise StageError(f"{path / 'model.json'}: unknown key {strange[0]!r}. Keys: {', '.join(_KEYS)}")
    return about


def _compare(path: Path, files: Any) -> None:
    held = files if isinstance(files, dict) else {}
    for name in [*_NEEDED, *(one for one in held if one not in _NEEDED)]:
        wanted = held.get(name)
        if wanted is None or Path(name).name != name or not (path / name).is_file():
            raise StageError(f"The model folder {path} lacks {name}. Copy the folder again.")
        if _fingerprint(path / name) != wanted:
            raise StageError(
                f"{path / name} is not the file that model.json names: it was damaged or changed. Copy it again."
            )


def _folder(path: Path, about: dict[str, Any]) -> ModelFolder:
    for key in ("name", "version", "licence"):
        if not isinstance(about[key], str) or not about[key].strip() or not about[key].isprintable():
            raise ConfigError(f"{key!r} must be a line of text")
    if about["precision"] not in PRECISIONS:
        raise ConfigError(f"precision {about['precision']!r} is not one of {', '.join(PRECISIONS)}")
    heads = {name: Head(**head) for name, head in about["heads"].items()}
    if not heads:
        raise ConfigError("a model needs a head")
    longest = about["encoder"]["max_tokens"]
    if not isinstance(longest, int) or longest < 8:
        raise ConfigError("the encoder's max_tokens must be a whole number of at least 8")
    return ModelFolder(
        path=path,
        name=about["name"],
        version=about["version"],
        licence=about["licence"],
        encoder=about["encoder"],
        heads=heads,
        precision=about["precision"],
        unit=Unit(**about["unit"]),
        sha256=about["files"]["model.onnx"]["sha256"],
    )


def _fingerprint(file: Path) -> dict[str, Any]:
    digest, size = hashlib.sha256(), 0
    with file.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
            size += len(block)
    return {"bytes": size, "sha256": digest.hexdigest()}


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _check_labels(labels: tuple[str, ...]) -> None:
    """IOB2: O once, and every I-X beside a B-X."""
    held = set(labels)
    if len(held) < len(labels) or "O" not in held:
        raise ConfigError("A head's labels name O once and none twice.")
    for label in held - {"O"}:
        if label[:2] not in ("B-", "I-") or not label[2:] or f"B-{label[2:]}" not in held:
            raise ConfigError(f"The label {label!r} is not IOB2: O, B-X and I-X for each X.")
