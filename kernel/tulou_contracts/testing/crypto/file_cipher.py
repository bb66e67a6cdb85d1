"""Conformance of `FileCipher`."""

from __future__ import annotations

import pytest

from tulou_contracts.crypto import CryptoError, FileCipher, FileOpener

KEY = bytes(range(32))
SIZE = 4096
SIZES = [0, 1, SIZE - 1, SIZE, SIZE + 1, 2 * SIZE - 1, 2 * SIZE, 3 * SIZE + 17]


def plain(size: int) -> bytes:
    """Some bytes, no two chunks alike."""
    return b"".join(number.to_bytes(4, "big") for number in range(size // 4 + 1))[:size]


def seal(cipher: FileCipher, text: bytes, source: bytes = b"") -> bytes:
    """A whole sealed file."""
    sealer = cipher.begin(KEY, source=source, chunk_size=SIZE)
    pieces = [text[at:at + SIZE] for at in range(0, len(text), SIZE)] or [b""]
    return sealer.header + b"".join(
        sealer.seal_chunk(index, piece, index == len(pieces) - 1) for index, piece in enumerate(pieces))


def read(opener: FileOpener, sealed: bytes, offset: int = 0, length: int = 2**40) -> bytes:
    """A range of the plaintext, by reading only what it needs."""
    found = opener.find(offset, length, len(sealed))
    data = sealed[found.start:found.start + found.length]
    count = -(-opener.plain_size(len(sealed)) // SIZE) or 1
    sealed_chunks = [data[at:at + SIZE + 16] for at in range(0, len(data), SIZE + 16)]
    chunks = [opener.open_chunk(index, chunk, index == count - 1)
              for index, chunk in zip(found.chunks, sealed_chunks, strict=True)]
    return b"".join(chunks)[found.skip:found.skip + length]


class FileCipherConformance:
    """What every `FileCipher` does."""

    @pytest.fixture
    def cipher(self) -> FileCipher:
        """The cipher."""
        raise NotImplementedError("define the fixture cipher in the subclass")

    @pytest.mark.parametrize("size", SIZES)
    def test_a_file_is_given_back(self, cipher: FileCipher, size: int) -> None:
        sealed = seal(cipher, plain(size))
        opener = cipher.open(KEY, sealed[:cipher.header_size])
        assert opener.plain_size(len(sealed)) == size
        assert cipher.begin(KEY, chunk_size=SIZE).sealed_size(size) == len(sealed)
        first = sealed[cipher.header_size:][:SIZE + 16]
        assert opener.open_chunk(0, first, size <= SIZE) == plain(size)[:SIZE]
        assert read(opener, sealed) == plain(size)

    @pytest.mark.parametrize("size", SIZES)
    def test_any_range_is_read_alone(self, cipher: FileCipher, size: int) -> None:
        sealed, text = seal(cipher, plain(size)), plain(size)
        opener = cipher.open(KEY, sealed)
        for offset in (0, 1, SIZE - 1, SIZE, SIZE + 1, 2 * SIZE, size - 1, size, size + SIZE):
            for length in (0, 1, 2, SIZE, SIZE + 1, 10 * SIZE):
                if offset >= 0:
                    assert read(opener, sealed, offset, length) == text[offset:offset + length]
                    # Never more is fetched than the chunks that the range touches.
                    assert opener.find(offset, length, len(sealed)).length <= length + 2 * (SIZE + 16)

    def test_every_change_is_noticed(self, cipher: FileCipher) -> None:
        sealed = seal(cipher, plain(SIZE + 20))
        for position in {*range(cipher.header_size + 40), *range(cipher.header_size, len(sealed), 97),
                         *range(len(sealed) - 40, len(sealed))}:
            wrong = bytearray(sealed)
            wrong[position] ^= 1 << position % 8
            if cipher.header_size - 48 <= position < cipher.header_size - 32:
                continue  # what binds the source is for those who seal
            with pytest.raises(CryptoError):
                read(cipher.open(KEY, bytes(wrong)), bytes(wrong))

    @pytest.mark.parametrize("order", [
        [1, 0, 2, 3], [0, 2, 1, 3], [0, 0, 2, 3], [0, 1, 3], [1, 2, 3], [0, 1, 2], [0], [3], [0, 1, 2, 3, 3],
        [0, 1, 2, 2, 3], [3, 1, 2, 0]], ids=str)
    def test_chunks_in_another_order_left_out_or_added_are_noticed(
        self, cipher: FileCipher, order: list[int]
    ) -> None:
        sealed = seal(cipher, plain(4 * SIZE))
        body = sealed[cipher.header_size:]
        chunks = [body[at:at + SIZE + 16] for at in range(0, len(body), SIZE + 16)]
        wrong = sealed[:cipher.header_size] + b"".join(chunks[index] for index in order)
        with pytest.raises(CryptoError):
            read(cipher.open(KEY, wrong), wrong)

    def test_a_file_cut_short_at_any_byte_or_extended_is_noticed(self, cipher: FileCipher) -> None:
        sealed = seal(cipher, plain(2 * SIZE + 30))
        lengths = {*range(0, len(sealed), 89), *range(len(sealed) - 50, len(sealed)),
                   cipher.header_size + SIZE + 16, cipher.header_size + 2 * (SIZE + 16)}
        for wrong in [*(sealed[:length] for length in sorted(lengths)), sealed + b"\0", sealed + bytes(SIZE)]:
            with pytest.raises(CryptoError):
                read(cipher.open(KEY, wrong), wrong)

    def test_chunks_of_another_file_of_the_same_key_are_noticed(self, cipher: FileCipher) -> None:
        one, other = seal(cipher, plain(2 * SIZE)), seal(cipher, plain(2 * SIZE))
        assert one != other
        with pytest.raises(CryptoError):
            cipher.open(KEY, one).open_chunk(0, other[cipher.header_size:][:SIZE + 16], False)

    def test_a_range_of_a_damaged_file_elsewhere_can_still_be_read(self, cipher: FileCipher) -> None:
        sealed = bytearray(seal(cipher, plain(3 * SIZE)))
        sealed[-1] ^= 1
        opener = cipher.open(KEY, bytes(sealed))
        assert read(opener, bytes(sealed), SIZE + 3, 100) == plain(3 * SIZE)[SIZE + 3:SIZE + 103]

    @pytest.mark.parametrize("key", [bytes(32), b"", bytes(16), bytes(range(33))])
    def test_another_key_is_refused_at_the_header(self, cipher: FileCipher, key: bytes) -> None:
        sealed = seal(cipher, b"text")
        with pytest.raises(CryptoError):
            cipher.open(key, sealed)
        with pytest.raises(CryptoError):
            cipher.resume(key, sealed)

    def test_an_interrupted_sealing_goes_on(self, cipher: FileCipher) -> None:
        text = plain(3 * SIZE)
        first = cipher.begin(KEY, source=b"size 12288, changed at 7", chunk_size=SIZE)
        sealed = first.header + first.seal_chunk(0, text[:SIZE], False)
        again = cipher.resume(KEY, sealed, source=b"size 12288, changed at 7")
        assert again.header == first.header
        sealed += again.seal_chunk(1, text[SIZE:2 * SIZE], False) + again.seal_chunk(2, text[2 * SIZE:], True)
        assert read(again, sealed) == text == read(cipher.open(KEY, sealed), sealed)

    def test_a_source_that_changed_is_not_gone_on_with(self, cipher: FileCipher) -> None:
        header = cipher.begin(KEY, source=b"changed at 7", chunk_size=SIZE).header
        for source in (b"changed at 8", b""):
            with pytest.raises(CryptoError):
                cipher.resume(KEY, header, source=source)

    def test_a_nonce_never_seals_two_texts(self, cipher: FileCipher) -> None:
        sealer = cipher.begin(KEY, chunk_size=SIZE)
        once = sealer.seal_chunk(0, b"one", True)
        assert sealer.seal_chunk(0, b"one", True) == once
        with pytest.raises(CryptoError):
            sealer.seal_chunk(0, b"two", True)

    @pytest.mark.parametrize(("index", "length", "last"), [
        (0, SIZE - 1, False), (0, SIZE + 1, False), (0, SIZE + 1, True), (1, 0, True), (0, 0, False),
        (-1, SIZE, False), (2**32, SIZE, False), (2**100, SIZE, True)])
    def test_chunks_have_their_size(
        self, cipher: FileCipher, index: int, length: int, last: bool
    ) -> None:
        with pytest.raises(CryptoError):
            cipher.begin(KEY, chunk_size=SIZE).seal_chunk(index, bytes(length), last)

    @pytest.mark.parametrize("size", [0, -1, 1, 2048, 4097, 2**25, 2**24 + 1])
    def test_chunk_sizes_are_powers_of_two_within_limits(self, cipher: FileCipher, size: int) -> None:
        with pytest.raises(CryptoError):
            cipher.begin(KEY, chunk_size=size)

    @pytest.mark.parametrize("header", [b"", b"x" * 200, bytes(200), b"tulou-file\0\0" + bytes(200),
                                        b"tulou-file\0\0\xff" + bytes(200)], ids=len)
    def test_what_is_no_sealed_file_is_refused(self, cipher: FileCipher, header: bytes) -> None:
        with pytest.raises(CryptoError):
            cipher.open(KEY, header)

    def test_ranges_that_cannot_be_are_refused(self, cipher: FileCipher) -> None:
        opener = cipher.begin(KEY, chunk_size=SIZE)
        for offset, length, size in ((-1, 1, 1000), (0, -1, 1000), (0, 1, 0), (0, 1, cipher.header_size)):
            with pytest.raises(CryptoError):
                opener.find(offset, length, size)

    def test_looks_tell_no_secret(self, cipher: FileCipher) -> None:
        shown = repr(cipher) + repr(cipher.begin(KEY))
        assert KEY.hex() not in shown and str(KEY) not in shown
