"""The contracts' suites: on the class alone, on the running kernel with real rooms, and on the fakes."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from auth_fakes import Profile, kernel_on, open_on
from tulou_contracts.identity import Account, Authenticator, Credential
from tulou_contracts.testing.identity import (
    CANARY,
    LIN,
    AuthenticatorConformance,
    FakeAuthenticator,
    FakeIdentity,
    FakeMemory,
    IdentityConformance,
    OpenProfile,
    OpenProfileFunction,
    ServedAccounts,
)


class TestProfileAccount(IdentityConformance):
    @pytest.fixture
    def open_profile(self) -> OpenProfileFunction:
        stored = Profile()

        @asynccontextmanager
        async def open_profile(authenticator: Authenticator | None) -> AsyncIterator[OpenProfile]:
            profile = Profile(stored.documents, stored.keyring)
            account = await profile.start(authenticator)
            yield OpenProfile(account, account, profile.changes)

        return open_profile


class TestInTheKernel(IdentityConformance):
    """With crypto and store as they are."""

    @pytest.fixture
    def open_profile(self, tmp_path: Path) -> OpenProfileFunction:
        for room in ("tulou_store", "tulou_crypto"):
            pytest.importorskip(room, reason="needs store and crypto as they are")

        def open_profile(authenticator: Authenticator | None) -> AbstractAsyncContextManager[OpenProfile]:
            return open_on(kernel_on(tmp_path, authenticator))

        return open_profile


class TestFakeIdentity(IdentityConformance):
    @pytest.fixture
    def open_profile(self) -> OpenProfileFunction:
        memory = FakeMemory()

        @asynccontextmanager
        async def open_profile(authenticator: Authenticator | None) -> AsyncIterator[OpenProfile]:
            changes: list[str | None] = []
            fake = FakeIdentity(authenticator, lambda event: changes.append(event.account), memory)
            yield OpenProfile(fake, fake, changes)

        return open_profile


class TestFakeAuthenticator(AuthenticatorConformance):
    @pytest.fixture
    def served(self) -> ServedAccounts:
        class Reachable(FakeAuthenticator):
            async def verify(self, credential: Credential) -> None:
                self.unavailable = "refused" if credential.account.endpoint else ""
                await super().verify(credential)

            async def register(self, credential: Credential) -> None:
                self.unavailable = "refused" if credential.account.endpoint else ""
                await super().register(credential)

        lin = Credential(account=Account(address=LIN), password="right " + CANARY)
        return ServedAccounts(Reachable({LIN: lin.password}), lin, "new@example.org")
