"""The store keeps the contract's promises, in threads and in the loop; so does the fake."""

from contextlib import asynccontextmanager

import pytest

from tulou_contracts.storage import StorageFull
from tulou_contracts.testing.memory_storage import MemoryStorage
from tulou_contracts.testing.storage import NOTES, OpenStorage, StorageConformance, add, texts


class TestStore(StorageConformance):
    @pytest.fixture
    def open_storage(self, open_store: OpenStorage) -> OpenStorage:
        return open_store


class TestMemoryStorage(StorageConformance):
    @pytest.fixture
    def open_storage(self) -> OpenStorage:
        kept = MemoryStorage()

        @asynccontextmanager
        async def opened():
            yield kept

        return opened


async def test_the_fake_can_be_full():
    storage = MemoryStorage()
    database, documents = await storage.database("kit", NOTES), await storage.documents("settings")
    await database.write(add("kept"))
    storage.full = True
    with pytest.raises(StorageFull):
        await database.write(add("no"))
    with pytest.raises(StorageFull):
        await documents.put("a", {})
    assert await database.read(texts) == ["kept"]
    assert await documents.all() == {}
