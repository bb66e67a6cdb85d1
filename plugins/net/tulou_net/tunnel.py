"""A TCP connection through an HTTP proxy (CONNECT: RFC 9110, section 9.3.6)."""

from __future__ import annotations

import base64
import re
from urllib.parse import unquote, urlsplit

import trio

from tulou_contracts.network import NetworkError, Unreachable

from tulou_net import reasons
from tulou_net.http.words import PROXY_STATUS

_LONGEST_HEAD = 1 << 14
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})(?: ([^\r\n]*))?\r?\n")


async def open_tunnel(proxy: str, host: str, port: int) -> trio.SocketStream:
    """A connection to host:port that goes through the proxy at ``http://[user:password@]host:port``.

    Raises `Unreachable`, `NetworkError`.
    """
    parts = urlsplit(proxy)
    if parts.scheme != "http" or not parts.hostname:
        raise NetworkError(
            f"WebSockets go through http:// proxies only, not {parts.scheme}:// ones; check net's `proxy`"
        )
    name = f"{parts.hostname}:{parts.port or 80}"
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        stream = await trio.open_tcp_stream(parts.hostname, parts.port or 80)
    except (OSError, UnicodeError, ValueError) as error:
        raise Unreachable(
            f"cannot reach {target}: the proxy is not there: {reasons.unreachable(error, name)}"
        ) from error
    try:
        await _ask(stream, target, name, parts.username, parts.password)
    except BaseException:
        await trio.aclose_forcefully(stream)
        raise
    return stream


async def _ask(
    stream: trio.SocketStream, target: str, proxy: str, user: str | None, password: str | None
) -> None:
    head = f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n"
    if user:
        secret = f"{unquote(user)}:{unquote(password or '')}".encode()
        head += f"Proxy-Authorization: Basic {base64.b64encode(secret).decode()}\r\n"
    answer = b""
    try:
        await stream.send_all(head.encode() + b"\r\n")
        while b"\r\n\r\n" not in answer and len(answer) < _LONGEST_HEAD:
            data = await stream.receive_some()
            if not data:
                break
            answer += data
    except trio.BrokenResourceError as error:
        raise Unreachable(f"cannot reach {target}: the proxy {proxy} hung up") from error
    status = _STATUS.match(answer)
    if status is None or not answer.endswith(b"\r\n\r\n"):  # nobody may speak before we do
        raise Unreachable(f"cannot reach {target}: the proxy {proxy} does not answer as one")
    code = status[1].decode()
    if not code.startswith("2"):
        words = (status[2] or b"").decode("latin-1").strip()
        meaning = PROXY_STATUS.get(code, f"it answered {words!r}")
        raise Unreachable(
            f"cannot reach {target}: the proxy {proxy} does not let us through: {meaning} ({code})"
        )
