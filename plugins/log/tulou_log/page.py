"""The page of the logs: what it may call, and its words."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

from tulou import implements
from tulou_contracts.logs import LogFilter, LogLine, LogReport, LogsError, Verbosity
from tulou_contracts.ui import Asset, Contribution, Page, PageFeed, PageMethod, Place, Texts, contribute_ui
from tulou_log.asking import Asking
from tulou_log.levels import level_of
from tulou_log.room import LogsRoom

SCREEN = 100_000
"""Characters of a report that are shown at a time."""
_BEGINNING = 200
_KEPT = 4


class LogPages:
    """Contributes the page and answers it."""

    def __init__(self, room: LogsRoom, asking: Asking) -> None:
        self._room = room
        self._asking = asking
        self._reports: dict[str, tuple[LogReport, str]] = {}
        self._progress: dict[str, tuple[int, int]] = {}

    @implements(contribute_ui)
    def contribute_ui(self) -> Sequence[Contribution]:
        """The page, in the list of the settings."""
        from tulou_log.words import EN, ZH

        methods = (("log.state", self._state), ("log.level", self._set_level), ("log.answer", self._answer),
                   ("log.preview", self._preview), ("log.more", self._more), ("log.send", self._send),
                   ("log.progress", self._progress_of), ("log.dismiss", self._dismiss))
        return (
            Page(name="log", title="log.title", module=Asset("tulou_log", "log.js"),
                 icon=Asset("tulou_log", "log.svg"), place=Place.SETTINGS, order=80),
            Texts(language="zh", texts=ZH), Texts(language="en", texts=EN),
            *(PageMethod(name=name, handler=handler) for name, handler in methods),
            PageFeed(name="log.tail", source=self._tail),
        )

    async def _state(self, params: Mapping[str, Any]) -> Any:
        """Levels, modules and what waits for an answer."""
        return {
            "levels": _names(self._room.levels()), "wishes": _names(self._room.wishes()),
            "modules": self._room.modules(), "trouble": self._room.trouble,
            "requests": [
                {"id": each.id, "since": each.since, "until": each.until, "reason": each.reason}
                for each in self._asking.requests.values()
            ],
        }

    async def _set_level(self, params: Mapping[str, Any]) -> Any:
        word = params.get("level")
        await self._room.set_level(_text(params, "module"), None if word in (None, "") else level_of(word))
        return await self._state({})

    async def _answer(self, params: Mapping[str, Any]) -> Any:
        await self._room.answer_wishes(params.get("consent") is True)
        self._asking.done("wishes")
        return await self._state({})

    async def _preview(self, params: Mapping[str, Any]) -> Any:
        """Make a report; its text is what the bytes hold."""
        from trio import to_thread

        from tulou_log.reports import unpacked

        report = await self._room.prepare(filter_of(params))
        text = await to_thread.run_sync(unpacked, report)
        while len(self._reports) >= _KEPT:
            del self._reports[next(iter(self._reports))]
        self._reports[report.id] = report, text
        return {"id": report.id, "lines": report.lines, "size": report.size, "parts": len(report.parts),
                "text": text[:SCREEN], "length": len(text)}

    async def _more(self, params: Mapping[str, Any]) -> Any:
        """A later piece of a report's text."""
        start = params.get("start")
        _, text = self._report(params)
        return text[start:start + SCREEN] if type(start) is int and start >= 0 else ""

    async def _send(self, params: Mapping[str, Any]) -> Any:
        """A person saw the report and agreed."""
        report, _ = self._report(params)
        if params.get("consent") is not True:
            raise LogsError("a report is sent only when a person agrees to it")

        def progress(sent: int, whole: int) -> None:
            self._progress[report.id] = sent, whole

        try:
            await self._room.send(report, progress)
        finally:
            self._progress.pop(report.id, None)
        self._reports.pop(report.id, None)
        self._asking.done(_text(params, "request"))
        return {"id": report.id, "size": report.size}

    async def _progress_of(self, params: Mapping[str, Any]) -> Any:
        return self._progress.get(_text(params, "id"))

    async def _dismiss(self, params: Mapping[str, Any]) -> Any:
        """A person says no."""
        self._asking.done(_text(params, "request"))
        return await self._state({})

    def _report(self, params: Mapping[str, Any]) -> tuple[LogReport, str]:
        found = self._reports.get(_text(params, "id"))
        if found is None:
            raise LogsError("this preview is not there any more; make it again")
        return found

    async def _tail(self, params: Mapping[str, Any]) -> AsyncGenerator[Any, None]:
        """The newest lines, then those that come."""
        which = filter_of(params)
        async with self._room.tail(which) as lines:
            newest = 0
            for line in await self._room.read(which, limit=_BEGINNING):
                newest = max(newest, line.number)
                yield _view(line)
            async for line in lines:
                if line.number > newest:
                    yield _view(line)


def filter_of(params: Mapping[str, Any]) -> LogFilter:
    """What a page asks for. Raises `LogsError`."""
    since, until = params.get("since"), params.get("until")
    return LogFilter(
        level=level_of(params.get("level") or "debug"), module=_text(params, "module"),
        text=_text(params, "text"), correlation=_text(params, "correlation"),
        since=since if type(since) is int else 0, until=until if type(until) is int else None)


def _text(params: Mapping[str, Any], name: str) -> str:
    value = params.get(name, "")
    return value[:1000] if isinstance(value, str) else ""


def _names(levels: Mapping[str, Verbosity]) -> dict[str, str]:
    return {module: level.name.lower() for module, level in levels.items()}


def _view(line: LogLine) -> dict[str, Any]:
    return {
        "number": line.number, "at": line.at, "level": line.level.name.lower(), "module": line.module,
        "message": line.message, "correlation": line.correlation, "task": line.task,
        "fields": dict(line.fields), "error": [dict(each) for each in line.error],
    }
