"""What pages and commands ask: consent, the table, what would leave."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tulou.flow import Signal
from tulou_contracts.tracking import Consent, EventSpec, TrackingState
from tulou_tracking.counts import Counts
from tulou_tracking.destination import Destination
from tulou_tracking.person import narrower
from tulou_tracking.queue import Queue
from tulou_tracking.reporter import Reporter
from tulou_tracking.standing import Standing
from tulou_tracking.tracker import EventTracker
from tulou_tracking.wire import line_of


class Control:
    """The contract's `TrackingControl`."""

    def __init__(
        self, standing: Standing, queue: Queue, counts: Counts, tracker: EventTracker, reporter: Reporter,
        destination: Destination, now: Callable[[], int], publish: Callable[[], None],
    ) -> None:
        self._standing = standing
        self._queue = queue
        self._counts = counts
        self._tracker = tracker
        self._reporter = reporter
        self._destination = destination
        self._now = now
        self._publish = publish
        self._listeners: set[Signal] = set()
        self._unclean = False  # a withdrawal that the disk did not take: what waits must not leave

    def state(self) -> TrackingState:
        """See the contract."""
        standing = self._standing
        problems = [*standing.problems, *([self._reporter.problem] if self._reporter.problem else [])]
        return TrackingState(
            consent=standing.consent, chosen=standing.chosen, do_not_track=standing.do_not_track,
            destination=self._destination.words, held=self._queue.held, held_bytes=self._queue.size,
            sent=self._counts.sent(), dropped=self._counts.dropped(), problems=problems,
        )

    def table(self) -> Sequence[EventSpec]:
        """See the contract."""
        return [row.spec for row in self._standing.rows.values()]

    async def set_consent(self, consent: Consent) -> None:
        """See the contract."""
        standing, before = self._standing, self._standing.consent
        if not narrower(consent, before):
            await self._tracker.drain()  # tracked under the narrower one, and kept as it allows
        standing.chosen = consent
        if standing.consent is Consent.OFF or narrower(standing.consent, before) or self._unclean:
            await self._withdraw()
        else:
            standing.witness(consent)
            await self._queue.note(standing.noted())
        self._tracker.off = standing.consent is Consent.OFF
        self.changed()

    async def _withdraw(self) -> None:
        """First everything that cannot fail, then the disk; where that fails, all is off."""
        standing = self._standing
        standing.epoch += 1
        self._tracker.off = standing.consent is Consent.OFF
        self._tracker.forget()
        standing.witness(standing.chosen or Consent.OFF)
        self._unclean = True
        try:
            with self._reporter.held_up():
                self._counts.note(await self._queue.clear("withdrawn", standing.noted()))
            self._unclean = False
        finally:
            if self._unclean:
                standing.chosen, self._tracker.off = Consent.OFF, True
                standing.witness(Consent.OFF)
                self._tracker.forget()
                self.changed()

    async def preview(self, limit: int = 200) -> Sequence[str]:
        """See the contract."""
        await self._tracker.drain()
        config = self._standing.config
        now = self._now()
        waiting = await self._queue.oldest(min(limit, config.batch), config.batch_kb * 1024)
        return [line_of(event.body, now) for event in waiting]

    async def empty(self) -> int:
        """See the contract."""
        with self._reporter.held_up():
            await self._tracker.drain()
            found = await self._queue.clear("emptied")
        self._counts.note(found)
        self.changed()
        return sum(found.values())

    async def flush(self) -> None:
        """See the contract."""
        await self._tracker.drain()

    async def report(self) -> None:
        """See the contract."""
        await self._tracker.drain()
        await self._reporter.send_now()

    # -- for pages that look on --

    def changed(self) -> None:
        """Tell who looks on, and the reporter."""
        self._reporter.news()
        self.seen_changed()

    def seen_changed(self) -> None:
        """Tell who looks on."""
        for each in self._listeners:
            each.set()
        self._publish()

    def listen(self) -> Signal:
        """Set at every change until `unlisten`."""
        signal = Signal()
        self._listeners.add(signal)
        return signal

    def unlisten(self, signal: Signal) -> None:
        """No more."""
        self._listeners.discard(signal)
