"""Which way packets leave this machine: asked of the system, without sending one."""

from __future__ import annotations

import re
import socket

from tulou_contracts.network_state import NetworkState, Reach

_FAR = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))
"""Addresses for documentation (RFC 5737, RFC 3849): nobody's, so the route to them is the default one."""
_COSTLY = re.compile(r"(wwan|wwp|rmnet|ppp|usb|rndis|pdp_ip)\d*", re.IGNORECASE)
"""Names that systems give to modems and tethered phones."""


def local_addresses() -> tuple[str, ...]:
    """Our address on the route out, for each of IPv4 and IPv6 that has one."""
    found = []
    for family, far in _FAR:
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((far, 9))   # a datagram socket's connect only looks up the route
                address = str(probe.getsockname()[0])
        except OSError:
            continue    # no route, or the system does not have the family
        if not _stays_here(address):
            found.append(address)
    return tuple(found)


def _stays_here(address: str) -> bool:
    return address.startswith("127.") or address in ("::1", "0.0.0.0", "::")


def interface_of(address: str) -> str:
    """The interface that has an address; empty when it cannot be told."""
    import psutil

    try:
        interfaces = psutil.net_if_addrs()
    except OSError:
        return ""
    for name, addresses in interfaces.items():
        if any(each.address.partition("%")[0] == address for each in addresses):
            return str(name)
    return ""


def metered(interface: str) -> bool | None:
    """Whether an interface's name is one of those for modems and phones; None: it says nothing."""
    return True if _COSTLY.match(interface) else None


def read_state() -> NetworkState:
    """The state without the captive check; quick, but it reads system tables: call it in a thread."""
    addresses = local_addresses()
    if not addresses:
        return NetworkState(reach=Reach.DOWN)
    interface = interface_of(addresses[0])
    return NetworkState(
        reach=Reach.UP, addresses=addresses, interface=interface, metered=metered(interface)
    )
