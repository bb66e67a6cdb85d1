"""Bearer tokens (RFC 6750): one on every request to its origin; after a 401 one refresh and one replay."""

from __future__ import annotations

from collections.abc import Iterable
from contextvars import ContextVar

from tulou.errors import TulouError
from tulou.flow import SingleFlight
from tulou_contracts.network import HttpRequest, HttpResponse, HttpSignIn, NetworkError, Proceed, SignInFailed

from tulou_net.http.links.headers import header, with_headers
from tulou_net.http.origin import origin_of

_SIGNING_IN: ContextVar[frozenset[str]] = ContextVar("tulou_net_signing_in", default=frozenset())
"""Origins whose token is being fetched: requests made for that go without one."""


class _Session:
    """The tokens of one origin."""

    def __init__(self, way: HttpSignIn) -> None:
        self._way = way
        self._refused = ""
        self._fresh = ""
        self._refresh = SingleFlight(self._refreshed)

    async def token(self) -> str:
        """The token to use. Raises `SignInFailed`."""
        token = await self._ask(None)
        return self._fresh if self._fresh and token == self._refused else token

    async def after(self, refused: str) -> str:
        """Another token than `refused`; asked for once, for all who wait. Raises `SignInFailed`."""
        while True:
            if refused != self._refused:
                current = await self.token()
                if current != refused:
                    return current  # somebody had it renewed while our request was under way
                self._refused, self._fresh = refused, ""
            if self._fresh:
                return self._fresh
            fresh = await self._refresh()
            if fresh:
                return fresh

    async def _refreshed(self) -> str:
        refused = self._refused
        fresh = await self._ask(refused)
        if self._refused == refused:
            self._fresh = fresh
        return fresh

    async def _ask(self, refused: str | None) -> str:
        origins = _SIGNING_IN.get()
        mark = _SIGNING_IN.set(origins | {self._way.origin})
        try:
            token = await self._way.token(refused)
        except NetworkError:
            raise
        except TulouError as error:
            raise SignInFailed(f"no token for {self._way.origin}: {error}") from error
        except Exception as error:
            raise SignInFailed(f"no token for {self._way.origin}: its source failed: {error!r}") from error
        finally:
            _SIGNING_IN.reset(mark)
        if not token or not token.isascii() or not token.isprintable() or " " in token:
            raise SignInFailed(f"no token for {self._way.origin}: its source gave none that can be sent")
        return token


class SignIn:
    """The sign-ins of all origins; a request that brings an Authorization of its own is left alone."""

    name = "sign-in"

    def __init__(self, ways: Iterable[HttpSignIn] = ()) -> None:
        self._sessions: dict[str, _Session] = {}
        for way in ways:
            self._sessions.setdefault(origin_of(way.origin), _Session(way))

    async def exchange(self, request: HttpRequest, proceed: Proceed) -> HttpResponse:
        """Proceed with the token; once more after a 401."""
        if not self._sessions:
            return await proceed(request)
        origin = origin_of(request.url)
        session = self._sessions.get(origin)
        if session is None or header(request, "authorization") is not None or _own(session):
            return await proceed(request)
        token = await session.token()
        response = await proceed(with_headers(request, {"Authorization": f"Bearer {token}"}))
        if response.status != 401:
            return response
        fresh = await session.after(token)
        if fresh == token:
            return response
        return await proceed(with_headers(request, {"Authorization": f"Bearer {fresh}"}))


def _own(session: _Session) -> bool:
    """Whether the request is made to get the very token."""
    return session._way.origin in _SIGNING_IN.get()
