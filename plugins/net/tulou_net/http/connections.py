"""urllib3's connections, with the socket in reach from their first moment."""

from __future__ import annotations

import socket
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from tulou_net.http.call import HERE, Call, GivenUp
from tulou_net.http.response import StrictResponse

_IMPATIENCE = 3.0  # seconds for an address while there is another one


class Watched:
    """Tells the thread's `Call` what it waits on: while connecting, agreeing on TLS, and reading."""

    sock: Any
    response_class: Any = StrictResponse

    def _new_conn(self) -> socket.socket:
        this: Any = self
        assert HERE.call is not None
        try:
            return _connected(this, HERE.call)
        except GivenUp:
            raise
        except socket.gaierror as error:
            raise NameResolutionError(this.host, this, error) from error
        except TimeoutError as error:
            raise ConnectTimeoutError(
                this, f"no connection to {this.host} within {this.timeout} seconds"
            ) from error
        except (OSError, UnicodeError) as error:
            raise NewConnectionError(this, f"no connection to {this.host}: {error}") from error

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        assert HERE.call is not None
        HERE.call.hold(_bare(self.sock))

    def request(self, *args: Any, **named: Any) -> None:
        if self.sock is not None and HERE.call is not None:  # a connection that was used before
            HERE.call.hold(_bare(self.sock))
        super().request(*args, **named)  # type: ignore[misc]


def _bare(sock: Any) -> socket.socket:
    """The socket itself, also below TLS within TLS."""
    inner: socket.socket = getattr(sock, "socket", sock)
    return inner


def _connected(connection: Any, call: Call) -> socket.socket:
    """A connection to the first of the host's addresses that takes it."""
    last: OSError | None = None
    found = call.resolver.look_up(connection._dns_host, connection.port, call)
    for family, kind, protocol, _, address in found:
        sock = socket.socket(family, kind, protocol)
        try:
            for option in connection.socket_options or ():
                sock.setsockopt(*option)
            patience = connection.timeout
            if address is not found[-1][4]:
                patience = min(patience or _IMPATIENCE, _IMPATIENCE)
            sock.settimeout(patience)
            call.hold_spare(sock)
            sock.connect(address)
            sock.settimeout(connection.timeout)
            return sock
        except OSError as error:
            sock.close()
            last = error
            if call.given_up:
                break
    raise last or OSError("no address")


class WatchedHttp(Watched, HTTPConnection):
    """Plain HTTP."""


class WatchedHttps(Watched, HTTPSConnection):
    """HTTP over TLS."""

    def connect(self) -> None:
        super().connect()
        check_pin(self)


def check_pin(connection: Any) -> None:
    """Raises `CertificateRefused` when the server's key is not the pinned one."""
    assert HERE.call is not None
    HERE.call.pins.check(
        connection._tunnel_host or connection.host,
        connection._tunnel_port or connection.port,
        connection.sock.getpeercert(binary_form=True),
    )


class WatchedHttpPool(HTTPConnectionPool):
    """A pool of `WatchedHttp`."""

    ConnectionCls = WatchedHttp


class WatchedHttpsPool(HTTPSConnectionPool):
    """A pool of `WatchedHttps`."""

    ConnectionCls = WatchedHttps


POOLS = {"http": WatchedHttpPool, "https": WatchedHttpsPool}
