"""What the log tells on stderr while a command runs."""

from __future__ import annotations

import logging
import sys

from tulou.behalf import app_name


class _Readable(logging.Formatter):
    """One line a record, said by the plugin it is about; tracebacks only on request."""

    def __init__(self, debug: bool) -> None:
        super().__init__()
        self._debug = debug

    def format(self, record: logging.LogRecord) -> str:
        who = record.name.removeprefix("tulou.plugin.").removeprefix("tulou.")
        whose = f"{app_name()}: " if app_name() else ""
        line = f"{record.levelname.lower()}: {whose}{who}: {record.getMessage()}"
        if self._debug and record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


class _Stderr(logging.Handler):
    """Writes to whatever `sys.stderr` is at the moment; one of its kind at the root logger."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stderr.write(self.format(record) + "\n")
        except Exception:
            self.handleError(record)


def set_up(verbose: int, debug: bool) -> None:
    """Warnings and errors; with -v what happens, with -vv everything."""
    level = (logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)]
    root = logging.getLogger()
    for known in [each for each in root.handlers if isinstance(each, _Stderr)]:
        root.removeHandler(known)
    handler = _Stderr(level)
    handler.setFormatter(_Readable(debug))
    root.addHandler(handler)
    # the level stands at the handler, so that a plugin that logs more elsewhere does not flood stderr
    if root.level > level:
        root.setLevel(level)
