"""Lets a client that only speaks TCP (RFC 6120) use a server that only speaks WebSocket (RFC 7395)."""

from __future__ import annotations

import trio
from trio_websocket import ConnectionClosed, open_websocket_url
from tulou_xmpp.wire import Element, FrameParser, StreamClosed, StreamOpened, StreamParser, serialise
from tulou_xmpp.wire import namespaces as ns


async def bridge(endpoint: str, stream: trio.SocketStream) -> None:
    async with stream, open_websocket_url(endpoint, subprotocols=["xmpp"]) as websocket:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_up, stream, websocket, nursery.cancel_scope)
            nursery.start_soon(_down, stream, websocket, nursery.cancel_scope)


async def _up(stream, websocket, scope) -> None:
    parser = StreamParser()
    try:
        async for data in stream:
            if b"<stream:stream" in data:
                parser = StreamParser()  # a restart after SASL
            for event in parser.feed(data):
                if isinstance(event, StreamOpened):
                    frame = Element("open", ns.FRAMING, to=event.header.get("to"), version="1.0")
                elif isinstance(event, StreamClosed):
                    frame = Element("close", ns.FRAMING)
                else:
                    frame = event
                await websocket.send_message(serialise(frame))
                if isinstance(event, StreamClosed):
                    return  # slixmpp goes on to acknowledge; `_down` ends when the server has answered
    except (ConnectionClosed, trio.BrokenResourceError, trio.ClosedResourceError):
        pass
    scope.cancel()


async def _down(stream, websocket, scope) -> None:
    parser = FrameParser()
    try:
        while True:
            element = parser.parse_frame(await websocket.get_message())
            if element.is_("open", ns.FRAMING):
                text = (
                    f"<?xml version='1.0'?><stream:stream xmlns='{ns.CLIENT}' xmlns:stream='{ns.STREAMS}'"
                    f" from='{element.get('from')}' id='{element.get('id')}' version='1.0'>"
                )
            elif element.is_("close", ns.FRAMING):
                text = "</stream:stream>"
            else:
                text = serialise(element)
            await stream.send_all(text.encode())
    except (ConnectionClosed, trio.BrokenResourceError, trio.ClosedResourceError):
        pass
    scope.cancel()
