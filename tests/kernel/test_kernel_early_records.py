"""What is logged while plugins start is held for the plugin that keeps logs."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest
import trio

from tulou import Composition, Context, Kernel, Plugin, PluginFailed, early_records
from tulou.composition import PluginSettings
from tulou.early_records import LIMIT


class Spoken(Protocol):
    """Provided when everything was said that is said early."""


def plugin(name: str, body: Callable[[Context], Any], *, says: bool = False) -> Plugin:
    @asynccontextmanager
    async def run(ctx: Context) -> AsyncIterator[None]:
        body(ctx)
        if says:
            ctx.provide(Spoken, object())
        await trio.lowlevel.checkpoint()
        yield

    if says:
        return Plugin(name=name, provides=(Spoken,), run=run)
    return Plugin(name=name, requires=(Spoken,), run=run)


def early(body: Callable[[Context], Any]) -> Plugin:
    return plugin("early", body, says=True)


def kernel(profile: Path, *plugins: Plugin, **settings: PluginSettings) -> Kernel:
    composition = Composition.of(*(each.name for each in plugins))
    composition = composition._replace(plugins={**composition.plugins, **settings})
    return Kernel(composition, profile=profile, plugins=plugins)


def handlers() -> list[logging.Handler]:
    return list(logging.getLogger("tulou").handlers)


async def test_what_others_said_before_is_handed_out_once(tmp_path: Path) -> None:
    taken: list[list[str]] = []

    def take(ctx: Context) -> None:
        taken.extend([each.getMessage() for each in early_records.take()] for _ in range(2))

    first = early(lambda ctx: ctx.log.warning("the disk is %s", "满"))
    before = handlers()
    async with kernel(tmp_path, first, plugin("keeper", take)).running():
        assert taken == [["the disk is 满"], []]
        assert handlers() == before, "nothing is held once it was taken"


async def test_what_nobody_took_is_there_for_a_plugin_that_comes_later(tmp_path: Path) -> None:
    taken: list[str] = []
    keeper = plugin("keeper", lambda ctx: taken.extend(each.getMessage() for each in early_records.take()))
    first = early(lambda ctx: ctx.log.warning("early"))
    app = kernel(tmp_path, first, keeper, keeper=PluginSettings(enabled=False))
    async with app.running():
        logging.getLogger("tulou.plugin.early").warning("after the start")
        await app.enable("keeper")
        assert taken == ["early"]


async def test_two_apps_of_a_process_keep_their_records_apart(tmp_path: Path) -> None:
    taken: dict[str, list[str]] = {}

    async def app(name: str) -> None:
        def take(ctx: Context) -> None:
            taken[name] = [each.getMessage() for each in early_records.take()]

        first = early(lambda ctx: ctx.log.warning("said by %s", name))
        async with kernel(tmp_path / name, first, plugin("keeper", take)).running():
            pass

    before = handlers()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(app, "one")
        nursery.start_soon(app, "two")
    assert taken == {"one": ["said by one"], "two": ["said by two"]}
    assert handlers() == before


async def test_a_start_that_fails_leaves_no_handler_behind(tmp_path: Path) -> None:
    def fail(ctx: Context) -> None:
        raise RuntimeError("no")

    before = handlers()
    app = kernel(tmp_path, early(fail))
    app.composition = app.composition._replace(essential=frozenset({"early"}))
    with pytest.raises(PluginFailed):
        async with app.running():
            pass
    assert handlers() == before
    assert early_records.take() == []


async def test_a_flood_is_bounded_and_its_end_is_kept(tmp_path: Path) -> None:
    taken: list[str] = []

    def flood(ctx: Context) -> None:
        for number in range(LIMIT + 5):
            ctx.log.warning("%d", number)

    keeper = plugin("keeper", lambda ctx: taken.extend(each.getMessage() for each in early_records.take()))
    async with kernel(tmp_path, early(flood), keeper).running():
        assert (len(taken), taken[-1]) == (LIMIT, str(LIMIT + 4))
