"""Which app of this process a record belongs to.

The standard library's loggers are the process's, but several apps may run in it: the launcher and each
account. What a task says belongs to the app in whose nursery its plugin runs. What is said outside of any
plugin belongs to the app that its task acts for (`Kernel.acting`); where nobody said, as in threads, it is
kept by all of them, for it cannot be known.
"""

from __future__ import annotations

import trio

from tulou.behalf import acts_for

_APPS: set[trio.Nursery] = set()
"""Those that record."""
_PLUGIN = "plugin "
"""How the kernel names the task of a plugin's life."""


class Belonging:
    """Made in the room's own task; asked in whatever task or thread logs."""

    def __init__(self) -> None:
        self._mine = trio.lowlevel.current_task().parent_nursery
        if self._mine is not None:
            _APPS.add(self._mine)

    def __call__(self) -> bool:
        """Whether what is said just now is to be kept here."""
        try:
            task = trio.lowlevel.current_task()
        except RuntimeError:
            return self._meant()
        while True:
            nursery = task.parent_nursery
            if nursery is self._mine:
                return True
            if nursery is None:
                return self._meant()
            if nursery in _APPS or task.name.startswith(_PLUGIN):
                return False
            task = nursery.parent_task

    def _meant(self) -> bool:
        return acts_for() in (None, self._mine)

    def end(self) -> None:
        """This app records no more."""
        if self._mine is not None:
            _APPS.discard(self._mine)
