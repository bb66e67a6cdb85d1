"""The contract `FileCipher`: the STREAM construction with AES-256-GCM. Pure: no file is touched.

A sealed file is a header of 96 bytes and chunks. The header is the magic ``tulou-file`` and two NUL, the
version 1, the exponent of the chunk size, two zero bytes, a salt of 32 bytes, 16 bytes that bind the
source, and 32 bytes that commit to the key. HKDF-SHA-256 of key and salt, with the fields before the salt
as info, gives the file's own key, the key for the source, and the commitment.

A chunk's nonce is its number (11 bytes, big-endian) and a byte that is 1 in the last chunk, as in STREAM
and in age (https://age-encryption.org/v1): order, end and number of chunks are authenticated without a
list of them. Since each file has a key of its own, these nonces never meet those of another file.
"""

from __future__ import annotations

import hmac

from tulou_contracts.crypto import CryptoError, FileRange, Primitives

MAGIC = b"tulou-file\0\0"
VERSION = 1
SALT_BYTES = 32
"""256 bits: two files of one key get the same salt with a chance of 2**-128 after 2**64 files."""
SOURCE_BYTES = 16
COMMIT_BYTES = 32
"""HKDF-SHA-256 is collision resistant in its key, AES-GCM is not (Albertini et al.: How to Abuse and Fix
Authenticated Encryption Without Key Commitment, USENIX Security 2022)."""
FIXED = len(MAGIC) + 4
HEADER_BYTES = FIXED + SALT_BYTES + SOURCE_BYTES + COMMIT_BYTES
TAG_BYTES = 16
SMALLEST, LARGEST = 2**12, 2**24
DEFAULT = 2**20
"""Setting AES-GCM up costs pycryptodome 0.1 ms, as long as 100 KiB take; so a chunk is much longer."""
MOST_CHUNKS = 2**32
"""How often one key may be used with GCM (SP 800-38D, section 8.3); 4 PiB at the default size."""


class StreamCipher:
    """Files in chunks, any of which can be read alone."""

    def __init__(self, primitives: Primitives) -> None:
        self._primitives = primitives

    @property
    def header_size(self) -> int:
        """Bytes of a header."""
        return HEADER_BYTES

    def begin(self, key: bytes, *, source: bytes = b"", chunk_size: int = DEFAULT) -> StreamSealer:
        """A new file. Raises `CryptoError`."""
        if not SMALLEST <= chunk_size <= LARGEST or chunk_size & chunk_size - 1:
            raise CryptoError(
                f"chunks have a power of two from {SMALLEST} to {LARGEST} bytes, not {chunk_size}")
        fixed = MAGIC + bytes((VERSION, chunk_size.bit_length() - 1, 0, 0))
        salt = self._primitives.random(SALT_BYTES)
        file_key, source_key, commitment = self._derive(key, fixed, salt)
        header = fixed + salt + _bound(source_key, source) + commitment
        return StreamSealer(self._primitives, header, chunk_size, file_key)

    def resume(self, key: bytes, header: bytes, *, source: bytes = b"") -> StreamSealer:
        """Go on sealing. Raises `CryptoError` for another key or source."""
        chunk_size, file_key, source_key = self._read(key, header)
        bound = header[FIXED + SALT_BYTES:-COMMIT_BYTES][:SOURCE_BYTES]
        if not hmac.compare_digest(bound, _bound(source_key, source)):
            raise CryptoError(
                "the file has changed since its sealing was begun: it has to be begun anew, for one nonce"
                " must never seal two texts")
        return StreamSealer(self._primitives, header[:HEADER_BYTES], chunk_size, file_key)

    def open(self, key: bytes, header: bytes) -> StreamOpener:
        """Read a file. Raises `CryptoError` for another key or format."""
        chunk_size, file_key, _ = self._read(key, header)
        return StreamOpener(self._primitives, header[:HEADER_BYTES], chunk_size, file_key)

    def _read(self, key: bytes, header: bytes) -> tuple[int, bytes, bytes]:
        if len(header) < HEADER_BYTES or not header.startswith(MAGIC):
            raise CryptoError("this is no sealed file: it does not begin like one")
        version, exponent = header[len(MAGIC)], header[len(MAGIC) + 1]
        if version != VERSION:
            raise CryptoError(
                f"this sealed file has the format {version}, and this program knows {VERSION}: it was made"
                " by a newer version")
        if not SMALLEST <= 2**exponent <= LARGEST or any(header[len(MAGIC) + 2:FIXED]):
            raise CryptoError("the header of this sealed file is damaged")
        file_key, source_key, commitment = self._derive(key, header[:FIXED], header[FIXED:FIXED + SALT_BYTES])
        if not hmac.compare_digest(commitment, header[HEADER_BYTES - COMMIT_BYTES:HEADER_BYTES]):
            raise CryptoError("this file was sealed with another key, or its header is damaged")
        return int(2**exponent), file_key, source_key

    def _derive(self, key: bytes, fixed: bytes, salt: bytes) -> tuple[bytes, bytes, bytes]:
        if len(key) != 32:
            raise CryptoError(f"the key has {len(key)} bytes; a file needs 32")
        made = self._primitives.hkdf(key, 64 + COMMIT_BYTES, salt, fixed)
        return made[:32], made[32:64], made[64:]


class StreamOpener:
    """A sealed file, being read."""

    def __init__(self, primitives: Primitives, header: bytes, chunk_size: int, file_key: bytes) -> None:
        self.header = header
        self.chunk_size = chunk_size
        self._key = file_key
        self._open = primitives.gcm_open

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: chunks of {self.chunk_size} bytes>"

    def plain_size(self, sealed_size: int) -> int:
        """The plaintext's size. Raises `CryptoError` when no sealed file has this size."""
        body = sealed_size - HEADER_BYTES
        chunks = -(-body // (self.chunk_size + TAG_BYTES))
        plain = body - chunks * TAG_BYTES
        # An empty chunk is there only when it is the only one.
        if chunks < 1 or plain < 0 or (chunks > 1 and plain <= (chunks - 1) * self.chunk_size):
            raise CryptoError(f"no sealed file has {sealed_size} bytes: it was cut short or extended")
        return plain

    def find(self, offset: int, length: int, sealed_size: int) -> FileRange:
        """Which part of a sealed file to fetch for a range of plaintext."""
        plain = self.plain_size(sealed_size)
        if offset < 0 or length < 0:
            raise CryptoError(f"no range has {length} bytes from {offset} on")
        end = min(offset + length, plain)
        first = min(offset, plain) // self.chunk_size
        chunks = range(first, max(first, -(-end // self.chunk_size)))
        if end <= offset:
            chunks = range(first, first)
        size = self.chunk_size + TAG_BYTES
        start = HEADER_BYTES + first * size
        stop = min(HEADER_BYTES + chunks.stop * size, sealed_size)
        return FileRange(chunks, start, max(0, stop - start), offset - first * self.chunk_size)

    def open_chunk(self, index: int, sealed: bytes, last: bool) -> bytes:
        """The plaintext of a chunk. Raises `CryptoError`."""
        _check(index, len(sealed) - TAG_BYTES, last, self.chunk_size)
        try:
            return self._open(self._key, _nonce(index, last), sealed)
        except CryptoError:
            raise CryptoError(
                f"the chunk {index} of the sealed file does not authenticate: it was altered, belongs"
                " elsewhere, or the file was cut short or extended") from None


class StreamSealer(StreamOpener):
    """A file, being sealed."""

    def __init__(self, primitives: Primitives, header: bytes, chunk_size: int, file_key: bytes) -> None:
        super().__init__(primitives, header, chunk_size, file_key)
        self._seal = primitives.gcm_seal
        self._tags: dict[int, bytes] = {}

    def sealed_size(self, plain_size: int) -> int:
        """The size of the sealed file with its header."""
        return HEADER_BYTES + plain_size + max(1, -(-plain_size // self.chunk_size)) * TAG_BYTES

    def seal_chunk(self, index: int, plaintext: bytes, last: bool) -> bytes:
        """A sealed chunk. Raises `CryptoError`."""
        _check(index, len(plaintext), last, self.chunk_size)
        sealed = self._seal(self._key, _nonce(index, last), plaintext)
        if self._tags.setdefault(index, sealed[-TAG_BYTES:]) != sealed[-TAG_BYTES:]:
            raise CryptoError(
                f"the chunk {index} was sealed before with another text: begin a new file, for one nonce"
                " must never seal two texts")
        return sealed


def _nonce(index: int, last: bool) -> bytes:
    return index.to_bytes(11, "big") + (b"\1" if last else b"\0")


def _check(index: int, length: int, last: bool, chunk_size: int) -> None:
    """Whether a chunk of this length can be at this place. Raises `CryptoError`."""
    if not 0 <= index < MOST_CHUNKS:
        raise CryptoError(f"no sealed file has a chunk {index}")
    fewest = chunk_size if not last else int(index > 0)
    if not fewest <= length <= chunk_size:
        raise CryptoError(
            f"the chunk {index} has {length} bytes; {'the last' if last else 'it'} has"
            f" {fewest if fewest == chunk_size else f'{fewest} to {chunk_size}'}")


def _bound(source_key: bytes, source: bytes) -> bytes:
    return hmac.digest(source_key, source, "sha256")[:SOURCE_BYTES]
