"""The shell's site on the loopback host: which port, who may come in, which paths."""

from __future__ import annotations

import logging
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from tulou_contracts.network import HttpHost, PortTaken, Request, Response, Site
from tulou_shell import handover, page
from tulou_shell.door import Door
from tulou_shell.remembered import Remembered

FIRST_PORT, LAST_PORT = 20000, 31999
"""Below the ports that systems hand to outgoing connections (from 32768 on Linux, 49152 elsewhere),
so that a remembered port is rarely in use by chance."""
ATTEMPTS = 20
PUBLIC = {f"{page.ASSETS}/{name}" for name in ("tokens.css", "base.css", "door.css")}
"""What the page that asks for a new entry link is made of; everything else needs a session."""
HTML = "text/html; charset=utf-8"


class Gate:
    """The guard of the site and the exchange of a code for a session."""

    def __init__(self, door: Door, session_life: float, render: Callable[[], str] | None) -> None:
        self._door = door
        self._session_life = session_life
        self._render = render
        self.port = 0

    def check(self, request: Request) -> Response | None:
        """Refuse whoever has no session."""
        if request.path in ("/enter", handover.PATH) or request.path in PUBLIC:
            return None
        if self._door.knows(request.cookies.get(self._cookie, "")):
            return None
        return Response(status=401, body=page.refusal(), content_type=HTML, headers=_NEVER_KEPT)

    async def enter(self, request: Request) -> Response:
        """Exchange a one-time code. A browser that is already in goes on to the page anyway."""
        session = self._door.exchange(request.query.get("code", ""))
        if session is None and not self._door.knows(request.cookies.get(self._cookie, "")):
            return Response(status=401, body=page.refusal(), content_type=HTML, headers=_NEVER_KEPT)
        headers = dict(_NEVER_KEPT)
        if session is not None:
            headers["set-cookie"] = self._set_cookie(session)
        if request.headers.get("sec-fetch-site") == "cross-site":
            return Response(body=page.passage(), content_type=HTML, headers=headers)
        return Response(status=303, headers={**headers, "location": "/"})

    async def index(self, request: Request) -> Response:
        """The page; a visit keeps the browser's cookie alive."""
        assert self._render is not None
        session = request.cookies.get(self._cookie, "")
        headers = {**_NEVER_KEPT, "set-cookie": self._set_cookie(session)}
        return Response(body=self._render(), content_type=HTML, headers=headers)

    @property
    def renders(self) -> bool:
        """Whether the gate has a page of its own to show."""
        return self._render is not None

    @property
    def _cookie(self) -> str:
        # cookies do not know ports: the name keeps two accounts on one machine apart
        return f"tulou-{self.port}"

    def _set_cookie(self, session: str) -> str:
        return (
            f"{self._cookie}={session}; Path=/; HttpOnly; SameSite=Strict;"
            f" Max-Age={int(self._session_life)}"
        )


_NEVER_KEPT = {"cache-control": "no-store"}


@asynccontextmanager
async def open_site(
    host: HttpHost, gate: Gate, remembered: Remembered, fixed_port: int,
    rng: random.Random, log: logging.Logger, *, form_action: str = "'none'",
) -> AsyncIterator[Site]:
    """Listen on the profile's port.

    The fixed port of the configuration, or else the remembered one, or else (the first time) a free
    one that is remembered. While another program holds the remembered port another one serves for
    this run, so that the app opens; browsers then need a new entry link.

    Raises `PortTaken` for a fixed port.
    """
    async with AsyncExitStack() as stack:
        site = await _serve(
            stack, host, gate, fixed_port or remembered.port, fixed_port, rng, log, form_action
        )
        gate.port = site.port
        if not fixed_port and not remembered.port:
            remembered.port = site.port
        remembered.now = site.port
        remembered.save()
        site.route("GET", "/enter", gate.enter)
        if gate.renders:
            site.route("GET", "/", gate.index)
        yield site


async def _serve(
    stack: AsyncExitStack, host: HttpHost, gate: Gate, port: int, fixed: int,
    rng: random.Random, log: logging.Logger, form_action: str,
) -> Site:
    wanted = port
    for attempt in range(ATTEMPTS):
        port = port or rng.randint(FIRST_PORT, LAST_PORT)
        try:
            gate.port = port
            site = await stack.enter_async_context(
                host.serve(port=port, guard=gate.check, headers=page.headers(port, form_action))
            )
        except PortTaken:
            if fixed or attempt == ATTEMPTS - 1:
                raise
            if port == wanted:
                log.warning(
                    "port %d of this profile is taken by another program: another port serves for"
                    " this run; browsers need a new entry link", port,
                )
            port = 0
        else:
            return site
    raise AssertionError("unreachable")
