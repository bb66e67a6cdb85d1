"""Log files that only the holder of a secret key can read: a company's support, say."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence

from tulou_contracts.crypto import PublicSeal, SealedPart

PURPOSE = b"tulou log 1"
_LONGEST = 64 << 20


class Sealed:
    """An `Envelope` that packs and seals each batch; without a provider nothing is written at all."""

    def __init__(self, public_key: str) -> None:
        self._public_key = public_key
        self._provider: PublicSeal | None = None
        self._part: SealedPart | None = None

    def use(self, provider: PublicSeal | None) -> None:
        """Who seals; the last one goes on to be used when it leaves, so that the end is kept too."""
        if provider is not None:
            self._provider = provider

    def wrap(self, lines: Sequence[tuple[int, bytes]], *, new: bool) -> bytes | None:
        """See `Envelope`. Raises `CryptoError` for a public key that is none."""
        if self._provider is None:
            return None
        begin = b""
        if new or self._part is None:
            self._part = self._provider.begin(self._public_key, PURPOSE)
            begin = self._part.header
        return begin + self._part.seal(zlib.compress(b"".join([line for _, line in lines]), 6))

    def failed(self) -> None:
        """See `Envelope`: a part must not lack a record, so another one begins."""
        self._part = None

    def end(self) -> bytes:
        """See `Envelope`."""
        part, self._part = self._part, None
        return part.finish() if part is not None else b""


def lines_of(provider: PublicSeal, secret_key: str, sealed: bytes) -> tuple[list[bytes], tuple[str, ...]]:
    """The lines of a sealed file, and in sentences what is missing. Raises `CryptoError`."""
    opened = provider.open(secret_key, sealed, PURPOSE)
    faults = opened.faults
    return list(_batches(opened.plaintext)), faults


def _batches(content: bytes) -> Iterator[bytes]:
    """What was packed, one batch after another; ends where it is damaged."""
    total = 0
    while content and total < _LONGEST:
        unpacker = zlib.decompressobj()
        try:
            batch = unpacker.decompress(content, _LONGEST)
        except zlib.error:
            return
        total += len(batch)
        yield from batch.splitlines(keepends=True)
        content = unpacker.unused_data
