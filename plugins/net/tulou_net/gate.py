"""Who may come in: the checks before any handler. Pure functions of a request's head.

Any page in any browser on this machine can send requests to a loopback port, so the host trusts
a request only if its Host is ours (a name that an attacker's DNS points at 127.0.0.1 is not) and,
where it could change something, if it comes from a page of ours.
"""

from __future__ import annotations

from collections.abc import Sequence

from tulou_contracts.network import Request, Response

SAFE_METHODS = frozenset({"GET", "HEAD"})


_DEFAULT_PORTS = {"http": 80, "https": 443}


class Gate:
    """The checks of one site, which listens on `port` and also answers to `hosts`."""

    def __init__(self, port: int, hosts: Sequence[str] = (), scheme: str = "http") -> None:
        self._suffix = f":{port}"
        self._scheme = scheme
        self._bare = port == _DEFAULT_PORTS[scheme]
        self._names = {"127.0.0.1", "localhost"}
        self._below: tuple[str, ...] = ()
        for host in hosts:
            name = host.lower()
            if name.startswith("*."):
                self._below += (name[1:],)
            else:
                self._names.add(name)

    def refuse(self, request: Request, *, socket: bool, origins: Sequence[str]) -> Response | None:
        """The refusal, or None. `origins` are the extra ones that the route allows."""
        host = request.headers.get("host", "")
        if not self._is_ours(host):
            return Response(
                status=421, body="This address is not served here: the Host header names another one.\n"
            )
        if self._origin_is_good(request, host, socket, origins):
            return None
        return Response(
            status=403, body="Refused: the request does not come from a page of this site (Origin).\n"
        )

    def _is_ours(self, host: str) -> bool:
        name = host.lower()
        if name.endswith(self._suffix):
            name = name[: -len(self._suffix)]
        elif not self._bare:
            return False
        return name in self._names or (name.endswith(self._below) if self._below else False)

    def _origin_is_good(
        self, request: Request, host: str, socket: bool, origins: Sequence[str]
    ) -> bool:
        if request.method in SAFE_METHODS and not socket:
            return True
        origin = request.headers.get("origin")
        if origin is not None:
            return origin.lower() == f"{self._scheme}://{host.lower()}" or origin in origins
        # Browsers always say Origin on these; Sec-Fetch-Site cannot be set by a page (Fetch Metadata).
        site = request.headers.get("sec-fetch-site")
        return site == "same-origin" or (socket and site is None)
