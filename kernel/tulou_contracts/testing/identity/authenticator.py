"""Conformance of `Authenticator`."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tulou_contracts.identity import (
    Account,
    AccountTaken,
    Authenticator,
    Credential,
    RegistrationRefused,
    ServerUnavailable,
    WrongPassword,
)
from tulou_contracts.testing.identity.fakes import CANARY


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
