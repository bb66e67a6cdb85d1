"""Record what a server answered, and play it back in tests: no server, no network, no secret in the file.

A `Cassette` is a link of the HTTP chain (contribute it, or put it around a real client) and, played
back, an `HttpClient` of its own::

    client = Cassette(Path("answers.json"))                        # plays back
    client = Cassette(Path("answers.json"), record=real_client)    # asks, and writes

The file is JSON that people can read and change. Left out are the headers and the parameters of
addresses that usually hold secrets, and in JSON bodies the values of fields that are called so.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from tulou_contracts.network import HttpClient, HttpRequest, HttpResponse, NetworkError, Proceed

LEFT_OUT = "(left out)"
_SECRET_HEADERS = frozenset({
    "authorization", "proxy-authorization", "cookie", "set-cookie", "www-authenticate", "x-api-key",
    "authentication-info",
})
_SECRET_NAME = re.compile(r"token|secret|passw|api.?key|signature|credential|^sig$|^code$|^auth", re.I)


class NotRecorded(NetworkError):
    """The cassette has no (further) answer to this request; the text says which it has."""


class Cassette:
    """Answers by method and address, in the order recorded; the last one repeats itself.

    Of a body that is given in pieces nothing is kept, and a streamed response is not recorded.
    """

    name = "cassette"

    def __init__(self, path: Path, *, record: HttpClient | None = None) -> None:
        self._path = path
        self._client = record
        self._scenes: list[dict[str, Any]] = []
        self._played: dict[tuple[str, str], int] = {}
        if record is None:
            self._scenes = json.loads(path.read_text("utf-8"))

    async def send(self, request: HttpRequest) -> HttpResponse:
        """As `HttpClient`. Raises `NotRecorded`."""
        if self._client is None:
            return self._play(request)
        return self._kept(request, await self._client.send(request))

    async def exchange(self, request: HttpRequest, proceed: Proceed) -> HttpResponse:
        """As `HttpPlugin`: with `record` it asks by `proceed` and writes. Raises `NotRecorded`."""
        if self._client is None:
            return self._play(request)
        return self._kept(request, await proceed(request))

    def _kept(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if response.chunks is None:
            self._scenes.append({
                "request": {
                    "method": request.method.upper(), "url": without_secrets(request.url),
                    "headers": _headers(request.headers), "body": _written(request.body),
                },
                "response": {
                    "status": response.status, "headers": _headers(response.headers),
                    "body": _written(response.body),
                },
            })
            text = json.dumps(self._scenes, ensure_ascii=False, indent=1)
            self._path.write_text(text + "\n", "utf-8")
        return response

    def _play(self, request: HttpRequest) -> HttpResponse:
        asked = request.method.upper(), without_secrets(request.url)
        fitting = [each["response"] for each in self._scenes
                   if (each["request"]["method"], each["request"]["url"]) == asked]
        if not fitting:
            known = sorted({f"{each['request']['method']} {each['request']['url']}" for each in self._scenes})
            raise NotRecorded(f"{self._path.name} has no answer to {' '.join(asked)}; it knows {known}")
        number = self._played.get(asked, 0)
        self._played[asked] = number + 1
        found = fitting[min(number, len(fitting) - 1)]
        return HttpResponse(
            status=found["status"], headers=found["headers"], body=_read(found["body"])
        )


def without_secrets(url: str) -> str:
    """The address without a user, a password, and the values of parameters that are called secret."""
    parts = urlsplit(url)
    query = urlencode([
        (name, LEFT_OUT if _SECRET_NAME.search(name) else value)
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
    ])
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, query, ""))


def _headers(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: LEFT_OUT if name.lower() in _SECRET_HEADERS or _SECRET_NAME.search(name) else value
            for name, value in headers.items()}


def _written(body: bytes) -> Any:
    """JSON as it is but for secrets, other text as a string, the rest as ``{"base64": ...}``."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(body).decode()}
    try:
        value = json.loads(text)
    except ValueError:
        return _form(text)
    return {"json": _cleaned(value)} if isinstance(value, (dict, list)) else text


def _form(text: str) -> str:
    """A form's fields, as sign-ins send them, without secrets."""
    if "=" not in text or not re.fullmatch(r"[\w.%+*=&-]+", text, re.ASCII):
        return text
    return "&".join(
        f"{name}={LEFT_OUT}" if _SECRET_NAME.search(name) else f"{name}{equals}{value}"
        for name, equals, value in (each.partition("=") for each in text.split("&"))
    )


def _cleaned(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: LEFT_OUT if isinstance(each, str) and _SECRET_NAME.search(name) else _cleaned(each)
                for name, each in value.items()}
    return [_cleaned(each) for each in value] if isinstance(value, list) else value


def _read(written: Any) -> bytes:
    if isinstance(written, str):
        return written.encode()
    if "base64" in written:
        return base64.b64decode(written["base64"])
    return json.dumps(written["json"], ensure_ascii=False).encode()
