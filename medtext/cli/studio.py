"""The commands of the way through Label Studio: `label-studio push|pull|connect|collect`, and `serve`."""

from __future__ import annotations

import argparse
from typing import Any

from medtext.cli.options import add_command, add_input, add_taxonomy, finish, positive, reader_options, say, tell


def push(args: argparse.Namespace) -> int:
    from medtext.studio import push as run

    names = ("url", "project", "codes_url", "input_format", "deidentified", "allow_phi", "replace_config", "limit")
    chosen = {name: getattr(args, name) for name in (*names, "batch_size", "progress")}
    return finish(
        run(args.input, taxonomy=args.taxonomy or "clinical", on_problem=tell, **chosen, **reader_options(args))
    )


def pull(args: argparse.Namespace) -> int:
    from medtext.studio import pull as run

    names = ("url", "project", "which", "drafts", "allow_phi", "overwrite", "progress")
    return finish(run(args.output, on_problem=tell, **{name: getattr(args, name) for name in names}))


def connect(args: argparse.Namespace) -> int:
    from medtext.studio import connect as run

    told = run(url=args.url, project=args.project, backend=args.backend)
    say(f"project {told['project']} asks {args.backend} (backend {told['backend']}, {told['model_version']})")
    return 0


def collect(args: argparse.Namespace) -> int:
    from medtext.server.events import collect as run

    return finish(run(args.events, args.output, allow_phi=args.allow_phi, overwrite=args.overwrite, on_problem=tell))


def serve(args: argparse.Namespace) -> int:
    from medtext.server.run import serve as run

    names = ("pipeline", "events", "terminology", "roots", "origins", "host", "port", "allow_phi")
    say(f"serving on http://{args.host}:{args.port}; Ctrl-C ends it")
    run(**{name: getattr(args, name) for name in names})
    return 0


def add_studio(commands: Any) -> None:
    """Add the group and `serve` to the command line."""
    about = "send notes to a running Label Studio and fetch what people made of them"
    example = (
        "LABEL_STUDIO_API_KEY=… medtext label-studio push spans.jsonl --url http://localhost:8080 --project Ward-3"
    )
    group = commands.add_parser("label-studio", help=about, description=about, epilog=f"example: {example}")
    inner = group.add_subparsers(metavar="COMMAND", required=True)
    for add in (_add_push, _add_pull, _add_connect, _add_collect):
        add(inner)
    _add_serve(commands)


def _add_server(command: Any) -> None:
    command.add_argument(
        "--url", required=True, help="where Label Studio runs; its token stands in LABEL_STUDIO_API_KEY"
    )
    command.add_argument("--project", required=True, metavar="NAME", help="the project's title or number")


def _add_push(commands: Any) -> None:
    about = "send notes with their spans as predictions; each note once, also when it is said again"
    example = "medtext label-studio push spans.jsonl --url http://localhost:8080 --project Ward-3"
    command = add_command(commands, push, about, example)
    _add_server(command)
    add_taxonomy(command)
    command.add_argument("--codes-url", default="", metavar="URL", help="the look-up of codes: …/terminology of serve")
    command.add_argument("--batch-size", type=positive, default=100, metavar="N", help="tasks in one request (100)")
    command.add_argument("--replace-config", action="store_true", help="replace another configuration of the project")
    command.add_argument("--deidentified", action="store_true", default=None, help="these notes hold no identifiers")
    command.add_argument("--allow-phi", action="store_true", help="send notes that are not de-identified")
    command.add_argument("--limit", type=positive, metavar="N", help="the first N notes only")
    command.add_argument("--progress", action="store_true", default=None, help="show progress even without a terminal")
    add_input(command)


def _add_pull(commands: Any) -> None:
    about = "fetch annotations: a folder with one span file an annotator, or one file"
    example = "medtext label-studio pull --url http://localhost:8080 --project Ward-3 -o corrected/"
    command = add_command(commands, pull, about, example)
    _add_server(command)
    told = "each annotator in a file (the default), the latest word on every note, or what is starred as ground truth"
    command.add_argument("--which", choices=("each", "latest", "ground_truth"), default="each", help=told)
    command.add_argument("--drafts", action="store_true", help="also what is saved but not submitted")
    command.add_argument("-o", "--output", required=True, metavar="OUTPUT", help="a folder, or a file for one file")
    command.add_argument("--overwrite", action="store_true", help="replace what is there")
    command.add_argument("--allow-phi", action="store_true", help="write notes that are not de-identified")
    command.add_argument("--progress", action="store_true", default=None, help="show progress even without a terminal")


def _add_connect(commands: Any) -> None:
    about = "have a project ask `medtext serve` for predictions when a task is opened, and tell it of annotations"
    example = (
        "medtext label-studio connect --url http://localhost:8080 --project Ward-3 --backend http://127.0.0.1:9090"
    )
    command = add_command(commands, connect, about, example)
    _add_server(command)
    command.add_argument("--backend", required=True, metavar="URL", help="where `medtext serve` runs")


def _add_collect(commands: Any) -> None:
    about = "each annotator's last word from the events that `medtext serve` kept"
    command = add_command(commands, collect, about, "medtext label-studio collect events.jsonl -o corrected/")
    command.add_argument("events", metavar="EVENTS", help="the file that was named to serve")
    command.add_argument("-o", "--output", required=True, metavar="DIR", help="a folder: one span file an annotator")
    command.add_argument("--overwrite", action="store_true", help="replace what is there")
    command.add_argument("--allow-phi", action="store_true", help="write notes that are not de-identified")


def _add_serve(commands: Any) -> None:
    about = "pre-annotate tasks for Label Studio, keep what people submit, look codes up"
    command = add_command(commands, serve, about, "MEDTEXT_SERVER_TOKEN=… medtext serve --events events.jsonl")
    command.add_argument("-p", "--pipeline", default="preannotate", help="a shipped pipeline, or your own YAML file")
    command.add_argument("--events", metavar="FILE", help="append what people submit to this file")
    told = "the codes to look up: a compiled folder, a table of concepts, or starter"
    command.add_argument("--terminology", default="starter", metavar="DIR", help=told)
    told = "a code at which the tree begins; may be given again"
    command.add_argument("--root", dest="roots", action="append", default=[], metavar="CODE", help=told)
    told = "a page that may look codes up, such as https://label.example.org; may be given again"
    command.add_argument("--origin", dest="origins", action="append", default=[], metavar="URL", help=told)
    command.add_argument("--host", default="127.0.0.1", help="the address to listen on (127.0.0.1)")
    command.add_argument("--port", type=positive, default=9090, help="the port (9090)")
    command.add_argument("--allow-phi", action="store_true", help="take notes that are not de-identified")
