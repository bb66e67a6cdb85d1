"""When reports leave, and what becomes of them: batches by count, bytes and age; retry with noise."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import trio

from tulou.errors import ServiceGone, TulouError
from tulou.flow import Signal, backoff
from tulou_contracts.company import CompanyError
from tulou_contracts.network import HttpResponse, NetworkError
from tulou_contracts.storage import StorageError
from tulou_contracts.tracking import Consent, TrackingError
from tulou_tracking.answers import Fate, fate_of, wait_of
from tulou_tracking.counts import SENT, Counts
from tulou_tracking.destination import Destination
from tulou_tracking.queue import Queue, Stored
from tulou_tracking.standing import Standing

if TYPE_CHECKING:
    from random import Random

    from tulou_tracking.budget import Budget

_BASE = 2.0
"""Seconds: the ceiling of the first pause."""


class NotSent(TrackingError):
    """A report did not leave; the text says why."""


class Reporter:
    """Sends what the queue holds, oldest first, one report at a time."""

    def __init__(
        self, standing: Standing, queue: Queue, counts: Counts, destination: Destination, budget: Budget,
        *, now: Callable[[], int], log: logging.Logger, random: Random,
    ) -> None:
        self._standing = standing
        self._config = standing.config
        self._queue = queue
        self._counts = counts
        self._destination = destination
        self._budget = budget
        self._now = now
        self._log = log
        self._random = random
        self.changed: Callable[[], None] = lambda: None
        """Called after every attempt."""
        self._news = Signal()
        self._sending = trio.Lock()
        self._under_way: trio.CancelScope | None = None
        self._held_up = 0
        self._since: float | None = None  # when, by the loop's clock, the queue was first not empty
        self._not_before = 0.0
        self._pauses = backoff(_BASE, self._config.retry_cap, random)
        self._asked_wait = 0.0
        self.problem = ""
        """Why the last report did not leave, in words."""

    def news(self) -> None:
        """The queue, the destination or the consent is another one."""
        self._news.set()

    def network_is_back(self) -> None:
        """No reason to wait for the pause to end, unless the server asked for it."""
        if not self._asked_wait:
            self._not_before = 0.0
        self._news.set()

    @contextmanager
    def held_up(self) -> Iterator[None]:
        """Break off what is being sent, and begin nothing, for as long as the block lasts: what waits
        may not leave any more."""
        self._held_up += 1
        if self._under_way is not None:
            self._under_way.cancel()
        try:
            yield
        finally:
            self._held_up -= 1
            self._news.set()

    async def run(self) -> None:
        """Send for as long as the plugin runs."""
        while True:
            with trio.move_on_at(self._due_at()):
                await self._news.wait()
                continue
            try:
                await self._send_all()
            except TulouError as error:
                self._failed(error)
            self.changed()

    def _due_at(self) -> float:
        """When, by the loop's clock, the next report should leave."""
        if not self._queue.held:
            self._since = None
            return float("inf")
        if self._since is None:
            self._since = trio.current_time()
        if not self._may_send() or not self._destination.words:
            return float("inf")
        full = (self._queue.held >= self._config.batch
                or self._queue.size >= self._config.batch_kb * 1024)
        due = 0.0 if full else self._since + self._config.batch_age
        return max(due, self._not_before)

    async def send_now(self) -> None:
        """Send everything that waits. Raises `NotSent`, `NetworkError`, `CompanyError`, `StorageError`."""
        if self._standing.consent is Consent.OFF:
            raise NotSent("nothing is sent without consent")
        if not self._destination.words:
            raise NotSent("there is nowhere to send reports to: neither a company service nor an endpoint"
                          " is set")
        try:
            await self._send_all()
        except TulouError as error:
            self._failed(error)
            raise
        finally:
            self.changed()

    async def _send_all(self) -> None:
        async with self._sending:
            size = self._config.batch
            while self._queue.held and self._may_send():
                with trio.CancelScope() as self._under_way:
                    size = await self._send_some(size)
                self._under_way = None
                self.changed()
            self._since = None

    def _may_send(self) -> bool:
        return self._standing.consent is not Consent.OFF and not self._held_up

    async def _send_some(self, most: int) -> int:
        """One report of at most `most` events; how many the next may have."""
        events = await self._queue.oldest(most, self._config.batch_kb * 1024)
        if not events:
            return most
        answer = await self._exchange(events)
        fate = fate_of(answer.status)
        if fate is Fate.AGAIN or fate is Fate.DONE and _is_page(answer):
            self._asked_wait = wait_of(answer.headers, self._now())
            raise NotSent(f"{self._destination.words} answered {answer.status}"
                          f"{' with a page for people' if fate is Fate.DONE else ''}")
        if fate is Fate.SPLIT and len(events) > 1:
            return max(len(events) // 2, 1)
        if fate is not Fate.DONE:
            self._log.warning("%s refused %d events with %d: they are dropped",
                              self._destination.words, len(events), answer.status)
        # the collector has them: whoever cancels us now must not have them sent again
        with trio.CancelScope(shield=True):
            what = SENT if fate is Fate.DONE else f"refused-{answer.status}"
            self._counts.note(await self._queue.settle(events, what))
        self._succeeded()
        return min(max(most * 2, 1), self._config.batch)

    async def _exchange(self, events: Sequence[Stored]) -> HttpResponse:
        bodies = [event.body for event in events]
        body, content_type = self._destination.pack(bodies, self._now())
        self._budget.spend(len(body), self._now())  # raises where traffic costs money and is used up
        return await self._destination.send(body, content_type, anonymous=events[0].anonymous)

    def _succeeded(self) -> None:
        self.problem, self._asked_wait, self._not_before = "", 0.0, 0.0
        self._pauses = backoff(_BASE, self._config.retry_cap, self._random)

    def _failed(self, error: TulouError) -> None:
        expected = (NetworkError, CompanyError, ServiceGone, StorageError, NotSent)
        text = str(error) if isinstance(error, expected) else f"{type(error).__name__}: {error}"
        if text != self.problem:
            self._log.info("the report waits: %s", text)
        self.problem = text
        # noise on top of what the server asks for, or all clients would come back together
        pause = max(self._asked_wait, _BASE) + next(self._pauses)
        self._not_before = trio.current_time() + pause


def _is_page(answer: HttpResponse) -> bool:
    """A sign-in page of a captive network answers 200 to everything; a collector has no pages."""
    return answer.headers.get("content-type", "").lower().startswith("text/html")
