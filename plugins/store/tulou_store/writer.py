"""The one writer: a queue of works, committed in groups.

Works of many callers share a transaction, each in a savepoint of its own, so that one which fails
is undone alone. Nobody hears of success before the commit is on disk.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar
from queue import Empty, SimpleQueue
from secrets import token_hex
from typing import Any

import apsw
import trio

from tulou.flow import Signal
from tulou_contracts.storage import StorageCorrupt, StorageError, StorageNearlyFull
from tulou_store.connections import Place, open_writer
from tulou_store.faults import of_sqlite, of_system
from tulou_store.jobs import Job, settle, settle_from_thread
from tulou_store.statements import Checker, Gate, own
from tulou_store.views import WriteView, plain

_LONGEST = 0.010
"""Seconds after which a transaction is committed though works are waiting: bounds everyone's wait."""

_NEARLY = 0.9

_INSIDE: ContextVar[Writer | None] = ContextVar("tulou_store_inside", default=None)


class Writer:
    """Runs works in order. Serve it with `serve_thread` or `serve_inline`, one of them, once."""

    def __init__(self, place: Place, batch: int = 500) -> None:
        self._place = place
        self._batch = batch
        self._inbox: SimpleQueue[Job | None] = SimpleQueue()
        self._pending: deque[Job] = deque()
        self._arrived = Signal()
        self._inline = False
        self._closing = False
        self._stopped = False
        self._connection: apsw.Connection | None = None
        self._gate = Gate()
        self._checker = Checker()
        # a name that no work can guess: these three may then stay in the statement cache
        mark = f"work_{token_hex(8)}"
        self._begin, self._keep, self._undo = (
            f"{verb} {mark}" for verb in ("SAVEPOINT", "RELEASE", "ROLLBACK TO")
        )
        self.works = 0
        """Works run so far."""
        self.commits = 0
        """Transactions they took."""
        self.fresh = False
        """Whether there was no file when it was opened."""
        self._warned = False

    # -- the loop's side

    async def submit(self, job: Job) -> Any:
        """Queue a job; its result when it is durable. Cancelling leaves out a job not yet begun."""
        if _INSIDE.get() is self:
            raise StorageError(
                "a write was started inside a write and would wait for itself:"
                " use the transaction that the work was given"
            )
        await trio.lowlevel.checkpoint_if_cancelled()
        if self._closing:
            raise StorageError("the store has stopped: nothing was changed")
        job.task = trio.lowlevel.current_task()
        self._inbox.put(job)
        self._arrived.set()

        def give_up(_: Any) -> trio.lowlevel.Abort:
            job.task = None
            job.abandoned = True
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(give_up)
        return job.outcome()

    def close(self) -> None:
        """Take nothing new; finish what was taken, then stop serving."""
        self._closing = True
        self._inbox.put(None)
        self._arrived.set()

    async def serve_inline(self) -> None:
        """Work in the loop itself until closed."""
        self._inline = True
        with trio.CancelScope(shield=True):  # what was accepted is flushed, as in a thread
            try:
                while not self._stopped:
                    await self._arrived.wait()
                    self._serve(settle)
            finally:
                self._finish(settle)

    # -- the thread's side

    def serve_thread(self, token: trio.lowlevel.TrioToken) -> None:
        """Work in this thread until closed."""

        def wake(jobs: list[Job]) -> None:
            settle_from_thread(token, jobs)

        try:
            while not self._stopped:
                self._accept(self._inbox.get())
                self._serve(wake)
        finally:
            self._finish(wake)

    def _accept(self, job: Job | None) -> None:
        if job is None:
            self._stopped = True
        else:
            self._pending.append(job)

    def _drain(self) -> None:
        try:
            while True:
                self._accept(self._inbox.get_nowait())
        except Empty:
            return

    def _serve(self, wake: Callable[[list[Job]], None]) -> None:
        """Work until nothing waits."""
        self._drain()
        while self._pending:
            jobs = [self._pending.popleft()] if self._pending[0].alone else self._next_batch()
            try:
                if jobs[0].alone:
                    self._run_alone(jobs[0])
                else:
                    self._commit(jobs)
            finally:
                wake(jobs)
            self._drain()

    def _finish(self, wake: Callable[[list[Job]], None]) -> None:
        """Nothing is left after a proper close; after a fault of ours, everyone is told."""
        self._closing = True
        self._drain()
        left = list(self._pending)
        for job in left:
            job.error = StorageError("the store has stopped: nothing was changed")
        wake(left)
        self.release()

    def _next_batch(self) -> list[Job]:
        jobs: list[Job] = []
        pending = self._pending
        while pending and len(jobs) < self._batch and not pending[0].alone:
            jobs.append(pending.popleft())
        return jobs

    def _run_alone(self, job: Job) -> None:
        if job.abandoned:
            return
        try:
            job.result = job.work(self)
            job.done = True
        except Exception as error:
            job.error = error

    def opened(self) -> tuple[apsw.Connection, Gate]:
        """The connection, opened when first needed; only for a job that runs alone."""
        if self._connection is None:
            self.fresh = not self._place.path.exists()
            self._connection, self._gate = open_writer(self._place)
        return self._connection, self._gate

    def start_over(self) -> None:
        """Throw the file away; it is made anew when opened next."""
        self.release()
        try:
            for part in self._place.parts():
                part.unlink()
            self._place.suspicion.unlink(missing_ok=True)
        except OSError as error:
            raise of_system(error, self._place.path) from error

    def release(self) -> None:
        """Close the connection; it is opened again when needed next."""
        if self._connection is not None:
            self._connection.close(True)
            self._connection = None

    def _commit(self, jobs: list[Job]) -> None:
        """Run jobs in one transaction; those for which time does not suffice leave the list."""
        try:
            connection, _ = self.opened()  # open already, but for after a compaction
        except StorageError as error:
            for job in jobs:
                job.error = type(error)(str(error))
            return
        inside = _INSIDE.set(self)
        try:
            own(connection, "BEGIN IMMEDIATE")
            self._run_all(connection, jobs)
            if connection.in_transaction:
                own(connection, "COMMIT")
                self.commits += 1
                for job in jobs:
                    job.done = True
                if self._place.quota_mb:
                    self._look_at_the_room(connection)
        except apsw.Error as error:
            self._fail(jobs, error)
        finally:
            _INSIDE.reset(inside)
            if connection.in_transaction:
                own(connection, "ROLLBACK")

    def _look_at_the_room(self, connection: apsw.Connection) -> None:
        pages, unused, size = (
            int(connection.pragma(name)) for name in ("page_count", "freelist_count", "page_size"))
        used, allowed = (pages - unused) * size, self._place.quota_mb * 1024 * 1024
        if not self._warned and used > allowed * _NEARLY:
            self._place.log.warning("%s takes %d of the %d MiB it may take", self._place.path,
                                    used >> 20, self._place.quota_mb)
            self._place.news.append(StorageNearlyFull(used=used, allowed=allowed))
        self._warned = used > allowed * _NEARLY

    def _run_all(self, connection: apsw.Connection, jobs: list[Job]) -> None:
        deadline = float("inf") if self._inline else time.monotonic() + _LONGEST
        for number, job in enumerate(jobs, 1):
            if job.abandoned:
                continue
            self._run(connection, job)
            if not connection.in_transaction:
                self._undone(jobs[:number])
            elif time.monotonic() < deadline:
                continue
            self._pending.extendleft(reversed(jobs[number:]))
            del jobs[number:]

    def _run(self, connection: apsw.Connection, job: Job) -> None:
        self.works += 1
        view = WriteView(connection, self._place.path, self._checker, _never)
        connection.execute(self._begin)
        self._gate.own = False
        try:
            job.result = job.work(view)
            plain(job.result)
            _check_references(connection)
        except BaseException as error:
            job.error = error
        finally:
            self._gate.own = True
            view.end()
        if isinstance(job.error, StorageCorrupt):
            self._place.suspect()
        if job.error is None and not connection.in_transaction:
            job.error = StorageError("the work went on after its transaction was undone: nothing was kept")
        if connection.in_transaction:
            if job.error is not None:
                connection.execute(self._undo)
            connection.execute(self._keep)

    def _undone(self, jobs: list[Job]) -> None:
        """SQLite gave up the transaction during the last of `jobs`: the others were undone too."""
        reason = jobs[-1].error
        kind = type(reason) if isinstance(reason, StorageError) else StorageError
        for job in jobs:
            if job.error is None:
                job.error = kind(f"undone together with another write that failed: {reason}")

    def _fail(self, jobs: list[Job], error: apsw.Error) -> None:
        fault = of_sqlite(error, self._place.path)
        if isinstance(fault, StorageCorrupt):
            self._place.suspect()
        for job in jobs:
            if job.error is None:
                job.error = type(fault)(str(fault))


def _check_references(connection: apsw.Connection) -> None:
    """A deferred foreign key is otherwise checked at the commit, where everyone would fail."""
    if connection.status(apsw.SQLITE_DBSTATUS_DEFERRED_FKS)[0]:
        raise StorageError("FOREIGN KEY constraint failed: a row refers to one that is not there")


def _never() -> bool:
    return False
