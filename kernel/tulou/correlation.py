"""One id for everything that belongs to one act of a person, wherever it goes.

An act (a click, an arriving message, a timer) opens a correlation; whatever it awaits or spawns is
within it, for trio's tasks inherit the context they are started from. Logs name it, HTTP requests and
messages carry it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from tulou.flow import new_id

CURRENT: ContextVar[str] = ContextVar("tulou_correlation", default="")
"""The kernel's own; everybody else uses the two functions."""


def correlation() -> str:
    """The id of the act that the caller works for; empty when there is none."""
    return CURRENT.get()


@contextmanager
def correlated(act: str = "") -> Iterator[str]:
    """Work for `act` within the block: an id that came from elsewhere, else the one already
    current, else a new one."""
    act = act or CURRENT.get() or new_id()
    token = CURRENT.set(act)
    try:
        yield act
    finally:
        CURRENT.reset(token)
