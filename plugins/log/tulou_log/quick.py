"""The house's loggers with a shorter way to 'no': most log calls are for a level that is off.

Only the look into the standard library's own cache comes first; all else is its own code, so levels,
filters and handlers behave as they always do.
"""

from __future__ import annotations

import logging
from typing import Any


class QuickLogger(logging.Logger):
    """As its base class; `stacklevel` hides the frame that is here in between."""

    def debug(self, msg: object, *args: object, **more: Any) -> None:
        """See `logging.Logger`."""
        try:
            if not self._cache[10]:  # type: ignore[attr-defined]
                return
        except KeyError:  # nobody has asked since levels were changed
            if not self.isEnabledFor(10):
                return
        more["stacklevel"] = more.get("stacklevel", 1) + 1
        super().debug(msg, *args, **more)

    def info(self, msg: object, *args: object, **more: Any) -> None:
        """See `logging.Logger`."""
        try:
            if not self._cache[20]:  # type: ignore[attr-defined]
                return
        except KeyError:
            if not self.isEnabledFor(20):
                return
        more["stacklevel"] = more.get("stacklevel", 1) + 1
        super().info(msg, *args, **more)


class Quickened:
    """Which loggers were taken over; `restore` gives them back."""

    def __init__(self) -> None:
        self._taken: list[logging.Logger] = []

    def take_all(self) -> None:
        """Those of the house that exist."""
        for name in tuple(logging.Logger.manager.loggerDict):
            if name.startswith(("tulou.", "tulou_")):
                self.take(name)

    def take(self, name: str) -> logging.Logger:
        """One, made if there is none."""
        logger = logging.getLogger(name)
        if type(logger) is logging.Logger:
            logger.__class__ = QuickLogger
            self._taken.append(logger)
        return logger

    def restore(self) -> None:
        """As they were."""
        for logger in self._taken:
            logger.__class__ = logging.Logger
        self._taken.clear()
