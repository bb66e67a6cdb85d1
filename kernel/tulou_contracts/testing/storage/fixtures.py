"""A schema, works and fixtures for tests of a storage."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
import trio
from hypothesis import strategies as st

from tulou_contracts.storage import Database, Migration, Reader, Storage, Transaction

OpenStorage = Callable[[], AbstractAsyncContextManager[Storage]]

NOTES = (
    Migration(1, "CREATE TABLE kit_note (id INTEGER PRIMARY KEY, text TEXT NOT NULL)"),
    Migration(2, "ALTER TABLE kit_note ADD COLUMN stars INTEGER NOT NULL DEFAULT 0"),
)
"""A schema for tests, in the namespace ``kit``."""

STORED_VALUES = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(st.characters(codec="utf-8")),
    st.binary(),
)
"""What a column gives back as it was put in."""


class Oops(Exception):
    """Raised by works in these tests."""


def add(text: str) -> Callable[[Transaction], int]:
    """A work that inserts one note."""
    return lambda tx: tx.execute("INSERT INTO kit_note (text) VALUES (?)", (text,))


def texts(view: Reader) -> list[str]:
    """All notes in order of insertion."""
    return [text for (text,) in view.query("SELECT text FROM kit_note ORDER BY id")]


async def gather(*calls: Callable[[], Any]) -> list[Any]:
    """Run all at once; results, or the exceptions raised, in order."""
    outcomes: list[Any] = [None] * len(calls)

    async def one(index: int) -> None:
        try:
            outcomes[index] = await calls[index]()
        except Exception as error:
            outcomes[index] = error

    async with trio.open_nursery() as nursery:
        for index in range(len(calls)):
            nursery.start_soon(one, index)
    return outcomes


class StorageFixtures:
    """What the storage suites are given."""

    @pytest.fixture
    def open_storage(self) -> OpenStorage:
        pytest.skip("this implementation cannot be opened twice")

    @pytest.fixture
    async def storage(self, open_storage: OpenStorage) -> AsyncIterator[Storage]:
        async with open_storage() as opened:
            yield opened

    @pytest.fixture
    async def database(self, storage: Storage) -> Database:
        return await storage.database("kit", NOTES)
