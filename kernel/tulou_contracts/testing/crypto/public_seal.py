"""Conformance of `PublicSeal`."""

from __future__ import annotations

import pytest

from tulou_contracts.crypto import CryptoError, PublicSeal

LINES = [b"", b"one\n", "第二行\n".encode(), bytes(range(256)) * 400, b"\n"]


class PublicSealConformance:
    """What every `PublicSeal` does."""

    @pytest.fixture
    def seal(self) -> PublicSeal:
        """The seal."""
        raise NotImplementedError("define the fixture seal in the subclass")

    @pytest.fixture
    def secret_key(self, seal: PublicSeal) -> str:
        """Of those who may read."""
        return seal.new_secret_key()

    def write(
        self, seal: PublicSeal, secret_key: str, lines: list[bytes], finish: bool = True
    ) -> list[bytes]:
        """What is appended for a part with these lines."""
        part = seal.begin(seal.public_key(secret_key), b"log")
        sealed = list(map(part.seal, lines))
        return [part.header, *sealed, *([part.finish()] if finish else [])]

    def test_lines_are_given_back(self, seal: PublicSeal, secret_key: str) -> None:
        sealed = b"".join(self.write(seal, secret_key, LINES))
        assert seal.open(secret_key, sealed, b"log") == (b"".join(LINES), True, ())
        assert "第二行".encode() not in sealed

    def test_parts_follow_each_other(self, seal: PublicSeal, secret_key: str) -> None:
        one, other = self.write(seal, secret_key, [b"1"]), self.write(seal, secret_key, [b"2", b"3"])
        assert seal.open(secret_key, b"".join(one + other), b"log") == (b"123", True, ())

    def test_after_a_crash_between_lines_the_rest_is_there(self, seal: PublicSeal, secret_key: str) -> None:
        crashed = self.write(seal, secret_key, [b"1", b"2"], finish=False)
        assert seal.open(secret_key, b"".join(crashed), b"log") == (b"12", False, ())
        later = self.write(seal, secret_key, [b"3"])
        assert seal.open(secret_key, b"".join(crashed + later), b"log") == (b"123", False, ())

    def test_a_crash_at_any_byte_loses_only_the_line_being_written(
        self, seal: PublicSeal, secret_key: str
    ) -> None:
        pieces = self.write(seal, secret_key, [b"1", b"22"])
        later = b"".join(self.write(seal, secret_key, [b"333"]))
        written = b"".join(pieces)
        ends = [len(b"".join(pieces[:number])) for number in range(len(pieces) + 1)]
        for length in range(len(written)):
            whole = max(number for number, end in enumerate(ends) if end <= length)
            opened = seal.open(secret_key, written[:length] + later, b"log")
            kept = [b"", b"", b"1", b"122"]
            # the last bytes of the line being written may happen to be those that come next
            assert opened.plaintext in {each + b"333" for each in kept[whole:whole + 2]}
            assert not opened.complete or whole == 0

    def test_every_change_is_noticed(self, seal: PublicSeal, secret_key: str) -> None:
        sealed = b"".join(self.write(seal, secret_key, [b"1", b"22"]))
        for position in range(len(sealed)):
            wrong = bytearray(sealed)
            wrong[position] ^= 1 << position % 8
            try:
                opened = seal.open(secret_key, bytes(wrong), b"log")
            except CryptoError:
                continue
            assert not opened.complete
            assert opened.plaintext in (b"", b"1", b"122")

    def test_lines_in_another_order_or_left_out_are_noticed(
        self, seal: PublicSeal, secret_key: str
    ) -> None:
        header, one, two, end = self.write(seal, secret_key, [b"1", b"2"])
        for pieces in (
            [header, two, one, end], [header, two, end], [header, one, end], [header, one, one, two, end],
            [one, two, end], [header, one, two, end, end], [header, one, two, end, one],
        ):
            try:
                assert not seal.open(secret_key, b"".join(pieces), b"log").complete
            except CryptoError:
                pass

    def test_another_key_or_purpose_opens_nothing(self, seal: PublicSeal, secret_key: str) -> None:
        sealed = b"".join(self.write(seal, secret_key, [b"1"]))
        for key, purpose in ((seal.new_secret_key(), b"log"), (secret_key, b""), (secret_key, b"logs")):
            with pytest.raises(CryptoError):
                seal.open(key, sealed, purpose)

    def test_what_is_no_sealed_file_is_refused(self, seal: PublicSeal, secret_key: str) -> None:
        for bad in (b"x", b"tulou-seal 1\n", bytes(1000), b"\xff" * 1000, b"plain log\n" * 100):
            with pytest.raises(CryptoError):
                seal.open(secret_key, bad, b"log")
        assert seal.open(secret_key, b"", b"log").plaintext == b""

    def test_the_same_line_never_looks_the_same(self, seal: PublicSeal, secret_key: str) -> None:
        part = seal.begin(seal.public_key(secret_key), b"log")
        assert len({part.seal(b"line") for _ in range(50)}) == 50
        assert part.header != seal.begin(seal.public_key(secret_key), b"log").header

    def test_a_finished_part_takes_nothing_more(self, seal: PublicSeal, secret_key: str) -> None:
        part = seal.begin(seal.public_key(secret_key), b"log")
        part.finish()
        with pytest.raises(CryptoError):
            part.seal(b"1")
        with pytest.raises(CryptoError):
            part.finish()

    def test_a_line_of_a_mebibyte_is_the_longest(self, seal: PublicSeal, secret_key: str) -> None:
        part = seal.begin(seal.public_key(secret_key), b"log")
        part.seal(bytes(2**20))
        with pytest.raises(CryptoError):
            part.seal(bytes(2**20 + 1))

    def test_keys_are_told_apart_and_faults_in_writing_are_noticed(
        self, seal: PublicSeal, secret_key: str
    ) -> None:
        public_key = seal.public_key(secret_key)
        assert len({seal.new_secret_key() for _ in range(20)}) == 20
        for bad in ("", "x", secret_key, public_key[:-1], public_key + "A", "é" + public_key):
            with pytest.raises(CryptoError) as caught:
                seal.begin(bad, b"log")
            assert secret_key[-43:] not in str(caught.value)
        for bad in ("", public_key, secret_key[:-1], secret_key + "="):
            with pytest.raises(CryptoError) as caught:
                seal.open(bad, b"", b"log")
            assert secret_key[-43:-1] not in str(caught.value)

    def test_looks_tell_no_secret(self, seal: PublicSeal, secret_key: str) -> None:
        part = seal.begin(seal.public_key(secret_key), b"log")
        assert secret_key[-43:] not in repr(seal) + repr(part)
