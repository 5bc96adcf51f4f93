"""`medtext serve`: the application on a port of this machine, until it is interrupted."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from medtext.errors import ConfigError, MissingExtraError
from medtext.pipeline import Pipeline
from medtext.server.app import Tree, build_app
from medtext.server.backend import Backend
from medtext.server.events import Events
from medtext.server.guard import LOOPBACK, Limits

VARIABLE = "MEDTEXT_SERVER_TOKEN"
CODES_VARIABLE = "MEDTEXT_CODES_TOKEN"
PORT = 9090
_CONNECTIONS = 64

logger = logging.getLogger(__name__)


def serve(
    *,
    pipeline: Pipeline | str | Path = "preannotate",
    events: str | Path | None = None,
    terminology: str | Path | None = "starter",
    roots: Sequence[str] = (),
    origins: Iterable[str] = (),
    host: str = "127.0.0.1",
    port: int = PORT,
    allow_phi: bool = False,
    token: str = "",
    limits: Limits | None = None,
) -> None:
    """Serve predictions to Label Studio, keep what people submit, and look codes up, until interrupted.

    `events` is the file that corrections are appended to; `terminology` a compiled folder, a table of concepts or
    "starter"; `origins` the pages that may look codes up from another machine. The token stands in
    MEDTEXT_SERVER_TOKEN, another that opens the look-up of codes alone in MEDTEXT_CODES_TOKEN.
    Raises ConfigError without a token for a host that others can reach.
    """
    secret = token or os.environ.get(VARIABLE, "")
    if not secret and (f"[{host}]" if ":" in host else host) not in LOOPBACK:
        raise ConfigError(
            f"Others can reach {host}: set {VARIABLE} to a long random text, and give it to Label Studio."
        )
    try:
        import uvicorn
    except ImportError as error:
        raise MissingExtraError("The server", "uvicorn", "serve") from error
    backend = Backend(pipeline, allow_phi=allow_phi)
    kept = Events(events, backend) if events else None
    tree = open_tree(terminology, roots=roots) if terminology else None
    codes = os.environ.get(CODES_VARIABLE, "")
    app = build_app(backend, events=kept, tree=tree, token=secret, codes_token=codes, limits=limits, origins=origins)
    # Neither access lines (they hold what was asked) nor tracebacks (they may quote notes).
    uvicorn.run(
        app, host=host, port=port, access_log=False, log_level="warning", server_header=False,
        limit_concurrency=_CONNECTIONS,
    )  # fmt: skip


def open_tree(source: str | Path, *, roots: Sequence[str] = ()) -> Tree:
    """The tree of codes of a compiled terminology, of a table of concepts, or of the starter concepts."""
    from medtext.terminology.build import META
    from medtext.terminology.concepts import load_concepts
    from medtext.terminology.lookup import ConceptsTree, TerminologyTree
    from medtext.terminology.store import Terminology

    if (Path(source) / META).is_file():
        return TerminologyTree(Terminology(source), roots=roots)
    if roots:
        raise ConfigError("A table of concepts has no hierarchy, so it takes no roots. Name a compiled terminology.")
    return ConceptsTree(load_concepts(source))
