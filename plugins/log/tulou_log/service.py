"""The plugin's life."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from tulou import early_records
from tulou.context import Context
from tulou_contracts.company import Company, DocumentChanged
from tulou_contracts.crypto import PublicSeal
from tulou_contracts.logs import Logs, LogsError, Verbosity
from tulou_contracts.transport import SignalReceived
from tulou_log import crash
from tulou_log.asking import Asking
from tulou_log.config import Config
from tulou_log.levels import Levels
from tulou_log.live import Live
from tulou_log.ownership import Belonging
from tulou_log.page import LogPages
from tulou_log.recorder import Recorder
from tulou_log.rendering import this_thread
from tulou_log.room import LogsRoom
from tulou_log.sealing import Sealed

KIND = "logging"
LEVELS_FILE = "levels.json"
_BEFORE_A_CRASH = 3600 * 1_000_000
"""Microseconds of log that are offered after an unclean end."""


def _task_name() -> str:
    try:
        return trio.lowlevel.current_task().name
    except RuntimeError:
        return ""


@asynccontextmanager
async def run(ctx: Context) -> AsyncIterator[None]:
    """Record what was said since the start, and from here on; at the end everything is in files."""
    config: Config = ctx.config
    live = Live()
    live.open()
    levels = Levels(ctx.data / LEVELS_FILE, Verbosity[config.level.upper()])
    levels.load()
    sealed = Sealed(config.public_key) if config.public_key else None
    recorder = Recorder(ctx.data, config, envelope=sealed, told=live.told, look=lambda: _look(levels),
                        task_name=_task_name)
    recorder.open()
    belonging = Belonging()
    try:
        recorder.renderer.loop_thread = this_thread()
        recorder.handler.belongs = belonging
        levels.apply()
        for record in early_records.take():
            recorder.handler.handle(record)
        with crash.noting(ctx.data, config.crash_dump) as note:
            room = LogsRoom(ctx, recorder, levels, live, sealed=sealed is not None)
            async with _asking(ctx, room, levels, recorder, note) as asking:
                stop_sealing = _seal_with(ctx, sealed)
                try:
                    ctx.provide(Logs, room)
                    ctx.implement(LogPages(room, asking))
                    yield
                finally:
                    stop_sealing()
    finally:
        belonging.end()
        levels.restore()
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(recorder.close)
        live.close()


def _look(levels: Levels) -> None:
    if levels.look():
        logging.getLogger("tulou.plugin.log").info("the levels were changed by another process")


def _seal_with(ctx: Context, sealed: Sealed | None):  # type: ignore[no-untyped-def]
    """Give the files' sealing whoever can do it, now and later."""
    if sealed is None:
        return lambda: None
    wanted = ctx.wanted(PublicSeal)
    sealed.use(wanted.get())
    return wanted.watch(lambda: sealed.use(wanted.get()))


@asynccontextmanager
async def _asking(
    ctx: Context, room: LogsRoom, levels: Levels, recorder: Recorder, note: str
) -> AsyncIterator[Asking]:
    """Tell what went wrong at the start, and ask what a person has to answer."""
    for problem in recorder.problems:
        ctx.log.warning("%s", problem)
    asking = Asking(ctx)
    asking.watch()
    company = ctx.wanted(Company)

    def take_document() -> None:
        provider = company.get()
        document = provider.document(KIND) if provider is not None else None
        if provider is None:
            return
        try:
            version, content = (document.version, document.content) if document else (0, {})
            asking.wishes(levels.take_document(version, content))
        except LogsError as error:
            ctx.log.warning("the company's document on logging is passed over: %s", error)

    def changed(event: DocumentChanged) -> None:
        if event.kind == KIND:
            take_document()

    ctx.subscribe(DocumentChanged, changed)
    ctx.subscribe(SignalReceived, asking.heard)
    stop_watching = company.watch(take_document)
    take_document()
    asking.wishes(bool(levels.wishes()))
    if recorder.unclean:
        from tulou_log.reports import crash_lines

        room.crash = crash_lines(note)
        ctx.log.warning("the last run ended without taking leave; its log is complete up to its end")
        asking.crashed(ctx.now() - _BEFORE_A_CRASH)
    try:
        yield asking
    finally:
        stop_watching()
        asking.close()
