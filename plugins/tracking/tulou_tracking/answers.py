"""What a collector's answer means for a report: one table, no clock of its own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum


class Fate(Enum):
    """What becomes of the events of a report."""

    DONE = "done"
    """They have arrived."""
    SPLIT = "split"
    """Too much at once: half of it, again."""
    DROP = "drop"
    """They will never be taken."""
    AGAIN = "again"
    """Perhaps later."""


_FATES: Mapping[int, Fate] = {
    400: Fate.DROP,   # not understood: it will not be tomorrow
    401: Fate.DROP,   # the sign-in was refreshed and the request replayed below us, by the HTTP chain
    403: Fate.DROP,
    404: Fate.DROP,
    408: Fate.AGAIN,
    410: Fate.DROP,
    413: Fate.SPLIT,
    421: Fate.AGAIN,
    422: Fate.DROP,
    425: Fate.AGAIN,
    429: Fate.AGAIN,
}

LONGEST_WAIT = 86_400.0
"""Seconds: a server that says more says nonsense, or does not want us today."""


def fate_of(status: int) -> Fate:
    """RFC 9110, section 15: 2xx done, what nobody can mend drops, the rest again.

    Redirects count as 'again': the HTTP client follows those that may be followed, and what is left
    is a proxy's or a captive network's page.
    """
    if 200 <= status < 300:
        return Fate.DONE
    if status in _FATES:
        return _FATES[status]
    return Fate.DROP if 400 <= status < 500 else Fate.AGAIN


def wait_of(headers: Mapping[str, str], now_us: int) -> float:
    """Seconds that Retry-After (RFC 9110, section 10.2.3) asks for; 0 when it asks for nothing."""
    text = headers.get("retry-after", "").strip()[:100]
    if not text:
        return 0.0
    if text.isascii() and text.isdigit():
        return min(float(text), LONGEST_WAIT)
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError):
        return 0.0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    try:
        seconds = (moment - datetime.fromtimestamp(now_us / 1e6, UTC)).total_seconds()
    except (OverflowError, ValueError, OSError):
        return 0.0
    return min(max(seconds, 0.0), LONGEST_WAIT)
