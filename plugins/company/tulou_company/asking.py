"""Requests to the service: documents with validators, reports with the account's token."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from urllib.parse import quote

import trio

from tulou_contracts.company import DocumentRefused, NoCompany
from tulou_contracts.network import HttpClient, HttpRequest, HttpResponse, NetworkError, Unreachable

from tulou_company.passes import Pass, Passes
from tulou_company.reading import parse

MOST = 200
"""Documents in one answer."""
_COLLECTOR = re.compile(r"[a-z][a-z0-9-]{0,31}\Z")


class ServiceBusy(NetworkError):
    """The service answers, and does not do it now; `wait` is what it asks for, in seconds."""

    def __init__(self, message: str, wait: float = 0.0) -> None:
        self.wait = wait
        super().__init__(message)


class Service:
    """The company service as HTTP shows it."""

    def __init__(
        self, http: HttpClient, passes: Passes, *, audience: str, timeout: float, max_answer: int
    ) -> None:
        self._http = http
        self._passes = passes
        self._audience = audience
        self._timeout = timeout
        self._max_answer = max_answer
        self._tags: dict[str, str] = {}

    def forget(self) -> None:
        """Nothing of what was fetched is held any more."""
        self._tags.clear()

    async def documents(self, kind: str = "") -> Sequence[object] | None:
        """The signed texts of a kind, or of all; None when they are those of the last time.

        `took` has to be called once they are dealt with. Raises `NoCompany`, `NetworkError`,
        `DocumentRefused` for an answer that is none.
        """
        path = f"/documents/{quote(kind)}" if kind else "/documents"
        known = self._tags.get(path, "")
        headers = {"accept": "application/json"}
        if known:
            headers["if-none-match"] = known
        with _limit(self._timeout):
            answer = await self._authorised(
                "GET", f"{path}?audience={quote(self._audience)}", b"", headers, self._timeout)
        if answer.status == 304 and known:
            return None
        if answer.status != 200:
            raise _unwilling(answer)
        if len(answer.body) > self._max_answer:
            raise DocumentRefused(f"the service's answer is larger than {self._max_answer:,} bytes")
        said = parse(answer.body)
        found = said.get("documents") if isinstance(said, dict) else None
        if not isinstance(found, list) or len(found) > MOST:
            raise DocumentRefused("the service's answer holds no list of documents, or too many")
        self._pending = path, answer.headers.get("etag", "")[:200]
        return found

    def took(self) -> None:
        """What came last is kept, so that it need not come again."""
        path, tag = self._pending
        if tag:
            self._tags[path] = tag
        else:
            self._tags.pop(path, None)

    _pending = ("", "")

    async def report(
        self, collector: str, body: bytes, content_type: str, headers: Mapping[str, str], timeout: float
    ) -> HttpResponse:
        """Hand a report over. Raises `NoCompany`, `NetworkError`, `ValueError` for no collector's name."""
        if not _COLLECTOR.match(collector):
            raise ValueError(f"{collector!r} is no collector; there are 'logs' and 'events'")
        given = {name.lower(): value for name, value in headers.items()}
        given["content-type"] = content_type
        with _limit(timeout):
            return await self._authorised("POST", f"/collect/{collector}", body, given, timeout)

    async def _authorised(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str], timeout: float
    ) -> HttpResponse:
        """With a token; when it is refused, once more with a fresh one."""
        held = await self._passes.get()
        answer = await self._send(held, method, path, body, headers, timeout)
        if answer.status == 401:
            held = await self._passes.get(held.token)
            answer = await self._send(held, method, path, body, headers, timeout)
        return answer

    async def _send(
        self, held: Pass, method: str, path: str, body: bytes, headers: Mapping[str, str], timeout: float
    ) -> HttpResponse:
        scheme, _, rest = held.url.partition("://")
        origin = f"{scheme}://{rest.partition('/')[0]}"
        try:
            return await self._http.send(HttpRequest(
                url=held.url + path, method=method, body=body, timeout=timeout,
                headers={**headers, "authorization": f"Bearer {held.token}", "origin": origin},
            ))
        except NetworkError:
            self._passes.forget()  # the service may have moved: where it is comes with the next token
            raise


@contextmanager
def _limit(seconds: float) -> Iterator[None]:
    """A total time; running out of it is `Unreachable`."""
    with trio.move_on_after(seconds) as scope:
        yield
    if scope.cancelled_caught:
        raise Unreachable(f"the company service did not answer within {seconds:g} seconds")


def _unwilling(answer: HttpResponse) -> Exception:
    if answer.status in (404, 410):
        return NoCompany("there is no company service at its address: it answers 404")
    wait = answer.headers.get("retry-after", "")
    seconds = min(float(wait), 86_400.0) if wait.isascii() and wait.isdigit() and len(wait) < 9 else 0.0
    return ServiceBusy(f"the company service answers {answer.status} when asked for documents", seconds)
