"""Conformance of `Storage`: what every room relies on.

Subclass the suite in a test module and define its fixture::

    class TestMine(StorageConformance):
        @pytest.fixture
        def open_storage(self, tmp_path):
            return lambda: MyStorage.opened(tmp_path)   # an async context manager giving a Storage

`open_storage` may be called several times in one test, one after the other: the data stays. An
implementation that cannot be opened again defines the fixture `storage` alone; the tests that
need a second opening are then skipped.
"""

from tulou_contracts.testing.storage.database import DatabaseConformance
from tulou_contracts.testing.storage.documents import DocumentsConformance
from tulou_contracts.testing.storage.fixtures import NOTES, Oops, OpenStorage, add, gather, texts
from tulou_contracts.testing.storage.migrations import MigrationConformance

__all__ = ["NOTES", "DatabaseConformance", "DocumentsConformance", "MigrationConformance", "Oops",
           "OpenStorage", "StorageConformance", "add", "gather", "texts"]


class StorageConformance(DatabaseConformance, MigrationConformance, DocumentsConformance):
    """All of it."""
