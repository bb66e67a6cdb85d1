"""One call on its way to a thread and back; the trio side of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import trio

from tulou_contracts.storage import StorageError


class Job:
    """What a task waits for.

    `abandoned` tells the thread that nobody waits any more; `done`, that the result counts (for a
    write: it is on disk).
    """

    __slots__ = ("work", "alone", "task", "abandoned", "done", "result", "error")

    def __init__(self, work: Callable[[Any], Any], alone: bool = False) -> None:
        self.work = work
        self.alone = alone
        self.task: trio.lowlevel.Task | None = None
        self.abandoned = False
        self.done = False
        self.result: Any = None
        self.error: BaseException | None = None

    def outcome(self) -> Any:
        """The result; or raises what the work raised."""
        if self.error is None and self.done:
            return self.result
        try:
            raise self.error or StorageError("the store failed: whether this was done is not known")
        finally:
            self.error = None  # the traceback holds our frame: no cycle


def settle(jobs: Iterable[Job]) -> None:
    """Wake who waits; in the loop's thread only."""
    for job in jobs:
        task, job.task = job.task, None
        if task is not None:
            trio.lowlevel.reschedule(task)


def settle_from_thread(token: trio.lowlevel.TrioToken, jobs: Iterable[Job]) -> None:
    """`settle`, from any thread: one wake-up of the loop for all of `jobs`."""
    try:
        token.run_sync_soon(settle, jobs)
    except trio.RunFinishedError:
        pass  # the loop is gone, and with it everyone who waited
