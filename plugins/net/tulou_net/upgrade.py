"""The server's side of a WebSocket's opening, from the request's first bytes to an open `Socket`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from urllib.parse import parse_qsl, unquote

import h11
import trio
import trio_websocket
from starlette.requests import cookie_parser

from tulou_contracts.network import Request, Response

from tulou_net.exchange import headers_of
from tulou_net.stream import WatchedStream
from tulou_net.websocket import BUFFER, QUEUE, keep

_HEAD_END = b"\r\n\r\n"
_UPGRADE = re.compile(rb"\r\nupgrade[ \t]*:[ \t]*websocket[ \t]*\r\n", re.IGNORECASE)
_LONGEST_HEAD = 1 << 14


async def read_head(stream: WatchedStream, patience: float) -> bytes:
    """The first bytes of a connection: a request's whole head, or whatever is surely none.

    Empty when the peer leaves or says nothing in time.
    """
    head = b""
    with trio.move_on_after(patience) as scope:
        while _HEAD_END not in head and len(head) < _LONGEST_HEAD:
            data = await stream.receive_some(_LONGEST_HEAD)
            head += data
            if not data or not head[:1].isupper():
                break
    return b"" if scope.cancelled_caught else head


def asks_for_websocket(head: bytes) -> bool:
    """Whether the request is a WebSocket's upgrade (RFC 6455, section 4.1)."""
    return head.startswith(b"GET ") and _UPGRADE.search(head) is not None


def parse_head(head: bytes) -> tuple[Request, tuple[str, ...]]:
    """The request and the subprotocols it offers. Raises `h11.RemoteProtocolError`."""
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(head)
    event = connection.next_event()
    if not isinstance(event, h11.Request):
        raise h11.RemoteProtocolError("no whole request")
    headers = headers_of(event.headers)
    path, _, query = event.target.decode("ascii").partition("?")
    request = Request(
        method="GET",
        path=unquote(path),
        query=dict(parse_qsl(query, keep_blank_values=True)),
        headers=headers,
        cookies=cookie_parser(headers.get("cookie", "")),
    )
    offered = headers.get("sec-websocket-protocol", "")
    return request, tuple(each.strip() for each in offered.split(",") if each.strip())


async def refuse(stream: WatchedStream, response: Response, headers: Mapping[str, str]) -> None:
    """Answer an upgrade with plain HTTP, `headers` and all, and say that this was it."""
    body = response.body.encode() if isinstance(response.body, str) else response.body
    lines = {**headers, "content-length": str(len(body)), "connection": "close"}
    connection = h11.Connection(h11.SERVER)
    answer = connection.send(h11.Response(status_code=response.status, headers=list(lines.items())))
    await stream.send_all((answer or b"") + body)
    await stream.send_eof()


async def accept(
    nursery: trio.Nursery, stream: WatchedStream, subprotocol: str | None, max_message: int
) -> trio_websocket.WebSocketConnection:
    """Open the WebSocket; its reader runs in `nursery`. Raises `NotOpened`."""
    async def open_in(inner: trio.Nursery) -> trio_websocket.WebSocketConnection:
        request = await trio_websocket.wrap_server_stream(
            inner, stream, message_queue_size=QUEUE, max_message_size=max_message,
            receive_buffer_size=BUFFER,
        )
        return await request.accept(subprotocol=subprotocol)

    connection: trio_websocket.WebSocketConnection = await nursery.start(partial(keep, stream, open_in))
    return connection
