"""What pages may ask for: one table, one function a method."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from tulou_contracts.identity import Identity
from tulou_contracts.messaging import Messenger
from tulou_contracts.transport import Transport
from tulou_contracts.ui import PageFeed, PageMethod
from tulou_shell.protocol import Fault
from tulou_shell.views import contact_view, conversation_view, message_view

LIST_LIMIT = 500
"""Conversations that a page gets unasked."""
LIST_MOST = 10_000
"""Conversations that it may ask for."""
HISTORY_LIMIT = 200
"""Messages that one request may ask for."""
MODULE_LIMIT = 300
"""Characters of a module's address in a fault that a page tells."""
FAULT_LIMIT = 500
"""Characters of its error; pages cut theirs to this."""


class Backend(Protocol):
    """What the methods work on. The three services raise `Fault` 'missing' when not there."""

    def messenger(self) -> Messenger: ...
    def identity(self) -> Identity: ...
    def transport(self) -> Transport: ...
    def state(self) -> dict[str, Any]: ...
    def contributions(self) -> dict[str, Any]: ...
    def plugins(self) -> dict[str, Any]: ...
    def module_failed(self, module: str, error: str) -> None: ...
    def page_opened(self, name: str) -> None: ...
    def page_method(self, name: str) -> PageMethod: ...
    def page_feed(self, name: str) -> PageFeed: ...
    def notices(self) -> list[dict[str, Any]]: ...
    def close_notice(self, notice_id: str) -> None: ...
    async def open(self, url: str, outside: bool, at: str) -> Any: ...


class Params:
    """The params of a request, read with checks; each failure is a `Fault` 'malformed'."""

    def __init__(self, values: dict[str, Any], page: str = "") -> None:
        self._values = values
        self.page = page
        """The id of the open page that asks."""

    def text(self, name: str, default: str | None = None, limit: int = 4096) -> str:
        """A string of at most `limit` characters."""
        value = self._values.get(name, default)
        if not isinstance(value, str):
            raise Fault("malformed", f"The parameter {name!r} must be a text.")
        if len(value) > limit:
            raise Fault("too-large", f"The parameter {name!r} may have {limit} characters.")
        return value

    def number(self, name: str, default: int | None = None) -> int:
        """A whole number."""
        value = self._values.get(name, default)
        if type(value) is not int:
            raise Fault("malformed", f"The parameter {name!r} must be a whole number.")
        return value

    def optional_number(self, name: str) -> int | None:
        """A whole number or nothing."""
        return None if self._values.get(name) is None else self.number(name)

    def flag(self, name: str) -> bool:
        """True or False; False when not given."""
        value = self._values.get(name, False)
        if not isinstance(value, bool):
            raise Fault("malformed", f"The parameter {name!r} must be true or false.")
        return value

    def mapping(self, name: str) -> dict[str, Any]:
        """An object; empty when not given."""
        value = self._values.get(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise Fault("malformed", f"The parameter {name!r} must be an object.")
        return value

    def texts(self, name: str) -> dict[str, str]:
        """An object of texts; empty when not given."""
        value = self._values.get(name) or {}
        good = isinstance(value, dict) and all(isinstance(each, str) for each in value.values())
        if not good:
            raise Fault("malformed", f"The parameter {name!r} must be an object of texts.")
        return dict(value)


Handler = Callable[[Backend, Params], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Method:
    """`ordered` ones of a page run one after another, in the order they were asked. `foreign` ones run
    what other plugins contribute, so they have places of their own and hold up nothing."""

    handler: Handler
    ordered: bool = False
    foreign: bool = False


async def session_state(backend: Backend, params: Params) -> Any:
    """Account, connection and what is missing."""
    return backend.state()


async def identity_sign_in(backend: Backend, params: Params) -> Any:
    """Check with the server and remember."""
    await backend.identity().sign_in(
        params.text("address"), params.text("password"), params.text("endpoint", "")
    )
    return backend.state()


async def identity_register(backend: Backend, params: Params) -> Any:
    """Make the account at the server, then sign in."""
    await backend.identity().register(
        params.text("address"), params.text("password"), params.text("endpoint", "")
    )
    return backend.state()


async def identity_sign_out(backend: Backend, params: Params) -> Any:
    """Forget the password."""
    await backend.identity().sign_out()
    return backend.state()


async def messenger_conversations(backend: Backend, params: Params) -> Any:
    """The conversation list, newest first."""
    limit = max(1, min(LIST_MOST, params.number("limit", LIST_LIMIT)))
    found = await backend.messenger().conversations(limit=limit)
    return [conversation_view(each) for each in found]


async def messenger_history(backend: Backend, params: Params) -> Any:
    """Messages before a position, oldest first."""
    limit = max(1, min(HISTORY_LIMIT, params.number("limit", 50)))
    found = await backend.messenger().history(
        params.text("conversation"), before=params.optional_number("before"), limit=limit
    )
    return [message_view(each) for each in found]


async def messenger_send(backend: Backend, params: Params) -> Any:
    """Store a message for sending; the answer is the message, queued."""
    message = await backend.messenger().send(
        params.text("conversation"), params.text("body", limit=200_000),
        kind=params.text("kind", "text", 100), data=params.texts("data"),
    )
    return message_view(message)


async def messenger_retry(backend: Backend, params: Params) -> Any:
    """Queue a failed message again."""
    await backend.messenger().retry(params.text("conversation"), params.text("message"))


async def messenger_mark_read(backend: Backend, params: Params) -> Any:
    """Everything up to a position was read."""
    await backend.messenger().mark_read(params.text("conversation"), params.number("position"))


async def messenger_open(backend: Backend, params: Params) -> Any:
    """The conversation with an address, made when there is none."""
    found = await backend.messenger().open_conversation(params.text("address"), params.text("title", ""))
    return conversation_view(found)


async def contacts_list(backend: Backend, params: Params) -> Any:
    """The contact list as known now."""
    return [contact_view(each) for each in await backend.transport().contacts()]


async def contacts_add(backend: Backend, params: Params) -> Any:
    """Put somebody on the contact list."""
    await backend.transport().add_contact(params.text("address"), params.text("name", ""))


async def connection_retry(backend: Backend, params: Params) -> Any:
    """Do not wait for the next attempt."""
    backend.transport().retry_now()


async def connection_probe(backend: Backend, params: Params) -> Any:
    """The page came back or its network changed: is the connection alive?"""
    backend.transport().probe()


async def ui_contributions(backend: Backend, params: Params) -> Any:
    """What plugins add to the page."""
    return backend.contributions()


async def ui_fault(backend: Backend, params: Params) -> Any:
    """A contributed module does not do what it should."""
    backend.module_failed(params.text("module", limit=MODULE_LIMIT), params.text("error", limit=FAULT_LIMIT))


async def plugins_status(backend: Backend, params: Params) -> Any:
    """Which plugins run, which do not, and why."""
    return backend.plugins()


async def ui_notices(backend: Backend, params: Params) -> Any:
    """What every page shows now."""
    return backend.notices()


async def ui_close_notice(backend: Backend, params: Params) -> Any:
    """A person has seen a notice."""
    backend.close_notice(params.text("id"))


async def ui_open(backend: Backend, params: Params) -> Any:
    """Follow an address of the app's own scheme; the answer is what a function answered, if any."""
    return await backend.open(params.text("url"), params.flag("outside"), params.page)


async def page_opened(backend: Backend, params: Params) -> Any:
    """A contributed page is shown."""
    backend.page_opened(params.text("name", limit=250))


async def page_call(backend: Backend, params: Params) -> Any:
    """A contributed method."""
    return await backend.page_method(params.text("name", limit=100)).handler(params.mapping("params"))


METHODS: dict[str, Method] = {
    "session.state": Method(session_state),
    "identity.sign_in": Method(identity_sign_in),
    "identity.register": Method(identity_register),
    "identity.sign_out": Method(identity_sign_out),
    "messenger.conversations": Method(messenger_conversations),
    "messenger.history": Method(messenger_history),
    "messenger.send": Method(messenger_send, ordered=True),
    "messenger.retry": Method(messenger_retry, ordered=True),
    "messenger.mark_read": Method(messenger_mark_read, ordered=True),
    "messenger.open": Method(messenger_open),
    "contacts.list": Method(contacts_list),
    "contacts.add": Method(contacts_add),
    "connection.retry": Method(connection_retry),
    "connection.probe": Method(connection_probe),
    "ui.contributions": Method(ui_contributions),
    "ui.fault": Method(ui_fault),
    "ui.notices": Method(ui_notices),
    "ui.close_notice": Method(ui_close_notice),
    "ui.open": Method(ui_open, foreign=True),
    "page.opened": Method(page_opened),
    "page.call": Method(page_call, foreign=True),
    "plugins.status": Method(plugins_status),
}


def method_named(name: str) -> Method:
    """Raises `Fault` 'unknown-method'."""
    method = METHODS.get(name)
    if method is None:
        raise Fault("unknown-method", f"There is no method {name!r}; reload the page.")
    return method
