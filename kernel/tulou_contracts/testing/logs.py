"""Conformance of `Logs`, and a fake of it.

Subclass the suite and give it an implementation that runs, to which the standard library's loggers
``tulou.plugin.NAME`` speak::

    class TestMine(LogsConformance):
        @pytest.fixture
        async def logs(self): ...
"""

from __future__ import annotations

import gzip
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest
import trio

from tulou.correlation import correlated, correlation
from tulou_contracts.logs import (
    LogFilter, LogLine, LogReport, Logs, LogsError, Personal, Public, Secret, Verbosity,
)

CANARY = "kanarienvogel-7f3a"


class LogsConformance:
    """What any `Logs` owes."""

    @pytest.fixture
    async def logs(self) -> AsyncIterator[Logs]:
        """An implementation that runs."""
        raise NotImplementedError
        yield

    def logger(self, module: str = "subject") -> logging.Logger:
        """How a plugin logs."""
        return logging.getLogger(f"tulou.plugin.{module}")

    async def test_what_is_logged_can_be_read(self, logs: Logs) -> None:
        with correlated("act-1"):
            self.logger().warning("%d of %d", 3, 4, extra={"size": 12})
        line = (await logs.read())[-1]
        assert (line.module, line.level, line.message) == ("subject", Verbosity.WARNING, "3 of 4")
        assert line.fields == {"size": 12}
        assert line.correlation == "act-1"

    async def test_numbers_grow_and_the_newest_come_last(self, logs: Logs) -> None:
        for each in range(20):
            self.logger().info("number %d", each)
        lines = await logs.read(limit=10)
        assert [each.message for each in lines] == [f"number {each}" for each in range(10, 20)]
        numbers = [each.number for each in lines]
        assert numbers == sorted(set(numbers))

    async def test_a_filter_leaves_out_what_does_not_fit(self, logs: Logs) -> None:
        self.logger("one").info("apples")
        self.logger("two").error("Pears")
        self.logger("two.sub").error("plums")
        with correlated("mine"):
            self.logger("three").info("cherries")

        async def messages(**settings: Any) -> list[str]:
            return [each.message for each in await logs.read(LogFilter(**settings))
                    if each.module.split(".")[0] in ("one", "two", "three")]

        assert await messages(level=Verbosity.ERROR) == ["Pears", "plums"]
        assert await messages(module="two") == ["Pears", "plums"]
        assert await messages(text="pear") == ["Pears"]
        assert await messages(correlation="mine") == ["cherries"]
        newest = (await logs.read())[-1].at
        assert await messages(since=newest + 1) == []
        assert await messages(until=newest - 60_000_000) == []

    async def test_levels_hold_at_once_for_a_module_and_those_below_it(self, logs: Logs) -> None:
        await logs.set_level("noisy", Verbosity.DEBUG)
        await logs.set_level("quiet", Verbosity.OFF)
        assert logs.levels()["noisy"] is Verbosity.DEBUG
        self.logger("noisy.part").debug("heard")
        self.logger("quiet").critical("not heard")
        self.logger("other").debug("not heard")
        assert [each.message for each in await logs.read() if "heard" in each.message] == ["heard"]
        await logs.set_level("noisy", None)
        assert "noisy" not in logs.levels()
        assert not self.logger("noisy").isEnabledFor(logging.DEBUG)

    async def test_a_level_for_nobody_is_refused(self, logs: Logs) -> None:
        for name in ("two words", "a/b", "x" * 1000, "名字"):
            with pytest.raises(LogsError):
                await logs.set_level(name, Verbosity.DEBUG)

    async def test_marked_texts_are_told_as_they_ask(self, logs: Logs) -> None:
        log = self.logger()
        log.info("%s %s %s", Personal(f"{CANARY}@example.org"), Secret(CANARY), Public("1.2.3"))
        log.info("again %s", Personal(f"{CANARY}@example.org"))
        log.info("other %s", Personal("somebody@example.org"))
        first, again, other = (await logs.read())[-3:]
        assert CANARY not in repr((first, again, other))
        assert first.message.endswith(" <secret> 1.2.3")
        person = first.message.split(" ")[0]
        assert again.message == f"again {person}"
        assert person not in other.message

    async def test_nothing_that_is_logged_harms_who_logs_it(self, logs: Logs) -> None:
        class Hostile:
            def __str__(self) -> str:
                raise RuntimeError("no text")

            __repr__ = __str__

        log = self.logger()
        with _no_streams():  # those of the test's runner do mind
            log.info("%s", Hostile())
            log.info("%d %s", "too few")
            log.info("no place", 1, 2)
            log.info(Hostile())
            log.info("%s %s", b"\x00\xff", "\x1b[31m\n\ud800")
        log.info("still here")
        lines = await logs.read()
        assert lines[-1].message == "still here"
        assert not any("\x1b" in each.message or "\n" in each.message for each in lines)

    async def test_who_watches_sees_what_comes(self, logs: Logs) -> None:
        with trio.fail_after(30):
            async with logs.tail(LogFilter(level=Verbosity.ERROR)) as lines:
                self.logger().info("not this")
                self.logger().error("this")
                async for line in lines:
                    assert line.message == "this"
                    break

    async def test_a_report_is_what_its_bytes_say(self, logs: Logs) -> None:
        self.logger().error("sent %d", 42)
        self.logger().error(f"a text of somebody: {CANARY}")
        report = await logs.prepare(LogFilter(level=Verbosity.ERROR))
        text = b"".join(map(gzip.decompress, report.parts)).decode()
        assert report.lines >= 2 and report.size == sum(map(len, report.parts))
        assert "42" in text
        assert CANARY not in text

    async def test_a_report_of_nothing_is_refused(self, logs: Logs) -> None:
        with pytest.raises(LogsError):
            await logs.prepare(LogFilter(text="nobody ever wrote this"))


@contextmanager
def _no_streams() -> Iterator[None]:
    root = logging.getLogger()
    streams = [each for each in root.handlers if isinstance(each, logging.StreamHandler)]
    for each in streams:
        root.removeHandler(each)
    try:
        yield
    finally:
        for each in streams:
            root.addHandler(each)


class FakeLogs:
    """Keeps lines in memory while `running`; `sent` has the reports."""

    def __init__(self) -> None:
        self.lines: list[LogLine] = []
        self.sent: list[LogReport] = []
        self.asked: dict[str, Verbosity] = {}
        self._levels = {"": Verbosity.INFO}
        self._watchers: list[tuple[LogFilter, trio.MemorySendChannel[LogLine]]] = []

    @contextmanager
    def running(self) -> Iterator[FakeLogs]:
        """Listen to the loggers."""
        handler = _Listener(self._take)
        root, tulou = logging.getLogger(), logging.getLogger("tulou")
        before = tulou.level
        root.addHandler(handler)
        tulou.setLevel(logging.INFO)
        try:
            yield self
        finally:
            root.removeHandler(handler)
            tulou.setLevel(before)
            for name in self._levels:
                logging.getLogger(f"tulou.plugin.{name}").setLevel(logging.NOTSET)

    def _take(self, record: logging.LogRecord) -> None:
        arguments = record.args if isinstance(record.args, tuple) else ()
        told = tuple(_told(each) for each in arguments)
        template = record.msg if isinstance(record.msg, str) else "<value>"
        try:
            message = template % told if told else template
        except (TypeError, ValueError):
            message = template
        message = message if isinstance(message, str) else "<value>"
        message = message.encode("unicode_escape", "replace").decode("ascii")
        fields = {name: value for name, value in vars(record).items()
                  if isinstance(value, int) and name not in _USUAL}
        line = LogLine(
            number=len(self.lines) + 1, at=int(record.created * 1e6), level=Verbosity(record.levelno),
            module=record.name.removeprefix("tulou.plugin."), message=message, template=template,
            arguments=told, fields=fields, correlation=correlation())
        self.lines.append(line)
        for which, channel in self._watchers:
            if _fits(line, which):
                channel.send_nowait(line)

    def levels(self) -> Mapping[str, Verbosity]:
        """What was set."""
        return dict(self._levels)

    async def set_level(self, module: str, level: Verbosity | None) -> None:
        """Set the logger of the module."""
        plain = module.replace(".", "").replace("-", "")
        if not (module.isascii() and len(module) <= 100 and plain.isalnum()):
            raise LogsError(f"{module[:100]!r} is no module's name")
        if level is None:
            self._levels.pop(module, None)
        else:
            self._levels[module] = level
        logging.getLogger(f"tulou.plugin.{module}").setLevel(level or logging.NOTSET)

    def wishes(self) -> Mapping[str, Verbosity]:
        """`asked`, which a test fills."""
        return dict(self.asked)

    async def answer_wishes(self, consent: bool) -> None:
        """Takes them over, or not."""
        if consent:
            self._levels |= self.asked
        self.asked.clear()

    async def read(self, which: LogFilter = LogFilter(), *, limit: int = 1000) -> Sequence[LogLine]:
        """From memory."""
        return [each for each in self.lines if _fits(each, which)][-limit:]

    @asynccontextmanager
    async def tail(self, which: LogFilter = LogFilter()) -> AsyncIterator[AsyncIterator[LogLine]]:
        """As they come."""
        send, receive = trio.open_memory_channel[LogLine](1000)
        entry = which, send
        self._watchers.append(entry)
        try:
            yield receive
        finally:
            self._watchers.remove(entry)
            send.close()
            receive.close()

    async def prepare(self, which: LogFilter = LogFilter()) -> LogReport:
        """Levels, modules and numbers."""
        lines = await self.read(which, limit=len(self.lines))
        if not lines:
            raise LogsError("there are no lines in this range")
        told = [f"{each.level.name} {[a for a in each.arguments if isinstance(a, int)]}" for each in lines]
        return LogReport(id="report-1", lines=len(lines), parts=[gzip.compress("\n".join(told).encode())])

    async def send(
        self, report: LogReport, progress: Callable[[int, int], None] | None = None
    ) -> None:
        """Into `sent`."""
        self.sent.append(report)
        if progress is not None:
            progress(report.size, report.size)


class _Listener(logging.Handler):
    def __init__(self, take: Callable[[logging.LogRecord], None]) -> None:
        super().__init__()
        self._take = take

    def emit(self, record: logging.LogRecord) -> None:
        self._take(record)


_USUAL = frozenset(vars(logging.LogRecord("", 0, "", 0, "", None, None)))


def _told(value: object) -> object:
    if isinstance(value, Personal):
        return f"<person:{hash(value.value) & 0xFFFFFFFF:08x}>"
    if isinstance(value, (int, float, Public, Secret)):
        return value if isinstance(value, (int, float)) else str(value)
    return value if isinstance(value, str) else f"<{type(value).__name__}>"


def _fits(line: LogLine, which: LogFilter) -> bool:
    module = which.module
    return (
        line.level >= which.level and line.at >= which.since
        and (which.until is None or line.at <= which.until)
        and (not module or line.module == module or line.module.startswith(f"{module}."))
        and (not which.correlation or line.correlation == which.correlation)
        and which.text.casefold() in line.message.casefold()
    )
