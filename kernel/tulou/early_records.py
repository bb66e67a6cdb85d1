"""Holds what is logged while plugins start, for whoever keeps logs: it is a plugin that starts as well."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

LIMIT = 1000
"""Records held; the newest are the ones that say why a start went wrong."""


class _Holder(logging.Handler):
    """Holds what tasks of one app say; another app of the process has a holder of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.records: deque[logging.LogRecord] = deque(maxlen=LIMIT)

    def handle(self, record: logging.LogRecord) -> bool:
        if _CURRENT.get() is not self:
            return False
        self.records.append(record)
        return True


_CURRENT: ContextVar[_Holder | None] = ContextVar("tulou_early_records", default=None)
_LOGGER = logging.getLogger("tulou")


@contextmanager
def held_for_this_app() -> Iterator[None]:
    """For as long as an app runs: its tasks inherit who holds their records."""
    holder = _Holder()
    token = _CURRENT.set(holder)
    _LOGGER.addHandler(holder)
    try:
        yield
    finally:
        _LOGGER.removeHandler(holder)
        _CURRENT.reset(token)


def hold_no_more() -> None:
    """The start is over. What is held stays, for a plugin that comes later."""
    holder = _CURRENT.get()
    if holder is not None:
        _LOGGER.removeHandler(holder)


def take() -> list[logging.LogRecord]:
    """What this app has said so far, oldest first, handed out once; nothing is held from now on."""
    holder = _CURRENT.get()
    if holder is None:
        return []
    hold_no_more()
    records = list(holder.records)
    holder.records.clear()
    return records
