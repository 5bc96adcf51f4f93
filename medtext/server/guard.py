"""What stands before every request: who may ask, how large and how long it may be, and that no error tells a text.

An ASGI middleware. A request without the token, where one is set, is refused; without one, only requests to this
machine itself are answered, so that no web page can reach the server by another name of it.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import json
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from medtext.errors import IdentifiedNoteError, MedtextError, UnknownCodeError

CODES_PATH = "/terminology"
OPEN_PATHS = frozenset({"/", "/health"})  # tell nothing but that somebody is there
LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
_STATUS = {IdentifiedNoteError: 400, UnknownCodeError: 404}

logger = logging.getLogger(__name__)
_Message = MutableMapping[str, Any]
_App = Callable[..., Awaitable[None]]


class _TooLargeError(Exception):
    """The body is larger than is allowed."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes of a request, and seconds until it must be answered."""

    bytes: int = 32_000_000
    seconds: float = 95.0  # Label Studio itself waits 100


@dataclass(frozen=True, slots=True)
class Guard:
    """The application behind its guard."""

    app: _App
    token: str = field(default="", repr=False)
    codes_token: str = field(default="", repr=False)
    limits: Limits = Limits()

    async def __call__(self, scope: _Message, receive: _App, send: _App) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {name.lower(): value for name, value in scope["headers"]}
        refusal = self._refusal(scope, headers)
        if refusal:
            await _answer(send, *refusal)
            return
        await self._guarded(scope, receive, send)

    def _refusal(self, scope: _Message, headers: dict[bytes, bytes]) -> tuple[int, str] | None:
        method, path = scope["method"], scope["path"]
        if self.token and path not in OPEN_PATHS and method != "OPTIONS" and not self._knows(path, headers):
            return 401, "This server wants its token: as a bearer token, or as the password of basic authentication."
        host = headers.get(b"host", b"").decode("latin-1")
        if not self.token and _without_port(host) not in LOOPBACK:
            return 403, "Without a token this server answers only on this machine: set MEDTEXT_SERVER_TOKEN."
        if method == "POST" and not headers.get(b"content-type", b"").lower().startswith(b"application/json"):
            return 415, "Send JSON."
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > self.limits.bytes:
            return 413, f"A request may have {self.limits.bytes:,} bytes."
        return None

    def _knows(self, path: str, headers: dict[bytes, bytes]) -> bool:
        kind, _, value = headers.get(b"authorization", b"").partition(b" ")
        if kind.lower() == b"basic":
            try:
                value = base64.b64decode(value, validate=True).partition(b":")[2]
            except (binascii.Error, ValueError):
                return False
        elif kind.lower() != b"bearer":
            return False
        good = [self.token, *([self.codes_token] if self.codes_token and path == CODES_PATH else [])]
        return any(hmac.compare_digest(value.strip(), one.encode()) for one in good)

    async def _guarded(self, scope: _Message, receive: _App, send: _App) -> None:
        begun = False

        async def sending(message: _Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            async with asyncio.timeout(self.limits.seconds):
                await self.app(scope, self._counted(receive), sending)
        except Exception as error:
            status, told = _told(error, self.limits)
            if status >= 500:
                logger.error("%s %s: %s", scope["method"], scope["path"], told)
            if not begun:
                await _answer(send, status, told)

    def _counted(self, receive: _App) -> _App:
        taken = 0

        async def counting() -> _Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self.limits.bytes:
                raise _TooLargeError
            return message

        return counting


def _told(error: Exception, limits: Limits) -> tuple[int, str]:
    """Status and message of an error; foreign messages may quote a note, so only their type is told."""
    if isinstance(error, _TooLargeError):
        return 413, f"A request may have {limits.bytes:,} bytes."
    if isinstance(error, TimeoutError):
        return 503, f"This took longer than {limits.seconds:g} seconds."
    if isinstance(error, MedtextError):
        return _STATUS.get(type(error), 400), str(error)
    return 500, f"unexpected {type(error).__name__}"


def _without_port(host: str) -> str:
    return host[: host.index("]") + 1] if host.startswith("[") and "]" in host else host.partition(":")[0]


async def _answer(send: _App, status: int, told: str) -> None:
    body = json.dumps({"detail": told}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if status == 401:
        headers.append((b"www-authenticate", b'Basic realm="medtext"'))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
