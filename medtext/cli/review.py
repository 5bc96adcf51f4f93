"""The commands of `medtext.review`."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from medtext.cli.options import add_command, say

if TYPE_CHECKING:
    from medtext.review.audit import Audit

_AUDIT = ("known", "key_column", "meta_key", "sample", "seed", "by", "findings", "deidentified", "overwrite")


def evaluate(args: argparse.Namespace) -> int:
    from medtext.review import evaluate as run
    from medtext.review.report import render, write_report
    from medtext.runs.report import many

    names = ("layer", "concepts", "resamples", "seed")
    done = run(args.gold, args.predicted, format=args.input_format, **{name: getattr(args, name) for name in names})
    if args.output in (None, "-"):
        print(render(done, ".md"), end="")
    else:
        write_report(done, args.output, overwrite=args.overwrite)
    only = f"{len(done.missing):,} without a prediction, {len(done.extra):,} without gold"
    say(f"{many(done.notes, 'note')} compared, {only}")
    return int(bool(done.missing))


def audit(args: argparse.Namespace) -> int:
    from medtext.review import audit as run
    from medtext.review.report import check_report_name, write_report

    if args.report:
        check_report_name(args.report)
    options = {name: getattr(args, name) for name in _AUDIT}
    done = run(args.output_file, sample_file=args.output, format=args.input_format, **options)
    for one in (*done.suspects, *done.known):
        print(one.note, one.start, one.end, ",".join(one.kinds), sep="\t")
    for problem in done.problems:
        print(problem, file=sys.stderr)
    if args.report:
        write_report(done, args.report, overwrite=args.overwrite)
    say(_summary(done))
    return int(not done.clean)


def _summary(done: Audit) -> str:
    from medtext.runs.report import many

    parts = [many(done.notes, "note"), f"{many(len(done.suspects), 'place')} to look at"]
    if done.rows_unused is not None:
        parts.append(f"{many(len(done.known), 'known identifier')} still there")
        parts.append(
            f"{many(done.rows_unused, 'row')} without a note, {many(done.notes_without_row, 'note')} without a row"
        )
    if done.drawn:
        parts.append(f"{many(len(done.drawn), 'note')} drawn")
    if done.bound:
        bound = done.bound
        told = f"{bound.leaks} of {many(bound.sample, 'note')} read leak: with {bound.confidence:.0%} confidence"
        parts.append(f"{told} at most {bound.upper:.2%} of all")
    return ", ".join(parts)


def add_review(commands: Any) -> None:
    """Add the commands to the command line."""
    _add_evaluate(commands)
    _add_audit(commands)


def _add_evaluate(commands: Any) -> None:
    about = "measure predicted spans against gold spans on the same texts"
    command = add_command(commands, evaluate, about, "medtext evaluate gold.jsonl marked.jsonl -o report.html")
    command.add_argument("gold", metavar="GOLD", help="a span file of any format")
    command.add_argument("predicted", metavar="PREDICTED", help="another, over the same texts")
    command.add_argument("--layer", default="phi", metavar="NAME", help="the layer that is compared (phi)")
    command.add_argument("--concepts", metavar="NAME", help="count the lost terms of this set: starter, or a .tsv file")
    command.add_argument("--resamples", type=int, default=1000, metavar="N", help="of the bootstrap (1000)")
    command.add_argument("--seed", type=int, default=0, metavar="S", help="of the bootstrap (0)")
    command.add_argument("--from", dest="input_format", metavar="FORMAT", help="their format, where names do not tell")
    command.add_argument("-o", "--output", metavar="FILE", help="a .json, .md or .html file (standard output)")
    command.add_argument("--overwrite", action="store_true", help="replace what is there")


def _add_audit(commands: Any) -> None:
    about = "look for what a de-identification has left, and draw notes for people to read; never prints text"
    command = add_command(
        commands, audit, about, "medtext audit clean.jsonl --known patients.csv --sample 300 -o to-read.csv"
    )
    command.add_argument("output_file", metavar="OUTPUT", help="a file or folder of de-identified notes")
    command.add_argument("--from", dest="input_format", metavar="FORMAT", help="its format, where the name is no help")
    told = "state that the notes hold no identifiers"
    command.add_argument("--deidentified", action="store_true", default=None, help=told)
    command.add_argument("--report", metavar="FILE", help="write what was found to a .json, .md or .html file")
    command.add_argument("--overwrite", action="store_true", help="replace what is there")
    known = command.add_argument_group("known identifiers")
    known.add_argument("--known", metavar="TABLE", help="a CSV table of identifiers that must not be there any more")
    known.add_argument("--key-column", default="id", metavar="NAME", help="its column that says whose they are (id)")
    known.add_argument("--meta-key", default="", metavar="NAME", help="the meta key it is compared with (the note id)")
    sample = command.add_argument_group("notes read by people")
    sample.add_argument("--sample", type=int, metavar="N", help="draw N notes to be read")
    sample.add_argument("--seed", type=int, default=0, metavar="S", help="of the drawing (0)")
    sample.add_argument("--by", default="", metavar="NAME", help="draw in proportion to the values of this meta key")
    sample.add_argument("-o", "--output", metavar="TABLE", help="the table to fill in: leaks per note, 0 for none")
    sample.add_argument("--findings", metavar="TABLE", help="the filled table: gives the bound on notes that leak")
