"""Whose a task's doings are, in a program that runs several apps in one process.

Its own task starts them and calls their services. What is logged meanwhile says nothing of whose it is, so
the program does.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_NAME: ContextVar[str] = ContextVar("tulou_app_name", default="")
_APP: ContextVar[object | None] = ContextVar("tulou_behalf", default=None)


@contextmanager
def named(name: str) -> Iterator[None]:
    """An app that is started inside the block goes by this name where people read what its plugins log."""
    token = _NAME.set(name)
    try:
        yield
    finally:
        _NAME.reset(token)


def app_name() -> str:
    """The name of the app whose task this is; '' for none."""
    return _NAME.get()


@contextmanager
def on_behalf_of(app: object) -> Iterator[None]:
    """Inside the block, this task acts for an app; see `Kernel.acting`."""
    token = _APP.set(app)
    try:
        yield
    finally:
        _APP.reset(token)


def acts_for() -> object | None:
    """The nursery of the app's plugins; None: nobody said."""
    return _APP.get()
