"""The manifest beside a span file: what made it, from what, with which settings, and what came out.

It holds no note text, no path, no file name (names of files often hold a patient's number) and no moment: the same run
gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import medtext
from medtext.errors import FormatError
from medtext.pipeline import Pipeline
from medtext.runs.report import RunReport

FORMAT_NAME = "medtext-manifest/1"
_COUNTED = ("read", "written", "errors", "warnings", "spans", "dropped")


def beside(output: Path, what: str) -> Path:
    """The file or folder that belongs to an output: `out.jsonl` → `out.jsonl.manifest.json`."""
    return output.with_name(f"{output.name}.{what}")


def settings(pipeline: Pipeline, input: str | Path, chosen: Mapping[str, Any]) -> dict[str, Any]:
    """All that decides what a run writes: two runs with equal settings write the same bytes."""
    made = {
        "format": FORMAT_NAME,
        "medtext": medtext.__version__,
        "pipeline": pipeline.describe(),
        "input": input_hash(Path(input)) if str(input) != "-" else {"standard_input": True},
        "settings": dict(chosen),
    }
    return json.loads(json.dumps(made, default=str))


def counts(report: RunReport) -> dict[str, Any]:
    """What came out, without how long it took."""
    return {name: getattr(report, name) for name in _COUNTED}


def input_hash(path: Path) -> dict[str, Any]:
    """SHA-256 over the bytes of a file, or over the relative names and bytes of all files of a folder."""
    if not path.exists():
        raise FormatError("there is no such file or folder.", where=str(path))
    files = [path] if path.is_file() else [one for one in sorted(path.rglob("*")) if one.is_file()]
    total, size = hashlib.sha256(), 0
    for file in files:
        if path.is_dir():
            total.update(file.relative_to(path).as_posix().encode("utf-8", "surrogateescape") + b"\0")
            total.update(file.stat().st_size.to_bytes(8, "big"))
        for block in _blocks(file):
            total.update(block)
            size += len(block)
    return {"sha256": total.hexdigest(), "files": len(files), "bytes": size}


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            yield block


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON file that appears whole or not at all."""
    made = path.with_name(f".{path.name}.new")
    made.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    os.replace(made, path)


def read_json(path: Path) -> dict[str, Any]:
    """A JSON file written by `write_json`; empty when there is none."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError:
        raise FormatError("not JSON. Was the file edited? Remove it to go on.", where=str(path)) from None
