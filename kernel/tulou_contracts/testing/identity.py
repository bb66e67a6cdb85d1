"""Conformance of `Identity` with `Credentials`, and of `Authenticator`; fakes for other rooms' tests.

Subclass a suite in a test module and define its fixture::

    class TestMine(IdentityConformance):
        @pytest.fixture
        def open_profile(self, tmp_path):
            @asynccontextmanager
            async def open(authenticator):       # None: there is none
                yield OpenProfile(identity, credentials, changes)
            return open

Opening again is another start of the same profile.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

import pytest
import trio
import trio.testing

from tulou.app_events import AccountChanged
from tulou_contracts.identity import (
    Account,
    AccountTaken,
    AddressInvalid,
    Authenticator,
    Credential,
    Credentials,
    Identity,
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


@dataclass
class OpenProfile:
    """A profile while it runs; `changes` has the `account` of every `AccountChanged` so far."""

    identity: Identity
    credentials: Credentials
    changes: list[str | None]

    async def seen(self) -> list[str | None]:
        """`changes`, once everything published so far has been delivered."""
        await trio.testing.wait_all_tasks_blocked()
        return self.changes


OpenProfileFunction = Callable[[Authenticator | None], AbstractAsyncContextManager[OpenProfile]]


class IdentityConformance:
    """What every `Identity` and its `Credentials` do."""

    @pytest.fixture
    def open_profile(self) -> OpenProfileFunction:
        """A function that opens the profile; see the module."""
        raise NotImplementedError("define the fixture open_profile in the subclass")

    @pytest.fixture
    def server(self) -> FakeAuthenticator:
        """A server with the account `LIN`."""
        return FakeAuthenticator()

    async def test_a_fresh_profile_is_nobodys(
        self, open_profile: OpenProfileFunction, server: FakeAuthenticator
    ) -> None:
        async with open_profile(server) as profile:
            assert profile.identity.account is None
            assert not profile.identity.signed_in
            assert await profile.credentials.current() is None
            assert await profile.seen() == []

    async def test_signing_in(self, open_profile: OpenProfileFunction, server: FakeAuthenticator) -> None:
        async with open_profile(server) as profile:
            account = await profile.identity.sign_in(LIN, CANARY, "ws://127.0.0.1:5280/ws")
            assert account == Account(address=LIN, endpoint="ws://127.0.0.1:5280/ws")
            assert profile.identity.account == account
            assert profile.identity.signed_in
            assert await profile.credentials.current() == Credential(account=account, password=CANARY)
            assert await profile.seen() == [LIN]

    async def test_a_new_start_remembers(
        self, open_profile: OpenProfileFunction, server: FakeAuthenticator
    ) -> None:
        async with open_profile(server) as profile:
            account = await profile.identity.sign_in(LIN, CANARY)
        async with open_profile(None) as profile:
            assert profile.identity.account == account
            assert profile.identity.signed_in
            assert await profile.credentials.current() == Credential(account=account, password=CANARY)

    async def test_a_wrong_password_changes_nothing(
        self, open_profile: OpenProfileFunction, server: FakeAuthenticator
    ) -> None:
        async with open_profile(server) as profile:
            with pytest.raises(WrongPassword):
                await profile.identity.sign_in(LIN, "wrong")
            assert profile.identity.account is None
            await profile.identity.sign_in(LIN, CANARY)
            with pytest.raises(WrongPassword) as caught:
                await profile.identity.sign_in(LIN, "wrong-" + CANARY)
            assert CANARY not in str(caught.value)
            assert profile.identity.signed_in
            credential = await profile.credentials.current()
            assert credential is not None and credential.password == CANARY
            assert await profile.seen() == [LIN]

    @pytest.mark.parametrize("address", ["", "lin", "@example.org", "lin@", "lin@example.org/phone", "a@b@c",
                                         "lin wu@example.org", "lin@exa mple.org"])
    async def test_an_improper_address_is_told_before_the_server_is_asked(
        self, open_profile: OpenProfileFunction, server: FakeAuthenticator, address: str
    ) -> None:
        async with open_profile(server) as profile:
            with pytest.raises(AddressInvalid):
                await profile.identity.sign_in(address, CANARY)
            with pytest.raises(AddressInvalid):
                await profile.identity.register(address, CANARY)
            assert server.asked == 0
            assert await profile.seen() == []

    async def test_an_empty_password_is_told_before_the_server_is_asked(
        self, open_profile: OpenProfileFunction, server: FakeAuthenticator
    ) -> None:
        async with open_profile(server) as profile:
            with pytest.raises(AddressInvalid):
                await profile.identity.sign_in(LIN, "")
            assert server.asked == 0

    async def test_an_address_is_taken_as_meant(
        self, open_profile: OpenProfileFunction, server: FakeAuthenticator
    ) -> None:
        async with open_profile(server) as profile:
            account = await profile.identity.sign_in(" Lin@Example.ORG ", CANARY)
            assert account.address == LIN

    async def test_chinese_names_and_passwords(
        self, open_profile: OpenProfileFunction, server: FakeAuthenticator
    ) -> None:
        server.accounts["林小明@example.org"] = "密码 🔑"
        async with open_profile(server) as profile:
            await profile.identity.sign_in("林小明@example.org", "密码 🔑")
        async with open_profile(server) as profile:
            credential = await profile.credentials.current()
            assert credential is not None
            assert (credential.account.address, credential.password) == ("林小明@example.org", "密码 🔑")

    async def test_without_a_server_nothing_is_known(
        self, open_profile: OpenProfileFunction, server: FakeAuthenticator
    ) -> None:
        server.unavailable = "connection refused"
        for authenticator in (server, None):
            async with open_profile(authenticator) as profile:
                with pytest.raises(ServerUnavailable):
                    await profile.identity.sign_in(LIN, CANARY)
                with pytest.raises(ServerUnavailable):
                    await profile.identity.register("new@example.org", CANARY)
                assert profile.identity.account is None and await profile.seen() == []

    async def test_a_profile_belongs_to_one_account(
        self, open_profile: OpenProfileFunction, server: FakeAuthenticator
    ) -> None:
        server.accounts["wu@example.org"] = CANARY
        async with open_profile(server) as profile:
            await profile.identity.sign_in(LIN, CANARY)
            await profile.identity.sign_out()
        async with open_profile(server) as profile:
            with pytest.raises(AddressInvalid, match=LIN):
                await profile.identity.sign_in("wu@example.org", CANARY)
            with pytest.raises(AddressInvalid, match=LIN):
                await profile.identity.register("new@example.org", CANARY)
            assert "new@example.org" not in server.accounts
            await profile.identity.sign_in(LIN, CANARY)

    async def test_signing_out_forgets_the_password_and_keeps_the_account(
        self, open_profile: OpenProfileFunction, server: FakeAuthenticator
    ) -> None:
        async with open_profile(server) as profile:
            account = await profile.identity.sign_in(LIN, CANARY)
            await profile.identity.sign_out()
            assert not profile.identity.signed_in
            assert await profile.credentials.current() is None
            assert profile.identity.account == account
            await profile.identity.sign_out()
            assert await profile.seen() == [LIN, None]
        async with open_profile(server) as profile:
            assert not profile.identity.signed_in
            assert await profile.credentials.current() is None
            assert profile.identity.account == account

    async def test_signing_out_before_signing_in_is_nothing(
        self, open_profile: OpenProfileFunction, server: FakeAuthenticator
    ) -> None:
        async with open_profile(server) as profile:
            await profile.identity.sign_out()
            await profile.credentials.rejected("of whom?")
            assert await profile.seen() == []

    async def test_a_refused_password_means_to_sign_in_again(
        self, open_profile: OpenProfileFunction, server: FakeAuthenticator
    ) -> None:
        async with open_profile(server) as profile:
            account = await profile.identity.sign_in(LIN, CANARY)
            await profile.credentials.current()
            await profile.credentials.rejected("not-authorized")
            assert not profile.identity.signed_in
            assert profile.identity.account == account
            assert await profile.credentials.current() is None
            await profile.credentials.rejected("not-authorized")
            assert await profile.seen() == [LIN, None]
        server.accounts[LIN] = "new password"
        async with open_profile(server) as profile:
            assert profile.identity.account == account and not profile.identity.signed_in
            await profile.identity.sign_in(LIN, "new password")
            assert profile.identity.signed_in and await profile.seen() == [LIN]

    async def test_a_new_password_replaces_the_former(
        self, open_profile: OpenProfileFunction, server: FakeAuthenticator
    ) -> None:
        async with open_profile(server) as profile:
            await profile.identity.sign_in(LIN, CANARY)
            server.accounts[LIN] = "new password"
            await profile.identity.sign_in(LIN, "new password", "wss://example.org/ws")
            assert await profile.seen() == [LIN, LIN]
        async with open_profile(server) as profile:
            credential = await profile.credentials.current()
            assert credential is not None and credential.password == "new password"
            assert credential.account.endpoint == "wss://example.org/ws"

    async def test_registering_signs_in(
        self, open_profile: OpenProfileFunction, server: FakeAuthenticator
    ) -> None:
        async with open_profile(server) as profile:
            account = await profile.identity.register("new@example.org", CANARY)
            assert server.accounts["new@example.org"] == CANARY
            assert profile.identity.signed_in and profile.identity.account == account
            assert await profile.seen() == ["new@example.org"]

    async def test_a_refused_registration_changes_nothing(
        self, open_profile: OpenProfileFunction, server: FakeAuthenticator
    ) -> None:
        async with open_profile(server) as profile:
            with pytest.raises(AccountTaken):
                await profile.identity.register(LIN, CANARY)
            server.registration = False
            with pytest.raises(RegistrationRefused):
                await profile.identity.register("new@example.org", CANARY)
            assert profile.identity.account is None and await profile.seen() == []

    async def test_two_clicks_ask_the_server_once(
        self, open_profile: OpenProfileFunction, server: FakeAuthenticator
    ) -> None:
        server.hold = trio.Event()
        async with open_profile(server) as profile:
            async with trio.open_nursery() as nursery:
                for _ in range(3):
                    nursery.start_soon(profile.identity.sign_in, LIN, CANARY)
                await trio.testing.wait_all_tasks_blocked()
                server.hold.set()
            assert server.asked == 1
            assert await profile.seen() == [LIN]

    async def test_cancelling_the_question_changes_nothing(
        self, open_profile: OpenProfileFunction, server: FakeAuthenticator
    ) -> None:
        server.hold = trio.Event()
        async with open_profile(server) as profile:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(profile.identity.sign_in, LIN, CANARY)
                await trio.testing.wait_all_tasks_blocked()
                nursery.cancel_scope.cancel()
            assert profile.identity.account is None and await profile.seen() == []
            server.hold.set()
            await profile.identity.sign_in(LIN, CANARY)

    async def test_no_repr_shows_the_password(
        self, open_profile: OpenProfileFunction, server: FakeAuthenticator
    ) -> None:
        async with open_profile(server) as profile:
            account = await profile.identity.sign_in(LIN, CANARY)
            credential = await profile.credentials.current()
            shown = repr([account, credential, profile.identity, profile.credentials]) + str(credential)
            assert CANARY not in shown


@dataclass
class ServedAccounts:
    """What an `Authenticator` is tried with: an existing account, a free name, a dead address."""

    authenticator: Authenticator
    existing: Credential
    free_address: str
    unreachable_endpoint: str = "ws://127.0.0.1:1/"
    registration: bool = True


class AuthenticatorConformance:
    """What every `Authenticator` does."""

    @pytest.fixture
    def served(self) -> ServedAccounts:
        """An authenticator and a server for it."""
        raise NotImplementedError("define the fixture served in the subclass")

    async def test_the_right_password_is_accepted(self, served: ServedAccounts) -> None:
        await served.authenticator.verify(served.existing)

    async def test_a_wrong_password_is_refused(self, served: ServedAccounts) -> None:
        wrong = Credential(account=served.existing.account, password=CANARY)
        with pytest.raises(WrongPassword) as caught:
            await served.authenticator.verify(wrong)
        assert CANARY not in str(caught.value)

    async def test_an_unknown_account_is_refused_likewise(self, served: ServedAccounts) -> None:
        account = Account(address=served.free_address, endpoint=served.existing.account.endpoint)
        with pytest.raises(WrongPassword):
            await served.authenticator.verify(Credential(account=account, password=CANARY))

    async def test_nobody_at_the_address_is_told(self, served: ServedAccounts) -> None:
        account = Account(address=served.existing.account.address, endpoint=served.unreachable_endpoint)
        credential = Credential(account=account, password=CANARY)
        for question in (served.authenticator.verify, served.authenticator.register):
            with pytest.raises(ServerUnavailable) as caught:
                await question(credential)
            assert CANARY not in str(caught.value)

    async def test_an_account_is_made_once(self, served: ServedAccounts) -> None:
        account = Account(address=served.free_address, endpoint=served.existing.account.endpoint)
        credential = Credential(account=account, password="密码 🔑")
        if not served.registration:
            with pytest.raises(RegistrationRefused):
                await served.authenticator.register(credential)
            return
        await served.authenticator.register(credential)
        await served.authenticator.verify(credential)
        with pytest.raises(AccountTaken):
            await served.authenticator.register(credential)
