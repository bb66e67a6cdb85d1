"""`tulou run`: start an app and keep it running."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic
from types import FrameType, SimpleNamespace
from typing import TYPE_CHECKING

import trio

from tulou.cli.stdout import lasting
from tulou.composition import Composition
from tulou.kernel import Kernel

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

log = logging.getLogger("tulou.run")

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it (128 + SIGINT)."""

ONE_REQUEST = 0.5
"""Seconds in which a further SIGTERM is the same request: `timeout` and service managers send one to
the process and one to its group."""

_ENDING = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    from tulou.cli.choose import add_composition

    add_composition(parser)
    parser.add_argument("--profile", metavar="DIR", type=Path,
                        help="the folder for everything the app keeps; left out: one of its own"
                        " for each composition, which `tulou doctor` names")
    parser.add_argument("--set", metavar="PLUGIN.KEY=VALUE", action="append", default=[], dest="settings",
                        help="change one setting for this run; may be given several times")
    parser.add_argument("--lock", metavar="FILE", type=Path,
                        help="start only if what is installed is what this lock file pins; left out:"
                        " tulou.lock beside the composition, if it is there")


def plain(given: Sequence[str]) -> SimpleNamespace | None:
    """The options of the usual line, ``[COMPOSITION] [--profile DIR]``; None: let argparse read it.

    Starting an app is what is done most, and argparse would be a good part of our share in it.
    """
    words = list(given)
    options = SimpleNamespace(composition=None, profile=None, settings=[], lock=None)
    if words and not words[0].startswith("-"):
        options.composition = words.pop(0)
    if len(words) == 2 and words[0] == "--profile" and not words[1].startswith("-"):
        options.profile = Path(words[1])
        words.clear()
    return None if words else options


def run(options: Namespace | SimpleNamespace) -> int:
    """Until a signal comes. Raises `TulouError` when the app cannot start."""
    which, profile = options.composition, options.profile
    if not which or not profile or options.settings:
        from tulou.cli.choose import chosen, default_profile, with_settings

        which = chosen(which)
        composition = with_settings(Composition.load(which), options.settings)
        profile = profile or default_profile(which)
    else:
        composition = Composition.load(which)
    _check_lock(which, composition, options.lock)
    kernel = Kernel(composition, profile=profile)
    with lasting():
        return trio.run(_until_a_signal, kernel, profile)


def _check_lock(which: str, composition: Composition, given: Path | None) -> None:
    """The usual start has no lock, and then costs nothing here."""
    if given is None and not (composition.source or Path()).with_name("tulou.lock").is_file() \
            and not Path("tulou.lock").is_file():
        return
    from tulou.lockfile import find, verify

    lock = given or find(which, composition)
    if lock is not None:
        verify(lock, composition)


async def _until_a_signal(kernel: Kernel, profile: Path) -> int:
    with trio.CancelScope() as scope, _signals(scope) as received:
        async with kernel.running():
            _tell(kernel, profile)
            await trio.sleep_forever()
    log.info("stopped by %s", ", ".join(signal.Signals(number).name for number in received))
    return INTERRUPTED if received and received[0] == signal.SIGINT else 0


@contextmanager
def _signals(scope: trio.CancelScope) -> Iterator[list[int]]:
    """The first signal ends the app in order; Ctrl-C or another SIGTERM after that kills it.

    Plain handlers, not trio's receiver: the second Ctrl-C must work while a plugin blocks the loop.
    """
    token = trio.lowlevel.current_trio_token()
    received: list[int] = []
    first = 0.0

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal first
        first = first or monotonic()
        impatient = number == signal.SIGTERM and monotonic() - first > ONE_REQUEST
        if received and (number == signal.SIGINT or impatient):
            with suppress(OSError):
                os.write(2, b"tulou: killed\n")
            os._exit(128 + number)
        received.append(number)
        if len(received) == 1:
            token.run_sync_soon(scope.cancel)

    before = {number: signal.signal(number, handle) for number in _ENDING}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _tell(kernel: Kernel, profile: Path) -> None:
    """What does not run, for everybody; what does, for those who ask."""
    for reason in kernel.missing().values():
        log.warning("%s", reason)
    running = []
    for each in kernel.status():
        if each.state.value == "running":
            running.append(each.name)
        elif each.state.value in ("unresolved", "waiting"):  # failures have told their own
            log.warning("plugin %r is %s: %s", each.name, each.state.value, each.reason)
    log.info("profile %s; running: %s", profile, ", ".join(running) or "nothing")
