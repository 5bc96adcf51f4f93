"""Label Studio over HTTP: JSON requests with a token, retried where that is safe, and errors that can be acted on.

No message and no log line holds a token or anything of a note: what the server answers may quote one, so of a refusal
only the names of the fields are told. Redirections are not followed, so that the token goes nowhere else.
"""

from __future__ import annotations

import http.client
import json
import logging
import os
import re
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from medtext.errors import ConfigError, ServerError

VARIABLE = "LABEL_STUDIO_API_KEY"
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_PASSING = frozenset({429, 500, 502, 503, 504})
_LONGEST_PAUSE = 30.0  # seconds, whatever the server asks for
_LARGEST = 1 << 30  # bytes of one answer
_FIELD = re.compile(r"[a-z][a-z_]{0,40}")
_PAGE = 100

logger = logging.getLogger(__name__)


class Client:
    """One Label Studio server and the token for it, which is `token` or stands in LABEL_STUDIO_API_KEY.

    Tokens of both kinds work: the legacy one (40 digits) and the personal access token, which is exchanged for a
    short-lived one. Raises ConfigError without a token or for an address that is none.
    """

    def __init__(
        self, url: str, *, token: str = "", timeout: float = 60.0, attempts: int = 5, pause: float = 0.5
    ) -> None:
        self.url = _checked_url(url)
        self._token = (token or os.environ.get(VARIABLE, "")).strip()
        if not self._token or not self._token.isascii() or not self._token.isprintable():
            raise ConfigError(f"Label Studio wants a token: put it into the environment variable {VARIABLE}.")
        self.timeout, self.attempts, self.pause = timeout, attempts, pause
        self._access = ""
        self._opener = _opener(self.url)

    def __repr__(self) -> str:
        return f"<Client of {self.url}>"

    def get(self, path: str, **query: object) -> Any:
        """What a path answers."""
        return self.send("GET", path, query=query)

    def send(self, method: str, path: str, value: Any = None, *, query: Mapping[str, object] | None = None) -> Any:
        """The answer to a request, which is sent again after failures that pass: it must be harmless to do it twice."""
        for attempt in range(1, self.attempts):
            try:
                return self.once(method, path, value, query=query)
            except ServerError as error:
                if not error.passing:
                    raise
                self.wait(attempt, error)
        return self.once(method, path, value, query=query)

    def wait(self, attempt: int, error: ServerError) -> None:
        """Pause before another attempt: as long as the server asks for, else twice as long each time."""
        seconds = min(error.after or self.pause * 2 ** (attempt - 1), _LONGEST_PAUSE)
        logger.warning("%s Once more in %.1f s.", error, seconds)
        time.sleep(seconds)

    def once(self, method: str, path: str, value: Any = None, *, query: Mapping[str, object] | None = None) -> Any:
        """The answer to a request that is sent once; raises ServerError, `passing` where another attempt may do."""
        fresh = not self._access
        try:
            return self._exchange(method, path, value, query)
        except ServerError as error:
            if error.status != 401 or fresh or not self._is_personal:
                raise
        self._access = ""  # it has run out
        return self._exchange(method, path, value, query)

    @property
    def _is_personal(self) -> bool:
        """A personal access token is a JSON web token: three parts with dots between them."""
        return self._token.count(".") == 2

    def _exchange(self, method: str, path: str, value: Any, query: Mapping[str, object] | None) -> Any:
        if not self._is_personal:
            return self._answer(method, path, value, query, f"Token {self._token}")
        if not self._access:
            told = self._answer("POST", "/api/token/refresh/", {"refresh": self._token}, None, "")
            self._access = str(told.get("access", "")) if isinstance(told, dict) else ""
        return self._answer(method, path, value, query, f"Bearer {self._access}")

    def _answer(self, method: str, path: str, value: Any, query: Mapping[str, object] | None, who: str) -> Any:
        address = f"{self.url}{path}" + (f"?{urlencode(query, doseq=True)}" if query else "")
        body = None if value is None else json.dumps(value, allow_nan=False).encode("utf-8")
        headers = {"Accept": "application/json", "Content-Type": "application/json", "User-Agent": "medtext"}
        request = urllib.request.Request(
            address, body, headers | ({"Authorization": who} if who else {}), method=method
        )
        what = f"{method} {path}"
        try:
            with self._opener.open(request, timeout=self.timeout) as answer:
                content = answer.read(_LARGEST)
        except urllib.error.HTTPError as error:
            with error:
                raise self._refusal(error, what) from None
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", error)
            told = getattr(reason, "strerror", None) or type(reason).__name__
            final = isinstance(reason, ConnectionRefusedError | socket.gaierror | ssl.SSLError)
            raise ServerError(f"No answer from {self.url} to {what}: {told}.", passing=not final) from None
        return self._parsed(content, what)

    def _parsed(self, content: bytes, what: str) -> Any:
        try:
            return json.loads(content) if content.strip() else None
        except ValueError:
            message = f"{self.url} answers {what} with something else than JSON. Is it the address of Label Studio?"
            raise ServerError(message) from None

    def _refusal(self, error: urllib.error.HTTPError, what: str) -> ServerError:
        status = error.code
        if status in (301, 302, 303, 307, 308):
            place = urlsplit(error.headers.get("Location", ""))
            told = f"{self.url} sends elsewhere ({place.scheme}://{place.netloc}): name that address instead."
        elif status == 401:
            told = (
                f"{self.url} does not accept the token in {VARIABLE} (401). Copy it again from Account & Settings; "
                "a legacy token must be allowed in the settings of the organization."
            )
        elif status == 403:
            told = f"The owner of the token may not do this at {self.url}: {what} (403)."
        elif status == 404:
            told = (
                f"{self.url} knows no {what} (404). Is it the address of Label Studio, and is the project still there?"
            )
        else:
            told = f"{self.url} answers {what} with {status}{_fields(error)}."
        return ServerError(told, status=status, passing=status in _PASSING, after=_retry_after(error))

    def pages(self, path: str, *, key: str, size: int = _PAGE, **query: object) -> Iterator[Any]:
        """The items of all pages, in order; `key` names the list in each answer."""
        seen = 0
        for page in range(1, 1_000_000):
            told = self.get(path, **query, page=page, page_size=size)
            if not isinstance(told, dict) or not isinstance(items := told.get(key), list):
                raise ServerError(f"{self.url} answers GET {path} without {key!r}: another release of Label Studio?")
            yield from items
            seen += len(items)
            if not items or seen >= told.get("total", told.get("count", 0)):
                return


def _checked_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError("The address of Label Studio begins with http:// or https://, as in http://localhost:8080.")
    if parts.username or parts.password:
        raise ConfigError(f"The address of Label Studio holds a name or password. The token belongs into {VARIABLE}.")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        logger.warning("Notes and token travel unencrypted to %s: use https.", parts.hostname)
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


class _NoRedirection(urllib.request.HTTPRedirectHandler):
    """A redirection is an error: the token would travel along."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def _opener(url: str) -> urllib.request.OpenerDirector:
    """Proxies as the environment says, but none to this machine itself."""
    local = urlsplit(url).hostname in LOOPBACK
    proxies = [urllib.request.ProxyHandler({})] if local else []
    return urllib.request.build_opener(_NoRedirection, *proxies)


def _fields(error: urllib.error.HTTPError) -> str:
    """Which fields a server complains of; their values may quote notes."""
    try:
        told = json.loads(error.read(1 << 20))
    except (ValueError, OSError):
        return ""
    told = told.get("validation_errors") or told if isinstance(told, dict) else {}
    named = [name for name in told if isinstance(told, dict) and _FIELD.fullmatch(name)]
    named = [name for name in named if name not in ("id", "status_code", "version", "exc_info", "detail")]
    return f"; it complains of: {', '.join(named)}" if named else ""


def _retry_after(error: urllib.error.HTTPError) -> float:
    told = error.headers.get("Retry-After", "")
    return float(told) if told.isdigit() else 0.0
