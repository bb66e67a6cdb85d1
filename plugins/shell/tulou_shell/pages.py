"""The open pages of the account: answers their requests, pushes to all of them alike."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from typing import Any

import trio

from tulou.correlation import correlated
from tulou_contracts.network import ConnectionLost, Request, WebSocket
from tulou_shell.faults import INTERNAL, fault_of, log_of
from tulou_shell.listening import Listening
from tulou_shell.methods import Backend, Method, Params, method_named
from tulou_shell.presenting import OpenPage
from tulou_shell.protocol import (
    Call,
    Fault,
    decode_request,
    encode_error,
    encode_fault,
    encode_push,
    encode_result,
)

OUTBOX = 2000
"""Texts that may wait for a slow page; one more and it is let go, to come back and read anew."""
AT_ONCE = 16
"""Requests of one page that run side by side, and as many of those that run contributed methods."""
FOREIGN_WAITING = 200
"""Requests for contributed methods that one page may have open."""
LINGER = 5.0
"""Seconds for what a page asked before it went away, such as sending a message."""
FULL = 1013
TOO_BIG = 1009


class Pages:
    """Serves `/socket`."""

    def __init__(self, backend: Backend, log: logging.Logger) -> None:
        self._backend = backend
        self._log = log
        self._open: set[Page] = set()
        self.came: Callable[[Page], None] = lambda page: None
        """Told of every page that comes."""
        self.watched: Callable[[bool], None] = lambda watched: None
        """Told when the first page comes (True) and when the last one goes (False)."""

    def __len__(self) -> int:
        return len(self._open)

    async def serve(self, socket: WebSocket, request: Request) -> None:
        """One page, for as long as its socket is open."""
        page = Page(socket, self._backend, self._log)
        self._open.add(page)
        if len(self._open) == 1:
            self.watched(True)
        self.came(page)
        try:
            await page.run()
        finally:
            self._open.discard(page)
            if not self._open:
                self.watched(False)

    def review(self) -> None:
        """Plugins contribute something else now: end the feeds of those that left."""
        for page in tuple(self._open):
            page.review()

    def open(self) -> list[OpenPage]:
        """The pages that are open now."""
        return list(self._open)

    def push(self, name: str, data: Any) -> None:
        """Tell every page; never waits."""
        if self._open:
            text = encode_push(name, data)
            for page in tuple(self._open):
                page.post(text)


class Page:
    """One open page."""

    def __init__(self, socket: WebSocket, backend: Backend, log: logging.Logger) -> None:
        self.id = secrets.token_urlsafe(12)
        self.visible = True
        self.looked_at = trio.current_time()
        self._socket = socket
        self._backend = backend
        self._log = log
        self._posted, self._to_send = trio.open_memory_channel[str](OUTBOX)
        self._overflow = trio.Event()
        self._slots = trio.Semaphore(AT_ONCE)
        self._foreign = trio.Semaphore(AT_ONCE)
        self._foreign_open = 0
        self._listening: Listening | None = None

    @property
    def listening(self) -> Listening:
        """The feeds of the page, while it runs."""
        assert self._listening is not None
        return self._listening

    def post(self, text: str) -> None:
        """Queue a text for the page; never waits."""
        try:
            self._posted.send_nowait(text)
        except trio.WouldBlock:
            self._overflow.set()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # the page is going; it reads everything anew when it comes back

    def show(self, place: dict[str, Any]) -> None:
        """Lead the page to a place."""
        self.post(encode_push("show", place))

    def looking(self, visible: bool) -> None:
        """Somebody looks at the page now, or does not any more."""
        self.visible = visible
        if visible:
            self.looked_at = trio.current_time()

    def review(self) -> None:
        """End the feeds that nobody contributes any more."""
        if self._listening is not None:
            self._listening.review()

    async def run(self) -> None:
        """Until the page is gone."""
        async with trio.open_nursery() as nursery:
            self._listening = Listening(nursery, self._backend.page_feed, self.post)
            nursery.start_soon(self._send_posted)
            nursery.start_soon(self._watch_overflow)
            await self._answer_requests()
            self._posted.close()
            nursery.cancel_scope.cancel()

    async def _answer_requests(self) -> None:
        """Read until the page is gone, then give what it asked for a moment to be done."""
        in_order, queue = trio.open_memory_channel[tuple[Call, Method]](OUTBOX)
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._answer_in_order, queue)
                async with in_order:
                    await self._read(nursery, in_order)
                if self._listening is not None:
                    self._listening.stop_all()
                scope.deadline = trio.current_time() + LINGER

    async def _read(
        self, nursery: trio.Nursery, in_order: trio.MemorySendChannel[tuple[Call, Method]]
    ) -> None:
        while True:
            try:
                text = await self._socket.receive()
            except ConnectionLost:
                return
            try:
                call = decode_request(text)
            except Fault as fault:
                self.post(encode_error(fault.request_id, fault.code, fault.text))
                if fault.code == "too-large":
                    await self._close(TOO_BIG, "request too large")
                    return
                continue
            if call.method in OF_THE_PAGE:
                self._answer_at_once(call)
                continue
            try:
                method = method_named(call.method)
            except Fault as fault:
                self.post(encode_error(call.id, fault.code, fault.text))
                continue
            if method.ordered:
                await in_order.send((call, method))
            elif method.foreign:
                self._begin_foreign(nursery, call, method)
            else:
                await self._slots.acquire()
                nursery.start_soon(self._answer_beside, call, method)

    def _answer_at_once(self, call: Call) -> None:
        """What concerns this page alone, its feeds above all."""
        try:
            OF_THE_PAGE[call.method](self, Params(call.params, self.id))
        except Fault as fault:
            self.post(encode_error(call.id, fault.code, fault.text))
        else:
            self.post(encode_result(call.id, None))

    def _begin_foreign(self, nursery: trio.Nursery, call: Call, method: Method) -> None:
        if self._foreign_open >= FOREIGN_WAITING:
            self.post(encode_error(call.id, "too-many", "This page asks for too much at a time."))
            return
        self._foreign_open += 1
        nursery.start_soon(self._answer_foreign, call, method)

    async def _answer_foreign(self, call: Call, method: Method) -> None:
        try:
            async with self._foreign:
                await self._answer(call, method)
        finally:
            self._foreign_open -= 1

    async def _answer_in_order(
        self, queue: trio.MemoryReceiveChannel[tuple[Call, Method]]
    ) -> None:
        async for call, method in queue:
            await self._answer(call, method)

    async def _answer_beside(self, call: Call, method: Method) -> None:
        try:
            await self._answer(call, method)
        finally:
            self._slots.release()

    async def _answer(self, call: Call, method: Method) -> None:
        with correlated():  # whatever is done for this request, and told of it, belongs to it
            self.post(await self._answer_of(call, method))

    async def _answer_of(self, call: Call, method: Method) -> str:
        try:
            return encode_result(call.id, await method.handler(self._backend, Params(call.params, self.id)))
        except Exception as error:  # any failure is an answer; only cancellation passes
            fault = fault_of(error)
            if fault is INTERNAL and call.method == "page.call":
                log_of(call.params["name"]).exception("the page method %s failed", call.params["name"])
            elif fault is INTERNAL:
                self._log.exception("the method %s failed", call.method)
            return encode_fault(call.id, fault)

    async def _send_posted(self) -> None:
        async for text in self._to_send:
            try:
                with trio.CancelScope(shield=True):
                    # never cancelled in the middle of a frame; the socket's own closing ends it
                    await self._socket.send(text)
            except ConnectionLost:
                self._to_send.close()
                return

    async def _watch_overflow(self) -> None:
        await self._overflow.wait()
        self._log.warning("a page did not read %d texts; it is let go and may come back", OUTBOX)
        await self._close(FULL, "too slow")

    async def _close(self, code: int, reason: str) -> None:
        with trio.move_on_after(5):
            await self._socket.close(code, reason)


def _listen(page: Page, params: Params) -> None:
    page.listening.start(params.number("feed"), params.text("name", limit=100), params.mapping("params"))


OF_THE_PAGE: dict[str, Callable[[Page, Params], None]] = {
    "page.listen": _listen,
    "page.took": lambda page, params: page.listening.took(params.number("feed"), params.number("count")),
    "page.unlisten": lambda page, params: page.listening.stop(params.number("feed")),
    "page.looking": lambda page, params: page.looking(params.flag("visible")),
}
"""What a page says of itself and of its feeds."""
