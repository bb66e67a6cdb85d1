"""The store as a plugin among others: life cycle, and what other rooms see of it."""

from contextlib import asynccontextmanager
from typing import Protocol

import pytest
from tulou_store import plugin as store_plugin
from tulou_store.config import Config

from tulou import Level, Plugin
from tulou.testing.conformance import Conformance
from tulou.testing.kit import boot, states
from tulou_contracts.storage import Migration, Storage
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


class Ratchet(Protocol):
    """What one room offers another: a function to be used within the other's transaction."""

    def advance(self, tx):
        """Part of whatever transaction it is called in."""


class Steps:
    def advance(self, tx):
        tx.execute("INSERT INTO keys_row VALUES ('step')")


@pytest.mark.parametrize("fails", [False, True])
async def test_one_transaction_spans_two_rooms(tmp_path, fails):
    @asynccontextmanager
    async def keys(ctx):
        await ctx.service(Storage).database("keys", [Migration(1, "CREATE TABLE keys_row (text)")])
        ctx.provide(Ratchet, Steps())
        yield

    counts = []

    @asynccontextmanager
    async def letters(ctx):
        database = await ctx.service(Storage).database(
            "letters", [Migration(1, "CREATE TABLE letters_row (text)")])
        ratchet = ctx.service(Ratchet)

        def receive(tx):
            ratchet.advance(tx)
            tx.execute("INSERT INTO letters_row VALUES ('你好')")
            if fails:
                raise ValueError

        try:
            await database.write(receive)
        except ValueError:
            pass
        counts.append(await database.read(lambda view: view.one(
            "SELECT (SELECT count(*) FROM keys_row), (SELECT count(*) FROM letters_row)")))
        yield

    rooms = (Plugin(name="keys", run=keys, requires=(Storage,), provides=(Ratchet,)),
             Plugin(name="letters", run=letters, requires=(Storage, Ratchet)))
    for times in (1, 2):  # and it stays so
        async with boot(store_plugin, *rooms, profile=tmp_path) as kernel:
            assert set(states(kernel).values()) == {"running"}
        assert counts[-1] == ((0, 0) if fails else (times, times))


async def test_a_profile_is_one_apps_at_a_time(tmp_path):
    async with boot(store_plugin, profile=tmp_path):
        with pytest.raises(BaseException) as caught:
            async with boot(store_plugin, profile=tmp_path):
                raise AssertionError("two at once")
        assert "in use by" in str(caught.value)


async def test_a_clock_that_jumps_does_no_harm(tmp_path, monkeypatch):
    notes = []
    for now in (4e18, 0, 1.7e18):
        monkeypatch.setattr("time.time", lambda now=now: now / 1e9)
        monkeypatch.setattr("time.time_ns", lambda now=now: int(now))
        async with boot(store_plugin, guest(notes), profile=tmp_path) as kernel:
            assert states(kernel)["guest"] == "running"
    assert notes[-5:] == ["started", "stopped", "started", "stopped", "started"]


@pytest.mark.parametrize("settings", [{"readers": 0}, {"batch": 0}, {"quota_mb": -1}])
def test_settings_that_cannot_work_are_refused(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        Config(**settings)
