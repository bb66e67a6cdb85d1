"""Small documents on disk: what happens in which order, and when any step of it fails."""

import errno
import os

import pytest
import trio
from tulou_store.files import SafeFile

from tulou_contracts.storage import StorageError, StorageFull

STEPS = [
    ("fsync", 0, errno.ENOSPC, StorageFull),
    ("fsync", 0, errno.EDQUOT, StorageFull),
    ("fsync", 0, errno.EIO, StorageError),
    ("write", 0, errno.ENOSPC, StorageFull),
    ("open", 0, errno.EROFS, StorageFull),
]


def test_a_change_is_synced_before_it_is_renamed_and_the_folder_after(tmp_path, monkeypatch):
    order = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)

        def spy(*arguments, name=name, real=real):
            order.append(name)
            return real(*arguments)

        monkeypatch.setattr(os, name, spy)
    file = SafeFile(tmp_path / "a.json")
    file.write("one")
    assert order == ["fsync", "replace", "fsync"]
    order.clear()
    file.write("two")
    assert order == ["fsync", "replace", "replace", "fsync"]


@pytest.mark.parametrize(("name", "good", "number", "kind"), STEPS)
async def test_a_failing_step_leaves_the_last_confirmed_state(
    open_store, monkeypatch, name, good, number, kind
):
    async with open_store() as store:
        documents = await store.documents("settings")
        await documents.put("a", {"n": 1})
        await documents.put("a", {"n": 2})
        real, calls = getattr(os, name), []

        def fail(*arguments):
            calls.append(1)
            if len(calls) == good + 1:
                raise OSError(number, os.strerror(number))
            return real(*arguments)

        with monkeypatch.context() as patch:
            patch.setattr(os, name, fail)
            with pytest.raises(kind, match="settings.json"):
                await documents.put("a", {"n": 3})
        assert await documents.get("a") == {"n": 2}
    async with open_store() as store:
        documents = await store.documents("settings")
        assert await documents.get("a") == {"n": 2}
        await documents.put("a", {"n": 4})
    async with open_store() as store:
        assert await (await store.documents("settings")).get("a") == {"n": 4}


async def test_cancelling_a_put_leaves_the_old_or_the_new(open_store):
    async with open_store() as store:
        documents = await store.documents("settings")
        await documents.put("a", {"n": 0})
        for number in range(1, 20):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(documents.put, "a", {"n": number})
                await trio.lowlevel.checkpoint()
                nursery.cancel_scope.cancel()
            found = await documents.get("a")
            assert found in ({"n": 0}, {"n": number})
            await documents.put("a", {"n": 0})


async def test_the_database_is_set_to_survive_power_loss(store):
    await store.database("kit", [])
    connection = store.profile.writer._connection
    assert connection.pragma("journal_mode") == "wal"
    assert connection.pragma("synchronous") == 2
    assert connection.pragma("foreign_keys") == 1
    assert connection.pragma("wal_autocheckpoint") == 1000
