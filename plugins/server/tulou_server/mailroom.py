"""Messages on their way: committed first, then delivered, in one order for everybody.

All connections hand their messages to one task. It commits whatever has gathered in one
transaction and then delivers in the order of the archive numbers, so a receiver's live order is the
archive's order. An archived message stays `pending` in the database until a client of the receiver
has certainly got it; what is left pending is what others call offline messages.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import trio

from tulou.flow import Signal
from tulou_contracts.storage import Database, StorageError, Transaction
from tulou_server.archive import Append, Copy, Entry, clear_pending
from tulou_server.session import Session
from tulou_xmpp.wire import JID, Element

BATCH = 500
"""Messages in one transaction, at most."""
LINGER = 0.05
"""Seconds that notes of delivery wait for a message to share its transaction."""

Deliver = Callable[["Letter"], None]
Reject = Callable[["Letter", str], None]


@dataclass(slots=True, eq=False)
class Letter:
    """One message: what to archive (as `text`), and what came of it (`entries`, one a copy)."""

    message: Element
    sender: Session
    to: JID
    text: str = ""
    copies: Sequence[Copy] = ()
    entries: Sequence[Entry | None] = ()


@dataclass(slots=True, eq=False)
class _Post:
    letters: Sequence[Letter]
    done: trio.Event = field(default_factory=trio.Event)
    worked: bool = False


class Mailroom:
    """Commits and delivers; `run` is its task."""

    def __init__(
        self, database: Database, now: Callable[[], int], deliver: Deliver, reject: Reject,
        log: logging.Logger,
    ) -> None:
        self._database = database
        self._now = now
        self._deliver = deliver
        self._reject = reject
        self._log = log
        self._posts: deque[_Post] = deque()
        self._taken: list[tuple[str, int]] = []
        self._left_over: list[tuple[str, int]] = []
        self._remembered: set[tuple[str, int]] = set()
        self._lookers = 0
        self._stopped = False
        self._signal = Signal()
        self._mail = Signal()

    async def post(self, letters: Sequence[Letter]) -> None:
        """Returns when the letters are durable and on their way, or were refused.

        Raises `StorageError` when the server is stopping.
        """
        if self._stopped:
            raise StorageError("the server is stopping")
        post = _Post(letters)
        self._posts.append(post)
        self._signal.set()
        self._mail.set()
        await post.done.wait()
        if not post.worked:
            raise StorageError("the server is stopping")

    def taken(self, owner: str, seq: int) -> None:
        """A client of the owner has got this message."""
        self._taken.append((owner, seq))
        self._remembered.add((owner, seq))
        self._signal.set()

    def is_taken(self, owner: str, seq: int) -> bool:
        """Whether a message that the database calls pending was taken after all."""
        return (owner, seq) in self._remembered

    @contextmanager
    def looking(self) -> Iterator[None]:
        """While somebody reads what is pending, `is_taken` forgets nothing."""
        self._lookers += 1
        try:
            yield
        finally:
            self._lookers -= 1

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            while True:
                await self._signal.wait()
                while self._posts or self._taken:
                    if not self._posts:
                        with trio.move_on_after(LINGER):
                            await self._mail.wait()
                    await self._work()
        finally:
            self._stopped = True
            for post in self._posts:
                post.done.set()

    async def flush(self) -> None:
        """Write down what is known to be taken, at the very end."""
        self._taken += self._left_over
        if self._taken:
            await self._work()

    async def _work(self) -> None:
        posts = self._gather()
        letters = [letter for post in posts for letter in post.letters]
        problem = await self._store(letters)
        for letter in letters:
            self._finish(letter, problem)
        for _ in posts:
            post = self._posts.popleft()
            post.worked = True
            post.done.set()

    async def _store(self, letters: Sequence[Letter]) -> str:
        """Commit; "" or why it failed."""
        copies = [copy for letter in letters for copy in letter.copies]
        taken, self._taken = self._left_over + self._taken, []
        self._left_over = []
        if not copies and not taken:
            return ""
        try:
            self._share(letters, await self._commit(copies, taken))
        except StorageError as error:
            self._log.error("storing %d messages failed: %s", len(copies), error)
            # with the next messages, not at once: a full disk must not make this spin
            self._left_over = taken
            return str(error)
        if not self._lookers:
            self._remembered.difference_update(taken)
        return ""

    def _finish(self, letter: Letter, problem: str) -> None:
        try:
            if problem and letter.copies:
                self._reject(letter, problem)
            else:
                self._deliver(letter)
        except Exception:
            # one odd message must not stop everybody's mail; it is stored, so it is not lost
            self._log.exception("delivering a message from %s failed", letter.sender.address)

    def _gather(self) -> list[_Post]:
        """What is to be worked on; it stays in the queue until it is done."""
        posts: list[_Post] = []
        count = 0
        for post in self._posts:
            if count >= BATCH:
                break
            posts.append(post)
            count += len(post.letters)
        return posts

    async def _commit(
        self, copies: Sequence[Copy], taken: Sequence[tuple[str, int]]
    ) -> list[Entry | None]:
        append = Append(copies, self._now())

        def work(transaction: Transaction) -> list[Entry | None]:
            if taken:
                clear_pending(transaction, taken)
            return append(transaction) if copies else []

        return await self._database.write(work)

    @staticmethod
    def _share(letters: Sequence[Letter], entries: Sequence[Entry | None]) -> None:
        start = 0
        for letter in letters:
            end = start + len(letter.copies)
            letter.entries = entries[start:end]
            start = end
