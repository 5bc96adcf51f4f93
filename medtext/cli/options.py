"""What the commands share: their common options, and how they speak.

Data goes to standard output, talk to standard error.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from medtext.errors import Problem

if TYPE_CHECKING:
    from medtext.runs import RunReport

READER = ("text_column", "id_column", "encoding")
RUN = ("input_format", "output_format", "deidentified", "overwrite", "allow_phi", "limit", "progress")


def add_command(commands: Any, run: Callable[[argparse.Namespace], int], about: str, example: str) -> Any:
    """The parser of one command, named as the function that runs it, with the options that all have."""
    command = commands.add_parser(run.__name__, help=about, description=about, epilog=f"example: {example}")
    command.set_defaults(run=run, output_format=None)
    command.add_argument("--debug", action="store_true", help="show the traceback of an error (it may quote notes)")
    return command


def add_taxonomy(command: Any) -> None:
    command.add_argument("-t", "--taxonomy", metavar="NAME", help="a shipped taxonomy, or your own YAML file")


def add_input(command: Any, *, needed: bool = True) -> None:
    group = command.add_argument_group("input")
    nargs = None if needed else "?"
    group.add_argument("input", nargs=nargs, metavar="INPUT", help="a file or folder of notes; - is standard input")
    group.add_argument("--from", dest="input_format", metavar="FORMAT", help="its format, where the name does not tell")
    group.add_argument("--text-column", metavar="NAME", help="the column that holds the text")
    group.add_argument("--id-column", metavar="NAME", help="the column that holds the note id; empty: number the rows")
    group.add_argument("--encoding", metavar="NAME", help="the encoding of text files (UTF-8)")


def add_output(command: Any, *, default: str = "", to: bool = True, resume: bool = False) -> None:
    group = command.add_argument_group("output")
    told = f" ({default})" if default else ""
    what = f"a file or folder; - is standard output{told}"
    group.add_argument("-o", "--output", required=not default, metavar="OUTPUT", help=what)
    if to:
        group.add_argument("--to", dest="output_format", metavar="FORMAT", help="its format, where its name is no help")
    if resume:
        group.add_argument("--resume", action="store_true", help="go on where a run was cut off")
    group.add_argument("--overwrite", action="store_true", help="replace what is there")
    told = "state that the notes hold no identifiers"
    group.add_argument("--deidentified", action="store_true", default=None, help=told)
    group.add_argument("--allow-phi", action="store_true", help="write notes that are not de-identified")
    group.add_argument("--limit", type=positive, metavar="N", help="the first N notes only")
    group.add_argument("--progress", action="store_true", default=None, help="show progress even without a terminal")


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def chosen_options(args: argparse.Namespace) -> dict[str, Any]:
    """What the run functions take, as the user chose it."""
    return {name: getattr(args, name) for name in RUN} | {"on_problem": tell} | reader_options(args)


def reader_options(args: argparse.Namespace) -> dict[str, Any]:
    """The reader options that were given: not every format takes each."""
    return {name: getattr(args, name) for name in READER if getattr(args, name) is not None}


def finish(report: RunReport) -> int:
    say(str(report))
    return int(report.errors > 0)


def tell(problem: Problem) -> None:
    print(problem, file=sys.stderr)


def say(message: str) -> None:
    print(f"medtext: {message}", file=sys.stderr)
