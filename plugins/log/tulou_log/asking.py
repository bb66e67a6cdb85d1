"""Questions that only a person may answer: the server asks for the logs, the last run ended badly, the
company wants more told. Each is a notice that opens the page; nothing happens without a click there."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tulou.context import Context
from tulou_contracts.identity import Identity
from tulou_contracts.transport import SignalReceived
from tulou_contracts.ui import Notice, Notices

SIGNAL = "log.request"
CRASH = "crash"
PAGE = "tulou://app/log"
_ID = re.compile(r"[A-Za-z0-9-]{1,64}\Z")
_MOST = 20
_LONGEST_REASON = 300


@dataclass(frozen=True, slots=True)
class Request:
    """Somebody wants the logs of a time. Times are microseconds since 1970 UTC."""

    id: str
    since: int = 0
    until: int | None = None
    reason: str = ""


class Asking:
    """What waits for an answer; kept until it has one or the app stops."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._notices = ctx.wanted(Notices)
        self._identity = ctx.wanted(Identity)
        self._shown: dict[str, Notice] = {}
        self.requests: dict[str, Request] = {}

    def heard(self, signal: SignalReceived) -> None:
        """A signal came; only our own server's question counts, and no more than a few at a time."""
        if signal.name != SIGNAL:
            return
        request = self._request_of(signal)
        if request is None or not self._is_our_server(signal.sender):
            self._ctx.log.warning(
                "a request for logs is passed over: it is not our server's, or not of its form")
            return
        if len(self.requests) >= _MOST and request.id not in self.requests:
            return
        self.requests[request.id] = request
        self._ask("request", request.id)

    def _is_our_server(self, sender: str) -> bool:
        identity = self._identity.get()
        account = identity.account if identity is not None else None
        domain = account.address.partition("@")[2].casefold() if account is not None else ""
        if not domain or "@" in sender or "/" in sender:
            return False
        return f".{sender.casefold()}".endswith(f".{domain}")  # or a component of it

    def _request_of(self, signal: SignalReceived) -> Request | None:
        content = signal.content
        request_id = content.get("id", "")
        if not _ID.match(request_id):
            return None
        try:
            since, until = int(content.get("since", "0")), int(content.get("until", "0"))
        except ValueError:
            return None
        return Request(request_id, max(0, since), until if until > 0 else None,
                       content.get("reason", "")[:_LONGEST_REASON])

    def crashed(self, since: int) -> None:
        """The last run ended without taking leave."""
        self.requests[CRASH] = Request(CRASH, since)
        self._ask(CRASH, CRASH)

    def wishes(self, there_are: bool) -> None:
        """The company asks for more to be told (or does not, any more)."""
        if there_are:
            self._ask("wishes", "wishes")
        else:
            self.done("wishes")

    def done(self, which: str) -> None:
        """It has an answer."""
        self.requests.pop(which, None)
        if self._shown.pop(which, None) is not None:
            notices = self._notices.get()
            if notices is not None:
                notices.withdraw(f"log-{which}")

    def _ask(self, kind: str, which: str) -> None:
        self._shown[which] = Notice(
            id=f"log-{which}", title=f"log.ask.{kind}", text=f"log.ask.{kind}Hint",  # keys of `words`
            url=PAGE if kind == "wishes" else f"{PAGE}?request={which}")
        self.show()

    def show(self) -> None:
        """Show what waits, to pages that may have come only now."""
        notices = self._notices.get()
        if notices is not None:
            for each in self._shown.values():
                notices.show(each)

    def watch(self) -> None:
        """Show again whenever another plugin shows notices."""
        self._stop_watching = self._notices.watch(self.show)

    def close(self) -> None:
        """Take the notices away."""
        self._stop_watching()
        for which in tuple(self._shown):
            self.done(which)
