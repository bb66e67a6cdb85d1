"""The server's storage in a test: the real store, or one in memory where the store is not installed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path

from tulou_contracts.storage import Storage
from tulou_contracts.testing.memory_storage import MemoryStorage

_IN_MEMORY: dict[Path, Storage] = {}
"""Opening the same folder again finds what was stored there before."""


@asynccontextmanager
async def open_storage(folder: Path) -> AsyncIterator[Storage]:
    """A running storage."""
    if find_spec("tulou_store") is None:
        yield _IN_MEMORY.setdefault(folder, MemoryStorage())
        return
    from tulou_store.service import Store

    store = Store(folder)
    async with store.running():
        yield store
