"""The outbox pump: what is queued goes to the server whenever there is a connection.

Several messages are on the wire at once, each conversation's in order. Nothing leaves the outbox
before the server has taken it; what is in doubt goes again under the same id, from the first one
of its conversation on, so that order holds.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Awaitable, Callable
from logging import Logger

import trio
from tulou.correlation import correlated
from tulou.flow import Signal, backoff
from tulou_contracts.storage import Database, StorageError
from tulou_contracts.transport import (
    ConnectionState,
    NotAccepted,
    NotConnected,
    Refused,
    Submission,
    Transport,
)

from tulou_im import sending
from tulou_im.news import Publish, announce
from tulou_im.sending import Queued
from tulou_im.state import Step


class Outbox:
    """Owns what is on its way to the server.

    `settled` returns when copies of what was sent before have been looked for at the server.
    """

    def __init__(
        self, database: Database, transport: Transport, publish: Publish, log: Logger, *,
        window: int, settled: Callable[[], Awaitable[None]], rng: random.Random | None = None,
    ) -> None:
        self._database = database
        self._transport = transport
        self._publish = publish
        self._log = log
        self._window = window
        self._settled = settled
        self._rng = rng
        self._signal = Signal()
        self._delays = backoff(1.0, 10.0, rng)
        self._flying: dict[tuple[int, int], str] = {}
        self._per_conversation: Counter[int] = Counter()
        self._held: set[int] = set()
        self._doubt = False
        self._failed = False

    def wake(self) -> None:
        """There is something to send."""
        self._signal.set()

    def connected(self, resumed: bool) -> None:
        """There is a connection to send on."""
        if not resumed:
            # What is still in flight belongs to the former session: nothing may overtake it.
            self._held.update(self._per_conversation)
        self._signal.set()

    async def run(self) -> None:
        """Pump for as long as the room is open."""
        # After a crash nobody remembers what was on the wire, so what waits is in doubt.
        self._doubt = bool(await self._database.read(lambda reader: sending.waiting(reader, (), 1)))
        async with trio.open_nursery() as nursery:
            while True:
                await self._pump(nursery)
                await self._signal.wait()
                if self._failed:
                    self._failed = False
                    if self._online:  # not taken although the connection stands: do not hammer
                        await trio.sleep(next(self._delays))

    @property
    def _online(self) -> bool:
        return self._transport.state.state is ConnectionState.ONLINE

    async def _pump(self, nursery: trio.Nursery) -> None:
        """Submit what may go now."""
        while self._online and (room := self._window - len(self._flying)) > 0:
            # What flies now may land while the database is read: the read still shows it as waiting.
            flying = frozenset(self._flying)
            held, limit = frozenset(self._held), self._window + len(flying)
            queued = await self._database.read(lambda reader: sending.waiting(reader, held, limit))
            ready = [
                item for item in queued
                if (item.key, item.position) not in flying and item.key not in self._held
            ]
            if not ready:
                return
            if self._doubt:
                self._doubt = False
                await self._settled()
                continue  # what the server had is out of the outbox by now
            if not all(self._submit(item, nursery) for item in ready[:room]):
                return

    def _submit(self, item: Queued, nursery: trio.Nursery) -> bool:
        try:
            submission = self._transport.submit(item.message)
        except NotConnected:
            self._failed = True
            self._signal.set()
            return False
        except Refused as refusal:
            submission = _Refusal(refusal)
        self._flying[item.key, item.position] = item.message.id
        self._per_conversation[item.key] += 1
        nursery.start_soon(self._watch, item, submission)
        return True

    async def _watch(self, item: Queued, submission: Submission) -> None:
        with correlated(item.message.id):  # the recipient's client has the same id
            await self._settle(item, submission)

    async def _settle(self, item: Queued, submission: Submission) -> None:
        try:
            step, reason = await _answer(submission)
            changes = await self._database.write(
                lambda tx: sending.settle(tx, item.message.to, item.message.id, step, reason)
            )
        except (NotAccepted, NotConnected):
            self._again(item)
        except StorageError as error:
            self._log.error("the answer to message %s could not be stored: %s", item.message.id, error)
            self._again(item)
        else:
            self._delays = backoff(1.0, 10.0, self._rng)
            announce(self._publish, changes)
        finally:
            self._landed(item)

    def _again(self, item: Queued) -> None:
        self._doubt = self._failed = True
        self._held.add(item.key)

    def _landed(self, item: Queued) -> None:
        self._flying.pop((item.key, item.position), None)
        self._per_conversation[item.key] -= 1
        if not self._per_conversation[item.key]:
            del self._per_conversation[item.key]
            self._held.discard(item.key)
        self._signal.set()


async def _answer(submission: Submission) -> tuple[Step, str]:
    try:
        await submission.accepted()
    except Refused as refusal:
        return Step.REFUSED, str(refusal) or "the server refuses this message"
    return Step.ACCEPTED, ""


class _Refusal:
    """A submission refused before it was made."""

    def __init__(self, refusal: Refused) -> None:
        self._refusal = refusal

    async def accepted(self) -> None:
        raise self._refusal
