"""The application: Label Studio's machine-learning backend, its webhook, and the look-up of codes for its Taxonomy."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from medtext.errors import MissingExtraError, NoteError
from medtext.server.backend import Backend
from medtext.server.events import Events
from medtext.server.guard import CODES_PATH, Guard, Limits

_LOCAL_PAGES = r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?"


class Tree(Protocol):
    """What a look-up of codes asks of its tree."""

    def items(self, path: Sequence[str]) -> list[dict[str, Any]]: ...

    def search(self, text: str, *, limit: int = 50) -> list[dict[str, Any]]: ...


def build_app(
    backend: Backend,
    *,
    events: Events | None = None,
    tree: Tree | None = None,
    token: str = "",
    codes_token: str = "",
    limits: Limits | None = None,
    origins: Iterable[str] = (),
) -> Any:
    """The FastAPI application, behind its guard.

    `events` take what the webhook tells; `tree` answers `/terminology`, to pages of this machine and of `origins`, and
    to a token of its own: that one stands in the labeling configuration, which every annotator may read.
    Raises MissingExtraError without FastAPI.
    """
    try:
        from fastapi import FastAPI
    except ImportError as error:
        raise MissingExtraError("The server", "FastAPI", "serve") from error
    app = FastAPI(title="medtext", docs_url=None, redoc_url=None, openapi_url=None)
    _add_backend(app, backend)
    _add_webhook(app, events)
    if tree is not None:
        _add_tree(app, tree, list(origins))
    app.add_middleware(Guard, token=token, codes_token=codes_token, limits=limits or Limits())
    return app


def _add_backend(app: Any, backend: Backend) -> None:
    from starlette.concurrency import run_in_threadpool
    from starlette.requests import Request

    async def health() -> dict[str, str]:
        return {"status": "UP", "model_class": "medtext"}

    async def setup() -> dict[str, str]:
        # The body holds a token of the project's owner: it is not even read.
        return {"model_version": backend.version}

    async def versions() -> dict[str, list[str]]:
        return {"versions": [backend.version]}

    async def predict(request: Request) -> dict[str, Any]:
        told = await _body(request)
        tasks = told.get("tasks")
        if not isinstance(tasks, list):
            raise NoteError("the request has no list of tasks.")
        config = told.get("label_config")
        config = config if isinstance(config, str) else ""
        return {"results": await run_in_threadpool(backend.predict, tasks, label_config=config)}

    _get(app, "/", health)
    _get(app, "/health", health)
    _get(app, "/versions", versions)
    _post(app, "/setup", setup)
    _post(app, "/predict", _with_request(predict, Request))


def _add_webhook(app: Any, events: Events | None) -> None:
    from starlette.concurrency import run_in_threadpool
    from starlette.requests import Request

    async def webhook(request: Request) -> dict[str, int]:
        told = await _body(request)
        return {"written": await run_in_threadpool(events.take, told) if events else 0}

    _post(app, "/webhook", _with_request(webhook, Request))


def _add_tree(app: Any, tree: Tree, origins: list[str]) -> None:
    from starlette.concurrency import run_in_threadpool
    from starlette.middleware import Middleware
    from starlette.middleware.cors import CORSMiddleware
    from starlette.requests import Request
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    async def terminology(request: Request) -> JSONResponse:
        query = request.query_params
        words, path = query.get("q", ""), query.getlist("path")
        found = await run_in_threadpool(*((tree.search, words) if words else (tree.items, path)))
        return JSONResponse({"items": found})

    pages = {"allow_origins": origins, "allow_origin_regex": _LOCAL_PAGES, "allow_headers": ["*"]}
    cors = Middleware(CORSMiddleware, allow_methods=["GET"], **pages)
    # OPTIONS is for the question that a browser asks first, which CORS answers.
    app.router.routes.append(Route(CODES_PATH, terminology, methods=["GET", "OPTIONS"], middleware=[cors]))


def _get(app: Any, path: str, function: Any) -> None:
    app.add_api_route(path, function, methods=["GET"], response_model=None)


def _post(app: Any, path: str, function: Any) -> None:
    app.add_api_route(path, function, methods=["POST"], response_model=None)


def _with_request(function: Any, kind: type) -> Any:
    """FastAPI reads annotations, which are text in this module: give it the class itself."""
    function.__annotations__["request"] = kind
    return function


async def _body(request: Any) -> dict[str, Any]:
    try:
        told = json.loads(await request.body())
    except (ValueError, RecursionError):
        raise NoteError("the body is no JSON.") from None
    if not isinstance(told, dict):
        raise NoteError("the body is no JSON object.")
    return told
