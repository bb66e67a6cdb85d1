"""Open sealed log files without an app: the plugin `crypto` is run for it on a profile of nobody."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import trio

from tulou import Composition, Kernel
from tulou_contracts.crypto import PublicSeal
from tulou_log.sealing import lines_of


def opened(path: Path, secret_key: str) -> tuple[Sequence[bytes], Sequence[str]]:
    """The lines, and in sentences what is missing. Raises `CryptoError`, `OSError`, and `ServiceGone`
    where `crypto` is not installed."""
    return trio.run(_opened, path.read_bytes(), secret_key)


async def _opened(sealed: bytes, secret_key: str) -> tuple[Sequence[bytes], Sequence[str]]:
    async with Kernel(Composition.of("crypto")).running() as kernel:
        return lines_of(kernel.service(PublicSeal), secret_key, sealed)
