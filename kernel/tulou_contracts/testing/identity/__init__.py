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

from tulou_contracts.testing.identity.account import IdentityConformance, OpenProfile, OpenProfileFunction
from tulou_contracts.testing.identity.authenticator import AuthenticatorConformance, ServedAccounts
from tulou_contracts.testing.identity.fakes import CANARY, LIN, FakeAuthenticator, FakeIdentity, FakeMemory

__all__ = ["CANARY", "LIN", "AuthenticatorConformance", "FakeAuthenticator", "FakeIdentity", "FakeMemory",
           "IdentityConformance", "OpenProfile", "OpenProfileFunction", "ServedAccounts"]
