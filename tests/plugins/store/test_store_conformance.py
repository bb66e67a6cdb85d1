"""The store keeps the contract's promises, in threads and in the loop."""

import pytest

from tulou_contracts.testing.storage import OpenStorage, StorageConformance


class TestStore(StorageConformance):
    @pytest.fixture
    def open_storage(self, open_store: OpenStorage) -> OpenStorage:
        return open_store
