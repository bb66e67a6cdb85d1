"""The contract's `Logs`: reading, levels and reports of the profile that runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial

import trio

from tulou.context import Context
from tulou_contracts.company import Company
from tulou_contracts.logs import LogFilter, LogLine, LogReport, Verbosity
from tulou_log import sending
from tulou_log.levels import Levels, check_name
from tulou_log.live import Live
from tulou_log.recorder import Recorder


class LogsRoom:
    """Implements the contract."""

    def __init__(self, ctx: Context, recorder: Recorder, levels: Levels, live: Live, *, sealed: bool) -> None:
        self._ctx = ctx
        self._recorder = recorder
        self._levels = levels
        self._live = live
        self._sealed = sealed
        self._carriers: tuple[sending.Carrier, ...] = (sending.ByCompany(ctx.wanted(Company)),)
        self.crash: Sequence[str] = ()
        """What the interpreter noted of the last run's end."""

    # -- levels -------------------------------------------------------------------------------

    def levels(self) -> Mapping[str, Verbosity]:
        """See the contract."""
        return self._levels.holding()

    async def set_level(self, module: str, level: Verbosity | None) -> None:
        """See the contract."""
        check_name(module)
        await trio.to_thread.run_sync(self._levels.set, module, level)

    def wishes(self) -> Mapping[str, Verbosity]:
        """See the contract."""
        return self._levels.wishes()

    async def answer_wishes(self, consent: bool) -> None:
        """See the contract."""
        await trio.to_thread.run_sync(self._levels.answer_wishes, consent)

    @property
    def trouble(self) -> str:
        """Why nothing can be written to files now; empty when all is well."""
        return self._recorder.writer.trouble

    def modules(self) -> list[str]:
        """Who can log: modules that have a logger now."""
        import logging

        from tulou_log.rendering import module_of

        names = {module_of(name) for name in tuple(logging.Logger.manager.loggerDict)
                 if name.startswith(("tulou.", "tulou_"))}
        return sorted(each for each in names if each not in ("plugin", ""))

    # -- reading ------------------------------------------------------------------------------

    async def read(self, which: LogFilter = LogFilter(), *, limit: int = 1000) -> Sequence[LogLine]:
        """See the contract."""
        return await trio.to_thread.run_sync(self._read, which, limit)

    def _read(self, which: LogFilter, limit: int) -> Sequence[LogLine]:
        from tulou_log import reading

        self._recorder.writer.flush()
        if self._from_memory():
            parsed = map(reading.parse, tuple(self._live.recent))
            return [line for line in parsed if line is not None and reading.fits(line, which)][-limit:]
        return reading.read(self._recorder.folder, which, limit)

    def _from_memory(self) -> bool:
        """Sealed files can be read by nobody here; where there are none, this run's lines are all."""
        return self._sealed or bool(self._recorder.writer.trouble)

    def tail(
        self, which: LogFilter = LogFilter()
    ) -> AbstractAsyncContextManager[AsyncIterator[LogLine]]:
        """See the contract."""
        return self._live.listening(which)

    # -- reports ------------------------------------------------------------------------------

    async def prepare(self, which: LogFilter = LogFilter()) -> LogReport:
        """See the contract."""
        return await trio.to_thread.run_sync(partial(self._prepare, which))

    def _prepare(self, which: LogFilter) -> LogReport:
        from tulou_log import reading, reports

        self._recorder.writer.flush()
        lines = (tuple(self._live.recent) if self._from_memory()
                 else reading.stored(self._recorder.folder, since=which.since))
        return reports.make(lines, which, names=self.modules(), crash=self.crash)

    async def send(
        self, report: LogReport, progress: Callable[[int, int], None] | None = None
    ) -> None:
        """See the contract."""
        await sending.send(self._carriers, report, progress or (lambda sent, whole: None))
        self._ctx.log.info("report %s of %d lines was sent, %d bytes", report.id, report.lines, report.size)
