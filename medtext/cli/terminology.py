"""`medtext terminology`: compile release files, and look at what was compiled."""

from __future__ import annotations

import argparse
from collections import Counter
from typing import Any

from medtext.cli.options import add_command, say
from medtext.errors import ConfigError

_FOLDER = "a compiled folder by path or name"


def build(args: argparse.Namespace) -> int:
    from medtext.terminology.build import Edition, build_terminology, packaged_icd10cm
    from medtext.terminology.home import READY, home

    if not args.paths and args.reader not in READY:
        raise ConfigError(f"Give the release files of {args.reader}. Only {', '.join(READY)} comes with medtext.")
    options = _options(args)
    edition = Edition(args.reader, args.paths, args.release, options) if args.paths else packaged_icd10cm()
    output = args.output or home() / args.reader
    meta = build_terminology(edition, output, overwrite=args.overwrite, partial=args.partial)
    for source in meta["sources"]:
        for what, count in source["left_out"].items():
            say(f"left out: {count:,} {what}")
        say(source["notice"] or "no licence notice")
    counts = ", ".join(f"{meta['counts'][name]:,} {name}" for name in ("concepts", "terms", "links"))
    say(f"{output}: {counts}")
    return 0


def list(args: argparse.Namespace) -> int:
    from medtext.terminology.home import home
    from medtext.terminology.store import list_terminologies

    folder = args.folder or home()
    found = list_terminologies(folder)
    if not found:
        say(f"no compiled terminology in {folder}")
    for one in found:
        releases = ", ".join(f"{system} {release}".strip() for system, release in one.releases.items())
        licences = "; ".join(dict.fromkeys(source["licence"] for source in one.meta["sources"]))
        print(one.folder, releases, f"{len(one):,} concepts", licences, sep="\t")
    return 0


def vectors(args: argparse.Namespace) -> int:
    from medtext.terminology.vectors import build_vectors

    made = build_vectors(args.terminology, args.model)
    say(f"{made.folder}: {len(made):,} names")
    return 0


def search(args: argparse.Namespace) -> int:
    from medtext.terminology.store import Terminology

    found = Terminology(args.terminology).search(" ".join(args.words), system=args.system, limit=args.limit)
    for entry in found:
        print(entry.code, entry.name, entry.kind, "" if entry.active else "inactive", sep="\t")
    return int(not found)


def show(args: argparse.Namespace) -> int:
    import yaml

    from medtext.terminology.store import Terminology

    opened = Terminology(args.terminology)
    told = opened[args.code].describe()
    if args.crosswalk:
        from medtext.terminology.maps import crosswalk

        targets = Terminology(args.targets) if args.targets else None
        found = crosswalk(opened, args.code, sex=args.sex, age=args.age, system=args.crosswalk, targets=targets)
        told["crosswalk"] = [one.describe() for one in found]
    print(yaml.safe_dump(told, sort_keys=False, allow_unicode=True, width=120), end="")
    return 0


def diff(args: argparse.Namespace) -> int:
    from medtext.terminology.drift import KINDS
    from medtext.terminology.drift import diff as run

    counts: Counter[str] = Counter()
    for change in run(args.old, args.new):
        counts[change.kind] += 1
        if not args.kind or change.kind in args.kind:
            print(change.kind, change.code, change.name, change.before, change.after, sep="\t")
    say(", ".join(f"{counts[kind]:,} {kind}" for kind in KINDS))
    return 0


def tree(args: argparse.Namespace) -> int:
    import json

    from medtext.terminology.store import Terminology
    from medtext.terminology.tree import taxonomy_items

    opened = Terminology(args.terminology)
    items, left = taxonomy_items(opened, roots=args.codes, system=args.system, limit=args.limit)
    print(json.dumps({"items": items}, ensure_ascii=False, indent=1))
    if left:
        say(f"{left:,} concepts below did not fit; raise --limit, or name codes to begin at")
    return 0


def _options(args: argparse.Namespace) -> dict[str, Any]:
    """`--option tags=true --option header=code,name --column code=item` as a reader takes them."""
    options: dict[str, Any] = {}
    for pair in args.option:
        name, value = _pair(pair)
        options[name] = {"true": True, "false": False}.get(value, value.split(",") if "," in value else value)
    columns = dict(_pair(pair) for pair in args.column)
    return options | ({"columns": columns} if columns else {})


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise ConfigError(f"{text!r} is not NAME=VALUE.")
    return name, value


def add_terminology(commands: Any) -> None:
    """Add the group to the command line."""
    about = "compile terminology releases and look codes up"
    example = "medtext terminology build rxnorm RxNorm_full.zip -o rxnorm"
    group = commands.add_parser("terminology", help=about, description=about, epilog=f"example: {example}")
    inner = group.add_subparsers(metavar="COMMAND", required=True)
    _add_build(add_command(inner, build, "compile release files into one folder", example))
    one = add_command(inner, list, "list compiled folders with release and licence", "medtext terminology list")
    told = "a compiled folder, or the folder in which they lie (where those with a name lie)"
    one.add_argument("folder", nargs="?", help=told)
    _add_search(
        add_command(
            inner, search, "find codes by words of their names", "medtext terminology search icd10cm chest pain"
        )
    )
    one = add_command(
        inner, show, "show one code with all that is known of it", "medtext terminology show icd10cm ICD10CM:I10"
    )
    one.add_argument("terminology", metavar="DIR", help=_FOLDER)
    one.add_argument("code", metavar="CODE", help="SYSTEM:code")
    _add_crosswalk(one)
    about = "encode the names of a compiled folder for linking: {vectors: FOLDER}"
    one = add_command(inner, vectors, about, "medtext terminology vectors icd10cm --model minilm")
    one.add_argument("terminology", metavar="DIR", help=_FOLDER)
    told = "the folder of a sentence encoder: model.onnx and tokenizer.json"
    one.add_argument("--model", required=True, metavar="FOLDER", help=told)
    about = "print the hierarchy as JSON items for Label Studio's Taxonomy"
    _add_tree(add_command(inner, tree, about, "medtext terminology tree icd10cm ICD10CM:E08-E13 > codes.json"))
    one = add_command(inner, diff, "list what a new release changes", "medtext terminology diff OLD NEW --kind retired")
    one.add_argument("old", metavar="OLD", help=_FOLDER)
    one.add_argument("new", metavar="NEW", help=_FOLDER)
    one.add_argument("--kind", action="append", default=[], help="this kind of change alone; may be given again")


def _add_crosswalk(one: Any) -> None:
    told = "also the codes of SYSTEM (ICD10CM) that the rules of its map lead to"
    one.add_argument("--crosswalk", metavar="SYSTEM", nargs="?", const="ICD10CM", default="", help=told)
    one.add_argument("--sex", choices=("female", "male"), help="of the patient, for the rules that ask")
    one.add_argument("--age", type=float, metavar="YEARS", help="of the patient, for the rules that ask")
    one.add_argument("--targets", metavar="DIR", help="the compiled ICD-10-CM, for seventh characters")


def _add_tree(one: Any) -> None:
    one.add_argument("terminology", metavar="DIR", help=_FOLDER)
    one.add_argument("codes", metavar="CODE", nargs="*", help="SYSTEM:code to begin at (all without a parent)")
    one.add_argument("--system", default="", help="this code system alone")
    one.add_argument("--limit", type=int, default=5_000, metavar="N", help="concepts at most (5000)")


def _add_build(one: Any) -> None:
    readers = "rf2, icd10cm, loinc, rxnorm, hcpcs, cpt, umls or table"
    one.add_argument("reader", metavar="READER", help=f"whose files they are: {readers}")
    told = "a release folder, a zip, or its files; icd10cm needs none"
    one.add_argument("paths", metavar="PATH", nargs="*", help=told)
    told = "the folder to be made (the reader's name, where those with a name lie)"
    one.add_argument("-o", "--output", metavar="DIR", help=told)
    one.add_argument("--release", default="", help="the release, where the files do not tell it")
    told = "an option of the reader, such as prescribable=true; may be given again"
    one.add_argument("--option", action="append", default=[], metavar="NAME=VALUE", help=told)
    told = "which column of a table holds code, name, synonyms, …; may be given again"
    one.add_argument("--column", action="append", default=[], metavar="MEANING=NAME", help=told)
    one.add_argument("--partial", action="store_true", help="accept a release that speaks of concepts it does not hold")
    one.add_argument("--overwrite", action="store_true", help="replace the compiled folder that is there")


def _add_search(one: Any) -> None:
    one.add_argument("terminology", metavar="DIR", help=_FOLDER)
    one.add_argument("words", metavar="WORD", nargs="+", help="words of a name; the last may be a beginning")
    one.add_argument("--system", default="", help="this code system alone")
    one.add_argument("--limit", type=int, default=20, metavar="N", help="the first N (20)")
