"""The commands of `medtext.review`."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from medtext.cli.options import add_command, say

if TYPE_CHECKING:
    from medtext.review.audit import Audit
    from medtext.review.report import Reported

_AUDIT = ("known", "key_column", "meta_key", "sample", "seed", "by", "findings", "deidentified", "overwrite")


_EVALUATE = ("layer", "concepts", "resamples", "seed", "by", "bands", "criterion", "terminology", "quotes")
_COMPARE = ("layer", "taxonomy", "people", "quotes", "resamples", "seed")
_AGREEMENT = ("layer", "tolerance", "terminology", "taxonomy", "people", "quotes", "resamples", "seed")
_ADJUDICATE = ("resolved", "weights", "majority", "layer", "taxonomy", "people", "queue_file", "overwrite", "allow_phi")


def evaluate(args: argparse.Namespace) -> int:
    from medtext.review import evaluate as run
    from medtext.runs.report import many

    _check_report(args.output)
    done = run(args.gold, args.predicted, format=args.input_format, **_chosen(args, _EVALUATE))
    _put(done, args)
    only = f"{len(done.missing):,} without a prediction, {len(done.extra):,} without gold"
    say(f"{many(done.notes, 'note')} compared, {only}")
    return int(bool(done.missing))


def compare(args: argparse.Namespace) -> int:
    from medtext.review import Cost
    from medtext.review import compare as run
    from medtext.runs.report import many

    _check_report(args.output)
    cost = Cost.parse(args.cost)
    done = run(args.base, args.returned, cost=cost, format=args.input_format, **_chosen(args, _COMPARE))
    _put(done, args)
    told = [f"{number:,} {kind}" for kind, number in done.counts.items() if number]
    kept = f"{len(done.missing):,} missing, {len(done.extra):,} that the base does not have"
    problems = f"; {many(len(done.problems), 'problem')}" if done.problems else ""
    say(f"{many(done.notes, 'note')} compared: {', '.join(told) or 'no spans'}; {kept}{problems}")
    return int(not done.clean)


def agreement(args: argparse.Namespace) -> int:
    from medtext.review import agreement as run
    from medtext.review.report import cell_text
    from medtext.runs.report import many

    _check_report(args.output)
    done = run(args.annotators, format=args.input_format, **_chosen(args, _AGREEMENT))
    _put(done, args)
    f1, alpha = cell_text(done.spans["strict"]), cell_text(done.alpha[""])
    told = f"strict F1 {f1}, alpha {alpha}, {many(len(done.disputes), 'mention')} to talk about"
    problems = f", {many(len(done.problems), 'problem')}" if done.problems else ""
    say(f"{many(done.notes, 'note')} of {len(done.annotators)} annotators: {told}{problems}")
    return int(bool(done.problems))


def adjudicate(args: argparse.Namespace) -> int:
    from medtext.review import adjudicate as run
    from medtext.review.report import check_report_name, write_report
    from medtext.runs.report import many

    if args.report:
        check_report_name(args.report)
    done = run(args.annotators, format=args.input_format, gold_file=args.output, **_chosen(args, _ADJUDICATE))
    if args.report:
        write_report(done, args.report, overwrite=args.overwrite)
    for problem in done.problems:
        print(problem, file=sys.stderr)
    opened = f"{many(done.open, 'question')} open in {many(len(done.queue), 'note')}"
    say(f"{many(len(done.gold), 'note')}: {many(done.settled, 'span')} settled, {done.outvoted:,} outvoted, {opened}")
    return int(not done.clean)


def _chosen(args: argparse.Namespace, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(args, name) for name in names}


def _check_report(path: str | None) -> None:
    """Refuse a name that says no form of report before the work begins."""
    from medtext.review.report import check_report_name

    if path not in (None, "-"):
        check_report_name(path)


def _put(done: Reported, args: argparse.Namespace) -> None:
    """The report to the file that was named, else to standard output."""
    from medtext.review.report import render, write_report

    if args.output in (None, "-"):
        print(render(done, ".md"), end="")
    else:
        write_report(done, args.output, overwrite=args.overwrite)


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
    _add_compare(commands)
    _add_agreement(commands)
    _add_adjudicate(commands)
    _add_evaluate(commands)
    _add_audit(commands)


def _add_compare(commands: Any) -> None:
    about = "tell what people made of the machine's spans, and whether beginning with them was worth it"
    command = add_command(commands, compare, about, "medtext compare spans.jsonl corrected.jsonl -o report.html")
    command.add_argument("base", metavar="BASE", help="the span file that people began with")
    command.add_argument("returned", nargs="+", metavar="RETURNED", help="what came back, one file or several")
    _add_people(command)
    _add_figures(command, layer="entity")
    command.add_argument("-t", "--taxonomy", metavar="NAME", help="report labels that this taxonomy does not have")
    told = "what an action costs: select, label, code, axis, boundary, delete (1 each), accept (0); accept=0.5"
    command.add_argument("--cost", action="append", default=[], metavar="ACTION=N", help=told)
    _add_report(command)


def _add_agreement(commands: Any) -> None:
    about = "measure how far people agree on spans, characters, attributes and codes; list what to talk about"
    command = add_command(commands, agreement, about, "medtext agreement anna.jsonl ben.jsonl -o agreement.html")
    _add_annotators(command)
    _add_figures(command, layer="entity")
    told = "code points that an end may be off in the criterion tolerant (2)"
    command.add_argument("--tolerance", type=int, default=2, metavar="N", help=told)
    _add_terminology(command)
    _add_report(command)


def _add_adjudicate(commands: Any) -> None:
    about = "merge the work of several people by majority into one gold, and queue what they must decide"
    example = "medtext adjudicate anna.jsonl ben.jsonl cleo.jsonl -o gold.jsonl --queue to-decide.jsonl"
    command = add_command(commands, adjudicate, about, example)
    _add_annotators(command)
    command.add_argument("--from", dest="input_format", metavar="FORMAT", help="their format, where names do not tell")
    command.add_argument("--layer", default="entity", metavar="NAME", help="the layer that is merged (entity)")
    told = "the queue as it came back from the UI, decided"
    command.add_argument("--resolved", metavar="FILE", help=told)
    told = "the weight of an annotator (1 each)"
    command.add_argument("--weight", dest="weights", action=_Weight, default={}, metavar="NAME=W", help=told)
    told = "what holds has more than this share of the weight (0.5)"
    command.add_argument("--majority", type=float, default=0.5, metavar="SHARE", help=told)
    command.add_argument("-o", "--output", required=True, metavar="FILE", help="the gold: a span file")
    told = "the notes in which something is open, each alternative a span: push it to the UI"
    command.add_argument("--queue", dest="queue_file", metavar="FILE", help=told)
    command.add_argument("--report", metavar="FILE", help="the counts and questions: a .json, .md or .html file")
    command.add_argument("--overwrite", action="store_true", help="replace what is there")
    command.add_argument("--allow-phi", action="store_true", help="write notes that are not de-identified")


class _Weight(argparse.Action):
    """NAME=W, several times, as name → weight."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        name, _, weight = values.rpartition("=")
        try:
            setattr(namespace, self.dest, {**getattr(namespace, self.dest), name: float(weight)})
        except ValueError:
            parser.error(f"{option_string} wants NAME=W, W a number")


class _Bands(argparse.Action):
    """COLUMN=N,N, several times, as column → edges."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        name, _, edges = values.partition("=")
        try:
            held = tuple(float(edge) for edge in edges.split(","))
        except ValueError:
            parser.error(f"{option_string} wants COLUMN=N,N,…")
        setattr(namespace, self.dest, {**getattr(namespace, self.dest), name: held})


def _add_annotators(command: Any) -> None:
    told = "span files, one for each annotator; with --annotator one file with the work of all"
    command.add_argument("annotators", nargs="+", metavar="FILE", help=told)
    _add_people(command)
    command.add_argument("-t", "--taxonomy", metavar="NAME", help="report labels that this taxonomy does not have")


def _add_people(command: Any) -> None:
    told = "take the work of this person out of one Label Studio export; give it for each person"
    command.add_argument("--annotator", dest="people", action="append", default=[], metavar="NAME", help=told)


def _add_figures(command: Any, *, layer: str) -> None:
    command.add_argument("--from", dest="input_format", metavar="FORMAT", help="their format, where names do not tell")
    command.add_argument("--layer", default=layer, metavar="NAME", help=f"the layer that is compared ({layer})")
    command.add_argument("--resamples", type=int, default=1000, metavar="N", help="of the bootstrap (1000)")
    command.add_argument("--seed", type=int, default=0, metavar="S", help="of the bootstrap (0)")


def _add_terminology(command: Any) -> None:
    told = "a compiled terminology: compare codes by its hierarchy; give it for each"
    command.add_argument("--terminology", action="append", default=[], metavar="FOLDER", help=told)


def _add_report(command: Any) -> None:
    command.add_argument("--quotes", action="store_true", help="show the words of de-identified notes in the lists")
    command.add_argument("-o", "--output", metavar="FILE", help="a .json, .md or .html file (standard output)")
    command.add_argument("--overwrite", action="store_true", help="replace what is there")


def _add_evaluate(commands: Any) -> None:
    about = "measure predicted spans against gold spans on the same texts"
    command = add_command(commands, evaluate, about, "medtext evaluate gold.jsonl marked.jsonl -o report.html")
    command.add_argument("gold", metavar="GOLD", help="a span file of any format")
    command.add_argument("predicted", metavar="PREDICTED", help="another, over the same texts")
    _add_figures(command, layer="phi")
    command.add_argument("--concepts", metavar="NAME", help="count the lost terms of this set: starter, or a .tsv file")
    told = "judge each group of notes by this meta column (or section) beside all others; give it for each"
    command.add_argument("--by", action="append", default=[], metavar="COLUMN", help=told)
    told = "where the bands of a column of numbers begin (age=18,40,65,80; quartiles)"
    command.add_argument("--bands", action=_Bands, default={}, metavar="COLUMN=N,N", help=told)
    told = "the criterion of the groups: strict, exact, type, partial, overlap, covered, characters (strict)"
    command.add_argument("--criterion", default="strict", metavar="NAME", help=told)
    _add_terminology(command)
    _add_report(command)


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
