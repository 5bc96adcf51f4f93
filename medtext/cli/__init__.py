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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from medtext import __version__
from medtext.cli.notes import add_notes
from medtext.cli.options import READER, RUN, say
from medtext.cli.review import add_review
from medtext.cli.studio import add_studio
from medtext.cli.terminology import add_terminology
from medtext.cli.training import add_training
from medtext.errors import MedtextError

_FLAGS = {
    "input_format": "--from",
    "output_format": "--to",
    "format": "--from",
    "sample_file": "-o",
    "people": "--annotator",
    "weights": "--weight",
}
_OPTIONS = (
    *READER,
    *RUN,
    "resume",
    "format",
    "taxonomy",
    "partial",
    "key_column",
    "sample",
    "sample_file",
    "people",
    "weights",
    "majority",
    "tolerance",
    "replace_config",
    "which",
)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="medtext",
        description="Take clinical notes to trusted, coded training data.",
        epilog="example: medtext annotate notes/ -o spans.jsonl && medtext show spans.jsonl",
    )
    parser.add_argument("--version", action="version", version=f"medtext {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for add in (add_notes, add_review, add_studio, add_terminology, add_training):
        add(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and give its exit status; every error is one line on standard error."""
    args = _parser().parse_args(argv)
    try:
        with _quiet(args.debug):
            status = args.run(args)
            sys.stdout.flush()
            return status
    except KeyboardInterrupt:
        say("interrupted." + (" Finished notes are kept: go on with --resume." if hasattr(args, "resume") else ""))
        return 130
    except BrokenPipeError:
        # Whoever read our output has gone; nothing more may be written there, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if args.debug:
            traceback.print_exc()
        else:
            say(_one_line(error))
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
