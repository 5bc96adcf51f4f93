"""The command of `medtext.training`."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from medtext.cli.options import add_command, positive, say

_OPTIONS = ("data", "base", "teacher", "resume", "overwrite", "device", "threads")


def train(args: argparse.Namespace) -> int:
    from medtext.training.train import train as run

    done = run(args.recipe, args.output, tell=_tell, **{name: getattr(args, name) for name in _OPTIONS})
    for scores in (done.strict_f1, done.accuracy):
        for precision, held in scores.items():
            for corpus, value in held.items():
                print(precision, corpus, done.measured_on, "–" if value is None else f"{value:.4f}", sep="\t")
    size = done.bytes[list(done.bytes)[-1]] / 1e6
    say(f"{done.folder}: {done.epochs} epochs, {done.steps:,} steps, {size:.1f} MB. Its card is MODEL_CARD.md.")
    return 0


def _tell(line: Mapping[str, Any]) -> None:
    """A line of progress: figures only."""
    told = " ".join(f"{name} {value}" for name, value in line.items() if name not in ("step", "steps"))
    say(f"step {line['step']:,} of {line['steps']:,}: {told}")


def add_training(commands: Any) -> None:
    about = "train a model by a recipe; prints precision, corpus, part and strict F1 or accuracy, one line each"
    example = "medtext train clinical-mini --data corpora -o runs/mini --teacher runs/base/best --resume"
    command = add_command(commands, train, about, example)
    command.add_argument(
        "recipe", metavar="RECIPE", help="a YAML file, or a shipped recipe: clinical-mini, clinical-base, section-mini"
    )
    command.add_argument("-o", "--output", required=True, metavar="FOLDER", help="checkpoints, progress and the model")
    command.add_argument("--data", default=".", metavar="DIR", help="where the files lie that the recipe names (.)")
    command.add_argument("--base", metavar="ENCODER", help="a folder, or package:folder, in place of the recipe's")
    told = "the folder of a trained model to learn from, in place of the recipe's; empty: none"
    command.add_argument("--teacher", metavar="FOLDER", help=told)
    command.add_argument("--resume", action="store_true", help="go on where a training was cut off")
    command.add_argument("--overwrite", action="store_true", help="begin anew where a training is")
    command.add_argument("--device", metavar="NAME", help="cpu or cuda (a GPU where there is one)")
    command.add_argument("--threads", type=positive, metavar="N", help="processors to use (all of them)")
