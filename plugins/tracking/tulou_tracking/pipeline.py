"""From what was tracked to what is stored: what follows the hook `process_events`.

Redaction is no implementation of it: a failing one is passed over, and this must not be.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from random import Random
from typing import NamedTuple

from tulou.flow import new_id
from tulou_contracts.tracking import Consent, Event, EventSpec, Value
from tulou_tracking.queue import Counted
from tulou_tracking.rows import COMMON, COUNT, Row
from tulou_tracking.wire import Written, rows_of, size_of, text_of

_COMMON = Row(EventSpec(name="common.fields", owner="tracking", fields=COMMON))
_ID = re.compile(r"[0-9A-Za-z-]{1,100}\Z")
Tracked = tuple[Row, int, Mapping[str, Value]]


class Batch(NamedTuple):
    """What one commit stores."""

    events: list[Written]
    windows: list[Counted]
    dropped: Counter[tuple[str, str]]
    """(why, name)."""


def common_of(fields: Mapping[str, Value], consent: Consent, pseudonym: Callable[[str], str]) -> str:
    """What all events of a batch have in common, redacted as they are."""
    return text_of(_COMMON.redacted(fields, consent, pseudonym))


def ids(number: int, now: int, random: Random) -> list[str]:
    """Ids for a batch: one random one, and those after it (RFC 9562, 6.2, method 2)."""
    first = new_id(now, random)
    head, tail = first[:-12], int(first[-12:], 16) >> 1  # so that counting never carries over
    return [f"{head}{each:012x}" for each in range(tail, tail + number)]


def accepted(events: Iterable[object], rows: Mapping[str, Row]) -> tuple[list[str], list[Tracked], int]:
    """What other plugins made of the events, if that is still events of the table: their ids, the
    events, and how many are none any more."""
    good: list[str] = []
    tracked: list[Tracked] = []
    bad = 0
    for event in events:
        row = rows.get(event.name) if isinstance(event, Event) and type(event.name) is str else None
        if row is None or not isinstance(event, Event) or _strange(event, row):
            bad += 1
            continue
        good.append(event.id)
        tracked.append((row, event.at, dict(event.fields)))
    return good, tracked, bad


def _strange(event: Event, row: Row) -> bool:
    return (type(event.at) is not int or type(event.id) is not str or not _ID.match(event.id)
            or not isinstance(event.fields, Mapping) or bool(row.fault(event.fields)))


def finished(
    good: Sequence[str], tracked: Sequence[Tracked], consent: Consent, pseudonym: Callable[[str], str],
    longest: int,
) -> Batch:
    """Redact and aggregate events that fit the table. `longest` is the bytes of one's fields."""
    events: list[Written] = []
    windows: Counter[tuple[str, str, int, int]] = Counter()
    dropped: Counter[tuple[str, str]] = Counter()
    for event_id, (row, at, fields) in zip(good, tracked):
        left = row.redacted(fields, consent, pseudonym)
        if row.window:
            begins = at - at % row.window
            windows[row.name, text_of(left), begins, begins + row.window] += 1
        elif row.largest > longest and size_of(left) > longest:
            dropped["large", row.name] += 1
        else:
            events.append((event_id, row.name, at, left))
    return Batch(events, [Counted(*key, count) for key, count in windows.items()], dropped)


def ended(windows: Sequence[Counted], now: int, random: Random) -> str:
    """Windows that have ended as events of their own, as the queue takes them."""
    return rows_of([
        (event_id, each.name, each.begins, {**json.loads(each.fields), COUNT: each.number})
        for event_id, each in zip(ids(len(windows), now, random), windows)
    ])
