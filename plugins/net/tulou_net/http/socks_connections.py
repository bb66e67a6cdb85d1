"""Connections through a SOCKS proxy, by PySocks; imported where one is set."""

from __future__ import annotations

import socket

from urllib3.contrib.socks import SOCKSConnection, SOCKSHTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from tulou_net.http.call import HERE
from tulou_net.http.connections import Watched, check_pin


class _WatchedSocks(Watched, SOCKSConnection):
    def _new_conn(self) -> socket.socket:
        sock: socket.socket = SOCKSConnection._new_conn(self)
        if HERE.call is not None:
            HERE.call.hold_spare(sock)
        return sock


class WatchedSocksHttps(_WatchedSocks, SOCKSHTTPSConnection):
    """HTTP over TLS through SOCKS."""

    def connect(self) -> None:
        super().connect()
        check_pin(self)


class WatchedSocksHttp(_WatchedSocks):
    """Plain HTTP through SOCKS."""


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = WatchedSocksHttp


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = WatchedSocksHttps


SOCKS_POOLS = {"http": _HttpPool, "https": _HttpsPool}
