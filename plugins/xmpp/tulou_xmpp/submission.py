"""What `Transport.submit` answers with."""

from __future__ import annotations

import trio
from tulou_contracts.transport import TransportError


class PendingSubmission:
    """A message on its way; it is settled once."""

    def __init__(self, message_id: str) -> None:
        self.message_id = message_id
        self._settled = trio.Event()
        self._error: TransportError | None = None

    @property
    def settled(self) -> bool:
        """Whether `accepted` answers at once."""
        return self._settled.is_set()

    def take(self) -> None:
        """The server has it."""
        self._settled.set()

    def fail(self, error: TransportError) -> None:
        """The server does not have it, or nobody knows."""
        if not self._settled.is_set():
            self._error = error
            self._settled.set()

    async def accepted(self) -> None:
        """Returns when the server has taken it. Raises `NotAccepted`, `Refused`."""
        await self._settled.wait()
        if self._error is not None:
            raise self._error
