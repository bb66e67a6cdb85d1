"""Asks a server about a password, or for an account, over a connection of its own."""

from __future__ import annotations

from collections.abc import Sequence

import trio
from tulou_contracts.identity import (
    AccountTaken, AddressInvalid, Credential, IdentityError, RegistrationRefused, ServerUnavailable,
    WrongPassword,
)
from tulou_contracts.network import NetworkError, WebSocketConnector

from tulou_xmpp.config import Config
from tulou_xmpp.link import Derive, Link, derive_in_thread
from tulou_xmpp.reach.opener import Opener
from tulou_xmpp.session import Login, Purpose, Session, events
from tulou_xmpp.stanzas.errors import reason_for
from tulou_xmpp.wire import JID
from tulou_xmpp.wire.errors import BadJID

_TRY_LATER = frozenset({"resource-constraint", "internal-server-error", "remote-server-timeout"})


class XmppAuthenticator:
    """Implements the contract `Authenticator`."""

    def __init__(
        self, connector: WebSocketConnector, config: Config, derive: Derive = derive_in_thread,
        opener: Opener | None = None,
    ) -> None:
        self._opener = opener or Opener(connector, config)
        self._config = config
        self._derive = derive

    async def verify(self, credential: Credential) -> None:
        """Returns when the server accepts. Raises `WrongPassword`, `ServerUnavailable`."""
        await self._ask(credential, Purpose.VERIFY)

    async def register(self, credential: Credential) -> None:
        """Create the account. Raises `AccountTaken`, `RegistrationRefused`, `ServerUnavailable`."""
        await self._ask(credential, Purpose.REGISTER)

    async def _ask(self, credential: Credential, purpose: Purpose) -> None:
        endpoint = credential.account.endpoint or self._config.endpoint
        login = self._login(credential, purpose)
        question = _Question(login)
        try:
            async with self._opener.open(login.address.domain, endpoint) as channel:
                question.link = Link(
                    channel, question.session, question.on_events, derive=self._derive,
                    login_timeout=self._config.login_timeout,
                )
                await question.run()
                note = self._opener.failed if question.answer is None else self._opener.worked
                note(login.address.domain, channel.way)
        except NetworkError as error:
            if question.answer is None:
                raise ServerUnavailable(str(error)) from error
        if question.answer is None:
            raise ServerUnavailable(f"the server did not answer: {question.end}")
        error_found = question.answer.error
        if error_found is not None:
            raise error_found

    def _login(self, credential: Credential, purpose: Purpose) -> Login:
        try:
            address = JID.parse(credential.account.address)
        except BadJID as error:
            raise AddressInvalid(str(error)) from None
        if not address.local or address.resource:
            raise AddressInvalid(f"{credential.account.address!r} is not of the form name@domain")
        return Login(
            address=address, password=credential.password, resource=self._config.resource,
            plain=self._config.allow_plain, purpose=purpose,
        )


class _Answer:
    def __init__(self, error: IdentityError | None) -> None:
        self.error = error


class _Question:
    """One short session, until its answer is there."""

    def __init__(self, login: Login) -> None:
        self.session = Session(login)
        self.link: Link | None = None
        self.answer: _Answer | None = None
        self.end = ""
        self._answered = trio.Event()

    def on_events(self, happened: Sequence[events.Event]) -> None:
        for event in happened:
            match event:
                case events.PasswordAccepted() | events.Registered():
                    self._settle(None)
                case events.PasswordRefused() if event.permanent:
                    self._settle(WrongPassword(event.reason))
                case events.PasswordRefused():
                    self._settle(ServerUnavailable(event.reason))
                case events.RegistrationFailed():
                    self._settle(_registration_error(event))

    def _settle(self, error: IdentityError | None) -> None:
        self.answer = self.answer or _Answer(error)
        self._answered.set()

    async def run(self) -> None:
        assert self.link is not None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._close_when_answered, self.link)
            end = await self.link.run()
            self.end = end.reason
            nursery.cancel_scope.cancel()

    async def _close_when_answered(self, link: Link) -> None:
        await self._answered.wait()
        await link.close()


def _registration_error(event: events.RegistrationFailed) -> IdentityError:
    if event.condition == "conflict":
        return AccountTaken(event.reason or "this name is taken; choose another one")
    reason = event.reason or reason_for(event.condition)
    if event.condition in _TRY_LATER:
        return ServerUnavailable(f"the server cannot make an account now: {reason}")
    return RegistrationRefused(f"the server does not make this account: {reason}")
