"""A name server's address, taken apart."""

from __future__ import annotations

import re

_PORT = 53
_FORMS = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+))(?::(\d{1,5}))?")


def name_server(text: str) -> tuple[str, int]:
    """Address and port of a name server. Raises `ValueError`."""
    import ipaddress  # not worth a millisecond of every start
    found = _FORMS.fullmatch(text)
    address, port = (found[1] or found[2], int(found[3] or _PORT)) if found else (text, _PORT)
    try:
        ipaddress.ip_address(address)
    except ValueError:
        port = 0
    if not 0 < port < 65536:
        raise ValueError(f"name_servers: {text!r} is no address such as 192.0.2.53, 2001:db8::53,"
                         " 192.0.2.53:5353 or [2001:db8::53]:5353")
    return address, port
