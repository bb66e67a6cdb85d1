"""Which way out: directly, by the proxy of the settings or of the system, or as a PAC file says."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import trio

from tulou_net.http.origin import origin_of

if TYPE_CHECKING:
    from tulou_net.pac import Pac

DIRECT = ""
_MOST = 1024
_SCHEMES = frozenset({"http", "https", "socks4", "socks4a", "socks5", "socks5h"})


class Proxies:
    """Answers by origin, and remembers it. Loopback always goes direct."""

    def __init__(self, proxy: str = "direct", pac: str = "") -> None:
        """`proxy` is an address, ``system`` or ``direct``; `pac` a PAC file's address or path, which
        comes first. Raises `ValueError` for what is neither."""
        check_proxy(proxy)
        self._proxy = DIRECT if proxy == "direct" else proxy
        self._proxy = DIRECT if proxy == "system" else self._proxy
        self._asks = bool(pac) or (proxy == "system" and _system_may_name_one())
        self._pac: Pac | None = None
        if pac:
            from tulou_net.pac import Pac as PacFile

            self._pac = PacFile(pac)
        self._known: dict[str, str] = {}
        self._other_ways: dict[str, list[str]] = {}

    def read_by(self, read: Callable[[str], bytes], log: logging.Logger) -> None:
        """Who reads a PAC file that lies on a server: a blocking function."""
        if self._pac is not None:
            self._pac.read_by(read, log)

    def known(self, url: str) -> str | None:
        """The proxy's address, "" for none, None if it has to be asked for."""
        if not self._asks and not self._proxy:
            return DIRECT
        origin = origin_of(url)
        proxy = self._known.get(origin)
        if proxy is not None:
            return proxy
        if is_loopback(origin):
            return DIRECT
        return None if self._asks else self._proxy

    async def find(self, url: str) -> str:
        """Ask the system or the PAC file. Raises `NetworkError`."""
        ways = await trio.to_thread.run_sync(self._ask, url, abandon_on_cancel=True)
        if len(self._known) >= _MOST:
            self._known.clear()
            self._other_ways.clear()
        origin = origin_of(url)
        self._known[origin], self._other_ways[origin] = ways[0], ways[1:]
        return ways[0]

    def failed(self, url: str, proxy: str) -> None:
        """The proxy does not answer: from now on go the next way that the PAC file names, if any; after
        the last one ask it again."""
        origin = origin_of(url)
        if self._known.get(origin) != proxy:
            return
        others = self._other_ways.get(origin)
        if others:
            self._known[origin] = others.pop(0)
        else:
            del self._known[origin]

    def forget(self) -> None:
        """Ask again: the network is another one."""
        self._known.clear()
        self._other_ways.clear()
        if self._pac is not None:
            self._pac.forget()

    def _ask(self, url: str) -> list[str]:
        return [of_the_system(url)] if self._pac is None else self._pac.ask(url)


def _system_may_name_one() -> bool:
    """Whether it is worth asking: elsewhere than here only the environment speaks."""
    return sys.platform in ("win32", "darwin") or any(
        name.lower().endswith("_proxy") and value for name, value in os.environ.items()
    )


def check_proxy(proxy: str) -> None:
    """Raises `ValueError` for a setting that is neither an address nor ``system`` nor ``direct``."""
    if proxy in ("", "direct", "system"):
        return
    parts = urlsplit(proxy)
    if parts.scheme not in _SCHEMES or not parts.hostname:
        raise ValueError(f"the proxy {proxy!r} is no address such as http://proxy.example:3128")


def is_loopback(origin: str) -> bool:
    """Whether the origin is this computer itself."""
    host = (urlsplit(origin).hostname or "").rstrip(".")
    return host in ("localhost", "::1") or host.endswith(".localhost") or host.startswith("127.")


def of_the_system(url: str) -> str:
    """The proxy that the environment, the registry or the system's settings name; blocking.

    A WebSocket goes the way of https.
    """
    from requests.utils import get_environ_proxies, select_proxy

    url = url.replace("wss:", "https:", 1).replace("ws:", "http:", 1) if url.startswith("ws") else url
    proxy = select_proxy(url, get_environ_proxies(url)) or DIRECT
    return proxy if not proxy or "://" in proxy else f"http://{proxy}"
