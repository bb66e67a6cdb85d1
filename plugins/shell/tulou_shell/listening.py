"""Feeds that one open page listens to: values one by one, never more than the page keeps up with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import aclosing
from typing import Any

import trio

from tulou_contracts.ui import PageFeed
from tulou_shell.faults import INTERNAL, fault_of, log_of
from tulou_shell.protocol import Fault, encode_push

WINDOW = 32
"""Values that may be on their way to a page; the next one waits until the page has taken some."""
FEEDS = 64
"""Feeds of one page at a time."""

GONE = Fault("missing", "The plugin that told this is not running.")

Find = Callable[[str], PageFeed]
"""The feed of a name. Raises `Fault`."""


class Listening:
    """The feeds of one page. The page chooses their numbers, so no answer can overtake a value."""

    def __init__(self, nursery: trio.Nursery, find: Find, post: Callable[[str], None]) -> None:
        self._nursery = nursery
        self._find = find
        self._post = post
        self._running: dict[int, _Running] = {}

    def __len__(self) -> int:
        return len(self._running)

    def start(self, number: int, name: str, params: Mapping[str, Any]) -> None:
        """Begin to tell the values of a feed. Raises `Fault`."""
        if number in self._running:
            raise Fault("malformed", f"The page listens to a feed with the number {number} already.")
        if len(self._running) >= FEEDS:
            raise Fault("too-many", f"A page may listen to {FEEDS} feeds at a time.")
        running = self._running[number] = _Running(self._find(name))
        self._nursery.start_soon(self._run, number, running, params)

    def took(self, number: int, count: int) -> None:
        """The page has taken `count` more values; of a feed that ended meanwhile this means nothing."""
        running = self._running.get(number)
        if running is not None:
            for _ in range(min(count, WINDOW - running.credit.value)):
                running.credit.release()

    def stop(self, number: int) -> None:
        """The page does not listen any more; harmless when the feed has ended."""
        running = self._running.pop(number, None)
        if running is not None:
            running.scope.cancel()

    def stop_all(self) -> None:
        """The page is gone."""
        for number in tuple(self._running):
            self.stop(number)

    def review(self) -> None:
        """End the feeds whose plugin has left, or contributes others by now."""
        for running in self._running.values():
            try:
                same = self._find(running.feed.name) == running.feed
            except Fault:
                same = False
            if not same:
                running.fault = GONE
                running.scope.cancel()

    async def _run(self, number: int, running: _Running, params: Mapping[str, Any]) -> None:
        with running.scope:
            try:
                await self._tell(number, running, params)
            except Exception as error:  # any failure is told; only cancellation passes
                running.fault = fault_of(error)
                if running.fault is INTERNAL:
                    log_of(running.feed.name).exception("the page feed %s failed", running.feed.name)
        if self._running.get(number) is running:
            del self._running[number]
            fault = running.fault
            told = None if fault is None else fault.view()
            self._post(encode_push("feed.end", {"feed": number, "error": told}))

    async def _tell(self, number: int, running: _Running, params: Mapping[str, Any]) -> None:
        async with aclosing(running.feed.source(params)) as values:
            while True:
                await running.credit.acquire()  # first, so that the generator itself is held up
                try:
                    value = await anext(values)
                except StopAsyncIteration:
                    return
                self._post(encode_push("feed", {"feed": number, "value": value}))


class _Running:
    def __init__(self, feed: PageFeed) -> None:
        self.feed = feed
        self.scope = trio.CancelScope()
        self.credit = trio.Semaphore(WINDOW, max_value=WINDOW)
        self.fault: Fault | None = None
