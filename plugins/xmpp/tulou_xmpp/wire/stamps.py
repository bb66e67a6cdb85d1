"""Date and time as XMPP writes them (XEP-0082), to and from microseconds since 1970 UTC."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

from tulou_xmpp.wire.errors import BadStamp

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICROSECOND = timedelta(microseconds=1)
_STAMP = re.compile(
    r"(\d{4})-?(\d\d)-?(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)?\Z", re.ASCII
)


def parse_stamp(text: str) -> int:
    """Microseconds of ``2026-07-14T09:30:00.123Z``; the old form of XEP-0091 too, and a leap second.

    Digits below the microsecond are cut off. Raises `BadStamp`.
    """
    match = _STAMP.match(text.strip())
    if match is None:
        raise BadStamp(f"{text[:40]!r} is not a date and time such as 2026-07-14T09:30:00Z")
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    fraction, zone = match.group(7) or "", match.group(8)
    try:
        whole = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=timezone.utc)
    except ValueError as error:
        raise BadStamp(f"{text[:40]!r} is no date and time: {error}") from None
    if second > 60:
        raise BadStamp(f"{text[:40]!r} has more than 60 seconds in a minute")
    micros = (whole - _EPOCH) // _MICROSECOND + (second == 60) * 1_000_000
    return micros + int(fraction[:6].ljust(6, "0")) - _offset(zone)


def _offset(zone: str | None) -> int:
    if zone is None or zone == "Z":
        return 0
    minutes = int(zone[1:3]) * 60 + int(zone[4:6])
    return (-minutes if zone[0] == "-" else minutes) * 60_000_000


def format_stamp(micros: int) -> str:
    """``2026-07-14T09:30:00.123456Z``; the fraction is left out when it is zero.

    Raises `BadStamp` for times outside the years 1 to 9999.
    """
    try:
        moment = _EPOCH + timedelta(microseconds=micros)
    except OverflowError:
        raise BadStamp(f"{micros} microseconds is outside the years 1 to 9999") from None
    return moment.replace(tzinfo=None).isoformat() + "Z"
