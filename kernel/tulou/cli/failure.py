"""An error as one sentence for a person; where in the code it arose only on request."""

from __future__ import annotations

import errno
import sys

from tulou.errors import TulouError
from tulou.flow import leaves


def report(error: BaseException, debug: bool) -> int:
    """Print to stderr; returns the exit status: 2 for a wrong command line, else 1."""
    from tulou.cli import Usage

    if debug:
        import traceback

        traceback.print_exception(error)
    for each in leaves(error):
        print(f"tulou: {_words(each)}", file=sys.stderr)
    if not debug and not all(_ordinary(each) for each in leaves(error)):
        print("tulou: this is a defect; the same command with --debug shows where", file=sys.stderr)
    return 2 if isinstance(error, Usage) else 1


def _ordinary(error: BaseException) -> bool:
    """Whether it is nobody's defect."""
    return isinstance(error, TulouError) or _disk_full(error)


def _disk_full(error: BaseException) -> bool:
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", None))


def _words(error: BaseException) -> str:
    if isinstance(error, TulouError):
        return str(error)
    if isinstance(error, OSError) and _disk_full(error):
        where = f": {error.filename}" if error.filename else ""
        return f"no space left on device{where}; make room on the disk and try again"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    return f"unexpected {type(error).__name__}: {error}"
