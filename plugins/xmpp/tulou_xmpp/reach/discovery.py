"""Where a domain's server is, when nobody has said it: SRV records, host-meta, the domain itself."""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, Callable

from tulou_contracts.network import HttpClient, HttpRequest, NetworkError
from tulou_contracts.tcp import NotOffered, ResolveFailed, Resolver, ServiceTarget

from tulou_xmpp.reach import host_meta
from tulou_xmpp.reach.endpoint import Endpoint, Way, is_loopback, parse_endpoint
from tulou_xmpp.reach.ordering import in_order

LOCAL = "ws://127.0.0.1:5280/xmpp-websocket"
"""Where a server for a domain below ``localhost`` is: our own, as it comes."""
_SERVICES = {"xmpps-client": Way.DIRECT_TLS, "xmpp-client": Way.STARTTLS}
_ANSWER = 5.0
_STANDARD_PORT = 5222


class Discovery:
    """Asks what is there to be asked; the providers may come and go."""

    def __init__(
        self, resolver: Callable[[], Resolver | None], http: Callable[[], HttpClient | None],
        rng: random.Random,
    ) -> None:
        self._resolver = resolver
        self._http = http
        self._rng = rng

    async def candidates(self, domain: str, said: list[str]) -> AsyncGenerator[Endpoint, None]:
        """Ways to the server in the order to try them, each asked for only when it is needed.

        Why there are no more goes into `said`.
        """
        if is_loopback(domain):
            yield parse_endpoint(LOCAL)
            return
        targets, offered = await self._services(domain, said)
        for target, way in in_order(targets, self._rng):
            yield Endpoint(way, target.host, target.port)
        for url in await self._websockets(domain, said):
            yield Endpoint(Way.WEBSOCKET, url=url)
        if offered and not targets:
            # RFC 6120, section 3.2.2: the domain says nothing, so it may be the host
            yield Endpoint(Way.STARTTLS, domain, _STANDARD_PORT)

    async def _services(self, domain: str, said: list[str]) -> tuple[list[tuple[ServiceTarget, Way]], bool]:
        """The targets of both services, and whether TCP is offered at all."""
        resolver = self._resolver()
        found: list[tuple[ServiceTarget, Way]] = []
        refusals = 0
        if resolver is None:
            return found, True
        for service, way in _SERVICES.items():
            try:
                for target in await resolver.services(service, domain, timeout=_ANSWER):
                    found.append((target, way))
            except NotOffered:
                refusals += 1
            except ResolveFailed as error:
                said.append(str(error))
        if refusals == len(_SERVICES):
            said.append(f"{domain} says that it offers no connection by TCP")
        # one refusal and silence about the other is no offer either
        return found, not refusals

    async def _websockets(self, domain: str, said: list[str]) -> list[str]:
        http = self._http()
        if http is None:
            return []
        host = domain if domain.isascii() else _ascii(domain)
        for path, read in host_meta.FORMS.items():
            try:
                answer = await http.send(HttpRequest(url=f"https://{host}{path}", timeout=_ANSWER))
            except NetworkError as error:
                said.append(f"its host-meta cannot be asked: {error}")
                return []
            found = read(answer.body) if answer.status == 200 else []
            if found:
                return found
        return []


def _ascii(domain: str) -> str:
    try:
        return domain.encode("idna").decode()
    except UnicodeError:
        return domain
