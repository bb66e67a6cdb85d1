"""Reader threads: a connection each, a consistent view a call, interrupted when nobody waits."""

from __future__ import annotations

from collections.abc import Callable
from queue import SimpleQueue
from threading import Lock
from typing import Any

import apsw
import trio

from tulou_contracts.storage import StorageCorrupt, StorageError
from tulou_store.connections import Place, open_reader
from tulou_store.faults import of_sqlite
from tulou_store.jobs import Job, settle_from_thread
from tulou_store.statements import Checker, Gate, own
from tulou_store.views import View, plain

_STEPS = 20_000
"""Virtual-machine steps between two looks whether anybody still waits; about a millisecond."""


class Session:
    """One connection that reads; one thread at a time."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._gate = Gate()
        self._checker = Checker()
        self._connection: apsw.Connection | None = None

    def run(self, job: Job) -> None:
        """Do the job's work in a read transaction; the outcome is noted in the job."""
        try:
            connection = self._opened()
            own(connection, "BEGIN")
        except (apsw.Error, StorageError) as error:
            job.error = of_sqlite(error, self._place.path)
            return
        # an interrupt that comes just before a query begins is lost: so the query asks, too
        connection.set_progress_handler(lambda: job.abandoned, _STEPS)
        view = View(connection, self._place.path, self._checker, lambda: job.abandoned)
        self._gate.own = False
        try:
            job.result = job.work(view)
            plain(job.result)
            job.done = True
        except BaseException as error:
            job.error = error
        finally:
            view.end()
            self._gate.own = True
            own(connection, "ROLLBACK")
        if isinstance(job.error, StorageCorrupt):
            self._place.suspect()

    def interrupt(self) -> None:
        """Stop the running query; from any thread."""
        if self._connection is not None:
            self._connection.interrupt()

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            self._connection.close(True)
            self._connection = None

    def _opened(self) -> apsw.Connection:
        if self._connection is None:
            self._connection = open_reader(self._place)
            self._connection.authorizer = self._gate
        return self._connection


class Readers:
    """A small pool. Call `serve_thread` in `count` threads; or use `read_inline` and no thread."""

    def __init__(self, place: Place, count: int) -> None:
        self._place = place
        self.count = count
        self._inbox: SimpleQueue[Job | None] = SimpleQueue()
        self._lock = Lock()
        self._running: dict[Job, Session] = {}
        self._inline = Session(place)
        self._closing = False

    async def read(self, work: Callable[[Any], Any]) -> Any:
        """Run `work` in a reader thread. Cancelling interrupts it."""
        await trio.lowlevel.checkpoint_if_cancelled()
        self._check()
        job = Job(work)
        job.task = trio.lowlevel.current_task()
        self._inbox.put(job)

        def give_up(_: Any) -> trio.lowlevel.Abort:
            # the lock: a late interrupt would hit the next query on that connection
            with self._lock:
                job.abandoned = True
                session = self._running.get(job)
                if session is None:
                    job.task = None
                    return trio.lowlevel.Abort.SUCCEEDED
                session.interrupt()
                return trio.lowlevel.Abort.FAILED

        await trio.lowlevel.wait_task_rescheduled(give_up)
        if job.abandoned:
            await trio.lowlevel.checkpoint_if_cancelled()
        return job.outcome()

    async def read_inline(self, work: Callable[[Any], Any]) -> Any:
        """Run `work` in the loop itself."""
        await trio.lowlevel.checkpoint()
        self._check()
        job = Job(work)
        self._inline.run(job)
        return job.outcome()

    def serve_thread(self, token: trio.lowlevel.TrioToken) -> None:
        """Work in this thread until closed."""
        session = Session(self._place)
        try:
            while (job := self._inbox.get()) is not None:
                if self._begin(job, session):
                    try:
                        session.run(job)
                    finally:
                        self._end(job)
                        settle_from_thread(token, (job,))
        finally:
            session.close()

    def close(self) -> None:
        """Finish what was taken, then end the threads."""
        self._closing = True
        self._inline.close()
        for _ in range(self.count):
            self._inbox.put(None)

    def _check(self) -> None:
        if self._closing:
            raise StorageError("the store has stopped")

    def _begin(self, job: Job, session: Session) -> bool:
        with self._lock:
            if job.abandoned:
                return False
            self._running[job] = session
            return True

    def _end(self, job: Job) -> None:
        with self._lock:
            del self._running[job]
