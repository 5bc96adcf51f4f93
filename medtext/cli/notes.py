"""The commands on files of notes: each calls the function of the same name in `medtext.runs` or `medtext.generator`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from medtext.cli.options import (
    add_command,
    add_input,
    add_output,
    add_taxonomy,
    chosen_options,
    finish,
    positive,
    reader_options,
    say,
    tell,
)
from medtext.registry import names


def annotate(args: argparse.Namespace) -> int:
    from medtext.runs import annotate as run

    report = run(args.input, args.output, pipeline=args.pipeline, resume=args.resume, **chosen_options(args))
    if args.table:
        print(report.table(), file=sys.stderr)
    return finish(report)


def deid(args: argparse.Namespace) -> int:
    from medtext.runs import deid as run

    names = ("policy", "replace", "known", "keep_meta", "key_file", "vault", "report", "resume")
    options = {name: getattr(args, name) for name in names}
    options |= {"neural": None} if args.rules_only else {"neural": args.neural} if args.neural else {}
    return finish(run(args.input, args.output, **options, **chosen_options(args)))


def reidentify(args: argparse.Namespace) -> int:
    from medtext.runs import reidentify as run

    return finish(run(args.input, args.output, vault=args.vault, key_file=args.key_file, **chosen_options(args)))


def convert(args: argparse.Namespace) -> int:
    from medtext.runs import convert as run

    return finish(run(args.input, args.output, taxonomy=args.taxonomy, **chosen_options(args)))


def show(args: argparse.Namespace) -> int:
    from medtext.runs import convert as run

    output = args.output or f"{Path(args.input).name.removesuffix(Path(args.input).suffix) or 'notes'}.html"
    chosen = chosen_options(args) | {"output_format": "html"}
    report = run(args.input, output, taxonomy=args.taxonomy, **chosen)
    if args.open and output != "-":
        import webbrowser

        webbrowser.open(Path(output).absolute().as_uri())
    return finish(report)


def generate(args: argparse.Namespace) -> int:
    from itertools import islice

    from medtext.formats import read, write
    from medtext.generator import generate as run
    from medtext.runs.progress import bar

    carriers = None
    if args.input:
        told = {"deidentified": args.deidentified, "format": args.input_format, "on_problem": tell}
        carriers = list(islice(read(args.input, **told, **reader_options(args)), args.limit))
    names = ("count", "seed", "insertions", "unknown_names", "mess", "notes_per_patient")
    notes = run(carriers, **{name: getattr(args, name) for name in names})
    # Whoever gives identified carriers must say so: what the deid stage missed in them is still there.
    invented = carriers is None or all(note.deidentified for note in carriers)
    chosen = {"format": args.output_format, "overwrite": args.overwrite, "allow_phi": invented or args.allow_phi}
    written = write(bar(notes, show=args.progress), args.output, **chosen)
    say(f"{written.notes:,} notes written to {'standard output' if args.output == '-' else args.output}")
    return 0


def check(args: argparse.Namespace) -> int:
    from medtext.runs import check as run
    from medtext.runs.report import many

    chosen = {"taxonomy": args.taxonomy or "clinical", "format": args.input_format, "terminology": args.terminology}
    problems = run(
        args.input, **chosen, fix=args.fix, overwrite=args.overwrite, allow_phi=args.allow_phi, **reader_options(args)
    )
    for problem in problems:
        print(problem)
    errors = sum(problem.severity == "error" for problem in problems)
    say(f"{args.input}: {many(errors, 'error')}, {many(len(problems) - errors, 'warning')}")
    return int(errors > 0)


def describe(args: argparse.Namespace) -> int:
    import yaml

    from medtext.pipeline import load

    told = load(args.pipeline).describe()
    print(yaml.safe_dump(told, sort_keys=False, allow_unicode=True, width=120), end="")
    return 0


def add_notes(commands: Any) -> None:
    """Add the commands on files of notes to the command line."""
    for add in (_add_annotate, _add_deid, _add_reidentify, _add_convert):
        add(commands)
    for add in (_add_check, _add_describe, _add_generate, _add_show):
        add(commands)


def _add_annotate(commands: Any) -> None:
    about = "run a pipeline over notes and write a span file, its manifest and its problems"
    example = "medtext annotate notes.csv --text-column note --id-column note_id -o spans.jsonl"
    command = add_command(commands, annotate, about, example)
    command.add_argument("-p", "--pipeline", default="default", help="a shipped pipeline, or your own YAML file")
    command.add_argument("--table", action="store_true", help="print how many spans of each label were found")
    add_output(command, resume=True)
    add_input(command)


def _add_deid(commands: Any) -> None:
    about = "replace identifiers and write the same kind of file that came in"
    command = add_command(commands, deid, about, "medtext deid notes/ -o clean/ --policy safe-harbor")
    command.add_argument("--policy", default="safe-harbor", help="a shipped policy, or your own YAML file")
    command.add_argument("--replace", metavar="HOW", help="what stands there: tag, surrogate, markov, random or mark")
    command.add_argument("--key-file", metavar="FILE", help="the secret of surrogates and vault (or MEDTEXT_KEY)")
    command.add_argument("--vault", metavar="FILE", help="keep the way back in this encrypted file")
    several = {"action": "append", "default": [], "metavar": "COLUMN"}
    command.add_argument(
        "--known", **several, help="a column of identifiers to be found in the text, or a table of them (CSV, TSV)"
    )
    command.add_argument("--keep", dest="keep_meta", **several, help="a column that stays; the others are dropped")
    model = command.add_mutually_exclusive_group()
    told = "the model beside the rules: a folder or a name, by default the one that ships"
    model.add_argument("--neural", metavar="MODEL", help=told)
    model.add_argument("--rules-only", action="store_true", help="no model: faster, and fewer names are found")
    told = "write what was done, per class and per note, to a .json, .md or .html file; with .json also a .md beside"
    command.add_argument("--report", metavar="FILE", help=told)
    add_output(command, resume=True)
    add_input(command)


def _add_reidentify(commands: Any) -> None:
    about = "lead de-identified notes back to the originals, for those who hold the key of their vault"
    example = "medtext reidentify corrected.jsonl --vault notes.vault -o identified.jsonl --allow-phi"
    command = add_command(commands, reidentify, about, example)
    command.add_argument("--vault", metavar="FILE", required=True, help="the vault that was named to deid")
    command.add_argument("--key-file", metavar="FILE", help="its secret (or MEDTEXT_KEY)")
    add_output(command)
    add_input(command)


def _add_convert(commands: Any) -> None:
    about = "write notes in another format; says what that format cannot hold"
    command = add_command(commands, convert, about, "medtext convert spans.jsonl -o tasks.json --to label_studio")
    command.epilog += f" | formats: {', '.join(names('format'))}"
    add_taxonomy(command)
    add_output(command)
    add_input(command)


def _add_check(commands: Any) -> None:
    about = "list what is wrong with a file of notes"
    command = add_command(commands, check, about, "medtext check corrected.jsonl --taxonomy my-labels.yaml")
    add_taxonomy(command)
    told = "a compiled terminology: codes that are unknown, retired or not billable; may be given again"
    command.add_argument("--terminology", action="append", default=[], metavar="DIR", help=told)
    command.add_argument("--fix", metavar="OUTPUT", help="write the notes there with retired codes replaced")
    command.add_argument("--overwrite", action="store_true", help="replace what is there")
    command.add_argument("--allow-phi", action="store_true", help="write notes that are not de-identified")
    add_input(command)


def _add_generate(commands: Any) -> None:
    about = "make labelled notes: invented identifiers in carriers, with exact gold"
    command = add_command(
        commands, generate, about, "medtext generate carriers.jsonl -o gold.jsonl --count 500 --seed 7"
    )
    share = {"type": float, "metavar": "SHARE"}
    command.add_argument("--count", type=positive, default=100, metavar="N", help="how many notes (100)")
    command.add_argument("--seed", type=int, default=1, metavar="S", help="the same seed, the same notes (1)")
    command.add_argument("--insertions", type=int, default=6, metavar="N", help="how many inside a note (6)")
    command.add_argument("--unknown-names", default=0.15, **share, help="people whose names no lexicon holds (0.15)")
    command.add_argument("--mess", default=0.3, **share, help="insertions that are typed badly (0.3)")
    command.add_argument("--notes-per-patient", type=positive, default=1, metavar="N", help="(1)")
    add_output(command)
    add_input(command, needed=False)


def _add_describe(commands: Any) -> None:
    about = "say what each stage of a pipeline needs, adds and relies on"
    command = add_command(commands, describe, about, "medtext describe my-pipeline.yaml")
    command.add_argument("pipeline", nargs="?", default="default", help="a shipped pipeline, or your own YAML file")


def _add_show(commands: Any) -> None:
    about = "write the notes as one HTML page that needs no network"
    command = add_command(commands, show, about, "medtext show spans.jsonl -o spans.html --open")
    command.add_argument("--open", action="store_true", help="open the page in the browser")
    add_taxonomy(command)
    add_output(command, default="NAME.html", to=False)
    add_input(command)
