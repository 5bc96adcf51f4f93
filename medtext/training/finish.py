"""What happens when the weights stand: export, temperatures, scores of each precision, the card, the model folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from medtext.inference.folder import Head, write_model_folder
from medtext.inference.onnx_model import OnnxModel
from medtext.inference.quantize import quantize
from medtext.training.card import write_card
from medtext.training.corpora import Document
from medtext.training.export import export_onnx
from medtext.training.measure import Scored, calibrate, read_documents, score_corpora
from medtext.training.model import TOKENIZER, Tagger
from medtext.training.recipe import Recipe
from medtext.training.texts import Classified

Kind = TypeVar("Kind", Scored, Classified)


@dataclass(frozen=True, slots=True)
class Finished:
    """The model folder, and precision → corpus → scores; `measured_on` is test, or dev where nothing else is held."""

    folder: Path
    heads: Mapping[str, Head]
    scores: Mapping[str, Mapping[str, Scored | Classified]]
    measured_on: str
    bytes: Mapping[str, int]

    def of(self, kind: type[Kind]) -> dict[str, dict[str, Kind]]:
        """Precision → corpus → scores of one kind."""
        return {
            precision: {name: one for name, one in held.items() if isinstance(one, kind)}
            for precision, held in self.scores.items()
        }


def finish(
    tagger: Tagger,
    recipe: Recipe,
    documents: Sequence[Document],
    folder: Path,
    *,
    facts: Mapping[str, Any],
    threads: int | None = None,
) -> Finished:
    """Export the best model into `folder/model`, with its card; `facts` are what the card says of the run."""
    files = _exported(tagger, recipe, folder)
    sizes = {name: len(tags) for name, tags in tagger.heads.items()}
    backs = {name: OnnxModel(file, heads=sizes, threads=threads) for name, file in files.items()}
    dev = [one for one in documents if one.use == "dev"]
    test = [one for one in documents if one.use == "test"]
    heads = calibrate(read_documents(tagger, recipe, dev, backs[recipe.precision]), recipe)
    done = Finished(
        folder / "model",
        heads,
        {name: score_corpora(tagger, recipe, test or dev, back, heads) for name, back in backs.items()},
        "test" if test else "dev",
        {name: file.stat().st_size for name, file in files.items()},
    )
    _write(tagger, recipe, done, files[recipe.precision], write_card(recipe, done, facts))
    return done


def _exported(tagger: Tagger, recipe: Recipe, folder: Path) -> dict[str, Path]:
    """Precision → file; the one in 32 bits is always there, to compare with."""
    files = {"fp32": folder / "model.fp32.onnx"}
    export_onnx(tagger, files["fp32"])
    if recipe.precision == "int8":
        files["int8"] = folder / "model.int8.onnx"
        quantize(files["fp32"], files["int8"])
    return files


def _write(tagger: Tagger, recipe: Recipe, done: Finished, onnx: Path, card: str) -> None:
    config = tagger.config
    encoder = {"type": config.model_type, "hidden": config.hidden_size, "layers": config.num_hidden_layers}
    write_model_folder(
        done.folder,
        name=recipe.name,
        version=recipe.version,
        licence=recipe.licence,
        encoder={**encoder, "max_tokens": tagger.longest},
        heads=done.heads,
        unit=recipe.unit,
        files={TOKENIZER: tagger.tokenizer.to_str(), "model.onnx": onnx, "MODEL_CARD.md": card},
        precision=recipe.precision,
        overwrite=True,
    )
