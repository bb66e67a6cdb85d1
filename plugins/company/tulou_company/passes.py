"""The token for the service, which our own server vouches for."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import trio

from tulou.flow import SingleFlight
from tulou_contracts.company import NoCompany
from tulou_contracts.network import Unreachable
from tulou_contracts.transport import Refused, Signal, Signalling, TransportError

from tulou_company.private import is_private

TOKEN = "company.token"
_EARLY = 30.0
"""Seconds before its end when a token is not used any more."""
_LONGEST = 30 * 86_400.0


@dataclass(frozen=True, slots=True)
class Pass:
    """A token and where it is good."""

    token: str = field(repr=False)
    url: str
    until: float
    """By trio's clock."""


class Passes:
    """Asks for a token when one is needed; once for all who wait."""

    def __init__(
        self, signalling: Callable[[], Signalling | None], service: str, url: str, timeout: float
    ) -> None:
        self._signalling = signalling
        self._service = service
        self._url = url
        self._timeout = timeout
        self._held: Pass | None = None
        self._ask = SingleFlight(self._ask_now)

    @property
    def url(self) -> str | None:
        """Where the service is, as far as that is known."""
        return self._url or (self._held.url if self._held else None)

    async def get(self, refused: str = "") -> Pass:
        """A token; another one than `refused`. Raises `NoCompany`, `Unreachable`."""
        held = self._held
        if held is not None and held.token != refused and trio.current_time() < held.until:
            return held
        return await self._ask()

    def forget(self) -> None:
        """The account is another one."""
        self._held = None

    async def _ask_now(self) -> Pass:
        signalling = self._signalling()
        if signalling is None:
            raise Unreachable("the company service cannot be asked: there is no plugin for the wire")
        try:
            said = await signalling.ask(self._service, TOKEN, {}, timeout=self._timeout)
        except Refused as refusal:
            raise NoCompany(f"{self._service or 'our server'} gives no token for a company service: {refusal}"
                            ) from None
        except TransportError as error:
            raise Unreachable(f"the company service cannot be asked for a token: {error}") from None
        self._held = made = self._made(said)
        return made

    def _made(self, said: Signal) -> Pass:
        token, url = said.get("token", ""), self._url or said.get("url", "")
        if not (token.isascii() and token.isprintable() and 16 <= len(token) <= 4096) or " " in token:
            raise NoCompany("the company service gives a token that cannot be one")
        if not is_private(url):
            raise NoCompany(f"the company service is said to be at {url[:200]!r}, which is not https://")
        try:
            life = float(said.get("expires", ""))
        except ValueError:
            life = 0.0
        life = min(max(life, 2 * _EARLY), _LONGEST) if math.isfinite(life) else 2 * _EARLY
        return Pass(token, url.rstrip("/"), trio.current_time() + life - _EARLY)
