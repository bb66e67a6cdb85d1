"""When a request is repeated, and after how long. Pure functions."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

from tulou_contracts.network import (
    CircuitOpen, ConnectionLost, HttpRequest, HttpResponse, Unreachable,
)

IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
"""RFC 9110, section 9.2.2."""
STATUSES = frozenset({408, 425, 429, 502, 503, 504})
"""Answers that may be others a moment later."""


def may_repeat(request: HttpRequest) -> bool:
    """Whether doing it twice does no harm."""
    return bool(request.idempotency_key) or request.method.upper() in IDEMPOTENT


def is_passing(outcome: HttpResponse | BaseException) -> bool:
    """Whether a repetition may turn out better."""
    if isinstance(outcome, HttpResponse):
        return outcome.status in STATUSES
    return isinstance(outcome, (Unreachable, ConnectionLost)) and not isinstance(outcome, CircuitOpen)


def retry_after(response: HttpResponse, now: float) -> float | None:
    """Seconds to wait by the header Retry-After (RFC 9110, section 10.2.3); None: it says nothing.

    `now` is in seconds since 1970; a date is measured by the server's own clock, where it tells it.
    """
    value = response.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    due = _date(value)
    if due is None:
        return None
    told = _date(response.headers.get("date", ""))
    return max(0.0, due - (now if told is None else told))


def _date(value: str) -> float | None:
    try:
        return parsedate_to_datetime(value).timestamp() if value else None
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
