"""What a log call costs: enabled, against the standard library with a RotatingFileHandler; disabled,
against what the same call costs with the standard library alone (and, as a peer, `isEnabledFor`)."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from logging.handlers import RotatingFileHandler
from pathlib import Path

from tulou_log.config import Config
from tulou_log.recorder import Recorder

from tests.bench.harness import Measurement, at_most, in_turn
from tulou.correlation import correlated
from tulou.flow import new_id

CALLS = 5_000
CHECKS = 200_000
FORMAT = "%(asctime)s %(levelname)s %(name)s %(threadName)s %(message)s"


def measure() -> Iterator[Measurement]:
    """A message with an id that is new each time, a number and an address; then the same without."""
    ids = [new_id() for _ in range(CALLS)]
    with tempfile.TemporaryDirectory() as name, loggers(Path(name)) as (ours, theirs):

        def calls(log: logging.Logger) -> Callable[[], None]:
            def run() -> None:
                with correlated():
                    for number, each in enumerate(ids):
                        log.info("message %s of %d for %s", each, number, "li@example.org")
            return run

        def plain(log: logging.Logger) -> Callable[[], None]:
            def run() -> None:
                for number in range(CALLS):
                    log.info("connected after %d attempts", number)
            return run

        for what, make in (("an id, a number, an address", calls), ("a number", plain)):
            medians = in_turn({"tulou": make(ours), "RotatingFileHandler": make(theirs)})
            medians = {side: seconds / CALLS for side, seconds in medians.items()}
            yield at_most(f"log call, enabled ({what}) / RotatingFileHandler", 1.0, medians,
                          ours="tulou", floor="RotatingFileHandler")

        def disabled() -> None:
            for number in range(CHECKS):
                ours.debug("connected after %d attempts", number)

        def plain_disabled() -> None:
            for number in range(CHECKS):
                theirs.debug("connected after %d attempts", number)

        def check() -> None:
            for _ in range(CHECKS):
                theirs.isEnabledFor(logging.DEBUG)

        medians = {side: seconds / CHECKS for side, seconds in
                   in_turn({"tulou": disabled, "isEnabledFor": check, "logging": plain_disabled}).items()}
        yield at_most("log call, disabled / logging's own check", 2.0, medians,
                      ours="tulou", floor="logging", peers=("isEnabledFor",))


@contextmanager
def loggers(folder: Path) -> Iterator[tuple[logging.Logger, logging.Logger]]:
    """Ours with the room's recorder behind it, as in the app; theirs with a file of the same size."""
    recorder = Recorder(folder / "log", Config())
    recorder.open()
    peer = RotatingFileHandler(folder / "peer.log", maxBytes=5 << 20, backupCount=10)
    peer.setFormatter(logging.Formatter(FORMAT))
    ours, theirs = logging.getLogger("tulou.plugin.bench"), logging.getLogger("peer")
    theirs.propagate = False
    theirs.addHandler(peer)
    for each in (ours, theirs):
        each.setLevel(logging.INFO)
    try:
        yield ours, theirs
    finally:
        theirs.removeHandler(peer)
        peer.close()
        recorder.close()
