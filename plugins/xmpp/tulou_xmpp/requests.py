"""Questions to the server (iq) and their answers."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import trio
from tulou_contracts.transport import NotConnected, TransportError

from tulou_xmpp.stanzas.messages import Own
from tulou_xmpp.wire import Element
from tulou_xmpp.wire import namespaces as ns

Answered = Callable[[Element | None], None]
"""Called with the answer, or with None when none will come."""


class Requests:
    """Who waits for which answer."""

    def __init__(self, send: Callable[[Element], None], prefix: str) -> None:
        self._send = send
        self._prefix = prefix
        self._numbers = itertools.count(1)
        self._open: dict[str, tuple[str, Answered]] = {}

    def send(self, kind: str, content: Element, answered: Answered, to: str = "") -> str:
        """Ask; the question's id. `to` empty: our own account. Raises `NotConnected`."""
        iq_id = f"{self._prefix}-{next(self._numbers)}"
        self._send(Element("iq", ns.CLIENT, content, type=kind, id=iq_id, to=to or None))
        self._open[iq_id] = to, answered
        return iq_id

    async def ask(self, kind: str, content: Element, timeout: float, to: str = "") -> Element:
        """Ask and await the answer, of type result or error.

        Raises `NotConnected`, and `TransportError` when no answer comes in `timeout` seconds.
        """
        answers: list[Element | None] = []
        done = trio.Event()

        def answered(iq: Element | None) -> None:
            answers.append(iq)
            done.set()

        iq_id = self.send(kind, content, answered, to)
        try:
            with trio.move_on_after(timeout):
                await done.wait()
        finally:
            self._open.pop(iq_id, None)
        if not answers:
            raise TransportError(f"the server did not answer within {timeout:g} seconds")
        if answers[0] is None:
            raise NotConnected("the connection was lost before the server answered")
        return answers[0]

    def answer(self, iq: Element, own: Own, full: str) -> bool:
        """An iq of type result or error came: whether it was waited for (RFC 6120, 8.1.2.1)."""
        waiting = self._open.get(iq.get("id"))
        if waiting is None:
            return False
        to, answered = waiting
        sender = iq.get("from")
        if sender != to and (to or not (own.speaks(sender) or sender in (own.domain, full))):
            return False    # somebody guesses ids
        del self._open[iq.get("id")]
        answered(iq)
        return True

    def fail_all(self) -> None:
        """The session is gone: nobody will be answered."""
        waiting, self._open = self._open, {}
        for _, answered in waiting.values():
            answered(None)
