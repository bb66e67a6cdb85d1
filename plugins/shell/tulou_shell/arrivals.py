"""Addresses from outside on their way: who brought one waits a moment, a person may take longer."""

from __future__ import annotations

import trio

from tulou import Context
from tulou.errors import TulouError
from tulou_contracts.ui import Notice
from tulou_shell.app import ShellApp

MOMENT = 2.0
"""Seconds after which who brought an address learns that it is on its way, e.g. until somebody signs in."""


class Arrivals:
    """Follows each in a task of the shell's own."""

    def __init__(self, ctx: Context, shell: ShellApp) -> None:
        self._ctx = ctx
        self._shell = shell

    async def follow(self, url: str, at: str) -> None:
        """Until it has arrived, or a moment has passed. Raises what `ShellApp.open` raises until then."""
        arrival = _Arrival(url, at)
        self._ctx.spawn(self._run, arrival, name="arrival")
        with trio.move_on_after(MOMENT):
            await arrival.over.wait()
        arrival.left = True
        if arrival.error is not None:
            raise arrival.error

    async def _run(self, arrival: _Arrival) -> None:
        try:
            await self._shell.open(arrival.url, True, arrival.at)
        except TulouError as error:
            arrival.error = error
            if arrival.left:  # nobody waits any more: say it where people look
                self._shell.board.show(Notice(id="shell.arrival", title="arrival.failed", text=str(error)))
        except Exception:
            self._ctx.log.exception("an address from outside was not followed")
            arrival.error = TulouError("Something went wrong inside Tulou; its log says what.")
        finally:
            arrival.over.set()


class _Arrival:
    def __init__(self, url: str, at: str) -> None:
        self.url = url
        self.at = at
        self.left = False
        self.over = trio.Event()
        self.error: TulouError | None = None
