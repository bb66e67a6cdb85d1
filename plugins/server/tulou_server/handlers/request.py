"""What a handler gets, and how one is found."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from tulou_server import stanzas
from tulou_server.session import Session
from tulou_xmpp.wire import Element

if TYPE_CHECKING:
    from tulou_server.domain import Domain


class Scope(Enum):
    """Whom a request is addressed to."""

    SELF = "self"          # the sender's own account
    SERVER = "server"
    CONTACT = "contact"    # another account, answered in its name


@dataclass(frozen=True, slots=True)
class Request:
    """An iq of type get or set. `account` is the account it is addressed to ("" for the server)."""

    domain: Domain
    session: Session
    iq: Element
    payload: Element
    account: str

    @property
    def is_set(self) -> bool:
        """It wants something changed."""
        return self.iq.get("type") == "set"

    def result(self, *payload: Element) -> Element:
        """The answer."""
        return stanzas.result(self.iq, *payload)

    def error(self, condition: str, text: str = "") -> Element:
        """The refusal."""
        return stanzas.error(self.iq, condition, text)


Handler = Callable[[Request], Awaitable[Element | None]]
"""Answers; None when it has answered by itself."""
Table = dict[tuple[Scope, str, str], Handler]
"""By scope, and the payload's name and namespace."""
