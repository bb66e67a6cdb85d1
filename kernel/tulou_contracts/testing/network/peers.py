"""Peers for network tests: raw requests that no library tidies up, and servers that misbehave."""

from __future__ import annotations

import base64
import os
import re
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha1

import trio

from tulou_contracts.network import Request, Response, Site, WebSocket

PATIENCE = 20.0
"""Seconds after which a test gives up; passing tests need none of them."""

WORDS = "土楼里的人说：你好 👋"
"""Text beyond ASCII and beyond the basic plane."""

Script = Callable[[trio.SocketStream], Awaitable[None]]


@asynccontextmanager
async def scripted_server(script: Script) -> AsyncIterator[int]:
    """A TCP port on 127.0.0.1 where `script` talks to every connection; gives the port."""

    async def talk(stream: trio.SocketStream) -> None:
        async with stream:
            try:
                await script(stream)
            except trio.BrokenResourceError:
                pass

    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, talk, listeners)
        yield listeners[0].socket.getsockname()[1]
        nursery.cancel_scope.cancel()


@dataclass(frozen=True)
class Answer:
    """What came back for a raw request."""

    status: int
    headers: dict[str, str]
    body: bytes


async def read_head(stream: trio.abc.ReceiveStream) -> bytes:
    """Bytes up to and with the empty line; b"" when the peer closes before."""
    head = b""
    while b"\r\n\r\n" not in head:
        data = await stream.receive_some()
        if not data:
            return b""
        head += data
    return head


async def ask(
    port: int,
    target: str,
    *,
    method: str = "GET",
    host: str | None = None,
    body: bytes = b"",
    **headers: str,
) -> Answer:
    """One HTTP request as raw bytes, so that no client library tidies it up.

    Header names are keywords, ``_`` standing for ``-``. `target` is sent as it is.
    """
    lines = {"host": f"127.0.0.1:{port}" if host is None else host, "connection": "close"}
    if body:
        lines["content-length"] = str(len(body))
    lines.update((name.replace("_", "-"), value) for name, value in headers.items())
    head = f"{method} {target} HTTP/1.1\r\n" + "".join(f"{n}: {v}\r\n" for n, v in lines.items())
    stream = await trio.open_tcp_stream("127.0.0.1", port)
    async with stream:
        await stream.send_all(head.encode() + b"\r\n" + body)
        raw = b""
        async for data in stream:
            raw += data
    top, _, rest = raw.partition(b"\r\n\r\n")
    status, *fields = top.decode("latin-1").split("\r\n")
    pairs = (field.partition(":") for field in fields)
    return Answer(int(status.split()[1]), {n.lower(): v.strip() for n, _, v in pairs}, rest)


async def ask_upgrade(port: int, path: str, *, host: str | None = None, **headers: str) -> int:
    """The status that a WebSocket's opening request gets; 101 means it was let in."""
    lines = {
        "host": f"127.0.0.1:{port}" if host is None else host,
        "upgrade": "websocket",
        "connection": "Upgrade",
        "sec-websocket-version": "13",
        "sec-websocket-key": base64.b64encode(os.urandom(16)).decode(),
    }
    lines.update((name.replace("_", "-"), value) for name, value in headers.items())
    head = f"GET {path} HTTP/1.1\r\n" + "".join(f"{n}: {v}\r\n" for n, v in lines.items())
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        await stream.send_all(head.encode() + b"\r\n")
        answer = await read_head(stream)
        return int(answer.split()[1]) if answer else 0


async def accept_upgrade(stream: trio.abc.Stream, head: bytes = b"") -> bytes:
    """A server's part of the opening handshake (RFC 6455, section 4.2.2); gives the request's head.

    `head` is what was read of it already.
    """
    head = head or await read_head(stream)
    key = re.search(rb"(?i)sec-websocket-key: *(\S+)", head)
    assert key is not None, head
    token = base64.b64encode(sha1(key[1] + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
    await stream.send_all(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + token + b"\r\n\r\n"
    )
    return head


async def forever(stream: trio.SocketStream) -> None:
    """A script: take everything, say nothing."""
    async for _ in stream:
        pass


def ws(site: Site, path: str) -> str:
    """The WebSocket address of a path."""
    return site.url.replace("http", "ws", 1) + path


async def echo(socket: WebSocket, request: Request) -> None:
    """A socket handler: send everything back."""
    while True:
        await socket.send(await socket.receive())


async def tell(request: Request) -> Response:
    """A route handler: say what was asked."""
    query = ",".join(f"{name}={value}" for name, value in request.query.items())
    return Response(body=f"{request.method} {request.path} {query} {request.body.decode()}")


async def open_by_hand(stream: trio.SocketStream, port: int, path: str) -> None:
    """Open a WebSocket on a raw stream."""
    await stream.send_all(
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
    )
    head = b""
    while not head.endswith(b"\r\n\r\n"):  # byte by byte: what follows belongs to the test
        data = await stream.receive_some(1)
        assert data, head
        head += data
    assert head.startswith(b"HTTP/1.1 101"), head


async def close_code(stream: trio.SocketStream) -> int | None:
    """The code of the close frame that comes next, answered as a browser does."""
    frame = b""
    while len(frame) < 4:
        data = await stream.receive_some()
        if not data:
            return None
        frame += data
    assert frame[0] == 0x88, frame
    try:
        await stream.send_all(masked(0x88, frame[2:4]))
    except trio.BrokenResourceError:
        pass
    return int.from_bytes(frame[2:4], "big")


def masked(first: int, payload: bytes) -> bytes:
    """A client's frame of at most 125 bytes, masked with zeros (RFC 6455, section 5.2)."""
    return bytes([first, 0x80 | len(payload), 0, 0, 0, 0]) + payload


def reset(stream: trio.SocketStream) -> None:
    """Let closing send a reset instead of a farewell."""
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
