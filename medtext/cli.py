"""The command line: one short function a command, each of which calls the public function of the same name.

Data goes to standard output, talk to standard error. Exit status: 0 fine, 1 problems were found, 2 the command could
not run, 130 interrupted. Nothing heavy is imported before a command runs.
"""

from __future__ import annotations

import argparse
import logging
import os
import re
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medtext import __version__
from medtext.errors import MedtextError, Problem
from medtext.review_commands import add_audit, add_evaluate
from medtext.terminology_commands import add_terminology

if TYPE_CHECKING:
    from medtext.runs import RunReport

_READER = ("text_column", "id_column", "encoding")
_RUN = ("input_format", "output_format", "deidentified", "overwrite", "allow_phi", "limit", "progress")
_FLAGS = {"input_format": "--from", "output_format": "--to", "format": "--from", "sample_file": "-o"}
_OPTIONS = (*_READER, *_RUN, "resume", "format", "taxonomy", "partial", "key_column", "sample", "sample_file")


def annotate(args: argparse.Namespace) -> int:
    from medtext.runs import annotate as run

    report = run(args.input, args.output, pipeline=args.pipeline, resume=args.resume, **_chosen(args))
    if args.table:
        print(report.table(), file=sys.stderr)
    return _finish(report)


def deid(args: argparse.Namespace) -> int:
    from medtext.runs import deid as run

    names = ("policy", "replace", "known", "keep_meta", "key_file", "vault", "report", "resume")
    options = {name: getattr(args, name) for name in names}
    return _finish(run(args.input, args.output, **options, **_chosen(args)))


def reidentify(args: argparse.Namespace) -> int:
    from medtext.runs import reidentify as run

    return _finish(run(args.input, args.output, vault=args.vault, key_file=args.key_file, **_chosen(args)))


def convert(args: argparse.Namespace) -> int:
    from medtext.runs import convert as run

    return _finish(run(args.input, args.output, taxonomy=args.taxonomy, **_chosen(args)))


def show(args: argparse.Namespace) -> int:
    from medtext.runs import convert as run

    output = args.output or f"{Path(args.input).name.removesuffix(Path(args.input).suffix) or 'notes'}.html"
    chosen = _chosen(args) | {"output_format": "html"}
    report = run(args.input, output, taxonomy=args.taxonomy, **chosen)
    if args.open and output != "-":
        import webbrowser

        webbrowser.open(Path(output).absolute().as_uri())
    return _finish(report)


def generate(args: argparse.Namespace) -> int:
    from itertools import islice

    from medtext.formats import read, write
    from medtext.generator import generate as run
    from medtext.runs.progress import bar

    carriers = None
    if args.input:
        told = {"deidentified": args.deidentified, "format": args.input_format, "on_problem": _tell}
        carriers = list(islice(read(args.input, **told, **_reader(args)), args.limit))
    names = ("count", "seed", "insertions", "unknown_names", "mess", "notes_per_patient")
    notes = run(carriers, **{name: getattr(args, name) for name in names})
    # Whoever gives identified carriers must say so: what the deid stage missed in them is still there.
    invented = carriers is None or all(note.deidentified for note in carriers)
    chosen = {"format": args.output_format, "overwrite": args.overwrite, "allow_phi": invented or args.allow_phi}
    written = write(bar(notes, show=args.progress), args.output, **chosen)
    _say(f"{written.notes:,} notes written to {'standard output' if args.output == '-' else args.output}")
    return 0


def check(args: argparse.Namespace) -> int:
    from medtext.runs import check as run
    from medtext.runs.report import many

    chosen = {"taxonomy": args.taxonomy or "clinical", "format": args.input_format, "terminology": args.terminology}
    problems = run(
        args.input, **chosen, fix=args.fix, overwrite=args.overwrite, allow_phi=args.allow_phi, **_reader(args)
    )
    for problem in problems:
        print(problem)
    errors = sum(problem.severity == "error" for problem in problems)
    _say(f"{args.input}: {many(errors, 'error')}, {many(len(problems) - errors, 'warning')}")
    return int(errors > 0)


def describe(args: argparse.Namespace) -> int:
    import yaml

    from medtext.pipeline import load

    told = load(args.pipeline).describe()
    print(yaml.safe_dump(told, sort_keys=False, allow_unicode=True, width=120), end="")
    return 0


def _chosen(args: argparse.Namespace) -> dict[str, Any]:
    """What the run functions take, as the user chose it."""
    return {name: getattr(args, name) for name in _RUN} | {"on_problem": _tell} | _reader(args)


def _reader(args: argparse.Namespace) -> dict[str, Any]:
    """The reader options that were given: not every format takes each."""
    return {name: getattr(args, name) for name in _READER if getattr(args, name) is not None}


def _finish(report: RunReport) -> int:
    _say(str(report))
    return int(report.errors > 0)


def _tell(problem: Problem) -> None:
    print(problem, file=sys.stderr)


def _say(message: str) -> None:
    print(f"medtext: {message}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="medtext",
        description="Take clinical notes to trusted, coded training data.",
        epilog="example: medtext annotate notes/ -o spans.jsonl && medtext show spans.jsonl",
    )
    parser.add_argument("--version", action="version", version=f"medtext {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    adders = (
        *(_add_annotate, _add_deid, _add_reidentify, _add_convert),
        *(_add_check, _add_describe, _add_generate, _add_show),
    )
    for build in adders:
        build(commands)
    for build_review in (add_evaluate, add_audit):
        build_review(partial(_command, commands))
    add_terminology(commands, _command)
    return parser


def _add_annotate(commands: Any) -> None:
    about = "run a pipeline over notes and write a span file, its manifest and its problems"
    example = "medtext annotate notes.csv --text-column note --id-column note_id -o spans.jsonl"
    command = _command(commands, annotate, about, example)
    command.add_argument("-p", "--pipeline", default="default", help="a shipped pipeline, or your own YAML file")
    command.add_argument("--table", action="store_true", help="print how many spans of each label were found")
    _add_output(command, resume=True)
    _add_input(command)


def _add_deid(commands: Any) -> None:
    about = "replace identifiers and write the same kind of file that came in"
    command = _command(commands, deid, about, "medtext deid notes/ -o clean/ --policy safe-harbor")
    command.add_argument("--policy", default="safe-harbor", help="a shipped policy, or your own YAML file")
    command.add_argument("--replace", metavar="HOW", help="what stands there: tag, surrogate, markov, random or mark")
    command.add_argument("--key-file", metavar="FILE", help="the secret of surrogates and vault (or MEDTEXT_KEY)")
    command.add_argument("--vault", metavar="FILE", help="keep the way back in this encrypted file")
    several = {"action": "append", "default": [], "metavar": "COLUMN"}
    command.add_argument(
        "--known", **several, help="a column of identifiers to be found in the text, or a table of them (CSV, TSV)"
    )
    command.add_argument("--keep", dest="keep_meta", **several, help="a column that stays; the others are dropped")
    told = "write what was done, per class and per note, to a .json, .md or .html file; with .json also a .md beside"
    command.add_argument("--report", metavar="FILE", help=told)
    _add_output(command, resume=True)
    _add_input(command)


def _add_reidentify(commands: Any) -> None:
    about = "lead de-identified notes back to the originals, for those who hold the key of their vault"
    example = "medtext reidentify corrected.jsonl --vault notes.vault -o identified.jsonl --allow-phi"
    command = _command(commands, reidentify, about, example)
    command.add_argument("--vault", metavar="FILE", required=True, help="the vault that was named to deid")
    command.add_argument("--key-file", metavar="FILE", help="its secret (or MEDTEXT_KEY)")
    _add_output(command)
    _add_input(command)


def _add_convert(commands: Any) -> None:
    about = "write notes in another format; says what that format cannot hold"
    command = _command(commands, convert, about, "medtext convert spans.jsonl -o tasks.json --to label_studio")
    _add_taxonomy(command)
    _add_output(command)
    _add_input(command)


def _add_check(commands: Any) -> None:
    about = "list what is wrong with a file of notes"
    command = _command(commands, check, about, "medtext check corrected.jsonl --taxonomy my-labels.yaml")
    _add_taxonomy(command)
    told = "a compiled terminology: codes that are unknown, retired or not billable; may be given again"
    command.add_argument("--terminology", action="append", default=[], metavar="DIR", help=told)
    command.add_argument("--fix", metavar="OUTPUT", help="write the notes there with retired codes replaced")
    command.add_argument("--overwrite", action="store_true", help="replace what is there")
    command.add_argument("--allow-phi", action="store_true", help="write notes that are not de-identified")
    _add_input(command)


def _add_generate(commands: Any) -> None:
    about = "make labelled notes: invented identifiers in carriers, with exact gold"
    command = _command(commands, generate, about, "medtext generate carriers.jsonl -o gold.jsonl --count 500 --seed 7")
    share = {"type": float, "metavar": "SHARE"}
    command.add_argument("--count", type=_positive, default=100, metavar="N", help="how many notes (100)")
    command.add_argument("--seed", type=int, default=1, metavar="S", help="the same seed, the same notes (1)")
    command.add_argument("--insertions", type=int, default=6, metavar="N", help="how many inside a note (6)")
    command.add_argument("--unknown-names", default=0.15, **share, help="people whose names no lexicon holds (0.15)")
    command.add_argument("--mess", default=0.3, **share, help="insertions that are typed badly (0.3)")
    command.add_argument("--notes-per-patient", type=_positive, default=1, metavar="N", help="(1)")
    _add_output(command)
    _add_input(command, needed=False)


def _add_describe(commands: Any) -> None:
    about = "say what each stage of a pipeline needs, adds and relies on"
    command = _command(commands, describe, about, "medtext describe my-pipeline.yaml")
    command.add_argument("pipeline", nargs="?", default="default", help="a shipped pipeline, or your own YAML file")


def _add_show(commands: Any) -> None:
    about = "write the notes as one HTML page that needs no network"
    command = _command(commands, show, about, "medtext show spans.jsonl -o spans.html --open")
    command.add_argument("--open", action="store_true", help="open the page in the browser")
    _add_taxonomy(command)
    _add_output(command, default="NAME.html", to=False)
    _add_input(command)


def _command(commands: Any, run: Callable[[argparse.Namespace], int], about: str, example: str) -> Any:
    command = commands.add_parser(run.__name__, help=about, description=about, epilog=f"example: {example}")
    command.set_defaults(run=run, output_format=None)
    command.add_argument("--debug", action="store_true", help="show the traceback of an error (it may quote notes)")
    return command


def _add_taxonomy(command: Any) -> None:
    command.add_argument("-t", "--taxonomy", metavar="NAME", help="a shipped taxonomy, or your own YAML file")


def _add_input(command: Any, *, needed: bool = True) -> None:
    group = command.add_argument_group("input")
    nargs = None if needed else "?"
    group.add_argument("input", nargs=nargs, metavar="INPUT", help="a file or folder of notes; - is standard input")
    group.add_argument("--from", dest="input_format", metavar="FORMAT", help="its format, where the name does not tell")
    group.add_argument("--text-column", metavar="NAME", help="the column that holds the text")
    group.add_argument("--id-column", metavar="NAME", help="the column that holds the note id; empty: number the rows")
    group.add_argument("--encoding", metavar="NAME", help="the encoding of text files (UTF-8)")


def _add_output(command: Any, *, default: str = "", to: bool = True, resume: bool = False) -> None:
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
    group.add_argument("--limit", type=_positive, metavar="N", help="the first N notes only")
    group.add_argument("--progress", action="store_true", default=None, help="show progress even without a terminal")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and give its exit status; every error is one line on standard error."""
    args = _parser().parse_args(argv)
    try:
        with _quiet(args.debug):
            status = args.run(args)
            sys.stdout.flush()
            return status
    except KeyboardInterrupt:
        _say("interrupted." + (" Finished notes are kept: go on with --resume." if hasattr(args, "resume") else ""))
        return 130
    except BrokenPipeError:
        # Whoever read our output has gone; nothing more may be written there, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if args.debug:
            traceback.print_exc()
        else:
            _say(_one_line(error))
        return 2


@contextmanager
def _quiet(debug: bool) -> Iterator[None]:
    """Our own log as lines like ours; the warnings of libraries, which may quote notes, only when debugging."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("medtext: %(message)s"))
    logger = logging.getLogger("medtext")
    logger.addHandler(handler)
    try:
        with warnings.catch_warnings():
            if not debug:
                warnings.simplefilter("ignore")
            yield
    finally:
        logger.removeHandler(handler)


def _one_line(error: Exception) -> str:
    """An error in one line. A foreign message may quote a note, so only its type and place are told."""
    if isinstance(error, MedtextError):
        return _in_flags(" ".join(str(error).split()))
    if isinstance(error, OSError):
        return (
            f"{error.filename}: {error.strerror}." if error.filename else f"{type(error).__name__}: {error.strerror}."
        )
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{Path(frame.filename).name}:{frame.lineno}"
    return f"unexpected {type(error).__name__} at {place}. --debug shows the traceback (it may quote notes)."


def _in_flags(message: str) -> str:
    """Errors name the options of the functions; here they are called otherwise."""

    def flag(match: re.Match[str]) -> str:
        return _FLAGS.get(match[1], "--" + match[1].replace("_", "-"))

    return re.sub(rf"\b({'|'.join(_OPTIONS)})=(?:True\b)?", flag, message)
