"""Conformance of `Storage`: schemas of namespaces and their versions."""

from __future__ import annotations

import pytest

from tulou_contracts.storage import Migration, MigrationFailed, Storage, Transaction
from tulou_contracts.testing.storage.fixtures import (
    NOTES,
    Oops,
    OpenStorage,
    StorageFixtures,
    add,
    texts,
)


class MigrationConformance(StorageFixtures):
    """Schemas of namespaces."""

    async def test_steps_run_once_in_order(self, open_storage: OpenStorage) -> None:
        for upto in (1, 1, 2, 2):
            async with open_storage() as storage:
                database = await storage.database("kit", NOTES[:upto])
                await database.write(add(f"with {upto}"))
        async with open_storage() as storage:
            database = await storage.database("kit", NOTES)
            assert await database.read(texts) == ["with 1", "with 1", "with 2", "with 2"]

    async def test_a_newer_schema_is_refused_naming_both_versions(self, open_storage: OpenStorage) -> None:
        async with open_storage() as storage:
            await storage.database("kit", NOTES)
        async with open_storage() as storage:
            with pytest.raises(MigrationFailed, match=r"(?s)2.*1"):
                await storage.database("kit", NOTES[:1])
            await (await storage.database("kit", NOTES)).write(add("still fine"))

    async def test_a_failing_step_is_named_and_nothing_is_changed(self, storage: Storage) -> None:
        broken = (*NOTES, Migration(3, "CREATE TABLE kit_more (id); INSERT INTO kit_nowhere VALUES (1)"))
        with pytest.raises(MigrationFailed, match="3"):
            await storage.database("kit", broken)
        fixed = (*NOTES, Migration(3, "CREATE TABLE kit_more (id)"))
        database = await storage.database("kit", fixed)
        assert await database.read(lambda view: view.query("SELECT * FROM kit_more")) == []

    @pytest.mark.parametrize("versions", [(1, 3), (1, 1), (2, 1), (0, 1), (2,)])
    async def test_gaps_and_repetitions_are_refused(self, storage: Storage, versions: tuple[int]) -> None:
        with pytest.raises(MigrationFailed):
            await storage.database("kit", [Migration(version, "SELECT 1") for version in versions])

    async def test_a_step_cannot_commit_by_itself(self, storage: Storage) -> None:
        script = "CREATE TABLE kit_early (id); COMMIT; SELECT * FROM kit_nowhere"
        with pytest.raises(MigrationFailed):
            await storage.database("kit", [Migration(1, script)])
        database = await storage.database("kit", [Migration(1, "CREATE TABLE kit_early (id)")])
        assert await database.read(lambda view: view.query("SELECT * FROM kit_early")) == []

    async def test_namespaces_are_versioned_apart_and_share_transactions(self, storage: Storage) -> None:
        notes = await storage.database("kit", NOTES)
        keys = await storage.database("kit2", [Migration(1, "CREATE TABLE kit2_key (id)")])

        def work(tx: Transaction) -> None:
            add("sealed")(tx)
            tx.execute("INSERT INTO kit2_key VALUES (1)")
            raise Oops

        with pytest.raises(Oops):
            await notes.write(work)
        assert await notes.read(texts) == []
        assert await keys.read(lambda view: view.query("SELECT * FROM kit2_key")) == []

    async def test_a_step_may_be_a_function(self, open_storage: OpenStorage) -> None:
        def double(tx: Transaction) -> None:
            tx.execute("UPDATE kit_note SET text = text || text")

        async with open_storage() as storage:
            await (await storage.database("kit", NOTES)).write(add("屋"))
        for _ in range(2):
            async with open_storage() as storage:
                database = await storage.database("kit", (*NOTES, Migration(3, work=double)))
                assert await database.read(texts) == ["屋屋"]
                assert database.repair is None

    async def test_what_can_be_rebuilt_is_stale_until_it_was_filled(self, open_storage: OpenStorage) -> None:
        for expected in (True, True, False, False):
            async with open_storage() as storage:
                index = await storage.rebuildable("kit", NOTES)
                assert index.stale is expected
                await index.write(add("found"))
                if len(await index.read(texts)) > 1:
                    await index.filled()
                    assert not index.stale
