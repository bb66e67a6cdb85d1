"""The store as a plugin among others: life cycle, and what other rooms see of it."""

from contextlib import asynccontextmanager

import pytest
from tulou_store import plugin as store_plugin
from tulou_store.config import Config

from tulou import Level, Plugin
from tulou.testing.conformance import Conformance
from tulou.testing.kit import boot, states
from tulou_contracts.storage import Storage
from tulou_contracts.testing.storage import NOTES, add, texts


class TestPlugin(Conformance):
    plugin = store_plugin


class TestPluginInline(Conformance):
    plugin = store_plugin
    config = {"threads": False}


def guest(notes):
    """A room that writes when it starts, reads, and writes while it stops."""

    @asynccontextmanager
    async def run(ctx):
        storage = ctx.service(Storage)
        database = await storage.database("kit", NOTES)
        await database.write(add("started"))
        notes.extend(await database.read(texts))
        yield
        await database.write(add("stopped"))

    return Plugin(name="guest", run=run, requires=(Storage,), level=Level.FEATURE)


@pytest.mark.parametrize("threads", [True, False])
async def test_data_of_a_room_outlives_the_kernel(tmp_path, threads):
    for expected in (["started"], ["started", "stopped", "started"]):
        notes = []
        config = {"store": {"threads": threads}}
        async with boot(store_plugin, guest(notes), config=config, profile=tmp_path) as kernel:
            assert states(kernel) == {"store": "running", "guest": "running"}
        assert notes == expected


async def test_two_kernels_keep_their_profiles_apart(tmp_path):
    first, second = [], []
    async with boot(store_plugin, guest(first), profile=tmp_path / "a"):
        async with boot(store_plugin, guest(second), profile=tmp_path / "b"):
            assert (first, second) == (["started"], ["started"])


@pytest.mark.parametrize("settings", [{"readers": 0}, {"batch": 0}, {"quota_mb": -1}])
def test_settings_that_cannot_work_are_refused(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        Config(**settings)
