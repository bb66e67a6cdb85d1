"""The name system, by dnspython. Imported at the first question, off the loop."""

from __future__ import annotations

import importlib
import ipaddress
import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import trio

from tulou_contracts.tcp import NotOffered, ResolveFailed, ServiceTarget

from tulou_net.tcp.name_server import name_server

if TYPE_CHECKING:
    import dns.asyncresolver

MOST = 32
"""Targets of one answer that are looked at; nobody needs more."""
_NEEDED = ("dns.asyncresolver", "dns._trio_backend", "dns.rdtypes.IN.SRV")
_HOST = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\Z", re.ASCII)


class DnsResolver:
    """Implements the contract `Resolver`.

    `servers` are asked instead of the system's: addresses, each with ``:port`` if it is not 53.
    """

    def __init__(self, servers: Sequence[str] = ()) -> None:
        self._servers = tuple(map(name_server, servers))
        self._resolver: dns.asyncresolver.Resolver | None = None

    async def services(self, service: str, domain: str, *, timeout: float = 5.0) -> Sequence[ServiceTarget]:
        """As the contract says."""
        for module in _NEEDED:
            if module not in sys.modules:
                await trio.to_thread.run_sync(importlib.import_module, module)
        question = f"_{service}._tcp.{_ascii(domain)}."
        import dns.exception
        import dns.resolver
        try:
            resolver = await self._made()
            answer = await resolver.resolve(question, "SRV", lifetime=timeout, search=False)
        except (dns.resolver.NoAnswer, dns.resolver.NXDOMAIN):
            return ()
        except (dns.exception.DNSException, OSError) as error:
            raise ResolveFailed(f"the name system does not say where {question} is: {_why(error)}") from error
        return _targets(question, answer)

    def forget(self) -> None:
        """The network is another one: so may its name servers be, and their answers."""
        self._resolver = None

    async def _made(self) -> dns.asyncresolver.Resolver:
        if self._resolver is None:
            import dns.asyncresolver
            import dns.resolver
            make = dns.asyncresolver.Resolver
            # reading the system's settings touches files
            resolver = await trio.to_thread.run_sync(lambda: make(configure=not self._servers))
            resolver.cache = dns.resolver.LRUCache(256)
            if self._servers:
                resolver.nameservers = [
                    _server(address, port) for address, port in self._servers
                ]
            self._resolver = resolver
        return self._resolver


def _server(address: str, port: int) -> Any:
    import dns.nameserver
    return dns.nameserver.Do53Nameserver(address, port)


def _ascii(domain: str) -> str:
    try:
        name = domain.rstrip(".").encode("idna").decode().lower()
    except UnicodeError:
        name = ""
    if not _HOST.match(name) or len(name) > 230:
        raise ResolveFailed(f"{domain!r} cannot be asked for in the name system")
    return name


def _targets(question: str, answer: Any) -> Sequence[ServiceTarget]:
    found: list[ServiceTarget] = []
    refusals = 0
    for record in list(answer)[:MOST]:
        host = record.target.to_text(omit_final_dot=True).lower()
        if host in (".", "", "@"):
            refusals += 1
        elif _HOST.match(host) and record.port and not _is_address(host):
            found.append(ServiceTarget(record.priority, record.weight, host, record.port))
    if found:
        return tuple(found)
    if refusals:
        raise NotOffered(f"the domain says in the name system that it does not offer {question}")
    raise ResolveFailed(f"the name system gives no usable place for {question}: no host name and port in it")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _why(error: Exception) -> str:
    import dns.exception
    import dns.resolver
    if isinstance(error, dns.resolver.NoResolverConfiguration):
        return "this computer has no name server set"
    if isinstance(error, dns.exception.Timeout):
        return "no answer in time"
    if isinstance(error, dns.resolver.NoNameservers):
        return "every name server refused, failed, or answered what cannot be read"
    return str(error) or type(error).__name__
