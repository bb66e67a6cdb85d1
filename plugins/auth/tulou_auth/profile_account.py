"""The contracts `Identity` and `Credentials`.

The password is stored before the record that says "signed in", and forgotten before the record that
says "signed out". So a crash in between leaves a password without a record, which the next start
forgets, or a record without a password, which means to sign in again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

import trio

from tulou.app_events import AccountChanged
from tulou.errors import TulouError
from tulou.flow import SingleFlight
from tulou_auth import record as records
from tulou_auth.address import account_address, check_password, server_address
from tulou_auth.record import Record
from tulou_auth.states import State, Step, after
from tulou_contracts.crypto import CryptoError, Keyring
from tulou_contracts.identity import (
    Account,
    AddressInvalid,
    Authenticator,
    Credential,
    IdentityError,
    ServerUnavailable,
)
from tulou_contracts.storage import Documents, StorageError

PASSWORD = "account password"
"""The name of the password in the keyring."""

_log = logging.getLogger(__name__)


class ProfileAccount:
    """One profile's account. `load` comes first.

    `authenticator` gives whoever can ask a server now, or None; the server has `deadline` seconds.
    """

    def __init__(
        self,
        documents: Documents,
        keyring: Keyring,
        authenticator: Callable[[], Authenticator | None],
        publish: Callable[[AccountChanged], object],
        *,
        deadline: float = 30.0,
        log: logging.Logger = _log,
    ) -> None:
        self._documents = documents
        self._keyring = keyring
        self._authenticator = authenticator
        self._publish = publish
        self._deadline = deadline
        self._log = log
        self._account: Account | None = None
        self._state = State.NOBODY
        self._credential: Credential | None = None
        self._generation = 0
        """Counts the passwords that were signed in with; `_handed` is the one that `current` gave last."""
        self._handed: int | None = None
        self._flights: dict[tuple[bool, Credential], SingleFlight[Account]] = {}
        self._asking = trio.Lock()
        """One person acts at a time: held while the server is asked."""
        self._storing = trio.Lock()
        """Held while state and storage change; never while the server is asked."""

    def __repr__(self) -> str:
        return f"<ProfileAccount: {self._state.value}>"

    async def load(self) -> None:
        """Learn what was stored, and finish what a crash interrupted. Raises `StorageError`."""
        try:
            record = await records.load(self._documents)
        except ValueError as error:
            self._log.error("%s; sign in again", error)
            record = None
        if record is not None:
            self._account, self._state = record.account, record.state
        if self._state is not State.SIGNED_IN:
            await self._forget_password()

    # Identity

    @property
    def account(self) -> Account | None:
        """The account, signed in or waiting to sign in again; None before the first time."""
        return self._account

    @property
    def signed_in(self) -> bool:
        """Whether there is a credential to connect with."""
        return self._state is State.SIGNED_IN

    async def sign_in(self, address: str, password: str, endpoint: str = "") -> Account:
        """Check with the server, then remember. On any error nothing is changed.

        Raises `AddressInvalid`, `WrongPassword`, `ServerUnavailable`; `IdentityError` when the server
        accepts and the account cannot be stored.
        """
        return await self._together(False, self._checked(address, password, endpoint))

    async def register(self, address: str, password: str, endpoint: str = "") -> Account:
        """Create the account at the server, then sign in.

        Raises `AddressInvalid`, `AccountTaken`, `RegistrationRefused`, `ServerUnavailable`.
        """
        return await self._together(True, self._checked(address, password, endpoint))

    async def sign_out(self) -> None:
        """Forget the password. Raises `IdentityError` when that fails; then nothing is changed."""
        async with self._asking:
            with trio.CancelScope(shield=True):
                async with self._storing:
                    if after(self._state, Step.LEAVE) is None:
                        return
                    try:
                        await self._keyring.delete(PASSWORD)
                    except CryptoError as error:
                        raise IdentityError(f"not signed out, the password is still kept: {error}") from None
                    await self._leave(Step.LEAVE)

    # Credentials

    async def current(self) -> Credential | None:
        """The signed-in account's credential, or None."""
        async with self._storing:
            if self._credential is None and self._state in (State.SIGNED_IN, State.LOCKED):
                await self._read_credential()
            if self._credential is not None:
                self._handed = self._generation
            return self._credential

    async def rejected(self, reason: str) -> None:
        """The server refused the stored password: the account stays known, but must sign in again.

        It is about what `current` gave last: a late refusal of an older password changes nothing.
        """
        with trio.CancelScope(shield=True):
            async with self._storing:
                late = self._handed is not None and self._handed != self._generation
                if late or after(self._state, Step.REJECT) is None:
                    return
                self._log.warning("the server refuses the stored password (%s); sign in again", reason)
                await self._forget_password()
                await self._leave(Step.REJECT)

    # Signing in

    def _checked(self, address: str, password: str, endpoint: str) -> Credential:
        account = Account(address=account_address(address), endpoint=server_address(endpoint))
        check_password(password)
        self._check_owner(account)
        return Credential(account=account, password=password)

    def _check_owner(self, account: Account) -> None:
        if self._account is not None and self._account.address != account.address:
            raise AddressInvalid(
                f"this profile belongs to {self._account.address}: use a profile of its own for"
                f" {account.address}"
            )

    async def _together(self, register: bool, credential: Credential) -> Account:
        """A second click while the server is asked the same waits for the same answer."""
        key = (register, credential)
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = SingleFlight(partial(self._enter, register, credential))
        try:
            return await flight()
        finally:
            if self._flights.get(key) is flight:
                del self._flights[key]

    async def _enter(self, register: bool, credential: Credential) -> Account:
        async with self._asking:
            self._check_owner(credential.account)
            if register:
                await self._ask(credential, register=True)
            await self._ask(credential, register=False)
            with trio.CancelScope(shield=True):
                async with self._storing:
                    await self._remember(credential)
            return credential.account

    async def _ask(self, credential: Credential, *, register: bool) -> None:
        authenticator = self._authenticator()
        if authenticator is None:
            raise ServerUnavailable(
                "nothing here can ask a server now: the plugin that connects to it (usually 'xmpp') is not"
                " installed or not running"
            )
        with trio.move_on_after(self._deadline):
            try:
                await (authenticator.register if register else authenticator.verify)(credential)
            except IdentityError:
                raise
            except TulouError as error:
                raise ServerUnavailable(f"the server could not be asked: {error}") from error
            return
        raise ServerUnavailable(f"the server did not answer within {self._deadline:g} seconds; try again")

    async def _remember(self, credential: Credential) -> None:
        record = Record(credential.account, signed_in=True)
        try:
            former = await self._former_password()
            await self._keyring.set(PASSWORD, credential.password)
        except CryptoError as error:
            raise IdentityError(f"not signed in, the password cannot be kept: {error}") from None
        try:
            if self._state is not State.SIGNED_IN or self._account != credential.account:
                await records.save(self._documents, record)
        except StorageError as error:
            await self._restore_password(former)
            raise IdentityError(f"not signed in, the account cannot be stored: {error}") from None
        self._account = credential.account
        self._credential = credential
        self._generation += 1
        self._log.info("signed in")
        self._move(Step.ENTER)

    async def _former_password(self) -> str | None:
        if self._state is not State.SIGNED_IN:
            return None
        if self._credential is None:
            await self._read_credential()
        return self._credential.password if self._credential else None

    async def _restore_password(self, former: str | None) -> None:
        if former is None:
            await self._forget_password()
            return
        try:
            await self._keyring.set(PASSWORD, former)
        except CryptoError as error:
            self._log.error("the former password could not be put back: %s", error)

    # State

    async def _read_credential(self) -> None:
        assert self._account is not None
        try:
            password = await self._keyring.get(PASSWORD)
        except CryptoError as error:
            self._log.warning("the password cannot be read: %s", error)
            if after(self._state, Step.LOCK):
                self._move(Step.LOCK)
            return
        if password is None:
            self._log.warning("the password is not in %s any more; sign in again", self._keyring.where)
            await self._leave(Step.LOSE)
            return
        self._credential = Credential(account=self._account, password=password)
        if after(self._state, Step.UNLOCK):
            self._move(Step.UNLOCK)

    async def _forget_password(self) -> None:
        try:
            await self._keyring.delete(PASSWORD)
        except CryptoError as error:
            self._log.warning("a password that is not used any more is still kept: %s", error)

    async def _leave(self, step: Step) -> None:
        assert self._account is not None
        self._credential = None
        try:
            await records.save(self._documents, Record(self._account, signed_in=False))
        except StorageError as error:
            # Without a password the next start comes to the same conclusion.
            self._log.warning("it could not be stored that the account is signed out: %s", error)
        self._move(step)

    def _move(self, step: Step) -> None:
        state = after(self._state, step)
        assert state is not None, f"{step} in {self._state}"
        self._state = state
        self._publish(AccountChanged(self._account.address if self.signed_in and self._account else None))
