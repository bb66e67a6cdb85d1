"""Conformance of the contracts of `tulou_contracts.crypto`, and fakes for tests of other rooms.

Subclass a suite in a test module and define its fixture::

    class TestMine(KeyringConformance):
        @pytest.fixture
        def open_keyring(self, tmp_path):
            return lambda: MyKeyring(tmp_path)
"""

from tulou_contracts.testing.crypto.certificates import CertificatesConformance
from tulou_contracts.testing.crypto.cipher import CipherConformance
from tulou_contracts.testing.crypto.fakes import (
    FakeCipher,
    FakePublicSeal,
    FakeSignatures,
    FakeSignedTexts,
    MemoryKeyring,
)
from tulou_contracts.testing.crypto.file_cipher import FileCipherConformance
from tulou_contracts.testing.crypto.keyring import CANARY, KeyringConformance
from tulou_contracts.testing.crypto.primitives import PrimitivesConformance
from tulou_contracts.testing.crypto.public_seal import PublicSealConformance
from tulou_contracts.testing.crypto.signatures import SignaturesConformance, SignedTextsConformance

__all__ = [
    "CANARY", "CertificatesConformance", "CipherConformance", "FakeCipher", "FakePublicSeal",
    "FakeSignatures", "FakeSignedTexts", "FileCipherConformance", "KeyringConformance", "MemoryKeyring",
    "PrimitivesConformance", "PublicSealConformance", "SignaturesConformance", "SignedTextsConformance",
]
