"""Conformance of `Documents`."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from tulou_contracts.storage import Document, Storage, StorageError
from tulou_contracts.testing.storage.fixtures import OpenStorage, StorageFixtures, gather


class DocumentsConformance(StorageFixtures):
    """Small documents."""

    async def test_put_get_replace_delete(self, storage: Storage) -> None:
        documents = await storage.documents("settings")
        assert await documents.get("窗口") is None
        await documents.put("窗口", {"宽": 800, "old": True})
        await documents.put("窗口", {"宽": 900, "nested": {"list": [1, 2.5, None, "字"]}})
        await documents.put("", {})
        expected: dict[str, Document] = {"窗口": {"宽": 900, "nested": {"list": [1, 2.5, None, "字"]}}, "": {}}
        assert await documents.all() == expected
        assert await documents.get("窗口") == expected["窗口"]
        await documents.delete("窗口")
        await documents.delete("never there")
        assert await documents.all() == {"": {}}

    async def test_sets_are_apart_and_the_same_name_is_the_same_set(self, storage: Storage) -> None:
        one, other = await storage.documents("one"), await storage.documents("other")
        await one.put("a", {"n": 1})
        assert await other.all() == {}
        assert await (await storage.documents("one")).all() == {"a": {"n": 1}}

    async def test_documents_stay(self, open_storage: OpenStorage) -> None:
        async with open_storage() as storage:
            await (await storage.documents("settings")).put("语言", {"code": "zh"})
        async with open_storage() as storage:
            assert await (await storage.documents("settings")).all() == {"语言": {"code": "zh"}}

    async def test_what_is_handed_out_or_in_is_a_copy(self, storage: Storage) -> None:
        documents = await storage.documents("settings")
        given: Document = {"list": [1]}
        await documents.put("a", given)
        given["list"].append(2)
        got = await documents.get("a")
        assert got == {"list": [1]}
        got["list"].append(3)
        (await documents.all())["a"]["list"].append(4)
        assert await documents.get("a") == {"list": [1]}

    @pytest.mark.parametrize(
        "document", [{"a": object()}, {"a": float("nan")}, {"a": "\ud800"}, {"a": b"bytes"}, ["no dict"]]
    )
    async def test_what_json_cannot_hold_is_refused(self, storage: Storage, document: Any) -> None:
        documents = await storage.documents("settings")
        await documents.put("a", {"n": 1})
        with pytest.raises(StorageError):
            await documents.put("a", document)
        assert await documents.all() == {"a": {"n": 1}}

    async def test_puts_at_the_same_time_all_stay(self, storage: Storage) -> None:
        documents = await storage.documents("settings")
        calls = [partial(documents.put, str(n), {"n": n}) for n in range(10)]
        assert await gather(*calls) == [None] * 10
        assert await documents.all() == {str(n): {"n": n} for n in range(10)}

    @pytest.mark.parametrize("name", ["", "../up", "a/b", "a\\b", ".", "a\x00b"])
    async def test_names_that_lead_elsewhere_are_refused(self, storage: Storage, name: str) -> None:
        with pytest.raises(StorageError):
            await storage.documents(name)
