"""Questions of clients and notices to them, for services that stand behind the server.

One desk for both ways in: the embedded server's own connections, and a component's (XEP-0114).
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable

import trio

from tulou_contracts.server import Answer
from tulou_contracts.transport import Refused, Signal
from tulou_server import stanzas
from tulou_xmpp.wire import JID, Element
from tulou_xmpp.wire.errors import BadJID
from tulou_xmpp.wire.signals import decode_signal, encode_signal, misfit

AT_ONCE = 8
"""Questions of one account that may be worked on at the same time."""
PATIENCE = 10.0
"""Seconds a handler may take; then the asker is told that it took too long."""


class Desk:
    """Who answers what."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._answers: dict[str, Answer] = {}
        self._busy: Counter[str] = Counter()

    def answer(self, name: str, handler: Answer) -> Callable[[], None]:
        """Register a handler; the result takes it away again. Raises `ValueError`."""
        if name in self._answers:
            raise ValueError(f"the signal {name!r} is answered by somebody already")
        self._answers[name] = handler

        def end() -> None:
            if self._answers.get(name) is handler:
                del self._answers[name]

        return end

    async def reply(self, iq: Element) -> Element:
        """The answer to an iq that holds a signal; whose `from` the server has stamped."""
        try:
            account = JID.parse(iq.get("from")).bare
        except BadJID:
            return stanzas.error(iq, "jid-malformed")
        asked = decode_signal(iq.children[0]) if iq.children else None
        if asked is None:
            return stanzas.error(iq, "bad-request", "the signal is malformed or too large")
        name, content = asked
        handler = self._answers.get(name)
        if handler is None:
            return stanzas.error(iq, "service-unavailable", f"nobody here answers to {name}")
        if self._busy[account] >= AT_ONCE:
            return stanzas.error(iq, "resource-constraint", "too many questions at once")
        self._busy[account] += 1
        try:
            return await self._work(iq, handler, account, name, content)
        finally:
            self._busy[account] -= 1
            if not self._busy[account]:
                del self._busy[account]

    async def _work(
        self, iq: Element, handler: Answer, account: str, name: str, content: Signal
    ) -> Element:
        try:
            with trio.move_on_after(PATIENCE):
                said = await handler(account, content)
                wrong = misfit(name, said)
                if not wrong:
                    return stanzas.result(iq, encode_signal(name, said))
                self._log.error("the answer to %s cannot be sent: %s", name, wrong)
                return stanzas.error(iq, "internal-server-error")
        except Refused as refusal:
            return stanzas.error(iq, "not-acceptable", str(refusal))
        except Exception:
            self._log.exception("answering %s failed", name)
            return stanzas.error(iq, "internal-server-error")
        return stanzas.error(iq, "resource-constraint", f"answering {name} took too long")
