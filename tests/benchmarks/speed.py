"""Notes a second and peak memory, each row in a process of its own on one core, the default pipeline on two.

    python -m tests.benchmarks.speed ROW      one row, as JSON

A row is the default pipeline, that without a model, one of its stages (fed with what the stages before it made), or a
peer.
Loading is not counted in the speed but is counted in the memory.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import medtext
from medtext.inference.encoder import open_encoder
from medtext.inference.places import BUNDLED, find_model
from medtext.note import Note
from tests.benchmarks.section import peak_memory
from tests.shared import folder

PASSES = 9
STAGES = ("deid", "sentences", "sections", "phrases", "quantities", "relations", "assertion", "linking")
PEERS = ("medspacy default", "presidio default recognisers")
WHOLE = {"default pipeline": "default", "rules pipeline": "rules"}
ROWS = (*WHOLE, *STAGES, *PEERS)
Work = Callable[[list[Note]], object]


def notes() -> list[Note]:
    """The visit notes of the shared data."""
    data = folder()
    if data is None:
        raise SystemExit("the shared data is not here (set MEDTEXT_DATA to its folder)")
    return list(medtext.read(data / "notes" / "aci_bench.jsonl"))


def whole(name: str, raw: list[Note]) -> tuple[Work, list[Note]]:
    """A pipeline from the raw notes; what its model has read is forgotten before each pass."""
    pipeline = medtext.load(name)
    encoder = open_encoder(find_model(BUNDLED), BUNDLED) if name == "default" else None

    def work(batch: list[Note]) -> list[Note]:
        if encoder is not None:
            encoder.forget()
        return list(pipeline.pipe(batch))

    return work, raw


def one_stage(name: str, raw: list[Note]) -> tuple[Work, list[Note]]:
    """One stage, fed with what the stages before it made."""
    fed = raw
    for stage in medtext.load("rules").stages:
        if stage.name == name:
            return lambda batch, stage=stage: [stage(note) for note in batch], fed
        fed = [stage(note) for note in fed]
    raise SystemExit(f"the pipeline has no stage {name!r}")


def medspacy_default(raw: list[Note]) -> tuple[Work, list[Note]]:
    """medSpaCy as `medspacy.load()` gives it, its tokeniser, PyRuSH, target matcher and ConText."""
    from loguru import logger

    logger.disable("PyRuSH")
    import medspacy

    nlp = medspacy.load()
    return lambda batch: [nlp(note.text) for note in batch], raw


def presidio_analyzer() -> Any:
    """Presidio with its default recognisers and a blank tokeniser: no model, no network."""
    import spacy
    import tldextract
    from presidio_analyzer import AnalyzerEngine
    from presidio_analyzer.nlp_engine import SpacyNlpEngine

    tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(suffix_list_urls=())
    engine = SpacyNlpEngine()
    engine.nlp = {"en": spacy.blank("en")}
    return AnalyzerEngine(nlp_engine=engine, supported_languages=["en"])


def presidio_default(raw: list[Note]) -> tuple[Work, list[Note]]:
    """Presidio as a peer in speed."""
    analyzer = presidio_analyzer()
    return lambda batch: [analyzer.analyze(note.text, language="en") for note in batch], raw


def prepare(row: str, raw: list[Note]) -> tuple[Work, list[Note]]:
    """What a row runs, and on which notes."""
    if row in STAGES:
        return one_stage(row, raw)
    if row in WHOLE:
        return whole(WHOLE[row], raw)
    return {PEERS[0]: medspacy_default, PEERS[1]: presidio_default}[row](raw)


def timed(work: Work, fed: list[Note]) -> Iterator[float]:
    """Seconds of each pass over all notes, after one that is not counted."""
    work(fed[:8])
    for _ in range(PASSES):
        started = time.perf_counter()
        work(fed)
        yield time.perf_counter() - started


def measure(row: str) -> dict[str, float | str]:
    """One row: seconds of the fastest pass and of the median one, characters, peak memory of the process."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, cores[: 2 if row == "default pipeline" else 1])
    raw = notes()
    started = time.perf_counter()
    work, fed = prepare(row, raw)
    loaded = time.perf_counter() - started
    seconds = list(timed(work, fed))
    return {
        "row": row,
        "notes": len(fed),
        "characters": sum(len(note.text) for note in fed),
        "seconds": min(seconds),
        "median": statistics.median(seconds),
        "load": loaded,
        "memory": peak_memory(),
    }


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1])))
