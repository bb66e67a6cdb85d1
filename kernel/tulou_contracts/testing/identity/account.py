"""Conformance of `Identity` with `Credentials`: one profile's account."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

import pytest
import trio
import trio.testing

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
from tulou_contracts.testing.identity.fakes import CANARY, LIN, FakeAuthenticator


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
