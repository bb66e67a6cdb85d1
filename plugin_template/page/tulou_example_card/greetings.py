"""What the plugin does, without a kernel in sight: easy to read, easy to test."""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import trio
from tulou_contracts.logs import Personal
from tulou_contracts.tracking import Tracker
from tulou_contracts.ui import WordedError

LONGEST = 80
"""Characters of a name."""


class ExampleCardError(WordedError):
    """What was asked cannot be; the page tells the text of its `key`, in the page's language."""


@dataclass(frozen=True, slots=True)
class Greeting:
    """One greeting; numbers count from 1."""

    number: int
    name: str
    at: int
    """Microseconds since 1970 UTC."""


class ExampleCardService:
    """Greets, and keeps the newest greetings."""

    def __init__(
        self, kept: int, now: Callable[[], int], log: logging.Logger, tracker: Callable[[], Tracker | None],
    ) -> None:
        self._kept: deque[Greeting] = deque(maxlen=kept)
        self._last = 0
        self._now = now
        self._log = log
        self._tracker = tracker
        self._more = trio.Event()

    def greet(self, name: str) -> Greeting:
        """Greet somebody. Raises `ExampleCardError` for a name that is none."""
        name = name.strip()
        if not name or len(name) > LONGEST:
            raise ExampleCardError(f"a name has 1 to {LONGEST} characters",
                                   key="example-card.nameless", values={"longest": LONGEST})
        self._last += 1
        greeting = Greeting(self._last, name, self._now())
        self._kept.append(greeting)
        self._more.set()
        self._more = trio.Event()
        # a name tells who somebody is: in the log it becomes a pseudonym, and it is no field of the event
        self._log.info("%s was greeted", Personal(name), extra={"number": greeting.number})
        tracker = self._tracker()
        if tracker is not None:
            tracker.track("example-card.greeted", length=len(name))
        return greeting

    async def after(self, number: int) -> Sequence[Greeting]:
        """The kept greetings with a greater number; waits until there is one."""
        while self._last <= number:
            await self._more.wait()
        return [each for each in self._kept if each.number > number]
