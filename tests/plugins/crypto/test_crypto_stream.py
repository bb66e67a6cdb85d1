"""The chunked file cipher: the suite, its exact bytes, and any change of any file."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from Crypto.Cipher import AES
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto_providers import PROVIDERS
from tulou_contracts.crypto import CryptoError, FileCipher
from tulou_contracts.testing.crypto import FileCipherConformance
from tulou_contracts.testing.crypto.file_cipher import KEY, SIZE, plain, read, seal
from tulou_crypto.stream import StreamCipher


class TestStreamCipher(FileCipherConformance):
    @pytest.fixture(params=PROVIDERS)
    def cipher(self, request: pytest.FixtureRequest) -> FileCipher:
        return StreamCipher(request.param())


def test_it_is_what_its_description_says() -> None:
    """Read by hand, from the description in `tulou_crypto.stream`."""
    text = plain(SIZE + 5)
    sealed = seal(StreamCipher(PROVIDERS[0]()), text, b"source")
    assert sealed[:16] == b"tulou-file\0\0\1\x0c\0\0"
    prk = hmac.digest(sealed[16:48], KEY, "sha256")
    one = hmac.digest(prk, sealed[:16] + b"\1", "sha256")
    two = hmac.digest(prk, one + sealed[:16] + b"\2", "sha256")
    three = hmac.digest(prk, two + sealed[:16] + b"\3", "sha256")
    assert sealed[48:64] == hmac.digest(two, b"source", "sha256")[:16]
    assert sealed[64:96] == three
    first, last = sealed[96:96 + SIZE + 16], sealed[96 + SIZE + 16:]
    for chunk, nonce, expected in ((first, bytes(12), text[:SIZE]), (last, bytes(10) + b"\1\1", text[SIZE:])):
        gcm = AES.new(one, AES.MODE_GCM, nonce=nonce)
        assert gcm.decrypt_and_verify(chunk[:-16], chunk[-16:]) == expected


def test_the_bytes_never_change() -> None:
    """A file of today opens tomorrow: the hash of what version 1 gives for a salt of zeros."""
    primitives = PROVIDERS[0]()
    primitives.random = bytes  # type: ignore[method-assign]
    sealed = seal(StreamCipher(primitives), plain(2 * SIZE + 7), b"source")
    assert hashlib.sha256(sealed).hexdigest() == GOLDEN


@settings(max_examples=60, deadline=None)
@given(size=st.integers(0, 3 * SIZE), offset=st.integers(0, 4 * SIZE), length=st.integers(0, 4 * SIZE))
def test_any_range_of_any_file(size: int, offset: int, length: int) -> None:
    cipher = StreamCipher(PROVIDERS[-1]())
    sealed = seal(cipher, plain(size))
    assert read(cipher.open(KEY, sealed), sealed, offset, length) == plain(size)[offset:offset + length]


@settings(max_examples=60, deadline=None)
@given(size=st.integers(0, 3 * SIZE), data=st.data())
def test_no_cut_and_splice_of_a_file_goes_unnoticed(size: int, data: st.DataObject) -> None:
    cipher = StreamCipher(PROVIDERS[-1]())
    sealed = seal(cipher, plain(size))
    cut = data.draw(st.integers(0, len(sealed)))
    resume = data.draw(st.integers(0, len(sealed)))
    wrong = sealed[:cut] + data.draw(st.binary(max_size=20)) + sealed[resume:]
    if wrong == sealed or wrong[:96] != sealed[:96] and wrong[64:] == sealed[64:]:
        return  # nothing changed, or only what binds the source
    with pytest.raises(CryptoError):
        read(cipher.open(KEY, wrong), wrong)


GOLDEN = "c66cae6b6f32f507f8e76c21a6313066b9e2b53cb69bc9a1abce69d3f18b4dd6"
