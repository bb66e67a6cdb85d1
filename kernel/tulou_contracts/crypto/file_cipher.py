"""Encryption of files in chunks, any of which can be read alone."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class FileRange(NamedTuple):
    """Where a range of the plaintext is in the sealed file."""

    chunks: range
    """The chunks to open."""
    start: int
    """The sealed file's byte at which the first of them begins."""
    length: int
    """How many bytes of the sealed file they take together."""
    skip: int
    """How many bytes of the opened chunks come before the range."""


class FileOpener(Protocol):
    """A sealed file, being read. Sans-IO: who calls reads the bytes."""

    chunk_size: int
    """Bytes of plaintext in each chunk but the last."""
    header: bytes
    """What the sealed file begins with."""

    def find(self, offset: int, length: int, sealed_size: int) -> FileRange:
        """Which part of a sealed file to fetch for a range of plaintext; one that goes beyond the
        end is cut. Raises `CryptoError` when no sealed file has this size."""

    def plain_size(self, sealed_size: int) -> int:
        """The plaintext's size. Raises `CryptoError` when no sealed file has this size."""

    def open_chunk(self, index: int, sealed: bytes, last: bool) -> bytes:
        """The plaintext of a chunk, numbered from 0. Raises `CryptoError` for one that is altered, from
        another place or file, or that is the last one and should not be, or the reverse; so a file cut
        short or extended is noticed when its last chunk is opened."""


class FileSealer(FileOpener, Protocol):
    """A file, being sealed; it can be read meanwhile."""

    def sealed_size(self, plain_size: int) -> int:
        """The size of the sealed file with its header."""

    def seal_chunk(self, index: int, plaintext: bytes, last: bool) -> bytes:
        """A sealed chunk, 16 bytes longer than its text; to be put behind the header and the chunks
        before it. Every chunk but the last one has `chunk_size` bytes; an empty file has one empty
        chunk. Raises `CryptoError` otherwise, and for another text at an index already sealed: one nonce
        must never seal two texts."""


class FileCipher(Protocol):
    """Chunked authenticated encryption: the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár:
    Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance, CRYPTO 2015) with AES-256-GCM
    and a key of its own for every file, to which the header commits.

    `source` says which bytes are sealed, e.g. the path, size and time of change of a file. An
    interrupted sealing goes on from the next chunk; had the source changed, the same key and nonce would
    seal other bytes, so that is refused, and a new file has to be begun.
    """

    def begin(self, key: bytes, *, source: bytes = b"", chunk_size: int = 1048576) -> FileSealer:
        """A new file under a key of 32 bytes (which may seal many files). `chunk_size` is a power of
        two from 4 KiB to 16 MiB. Raises `CryptoError`."""

    def resume(self, key: bytes, header: bytes, *, source: bytes = b"") -> FileSealer:
        """Go on sealing a file that was begun with these. Raises `CryptoError` for another key or a
        source that has changed."""

    def open(self, key: bytes, header: bytes) -> FileOpener:
        """Read a file whose first bytes are `header` (at least `header_size`; more does not matter).
        Raises `CryptoError` for another key or format."""

    @property
    def header_size(self) -> int:
        """Bytes of a header."""
