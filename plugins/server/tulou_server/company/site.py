"""The service over HTTP: documents out, reports in; every request but one carries a token (RFC 6750)."""

from __future__ import annotations

import hashlib
import json
import logging
import math
from collections.abc import Awaitable, Callable
from typing import Any

import trio

from tulou_contracts.network import Request, Response, Site
from tulou_contracts.storage import StorageError, StorageFull
from tulou_server.company.archive import Archive
from tulou_server.company.collector import Collector, LogPart
from tulou_server.company.config import Config
from tulou_server.company.rates import Rates
from tulou_server.company.reports import Unacceptable, read_events, unpacked
from tulou_server.company.tokens import Tokens

JSON = "application/json; charset=utf-8"
HEALTH = "/health"
ANONYMOUS = "tulou-anonymous"
"""With "1" as its value, a report of events is stored without its account."""
REPORT, PART = "tulou-report", "tulou-part"
"""Log reports in parts: an id that the parts share, and a part's place, as in ``2/5``."""
_GROWTH = 8
"""How much larger a report may become when it is unpacked."""
_ASIDE = 64 * 1024
"""Bytes from which unpacking and reading happens in a thread."""


class Front:
    """Answers the clients of one service."""

    def __init__(
        self, config: Config, tokens: Tokens, archive: Archive, collector: Collector, log: logging.Logger
    ) -> None:
        self._config = config
        self._tokens = tokens
        self._archive = archive
        self._collector = collector
        self._log = log
        self._requests = Rates(config.request_rate, 60.0, trio.current_time)
        self._bytes = Rates(config.report_rate, 3600.0, trio.current_time)
        self._reading = trio.CapacityLimiter(2)

    def open(self, site: Site) -> None:
        """Take up the paths."""
        site.route("GET", HEALTH, self._health)
        site.route("GET", "/documents", self._stored(self._documents))
        site.route("GET", "/documents/*", self._stored(self._documents))
        site.route("POST", "/collect/events", self._stored(self._events))
        site.route("POST", "/collect/logs", self._stored(self._logs))

    def guard(self, request: Request) -> Response | None:
        """Turn away who has no token, comes too often, or brings too much; before a body is read."""
        if request.path == HEALTH:
            return None
        account = self._account(request)
        if account is None:
            return Response(
                status=401, body="A token of this service is needed; ask for one by company.token.\n",
                headers={"www-authenticate": 'Bearer realm="company"'},
            )
        wait = self._requests.spend(account, 1)
        if wait:
            return _later(wait)
        length = request.headers.get("content-length", "0")
        if length.isdecimal() and len(length) < 20 and int(length) > self._config.max_report:
            return Response(status=413, body=f"A report has {self._config.max_report} bytes at most.\n")
        return None

    def _account(self, request: Request) -> str | None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return self._tokens.account(token.strip()) if scheme.lower() == "bearer" else None

    def _stored(
        self, handler: Callable[[str, Request], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            account = self._account(request)
            if account is None:  # it ran out while the body was on its way
                return Response(status=401, body="The token is not good any more.\n")
            try:
                return await handler(account, request)
            except _TooMuch as refusal:
                return _later(refusal.wait)
            except Unacceptable as refusal:
                return Response(status=refusal.status, body=f"{refusal}\n")
            except StorageFull as error:
                self._log.error("a request of %s failed: %s", account, error)
                return Response(status=507, body="There is no room on the service's disk.\n")
            except StorageError as error:
                self._log.error("a request of %s failed: %s", account, error)
                return Response(status=503, body="The service's storage does not work now.\n",
                                headers={"retry-after": "60"})

        return answer

    async def _health(self, request: Request) -> Response:
        return Response(body="ok\n")

    async def _documents(self, account: str, request: Request) -> Response:
        kind = request.path.removeprefix("/documents").lstrip("/")
        audience = request.query.get("audience", self._config.audience)
        texts = await self._archive.texts(account, audience, kind)
        body = json.dumps({"documents": list(texts)}).encode()
        headers = {"etag": f'"{hashlib.sha256(body).hexdigest()[:32]}"', "cache-control": "private, no-cache"}
        known = [each.strip() for each in request.headers.get("if-none-match", "").split(",")]
        if headers["etag"] in known:
            return Response(status=304, headers=headers)
        return Response(body=body, content_type=JSON, headers=headers)

    async def _events(self, account: str, request: Request) -> Response:
        self._charge(account, request)
        found = await self._aside(
            request, lambda: read_events(self._plain(request)))
        anonymous = request.headers.get(ANONYMOUS, "") == "1"
        taken = await self._collector.take_events("" if anonymous else account, found.events)
        return _told({"accepted": taken.accepted, "duplicates": taken.duplicates, "refused": found.refused})

    async def _logs(self, account: str, request: Request) -> Response:
        self._charge(account, request)
        if not request.body:
            raise Unacceptable(400, "the report is empty")
        await self._aside(request, lambda: self._plain(request))  # a bomb is refused here, not at its reader
        return _told({"number": await self._collector.take_log(account, _part(request))})

    def _charge(self, account: str, request: Request) -> None:
        if len(request.body) > self._config.max_report:
            raise Unacceptable(413, f"a report has {self._config.max_report:,} bytes at most")
        wait = self._bytes.spend(account, len(request.body))
        if wait:
            raise _TooMuch(wait)

    def _plain(self, request: Request) -> bytes:
        limit = self._config.max_report * _GROWTH
        return unpacked(request.body, request.headers.get("content-encoding", ""), limit)

    async def _aside(self, request: Request, work: Callable[[], Any]) -> Any:
        packed = request.headers.get("content-encoding", "") not in ("", "identity")
        if len(request.body) < _ASIDE and not packed:
            return work()
        return await trio.to_thread.run_sync(work, limiter=self._reading)


def _part(request: Request) -> LogPart:
    """Raises `Unacceptable` for a place or an id that cannot be one."""
    headers = request.headers
    report, place = headers.get(REPORT, ""), headers.get(PART, "1/1").partition("/")[0]
    if len(report) > 64 or not report.isprintable() or not (place.isdecimal() and len(place) < 6):
        raise Unacceptable(400, f"{REPORT} and {PART} are not those of a part of a report")
    return LogPart(
        body=request.body, content_type=headers.get("content-type", "")[:100],
        encoding=headers.get("content-encoding", "")[:20], report=report, place=int(place),
    )


class _TooMuch(Unacceptable):
    def __init__(self, wait: float) -> None:
        self.wait = wait
        super().__init__(429, "this account has reported too much of late")


def _later(wait: float) -> Response:
    return Response(status=429, body="Too many requests of this account.\n",
                    headers={"retry-after": str(math.ceil(wait))})


def _told(outcome: dict[str, int]) -> Response:
    return Response(body=json.dumps(outcome), content_type=JSON)
