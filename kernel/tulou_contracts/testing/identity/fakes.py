"""Fakes of `Authenticator`, and of `Identity` with `Credentials`, for other rooms' tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import trio

from tulou.app_events import AccountChanged
from tulou_contracts.identity import (
    Account,
    AccountTaken,
    AddressInvalid,
    Authenticator,
    Credential,
    RegistrationRefused,
    ServerUnavailable,
    WrongPassword,
)

CANARY = "canary-91c4-金丝雀"
LIN = "lin@example.org"


@dataclass
class FakeAuthenticator:
    """A server's accounts; `asked` counts questions, `hold` keeps the answers back."""

    accounts: dict[str, str] = field(default_factory=lambda: {LIN: CANARY})
    unavailable: str = ""
    registration: bool = True
    asked: int = 0
    hold: trio.Event | None = None

    async def verify(self, credential: Credential) -> None:
        """Raises `WrongPassword`, `ServerUnavailable`."""
        await self._answer()
        if self.accounts.get(credential.account.address) != credential.password:
            raise WrongPassword("the server does not accept this address and password")

    async def register(self, credential: Credential) -> None:
        """Raises `AccountTaken`, `RegistrationRefused`, `ServerUnavailable`."""
        await self._answer()
        if not self.registration:
            raise RegistrationRefused("the server makes no accounts for strangers")
        if credential.account.address in self.accounts:
            raise AccountTaken(f"there is an account {credential.account.address} already")
        self.accounts[credential.account.address] = credential.password

    async def _answer(self) -> None:
        self.asked += 1
        await trio.lowlevel.checkpoint()
        if self.hold is not None:
            await self.hold.wait()
        if self.unavailable:
            raise ServerUnavailable(self.unavailable)


@dataclass
class FakeMemory:
    """What a `FakeIdentity` keeps between two starts."""

    credential: Credential | None = field(default=None, repr=False)
    account: Account | None = None


class FakeIdentity:
    """`Identity` and `Credentials` in memory, for tests of other rooms."""

    def __init__(
        self, authenticator: Authenticator | None = None,
        publish: Callable[[AccountChanged], object] = lambda event: None,
        memory: FakeMemory | None = None,
    ) -> None:
        self._authenticator = authenticator
        self._publish = publish
        self._memory = memory or FakeMemory()
        self._lock = trio.Lock()

    @property
    def account(self) -> Account | None:
        """The account, signed in or waiting to sign in again."""
        return self._memory.account

    @property
    def signed_in(self) -> bool:
        """Whether there is a credential to connect with."""
        return self._memory.credential is not None

    async def sign_in(self, address: str, password: str, endpoint: str = "") -> Account:
        """Check with the server, then remember."""
        return await self._enter(address, password, endpoint, register=False)

    async def register(self, address: str, password: str, endpoint: str = "") -> Account:
        """Create the account, then sign in."""
        return await self._enter(address, password, endpoint, register=True)

    async def sign_out(self) -> None:
        """Forget the password."""
        await trio.lowlevel.checkpoint()
        self._forget()

    async def current(self) -> Credential | None:
        """The credential, or None."""
        await trio.lowlevel.checkpoint()
        return self._memory.credential

    async def rejected(self, reason: str) -> None:
        """The server refused the password."""
        await trio.lowlevel.checkpoint()
        self._forget()

    async def _enter(self, address: str, password: str, endpoint: str, *, register: bool) -> Account:
        name, at, domain = address.strip().lower().partition("@")
        if not (name and domain and password) or set(domain) & set("@/ ") or set(name) & set("/ "):
            raise AddressInvalid("an account address looks like name@example.org")
        account = Account(address=f"{name}@{domain}", endpoint=endpoint)
        if self.account is not None and self.account.address != account.address:
            raise AddressInvalid(f"this profile belongs to {self.account.address}")
        credential = Credential(account=account, password=password)
        before = self._memory.credential
        async with self._lock:
            if credential != before and credential == self._memory.credential:
                return account  # somebody else just asked the same
            if self._authenticator is None:
                raise ServerUnavailable("nothing here can ask a server now")
            if register:
                await self._authenticator.register(credential)
            await self._authenticator.verify(credential)
            self._memory.account, self._memory.credential = account, credential
            self._publish(AccountChanged(account.address))
        return account

    def _forget(self) -> None:
        if self._memory.credential is not None:
            self._memory.credential = None
            self._publish(AccountChanged(None))
