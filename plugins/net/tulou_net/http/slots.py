"""Who may have a thread: so many in total, so many for one host, so that a stuck host stops no other."""

from __future__ import annotations

from collections import deque

import trio


class Slots:
    """Places for threads. Who finds none waits in line; a host at its limit is passed over."""

    def __init__(self, total: int, per_host: int) -> None:
        self._free = total
        self._per_host = per_host
        self._taken: dict[str, int] = {}
        self._line: deque[tuple[str, trio.Event]] = deque()

    @property
    def free(self) -> int:
        """How many more threads may start."""
        return self._free

    def try_take(self, host: str) -> bool:
        """A place for `host`, if there is one at once."""
        taken = self._taken.get(host, 0)
        if not self._free or taken >= self._per_host:
            return False
        self._free -= 1
        self._taken[host] = taken + 1
        return True

    async def take(self, host: str) -> None:
        """A place for `host`, when there is one."""
        if self.try_take(host):
            return
        mine = (host, trio.Event())
        self._line.append(mine)
        try:
            await mine[1].wait()
        except trio.Cancelled:
            if mine[1].is_set():
                self.give_back(host)
            else:
                self._line.remove(mine)
            raise

    def give_back(self, host: str) -> None:
        """A thread for `host` has ended."""
        self._free += 1
        left = self._taken[host] - 1
        if left:
            self._taken[host] = left
        else:
            del self._taken[host]
        if self._line:
            self._serve()

    def _serve(self) -> None:
        """Let in the first in line that there is a place for."""
        for each in self._line:
            if self.try_take(each[0]):
                self._line.remove(each)
                each[1].set()
                return
