"""Hands the time that servers put on their answers (RFC 9110, 6.6.1) to the network clock."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

from tulou_contracts.network import HttpRequest, HttpResponse, Proceed
from tulou_contracts.network_state import NetworkClock

from tulou_net.http.origin import origin_of

RARELY = 5.0
"""Seconds: the time of an origin is looked at no oftener."""


class TimeOfServers:
    """Innermost: the answer was just read, not kept. Only over TLS, where nobody on the way wrote it."""

    name = "time of servers"

    def __init__(self, clock: NetworkClock) -> None:
        self._clock = clock
        self._heard: dict[str, float] = {}

    async def exchange(self, request: HttpRequest, proceed: Proceed) -> HttpResponse:
        """Note when it was asked and answered."""
        if not request.url.startswith("https:"):
            return await proceed(request)
        sent = self._clock.elapsed()
        response = await proceed(request)
        self._hear(origin_of(request.url), sent, response)
        return response

    def _hear(self, origin: str, sent: float, response: HttpResponse) -> None:
        received = self._clock.elapsed()
        date = response.headers.get("date", "")
        # a cache on the way (Age) hands out the date of long ago
        if not date or "age" in response.headers or received < self._heard.get(origin, 0.0):
            return
        try:
            said = parsedate_to_datetime(date).timestamp()
        except (ValueError, OverflowError, OSError):
            return
        if len(self._heard) >= 100:
            self._heard.clear()
        self._heard[origin] = received + RARELY
        self._clock.observe(origin, round(said * 1e6), sent=sent, received=received, resolution=1.0)
